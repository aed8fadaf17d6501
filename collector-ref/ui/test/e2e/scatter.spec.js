// From a dot to its cause, and back.
import { WIDE, XLOG, drag, expect, numberIn, open, points, test } from './support.js';

test('dots come by themselves', async ({ page }) => {
  await open(page, '/?range=1m');
  const before = await page.evaluate(() => scouter.totals.points);
  await expect.poll(() => page.evaluate(() => scouter.totals.points)).toBeGreaterThan(before);
  const lit = await page.evaluate(() => {
    const canvas = document.querySelector('.plot canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 20, canvas.width, canvas.height - 30);
    let n = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i + 2] > 120 || data[i] > 150) n += 1;
    return n;
  });
  expect(lit).toBeGreaterThan(20);
});

test('a box counts the same here and there, leads to a profile, and back restores it', async ({ page }) => {
  await open(page, XLOG);
  await drag(page, ...WIDE);
  await expect(page.getByTestId('server-count')).not.toHaveText('');
  const [mine, theirs] = [await numberIn(page.getByTestId('box-count')), await numberIn(page.getByTestId('server-count'))];
  expect(mine).toBeGreaterThan(0);
  expect(mine).toBe(theirs);
  const boxUrl = page.url();
  expect(boxUrl).toMatch(/box=\d+,\d+,\d+,\d+/);
  await page.getByTestId('xlog-rows').locator('tbody tr:not(.spacer)').first().dblclick();
  await expect(page).toHaveURL(/\/tx\/[0-9a-f]{32}-[0-9a-f]{16}\?.*box=/);
  await expect(page.locator('#tx-title')).not.toBeEmpty();
  await page.goBack();
  await expect(page).toHaveURL(boxUrl);
  await expect(page.getByTestId('box')).toBeVisible();
  await expect(page.getByTestId('xlog-rows').locator('tbody tr').first()).toBeVisible();
});

test('random boxes count exactly the same here and there, also for errors only', async ({ page, request }) => {
  await open(page, XLOG);
  const boxes = await page.evaluate(() => {
    const { store } = scouter.source();
    const last = Date.now() - 8_000;
    const first = last - 45_000;
    const out = [];
    for (let i = 0; i < 12; i++) {
      const t0 = Math.floor(first + Math.random() * (last - first));
      const y0 = Math.floor(10_000 + Math.random() * 25_000);
      const box = { t0, t1: Math.min(last, t0 + Math.floor(Math.random() * 60_000)), y0, y1: y0 + Math.floor(Math.random() * 20_000) };
      const mask = i % 3 === 0 ? { need: 1, forbid: 0 } : { need: 0, forbid: 0 };
      out.push({ box, f: i % 3 === 0 ? 'err' : '', ...store.count(box, mask), held: first });
    }
    return out;
  });
  for (const { box, f, total } of boxes) {
    const answer = await request.get('/api/v1/xlogs', { params: { t0_ms: box.t0, t1_ms: box.t1, y0q: box.y0, y1q: box.y1, f, count_only: 1 } });
    expect((await answer.json()).total, JSON.stringify(box)).toBe(total);
  }
});

test('a pasted address shows the same view', async ({ page, context }) => {
  await open(page, XLOG);
  await drag(page, [0.3, 0.3], [0.6, 0.9]);
  await expect(page.getByTestId('server-count')).not.toHaveText('');
  const count = await numberIn(page.getByTestId('server-count'));
  const other = await context.newPage();
  await other.goto(page.url());
  await expect.poll(() => other.getByTestId('server-count').textContent()).toBe(String(count));
  await expect(other.getByTestId('box')).toBeVisible();
  await other.close();
});

test('the list has every transaction of the box, page by page, and sorts', async ({ page }) => {
  await open(page, XLOG);
  await drag(page, ...WIDE);
  await expect(page.getByTestId('server-count')).not.toHaveText('');
  const total = await numberIn(page.getByTestId('server-count'));
  const all = page.getByRole('button', { name: 'load all' });
  if (total > 500 && total < 20_000) await all.click();
  if (total < 20_000) await expect(page.locator('.foot')).toHaveText(`All ${total.toLocaleString('en-US')} listed`, { timeout: 30_000 });
  await page.getByRole('button', { name: 'Elapsed' }).click();
  await expect(page.locator('th[aria-sort]')).toHaveText(/Elapsed ↓/);
  expect(await page.locator('*').count()).toBeLessThan(3_000);
});

test('what is above the axis can be selected in its lane', async ({ page }) => {
  await open(page, `${XLOG}&y=log:1-13441`);
  const above = page.getByTestId('overflow');
  await expect(above).toBeVisible();
  await above.click();
  await expect(page).toHaveURL(/box=\d+,\d+,13442,65535/);
  await expect(page.getByTestId('xlog-rows').locator('tbody tr').first()).toBeVisible();
});

test('errors only shows errors only, without asking the collector again', async ({ page }) => {
  await open(page, XLOG);
  await expect.poll(() => page.getByTestId('errors-in-view').count()).toBe(1);
  const connects = await page.evaluate(() => scouter.totals.connects);
  await page.keyboard.press('e');
  await expect(page).toHaveURL(/f=err/);
  await expect.poll(async () => (await numberIn(page.getByTestId('in-view'))) - parseInt((await page.getByTestId('errors-in-view').textContent()).replaceAll(',', ''), 10)).toBe(0);
  expect(await page.evaluate(() => scouter.totals.connects)).toBe(connects);
  await page.keyboard.press('e');
  await expect(page).not.toHaveURL(/f=err/);
});

test('the table has the same numbers as the picture', async ({ page }) => {
  await open(page, XLOG);
  await page.keyboard.press('Space');
  await expect(page.getByTestId('live-state')).toHaveText('paused');
  await page.getByRole('button', { name: 'Table' }).click();
  await expect(page.getByTestId('twin-total').first()).toBeVisible();
  await expect.poll(async () => {
    const cells = await page.getByTestId('twin-total').allTextContents();
    const sum = cells.reduce((all, text) => all + Number(text.replaceAll(',', '')), 0);
    return sum - (await numberIn(page.getByTestId('in-view')));
  }).toBe(0);
});

test('Shift + drag zooms, and back zooms out again', async ({ page }) => {
  await open(page, XLOG);
  await drag(page, [0.3, 0.2], [0.5, 0.9], { shift: true });
  await expect(page).toHaveURL(/from=\d+&to=\d+/);
  await expect(page.getByTestId('live-state')).toHaveText('history');
  await expect.poll(() => points(page)).toBeGreaterThan(0);
  await page.goBack();
  await expect(page.getByTestId('live-state')).toHaveText('live');
});

test('a range without transactions says so', async ({ page }) => {
  await page.goto('/xlog?from=1000000000000&to=1000000060000');
  await expect(page.locator('.plot-note')).toHaveText(/No transactions between/);
});

test('a filter that fits nothing says so, and how to go on', async ({ page }) => {
  await page.goto('/xlog?range=1m&f=service:/nowhere');
  await expect(page.locator('.plot-note')).toContainText('No transaction in this window fits the filter');
  await page.locator('.plot-note').getByRole('button', { name: 'Show all' }).click();
  await expect(page).not.toHaveURL(/f=/);
  await expect(page).not.toHaveURL(/box=/);
  await expect.poll(() => points(page)).toBeGreaterThan(0);
});

test('a quiet window leads to the last transaction', async ({ page, request }) => {
  const answer = await request.get('/api/v1/xlogs', { params: { from_unix_us: 0, to_unix_us: (Date.now() - 20_000) * 1000, limit: 1 } });
  const [old] = (await answer.json()).rows;
  await page.route('**/api/v1/xlogs?*', route => route.fulfill({ json: { rows: [old], total: 1 } }));
  await page.goto('/xlog?range=1m&f=service:/nowhere');
  await page.getByRole('link', { name: 'Jump there' }).click();
  await expect(page).toHaveURL(/from=\d+&to=\d+/);
});

test('a filter narrows the picture, a wrong one says what was meant', async ({ page }) => {
  await open(page, XLOG);
  const all = await points(page);
  await page.keyboard.press('/');
  await page.keyboard.type('elapsed>5ms');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/f=elapsed/);
  await expect.poll(() => points(page)).toBeLessThan(all);
  await page.locator('#filter').fill('servce:/x');
  await page.keyboard.press('Enter');
  await expect(page.locator('#filter-problem')).toHaveText(/Did you mean service:/);
});
