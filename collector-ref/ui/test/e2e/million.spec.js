// What the page costs with a million points. They come from a stand-in socket: two thousand a second
// for eight minutes would make the suite wait for eight minutes.
import { block, random } from '../support/points.js';
import { expect, standInSocket, test } from './support.js';

const BLOCKS = 40;
const BLOCK_POINTS = 25_000;
const BLOCK_MS = 12_500;
/** Ten times a second, as the collector sends them. */
const EVERY_MS = 100;
/** Target of the design is 2 ms at the 99th percentile. CPU time, since the machine may be busy. */
const CEILING_MS = 6;

test('a frame with a million points held and two thousand new ones a second is cheap', async ({ page }) => {
  const next = random(77);
  const first = Date.now() - BLOCKS * BLOCK_MS;
  const snapshot = () => ({ cursor: 1n, blocks: Array.from({ length: BLOCKS }, (_, i) => block(next, first + i * BLOCK_MS, BLOCK_POINTS, BLOCK_MS)) });
  const collector = await standInSocket(page, { snapshot, pulse: { objects: [{ id: 1, name: '/host/orders', alive: true }], active: { '/host/orders': [1, 0, 0] } } });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const spent = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return (metrics.find((/** @type {any} */ m) => m.name === 'ScriptDuration')?.value ?? 0) * 1000;
  };
  await page.goto('/xlog?range=10m');
  await expect.poll(() => page.evaluate(() => scouter.points()), { timeout: 30_000 }).toBeGreaterThanOrEqual(BLOCKS * BLOCK_POINTS);
  await expect(page.getByTestId('live-state')).toHaveText('live');
  let [cursor, seconds] = [1n, 0];
  const load = setInterval(() => {
    cursor += 1n;
    collector.points(cursor, block(next, Date.now() - EVERY_MS, 2_000 * EVERY_MS / 1_000, EVERY_MS));
    if (++seconds % 10 === 0) collector.pulse();
  }, EVERY_MS);
  try {
    await expect.poll(() => page.evaluate(() => scouter.frameWork().frames)).toBeGreaterThan(60); // the first picture and the compiler
    await page.evaluate(() => {
      scouter.resetFrames();
      // When the browser draws, whether the page has work for it or not.
      const gaps = /** @type {number[]} */ ([]);
      let last = performance.now();
      const next = (/** @type {number} */ now) => {
        gaps.push(now - last);
        last = now;
        requestAnimationFrame(next);
      };
      requestAnimationFrame(next);
      Object.assign(globalThis, { gaps });
    });
    const began = await spent();
    await expect.poll(() => page.evaluate(() => scouter.frameWork().frames), { timeout: 60_000 }).toBeGreaterThan(400);
    const work = await page.evaluate(() => scouter.frameWork());
    const script = (await spent() - began) / work.frames;
    const gaps = await page.evaluate(() => /** @type {any} */ (globalThis).gaps.sort((/** @type {number} */ a, /** @type {number} */ b) => a - b));
    const gap = (/** @type {number} */ share) => gaps[Math.floor(gaps.length * share)].toFixed(1);
    const held = await page.evaluate(() => scouter.points());
    console.log(`${held} points held: own work a frame ${work.p50Ms.toFixed(2)} ms median, ${work.p95Ms.toFixed(2)} ms 95 %, ${work.p99Ms.toFixed(2)} ms 99 % (wall clock, ${work.frames} frames); all scripts ${script.toFixed(2)} ms of CPU a frame`);
    console.log(`bench ui: from frame to frame: median ${gap(0.5)} ms, 95 % ${gap(0.95)} ms of ${gaps.length} (target 95 % below 25 ms)`);
    expect(held).toBeGreaterThan(BLOCKS * BLOCK_POINTS);
    expect(work.p50Ms).toBeLessThan(2);
    expect(script).toBeLessThan(CEILING_MS);
  } finally {
    clearInterval(load);
  }
});
