// The bench of the page in a browser: how soon something is seen, in a context that has nothing yet.
// Minima and medians are printed; held is the least one, since the machine may be busy. The yardstick is
// a page of one word, which asks for nothing more: what the browser itself takes.
import { expect, test } from './support.js';

const RUNS = 8;
/** Targets of the design on loopback, ms; the least paint may take so many times its own. */
const FIRST_PAINT_MS = 100;
const SLACK = 3;
/** The first picture is printed only: it waits for a collector, a demo and a database on the same cores. */
const FIRST_PICTURE_MS = 250;

test('the first paint comes within its budget', async ({ browser }) => {
  test.setTimeout(120_000);
  const [paints, pictures, words] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
  for (let run = 0; run < RUNS; run++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${process.env.SCOUTER_URL}/`);
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
    await page.route('**/word', route => route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>word</title>word' }));
    await page.goto(`${process.env.SCOUTER_URL}/word`);
    words.push(await page.evaluate(async () => {
      const painted = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
      while (painted() === undefined) await new Promise(done => { requestAnimationFrame(done); });
      return painted();
    }));
    paints.push(paint);
    pictures.push(picture);
    await context.close();
  }
  const said = (/** @type {string} */ what, /** @type {number[]} */ times, /** @type {string} */ target) => {
    times.sort((a, b) => a - b);
    console.log(`bench ui: ${what}: min ${times[0].toFixed(0)} ms, median ${times[RUNS / 2].toFixed(0)} ms of ${RUNS} cold contexts (${target})`);
  };
  said('first contentful paint', paints, `target ${FIRST_PAINT_MS} ms`);
  said('first contentful paint of one word', words, 'yardstick');
  said('first picture', pictures, `target ${FIRST_PICTURE_MS} ms`);
  expect(paints[0]).toBeLessThan(SLACK * FIRST_PAINT_MS);
});
