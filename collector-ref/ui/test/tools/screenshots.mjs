// Takes the pictures of the README from a running demo: `node screenshots.mjs URL FOLDER`. Each shows
// what a person would look at there, so each is brought about by what a person would do.
import { chromium } from '@playwright/test';

const [, , url, folder] = process.argv;
if (!url || !folder) throw new Error('usage: node screenshots.mjs URL FOLDER');
const browser = await chromium.launch({
  executablePath: process.env.SCOUTER_CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark' });
/** Lets what was asked for come and be drawn. */
const settle = () => page.waitForTimeout(1500);
/** Takes the picture; the pointer would lie over it. @param {string} name */
async function shot(name) {
  await page.mouse.move(0, 0);
  await settle();
  await page.screenshot({ path: `${folder}/${name}.png` });
}
/** Drags a box by shares of the plot. @param {[number, number]} from @param {[number, number]} to */
async function drag(from, to) {
  const at = await page.locator('.plot').boundingBox();
  if (!at) throw new Error('the plot has no place on the page');
  const { x: left, y: top, width, height } = at;
  await page.mouse.move(left + width * from[0], top + height * from[1]);
  await page.mouse.down();
  await page.mouse.move(left + width * to[0], top + height * to[1], { steps: 8 });
  await page.mouse.up();
}

await page.goto(`${url}/xlog?range=2m`);
await page.locator('canvas').first().waitFor();
await page.waitForTimeout(3000);
await drag([0.3, 0.07], [0.92, 0.36]);
await page.locator('a[href^="/tx/"]').first().waitFor();
await shot('xlog');

await page.getByRole('button', { name: 'Why is it different?' }).click();
await page.getByTestId('why').waitFor();
await shot('why');

const now = Date.now() * 1000;
const answer = await page.request.get(`${url}/api/v1/xlogs`, { params: { from_unix_us: now - 300_000_000, to_unix_us: now, f: 'service:/orders object:*/orders -err', limit: 500 } });
const [row] = (await answer.json()).rows.filter((/** @type {any} */ x) => x.profile === 'kept').sort((/** @type {any} */ a, /** @type {any} */ b) => b.steps - a.steps);
await page.goto(`${url}/tx/${row.gxid}-${row.txid}`);
await page.getByTestId('steps').waitFor();
await shot('profile');

await page.goto(`${url}/counters`);
await page.getByTestId('chart').first().waitFor();
await shot('counters');
await browser.close();
