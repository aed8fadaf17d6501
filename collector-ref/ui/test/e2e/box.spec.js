// What a box tells: totals, differences, other measures, the counted picture, exports, suggestions.
import { readFileSync } from 'node:fs';
import { WIDE, XLOG, drag, expect, numberIn, open, points, test } from './support.js';

/** A box of the last minute, counted by the collector. @param {any} page */
async function boxed(page, path = XLOG) {
  await open(page, path);
  await drag(page, ...WIDE);
  await expect(page.getByTestId('server-count')).not.toHaveText('');
  return numberIn(page.getByTestId('server-count'));
}

/** The button that sums up by a dimension. @param {any} page @param {string} name */
const summedBy = (page, name) => page.getByRole('group', { name: 'Sum up by' }).getByRole('button', { name, exact: true });

/** The sum of a column of the table of groups. @param {any} page @param {number} column */
async function columnSum(page, column) {
  const cells = await page.getByTestId('groups').locator(`tbody tr td:nth-child(${column})`).allInnerTexts();
  return cells.reduce((sum, text) => sum + Number(text.replaceAll(',', '')), 0);
}

test('the summary of a box adds up by every dimension, and a value narrows the list', async ({ page }) => {
  const total = await boxed(page);
  await page.getByRole('button', { name: 'Summary' }).click();
  await expect(page).toHaveURL(/pane=summary/);
  for (const by of ['service', 'IP', 'user agent', 'login', 'tenant', 'error']) {
    await summedBy(page, by).click();
    await expect(page.getByTestId('groups').locator('thead')).toContainText(by, { ignoreCase: true });
    await expect.poll(() => columnSum(page, 2), by).toBe(total);
  }
  await summedBy(page, 'tenant').click();
  const row = page.getByTestId('groups').locator('tbody tr').filter({ hasText: 'acme' });
  const count = await numberIn(row.locator('td').first().locator('span'));
  await row.getByRole('link').click();
  await expect(page).toHaveURL(/f=tenant:acme.*box=/);
  await expect.poll(() => page.getByTestId('server-count').textContent()).toBe(String(count));
});

test('a table of groups sorts by its columns', async ({ page }) => {
  await boxed(page, `${XLOG}&pane=summary`);
  const table = page.getByTestId('groups');
  await table.getByRole('button', { name: /^p95/ }).click();
  await expect(table.locator('th[aria-sort="descending"]')).toContainText('p95');
  await table.getByRole('button', { name: /^service/i }).click();
  const names = await table.locator('tbody th').allInnerTexts();
  expect(names).toEqual([...names].sort());
});

test('why a box of errors is different is said by its first row', async ({ page }) => {
  await boxed(page, `${XLOG}&pane=why`);
  // The slow ones: GET /slow and what waits for the lock are all of them.
  await page.keyboard.press('Escape');
  await drag(page, [0.05, 0.02], [0.8, 0.3]);
  await expect(page.getByTestId('why')).toBeVisible();
  const shares = await page.getByTestId('why').locator('tbody tr').first().locator('td.num').allInnerTexts();
  expect(shares).toHaveLength(2);
  // What is more frequent in the box comes first.
  expect(parseFloat(shares[0])).toBeGreaterThan(parseFloat(shares[1].replace('<', '')));
  await expect(page.getByTestId('why').locator('tbody tr').filter({ hasText: 'service' }).first()).toBeVisible();
  await page.getByTestId('why').getByRole('link').first().click();
  await expect(page).toHaveURL(/f=/);
  await expect(page).not.toHaveURL(/box=/);
});

test('a box by the number of statements counts the same here and there', async ({ page, request }) => {
  await open(page, XLOG);
  await page.getByRole('combobox', { name: 'Height of a dot' }).selectOption('sql_count');
  await expect(page).toHaveURL(/m=sql_count/);
  await expect.poll(() => points(page)).toBeGreaterThan(0);
  await drag(page, [0.15, 0.04], [0.75, 0.9]);
  await expect(page.getByTestId('server-count')).not.toHaveText('');
  const [mine, theirs] = [await numberIn(page.getByTestId('box-count')), await numberIn(page.getByTestId('server-count'))];
  expect(mine).toBe(theirs);
  expect(mine).toBeGreaterThan(0);
  const box = (new URL(page.url()).searchParams.get('box') ?? '').split(',');
  const answer = await request.get('/api/v1/xlogs', { params: { t0_ms: box[0], t1_ms: box[1], y0q: box[2], y1q: box[3], measure: 'sql_count', limit: 1000 } });
  for (const row of (await answer.json()).rows) expect(row.sql_count).toBeGreaterThan(1);
  await page.keyboard.press('y');
  await expect(page).toHaveURL(/m=api/);
  await expect(page).not.toHaveURL(/box=/);
});

test('a range with more points than a page holds is counted by the collector', async ({ page, request, faults }) => {
  faults.expected.push(/413/);
  const message = 'too many points';
  await page.route('**/api/v1/points?*', route => route.fulfill({ status: 413, json: { error: { code: 'too_many', message } } }));
  const toMs = Date.now() - 5_000;
  const fromMs = toMs - 60_000;
  await page.goto(`/xlog?from=${fromMs}&to=${toMs}`);
  await expect(page.getByText('counted', { exact: true })).toBeVisible();
  await expect(page.getByTestId('in-view')).not.toHaveText('0');
  // The picture begins and ends with whole columns: the collector counts the same ones.
  const { t0, t1 } = await page.evaluate(([from, to]) => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector('.plot canvas'));
    const columnMs = Math.ceil((to - from) / canvas.width);
    const first = Math.floor(to / columnMs) - canvas.width + 1;
    return { t0: first * columnMs, t1: (first + canvas.width) * columnMs - 1 };
  }, [fromMs, toMs]);
  const all = async f => (await (await request.get('/api/v1/xlogs', { params: { t0_ms: t0, t1_ms: t1, y0q: 0, y1q: 65_535, f, count_only: 1 } })).json()).total;
  expect(await numberIn(page.getByTestId('in-view'))).toBe(await all(''));
  await page.getByRole('button', { name: 'Table' }).click();
  await expect(page.getByTestId('twin-total')).toHaveCount(10);
  const expected = await all('');
  await expect.poll(async () => (await page.getByTestId('twin-total').allTextContents()).reduce((sum, text) => sum + Number(text.replaceAll(',', '')), 0)).toBe(expected);
  await page.keyboard.press('e');
  await expect.poll(() => numberIn(page.getByTestId('in-view'))).toBe(await all('err'));
  await drag(page, [0.1, 0.1], [0.9, 0.95]);
  await expect(page.getByTestId('box-count')).not.toHaveText('–');
});

test('a counted picture fits the collector also on a large screen with fine pixels', async ({ browser }) => {
  const context = await browser.newContext({ viewport: { width: 2560, height: 1400 }, deviceScaleFactor: 3 });
  const page = await context.newPage();
  await page.route('**/api/v1/points?*', route => route.fulfill({ status: 413, json: { error: { code: 'too_many', message: 'too many points' } } }));
  const counted = page.waitForResponse(response => response.url().includes('/api/v1/grid?'));
  const toMs = Date.now() - 5_000;
  await page.goto(`${process.env.SCOUTER_URL}/xlog?from=${toMs - 60_000}&to=${toMs}`);
  expect((await counted).status()).toBe(200);
  await expect(page.getByTestId('in-view')).not.toHaveText('0');
  const { canvas, css } = await page.evaluate(() => {
    const element = /** @type {HTMLCanvasElement} */ (document.querySelector('.plot canvas'));
    return { canvas: element.width, css: element.clientWidth };
  });
  expect(css / canvas * 3, 'a pixel of the picture is a whole number of those of the screen').toBeCloseTo(Math.round(css / canvas * 3), 2);
  await context.close();
});

test('a live window with more points than a page holds is counted again and again', async ({ page, request }) => {
  await page.routeWebSocket('**/api/v1/live', socket => {
    const server = socket.connectToServer();
    socket.onMessage(text => {
      const { op, topic } = JSON.parse(String(text));
      if (op === 'subscribe' && topic === 'points') socket.send(JSON.stringify({ error: { code: 'too_many', message: '3000000 points, at most 2000000' } }));
      else server.send(text);
    });
  });
  await page.goto(XLOG);
  await expect(page.getByText('counted', { exact: true })).toBeVisible();
  await expect(page.getByTestId('live-state')).toHaveText('live');
  await expect(page.locator('#filter-problem')).toBeEmpty();
  const inView = () => numberIn(page.getByTestId('in-view'));
  await expect.poll(inView).toBeGreaterThan(0);
  const seenMs = Date.now();
  const grids = [];
  page.on('request', r => { if (r.url().includes('/api/v1/grid')) grids.push(Number(new URL(r.url()).searchParams.get('first_column'))); });
  await expect.poll(() => grids.length, { timeout: 20_000 }).toBeGreaterThan(1);
  expect(grids[1]).toBeGreaterThan(grids[0]);
  const all = (await (await request.get('/api/v1/xlogs', { params: { t0_ms: seenMs - 60_000, t1_ms: seenMs, y0q: 0, y1q: 65_535, count_only: 1 } })).json()).total;
  expect(Math.abs((await inView()) - all)).toBeLessThan(all * 0.5);
});

test('a drag on the histogram selects all of the range between two heights', async ({ page }) => {
  await open(page, XLOG);
  const histogram = page.getByTestId('marginal');
  await expect(histogram.locator('i').first()).toBeAttached();
  const { x, y, width, height } = await histogram.boundingBox();
  await page.mouse.move(x + width / 2, y + height * 0.3);
  await page.mouse.down();
  await page.mouse.move(x + width / 2, y + height * 0.9, { steps: 4 });
  await page.mouse.up();
  await expect(page.getByTestId('server-count')).not.toHaveText('');
  const [t0, t1] = (new URL(page.url()).searchParams.get('box') ?? '').split(',').map(Number);
  expect(t1 - t0).toBeGreaterThan(59_000);
  expect(await numberIn(page.getByTestId('server-count'))).toBeGreaterThan(100);
});

test('the exports of a box have its rows', async ({ page }) => {
  const total = await boxed(page);
  for (const [name, head] of [['NDJSON', 0], ['CSV', 1]]) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name }).click()]);
    const lines = readFileSync(await download.path(), 'utf8').trimEnd().split('\n');
    expect(lines.length - head, name).toBe(total);
  }
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Parquet' }).click()]);
  expect(download.suggestedFilename()).toBe('xlogs.parquet');
  expect(readFileSync(await download.path()).subarray(-4).toString()).toBe('PAR1');
});

test('the filter offers words and values, and takes them by keyboard', async ({ page }) => {
  await open(page, XLOG);
  await page.keyboard.press('/');
  const list = page.getByRole('listbox', { name: 'Suggestions' });
  await expect(list.getByRole('option').first()).toBeVisible();
  await page.keyboard.type('ten');
  await expect(list.getByRole('option')).toHaveCount(1);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page.locator('#filter')).toHaveValue('tenant:');
  await expect(list.getByRole('option').filter({ hasText: 'tenant:acme' })).toBeVisible();
  await page.keyboard.type('acm');
  await expect(list.getByRole('option')).toHaveCount(1);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Tab');
  await expect(page.locator('#filter')).toHaveValue('tenant:acme ');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/f=tenant:acme/);
  // Nothing chosen: Enter takes what is typed.
  await page.locator('#filter').fill('err');
  await expect(list.getByRole('option').first()).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/f=err/);
});

test('an empty past range leads to the last transaction before it', async ({ page, request }) => {
  const toMs = Date.now() - 20_000;
  const answer = await request.get('/api/v1/xlogs', { params: { from_unix_us: 0, to_unix_us: toMs * 1000, limit: 1 } });
  const [old] = (await answer.json()).rows;
  await page.route('**/api/v1/points?*', route => route.fulfill({ body: Buffer.alloc(0), headers: { 'x-scouter-total': '0' } }));
  await page.route('**/api/v1/xlogs?*', route => {
    expect(new URL(route.request().url()).searchParams.get('to_unix_us')).toBe(String(toMs * 1000));
    return route.fulfill({ json: { rows: [old], total: 1 } });
  });
  await page.goto(`/xlog?from=${toMs - 60_000}&to=${toMs}`);
  await expect(page.locator('.plot-note')).toContainText('No transactions between');
  await expect(page.getByRole('link', { name: 'Jump there' })).toBeVisible();
});
