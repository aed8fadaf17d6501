// Takes the pictures of the README from a running demo: `node screenshots.mjs URL FOLDER`.
import { chromium } from '@playwright/test';

const [, , url, folder] = process.argv;
if (!url || !folder) throw new Error('usage: node screenshots.mjs URL FOLDER');
const browser = await chromium.launch({
  executablePath: process.env.SCOUTER_CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark' });
await page.goto(`${url}/xlog?range=2m`);
const plot = page.locator('canvas').first();
await plot.waitFor();
await page.waitForTimeout(3000);
const at = await plot.boundingBox();
if (!at) throw new Error('the plot has no place on the page');
const left = at.x, top = at.y;
/** @param {number} x @param {number} y @param {{steps: number}} [how] */
const moveTo = (x, y, how) => page.mouse.move(left + at.width * x, top + at.height * y, how);
await moveTo(0.3, 0.07);
await page.mouse.down();
await moveTo(0.92, 0.36, { steps: 8 });
await page.mouse.up();
await page.mouse.move(0, 0); // or the time under the pointer lies over the picture
await page.locator('a[href^="/tx/"]').first().waitFor();
await page.waitForTimeout(1000);
await page.screenshot({ path: `${folder}/xlog.png` });
await browser.close();
