// End-to-end tests against a running collector with live load, on the distribution's Chromium.
//
//   SCOUTER_URL          address of the collector's page, for instance http://127.0.0.1:6180
//   SCOUTER_DEMO_STATUS  status file of the demo: tests that kill and feed its processes need it
//   SCOUTER_DEMO_PID     the demo itself, SCOUTER_DEMO_LEDGER its ledger, SCOUTER_DEMO_DATA its data
//                        folder: for those who need the status file
//   SCOUTER_STORED_URL   a collector on a folder that `scouter-collector generate` has filled
//   SCOUTER_CHROMIUM     browser to use; default: the distribution's chromium
//
// Without SCOUTER_URL everything is skipped, and counted; under CI=true that is a failure.
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: '.',
  globalSetup: './setup.js',
  outputDir: '../../node_modules/.cache/e2e',
  workers: 1,
  fullyParallel: false,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  // Browser, demo and databases share two cores: what fails is tried once more, and named as flaky.
  retries: 1,
  reporter: [['list']],
  use: {
    baseURL: process.env.SCOUTER_URL,
    viewport: { width: 1440, height: 900 },
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.SCOUTER_CHROMIUM || '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    },
  },
});
