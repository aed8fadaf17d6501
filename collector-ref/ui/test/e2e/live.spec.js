// Live, paused, lost, and back: without a gap, without a duplicate.
import { cuttableWire, expect, numberIn, open, points, test } from './support.js';

test('a pause holds the picture while points keep coming', async ({ page }) => {
  await open(page, '/xlog');
  await page.keyboard.press('Space');
  await expect(page.getByTestId('live-state')).toHaveText('paused');
  const fromMs = await page.evaluate(() => scouter.totals.points);
  const held = await numberIn(page.getByTestId('in-view'));
  await expect.poll(() => page.evaluate(() => scouter.totals.points)).toBeGreaterThan(fromMs);
  // A late point may still fall into what is shown, a new one may not.
  expect(await numberIn(page.getByTestId('in-view'))).toBeLessThan(held + 200);
  await page.getByRole('button', { name: 'go on' }).click();
  await expect(page.getByTestId('live-state')).toHaveText('live');
});

test('after a lost connection the picture has every point once', async ({ page, faults, request }) => {
  faults.expected.push(/WebSocket connection|ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET/);
  const wire = await cuttableWire(process.env.SCOUTER_URL);
  await open(page, `${wire.url}/xlog`.replace(/^/, ''));
  for (let round = 0; round < 2; round++) {
    wire.cut();
    await expect(page.getByTestId('live-state')).toHaveText('lost');
    await page.waitForTimeout(1_500); // points must be missed, or there is nothing to catch up
    wire.mend();
    await page.getByRole('button', { name: 'retry' }).click({ timeout: 3_000 }).catch(() => {});
    await expect(page.getByTestId('live-state')).toHaveText('live', { timeout: 30_000 });
  }
  await sameCountAsServer(page, request);
  expect(await page.evaluate(() => scouter.totals.losses)).toBeGreaterThanOrEqual(2);
  wire.close();
});

/** Every point of the last two minutes, counted here and by the collector. */
async function sameCountAsServer(page, request) {
  await expect.poll(async () => {
    const { t0, t1, total } = await page.evaluate(() => {
      const t1 = Date.now() - 8_000;
      const t0 = t1 - 120_000;
      return { t0, t1, total: scouter.source().store.count({ t0, t1, y0: 0, y1: 65_535 }).total };
    });
    const answer = await request.get('/api/v1/xlogs', { params: { t0_ms: t0, t1_ms: t1, y0q: 0, y1q: 65_535, count_only: 1 } });
    return (await answer.json()).total - total;
  }).toBe(0);
}

test('a hidden tab takes nothing and catches up', async ({ page, request }) => {
  await open(page, '/xlog');
  const hide = (/** @type {boolean} */ isHidden) => page.evaluate(hidden => {
    Object.defineProperty(document, 'hidden', { configurable: true, value: hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);
  await hide(true);
  const held = await points(page);
  await page.waitForTimeout(2_000); // time in which points are missed
  expect(await points(page)).toBeLessThanOrEqual(held);
  await hide(false);
  await expect(page.getByTestId('live-state')).toHaveText('live');
  await sameCountAsServer(page, request);
});

test('going to another page and back keeps the points', async ({ page }) => {
  await open(page, '/');
  const held = await points(page);
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await expect(page).toHaveURL(/\/active$/);
  await page.goBack();
  await expect(page.locator('.plot canvas')).toBeVisible();
  expect(await points(page)).toBeGreaterThan(held * 0.8);
  await expect.poll(() => numberIn(page.getByTestId('in-view'))).toBeGreaterThan(0);
});
