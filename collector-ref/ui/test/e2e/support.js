// What every end-to-end test needs: a page that must stay free of errors, and helpers.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { test as base, expect } from '@playwright/test';
import { HELLO, POINTS, PULSE } from '../../src/data/points.js';
import { frame, join, jsonPayload, pointsPayload } from '../support/points.js';

export { expect };

const AXE = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const target = process.env.SCOUTER_URL ?? '';
if (!target && process.env.CI === 'true') throw new Error('SCOUTER_URL is not set: under CI=true the end-to-end tests must run. Start a collector with load and set it.');

/**
 * `faults` collects console errors, uncaught errors, CSP violations and requests to other hosts;
 * after each test it must be empty, apart from what the test expected.
 */
export const test = base.extend(/** @type {any} */ ({
  faults: async (/** @type {any} */ { page }, /** @type {any} */ use) => {
    const faults = { seen: /** @type {string[]} */ ([]), expected: /** @type {RegExp[]} */ ([]) };
    page.on('console', (/** @type {any} */ m) => { if (m.type() === 'error' || m.type() === 'warning') faults.seen.push(`console: ${m.text()}`); });
    page.on('pageerror', (/** @type {any} */ e) => faults.seen.push(`uncaught: ${e.stack ?? e}`));
    page.on('request', (/** @type {any} */ r) => {
      const { hostname, protocol } = new URL(r.url());
      if (protocol !== 'data:' && hostname !== new URL(target).hostname) faults.seen.push(`request to ${r.url()}`);
    });
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', e => console.error(`CSP ${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
    });
    await use(faults);
    expect(faults.seen.filter(seen => !faults.expected.some(pattern => pattern.test(seen)))).toEqual([]);
  },
  page: async (/** @type {any} */ { page }, /** @type {any} */ use) => use(page),
}));

test.beforeEach(async ({ faults }) => {
  test.skip(!target, 'SCOUTER_URL is not set');
  void faults;
});

/**
 * A stand-in for the collector's live socket. It answers as `collector-ref/src/live/socket.rs` does:
 * HELLO on connecting; for points the blocks of `snapshot`, then HELLO with their topic.
 * @param {any} page
 * @param {{snapshot?: () => {cursor: bigint, blocks: import('../../src/data/points.js').Block[]}, pulse?: object}} [what]
 */
export async function standInSocket(page, { snapshot = () => ({ cursor: 0n, blocks: [] }), pulse = {} } = {}) {
  const quiet = { rate: 0, errors_per_s: 0, active: {}, objects: [], newest_errors: [], alerts_new: 0, ...pulse };
  const standIn = {
    isSubscribed: false,
    /** Sends frames in one message. @param {...Uint8Array} frames */
    send: (...frames) => { throw new Error(`no page has connected yet: ${frames.length} frames`); },
    /** Sends the figures of a second. @param {object} [figures] */
    pulse: (figures = {}) => standIn.send(frame(PULSE, 0n, jsonPayload({ unix_us: Date.now() * 1000, ...quiet, ...figures }))),
    /** Sends points as they come in. @param {bigint} cursor @param {import('../../src/data/points.js').Block} block */
    points: (cursor, block) => standIn.send(frame(POINTS, cursor, pointsPayload(block))),
  };
  await page.routeWebSocket('**/api/v1/live', (/** @type {any} */ socket) => {
    const hello = (/** @type {bigint} */ cursor, /** @type {string | null} */ topic) => frame(HELLO, cursor, jsonPayload({ cursor: String(cursor), now_unix_us: Date.now() * 1000, version: 'stand-in', topic }));
    standIn.send = (...frames) => socket.send(Buffer.from(join(...frames)));
    socket.onMessage((/** @type {string} */ text) => {
      const { op, topic } = JSON.parse(String(text));
      if (op !== 'subscribe') return;
      if (topic === 'pulse') {
        standIn.pulse();
        return;
      }
      const { cursor, blocks } = snapshot();
      for (const block of blocks) standIn.points(cursor, block);
      standIn.send(hello(cursor, 'points'));
      standIn.isSubscribed = true;
    });
    standIn.send(hello(0n, null));
  });
  return standIn;
}

/** Opens a page of the application and waits until live points have come. @param {any} page @param {string} path */
export async function open(page, path) {
  await page.goto(path);
  await expect(page.locator('main')).toBeVisible();
  const { pathname } = new URL(path, 'http://page');
  if (pathname === '/' || pathname === '/xlog') {
    if (!path.includes('from=')) await expect(page.getByTestId('live-state')).toHaveText('live');
    await expect.poll(() => points(page)).toBeGreaterThan(0);
    // The page's own part is loaded after the frame; its keys are bound when it is seen.
    await expect(page.getByTestId('in-view')).toBeVisible();
  }
}

/** Points the page holds. @param {any} page */
export const points = page => page.evaluate(() => /** @type {any} */ (globalThis).scouter.points());

/** Drags a box by shares of the plot. @param {any} page @param {number[]} from @param {number[]} to @param {{shift?: boolean}} [how] */
export async function drag(page, [x0, y0], [x1, y1], { shift = false } = {}) {
  const plot = await page.locator('.plot').boundingBox();
  if (shift) await page.keyboard.down('Shift');
  await page.mouse.move(plot.x + plot.width * x0, plot.y + plot.height * y0);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * x1, plot.y + plot.height * y1, { steps: 6 });
  await page.mouse.up();
  if (shift) await page.keyboard.up('Shift');
}

/** A number as people see it. @param {any} locator */
export const numberIn = async locator => Number((await locator.textContent()).replaceAll(',', ''));

/** Problems that axe finds, in short. @param {any} page */
export async function axe(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.map((/** @type {any} */ v) => `${v.id}: ${v.nodes.map((/** @type {any} */ n) => `${n.target} ${n.failureSummary ?? ''}`).slice(0, 3).join(' | ')}`);
}

/** A box over nearly all that is in view, old enough that nothing new falls into it. */
export const WIDE = /** @type {[number[], number[]]} */ ([[0.15, 0.04], [0.75, 0.98]]);
/** The scatter of the last minute. */
export const XLOG = '/xlog?range=1m';

/**
 * The demo's processes, or `null` when the load is another one.
 * @returns {Record<string, {pid: number, addresses: string[]}> | null}
 */
export function demo() {
  const path = process.env.SCOUTER_DEMO_STATUS;
  if (!path && process.env.CI === 'true') throw new Error('SCOUTER_DEMO_STATUS is not set: under CI=true the tests with the demo must run.');
  return path ? JSON.parse(readFileSync(path, 'utf8')) : null;
}

/** The tests' own part of the ledger, beside the load generator's. */
const OWN_LEDGER = '.tests';

/**
 * Sends a request to the demo's front and enters it in the ledger, so that the totals can be
 * reconciled in the end.
 * @param {string} path @param {RequestInit} [init]
 */
export async function askFront(path, init) {
  const { front } = demo() ?? { front: { addresses: [] } };
  const ledger = process.env.SCOUTER_DEMO_LEDGER;
  if (ledger) appendFileSync(ledger + OWN_LEDGER, `${JSON.stringify({ path })}\n`);
  const answer = await fetch(`http://${front.addresses[0]}${path}`, init);
  await answer.arrayBuffer();
  return answer;
}

/**
 * Requests that were sent to the demo's front, by the load generator and by the tests, and how many
 * of the customers left before there was an answer: on a machine that is busy with a browser the
 * front may not have read a byte by then, and does not know of such a request.
 */
export function ledgerLines() {
  const ledger = process.env.SCOUTER_DEMO_LEDGER ?? '';
  const lines = (/** @type {string} */ path) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []);
  const load = lines(ledger);
  return {
    load: load.length,
    tests: lines(ledger + OWN_LEDGER).length,
    leftEarly: load.filter(line => line.includes('left before the answer')).length,
  };
}

/** Every point of 40 seconds, counted here and by the collector. @param {any} page @param {any} request */
export async function expectSameCount(page, request) {
  await expect.poll(async () => {
    const { t0, t1, total } = await page.evaluate(() => {
      const t1 = Date.now() - 8_000;
      const t0 = t1 - 40_000;
      return { t0, t1, total: /** @type {any} */ (globalThis).scouter.source().store.count({ t0, t1, y0: 0, y1: 65_535 }).total };
    });
    const answer = await request.get('/api/v1/xlogs', { params: { t0_ms: t0, t1_ms: t1, y0q: 0, y1q: 65_535, count_only: 1 } });
    return (await answer.json()).total - total;
  }, { timeout: 30_000 }).toBe(0);
}

/**
 * A wire between browser and collector that can be cut: the collector is gone for the page only.
 * @param {string} url
 */
export async function cuttableWire(url) {
  const { hostname, port } = new URL(url);
  const open = new Set();
  let isCut = false;
  const server = createServer(socket => {
    if (isCut) {
      socket.destroy();
      return;
    }
    const other = connect(Number(port || 80), hostname);
    for (const [a, b] of [[socket, other], [other, socket]]) {
      open.add(a);
      a.pipe(b);
      a.on('error', () => b.destroy());
      a.on('close', () => {
        open.delete(a);
        b.destroy();
      });
    }
  });
  await new Promise(done => { server.listen(0, hostname, () => done(undefined)); });
  const { port: mine } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://${hostname}:${mine}`,
    cut() {
      isCut = true;
      for (const socket of open) socket.destroy();
    },
    mend() { isCut = false; },
    close() {
      this.cut();
      server.close();
    },
  };
}
