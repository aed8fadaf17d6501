// Live, paused, lost, and back: without a gap, without a duplicate.
import { XLOG, cuttableWire, demo, expect, expectSameCount, numberIn, open, points, standInSocket, test } from './support.js';

test('a pause holds the picture while points keep coming', async ({ page }) => {
  await open(page, XLOG);
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
  await open(page, wire.url + XLOG);
  for (let round = 0; round < 2; round++) {
    wire.cut();
    await expect(page.getByTestId('live-state')).toHaveText('lost');
    await page.waitForTimeout(1_500); // points must be missed, or there is nothing to catch up
    wire.mend();
    await page.getByRole('button', { name: 'retry' }).click({ timeout: 3_000 }).catch(() => {});
    await expect(page.getByTestId('live-state')).toHaveText('live', { timeout: 30_000 });
  }
  await expectSameCount(page, request);
  expect(await page.evaluate(() => scouter.totals.losses)).toBeGreaterThanOrEqual(2);
  wire.close();
});

test('after kill -9 of the collector the picture has every point once', async ({ page, faults, request }) => {
  const before = demo();
  test.skip(!before, 'SCOUTER_DEMO_STATUS is not set');
  faults.expected.push(/WebSocket connection|ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET|Failed to load resource/);
  await open(page, XLOG);
  process.kill(before.collector.pid, 'SIGKILL');
  await expect(page.getByTestId('live-state')).toHaveText('lost');
  await expect.poll(() => demo().collector.pid, { timeout: 30_000 }).not.toBe(before.collector.pid);
  await expect(page.getByTestId('live-state')).toHaveText('live', { timeout: 40_000 });
  await expectSameCount(page, request);
});

test('a hidden tab takes nothing and catches up', async ({ page, request }) => {
  await open(page, XLOG);
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
  await expectSameCount(page, request);
});

test('going to another page and back keeps the points', async ({ page }) => {
  await open(page, '/?range=1m');
  const held = await points(page);
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await expect(page).toHaveURL(/\/active$/);
  await page.goBack();
  await expect(page.locator('.plot canvas')).toBeVisible();
  expect(await points(page)).toBeGreaterThan(held * 0.8);
  await expect.poll(() => numberIn(page.getByTestId('in-view'))).toBeGreaterThan(0);
});

test('eight tabs of one browser are live at once', async ({ page, context }) => {
  await open(page, XLOG);
  const others = await Promise.all(Array.from({ length: 7 }, () => context.newPage()));
  for (const other of others) {
    await other.goto(XLOG);
    await expect(other.getByTestId('live-state')).toHaveText('live');
    await expect.poll(() => points(other)).toBeGreaterThan(0);
  }
  await Promise.all(others.map(other => other.close()));
});

test('an alert is there when the pulse tells of it, not at the next round', async ({ page }) => {
  // Rounds are 30 s apart, so what comes within the patience of an expectation comes by the pulse.
  const alerts = /** @type {object[]} */ ([]);
  const collector = await standInSocket(page, { pulse: { objects: [{ id: 1, name: '/host/orders', alive: true }] } });
  await page.route('**/api/v1/alerts*', route => route.fulfill({ json: { alerts } }));
  await page.goto('/');
  const list = page.getByRole('region', { name: 'Alerts' });
  await expect(list).toContainText('None.');
  for (const [i, [kind, title]] of [['connection_leak', 'Connection not given back'], ['of_tomorrow', 'Of tomorrow']].entries()) {
    alerts.push({ unix_us: Date.now() * 1000 + i, kind, level: 'error', message: `alert ${i}`, place: 'src/orders.rs:7', object: '/host/orders', suppressed: 0, txid: null, gxid: null });
    collector.pulse({ alerts_new: 1 });
    await expect(list.getByText(title)).toBeVisible();
  }
  await expect(list.locator('.badge.err')).toHaveText('2');
  await expect(list.getByTestId('leaks')).toHaveText('1');
  await expect(list).not.toContainText('since start');
});

test('before its points have come a view neither says that there are none nor asks for the last one', async ({ page }) => {
  const asked = /** @type {string[]} */ ([]);
  page.on('request', (/** @type {any} */ r) => { if (/\/xlogs\?.*from_unix_us=0&.*limit=1$/.test(r.url())) asked.push(r.url()); });
  await open(page, '/?range=1m');
  expect(asked).toEqual([]);
  await page.goto('/?range=1m&f=service:%2Fnobody');
  await expect(page.locator('.plot-note')).toContainText('No transaction in this window fits the filter');
  await expect.poll(() => asked.length).toBe(1);
});
