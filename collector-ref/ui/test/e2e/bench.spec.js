// The bench of the page in a browser: how soon something is seen, in a context that has nothing yet.
// Minima and medians are printed; held is the least one, since the machine may be busy.
import { expect, test } from './support.js';

const RUNS = 8;
/** Targets of the design on loopback, ms; the least paint may take so many times its own. */
const FIRST_PAINT_MS = 100;
const SLACK = 3;
/** The first picture is printed only: it waits for a collector, a demo and a database on the same cores. */
const FIRST_PICTURE_MS = 250;

test('the first paint comes within its budget', async ({ browser }) => {
  test.setTimeout(120_000);
  const [paints, pictures] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
  for (let run = 0; run < RUNS; run++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${process.env.SCOUTER_URL}/?range=1m`);
    const { paint, picture } = await page.evaluate(async () => {
      const firstPaint = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
      const soon = () => new Promise(done => { requestAnimationFrame(() => done(undefined)); });
      // A picture is there when points are held and drawn, which is a frame later.
      while (!(/** @type {any} */ (globalThis).scouter?.points() > 0)) await soon();
      await soon();
      const at = performance.now();
      while (firstPaint() === undefined) await soon();
      return { paint: firstPaint(), picture: at };
    });
    paints.push(paint);
    pictures.push(picture);
    await context.close();
  }
  const said = (/** @type {string} */ what, /** @type {number[]} */ times, /** @type {number} */ target) => {
    times.sort((a, b) => a - b);
    console.log(`bench ui: ${what}: min ${times[0].toFixed(0)} ms, median ${times[RUNS / 2].toFixed(0)} ms of ${RUNS} cold contexts (target ${target} ms)`);
  };
  said('first contentful paint', paints, FIRST_PAINT_MS);
  said('first picture', pictures, FIRST_PICTURE_MS);
  expect(paints[0]).toBeLessThan(SLACK * FIRST_PAINT_MS);
});
