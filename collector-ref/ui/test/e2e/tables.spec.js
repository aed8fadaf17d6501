// The pages of totals: services, errors, SQL, calls, users. Their numbers are the collector's rows.
import { expect, numberIn, test } from './support.js';

/** A minute that has ended, as the bar writes it. */
function minute() {
  const to = Date.now() - 10_000;
  return { from: to - 60_000, to };
}

/** Transactions of a range that pass a filter. @param {any} request @param {{from: number, to: number}} range @param {string} f */
async function total(request, { from, to }, f) {
  const answer = await request.get('/api/v1/xlogs', { params: { from_unix_us: from * 1000, to_unix_us: (to + 1) * 1000 - 1, f, count_only: 1 } });
  return (await answer.json()).total;
}

/** Opens a page of a minute. @param {any} page @param {string} path */
async function opened(page, path) {
  const range = minute();
  await page.goto(`${path}?from=${range.from}&to=${range.to}`);
  await expect(page.getByTestId(path === '/errors' ? 'error-groups' : 'groups').locator('tbody tr').first()).toBeVisible();
  return range;
}

/** The sum of a column. @param {any} page @param {string} testId @param {string} head */
async function sum(page, testId, head) {
  const table = page.getByTestId(testId);
  // The tables of a page come one by one, and reading texts waits for none of them.
  await expect(table.locator('tbody tr').first()).toBeVisible();
  const heads = await table.locator('thead th').allInnerTexts();
  const at = heads.findIndex(text => text.replace(/ [↓↑]$/, '') === head);
  expect(at, heads.join()).toBeGreaterThan(0);
  const cells = await table.locator(`tbody tr > :nth-child(${at + 1})`).allInnerTexts();
  return cells.reduce((all, text) => all + Number(text.split(/\s/)[0].replaceAll(',', '').replace('·', '0')), 0);
}

test('services add up to all transactions, and one of them leads to its dots', async ({ page, request }) => {
  const range = await opened(page, '/services');
  expect(await sum(page, 'groups', 'Transactions')).toBe(await total(request, range, ''));
  expect(await sum(page, 'groups', 'Errors')).toBe(await total(request, range, 'err'));
  const row = page.getByTestId('groups').locator('tbody tr').filter({ hasText: 'GET /search' }).first();
  const count = await numberIn(row.locator('td').nth(2).locator('span'));
  await row.getByRole('link', { name: 'in the XLog' }).click();
  await expect(page).toHaveURL(/\/xlog\?from=.*f=service/);
  await expect(page.getByTestId('in-view')).not.toHaveText('0');
  // The picture is of whole columns: what ended within a column of its edges may differ.
  expect(Math.abs((await numberIn(page.getByTestId('in-view'))) - count)).toBeLessThanOrEqual(5);
});

test('errors are grouped by their text, and a chosen one says where it comes from', async ({ page, request }) => {
  const range = await opened(page, '/errors');
  expect(await sum(page, 'error-groups', 'Errors')).toBe(await total(request, range, 'err'));
  await expect(page.getByTestId('error-groups').locator('.trend path').first()).toHaveAttribute('d', /^M/);
  expect(await sum(page, 'errors-by-status', 'Errors')).toBe(await total(request, range, 'err'));
  await page.getByRole('link', { name: 'the coupon service is not configured' }).click();
  await expect(page).toHaveURL(/f=error:/);
  await expect(page.getByTestId('error-groups').locator('tbody tr')).toHaveCount(1);
  await expect(page.getByTestId('errors-by-service').locator('tbody tr')).toHaveText([/GET \/fail/]);
  await page.getByRole('link', { name: 'These in the XLog' }).click();
  await expect(page).toHaveURL(/\/xlog\?/);
});

test('time in SQL and in calls is by service, and leads to the picture of that measure', async ({ page, request }) => {
  const range = await opened(page, '/sql');
  expect(await sum(page, 'groups', 'Transactions')).toBe(await total(request, range, 'sql>0us'));
  await page.getByRole('link', { name: 'XLog by time in SQL' }).click();
  await expect(page).toHaveURL(/\/xlog\?.*m=sql/);
  await opened(page, '/calls');
  await expect(page.getByTestId('groups')).toContainText('POST /checkout');
});

test('tenants and logins add up, and the choice is in the address', async ({ page, request }) => {
  const range = await opened(page, '/users');
  expect(await sum(page, 'groups', 'Transactions')).toBe(await total(request, range, ''));
  await page.getByRole('group', { name: 'By' }).getByRole('button', { name: 'Logins' }).click();
  await expect(page).toHaveURL(/by=login/);
  await expect(page.getByTestId('groups')).toContainText('not logged in');
  expect(await sum(page, 'groups', 'Transactions')).toBe(await total(request, range, ''));
  await page.reload();
  await expect(page.getByRole('button', { name: 'Logins' })).toHaveAttribute('aria-pressed', 'true');
});

test('an empty range says so on every page, and how to go on', async ({ page }) => {
  for (const path of ['/services', '/users']) {
    await page.goto(`${path}?from=1000000000000&to=1000000060000`);
    await expect(page.getByRole('heading', { name: /No transaction in this range/ }), path).toBeVisible();
  }
  await page.goto('/services?f=service:/nowhere');
  await page.getByRole('link', { name: 'Remove the filter' }).click();
  await expect(page.getByTestId('groups')).toBeVisible();
  await page.goto('/errors?from=1000000000000&to=1000000060000');
  await expect(page.getByRole('heading', { name: 'No error in this range' })).toBeVisible();
  await page.goto('/sql?from=1000000000000&to=1000000060000');
  await expect(page.getByText('scouter-sqlx')).toBeVisible();
  await page.goto('/leaks?from=1000000000000&to=1000000060000');
  await expect(page.getByText('Of what was taken in this range everything was given back')).toBeVisible();
});

test('a live page of totals follows', async ({ page }) => {
  await page.goto('/services?range=1m');
  const row = page.locator('.summary-line .sum').nth(1).locator('b');
  await expect(row).not.toBeEmpty();
  const before = await row.textContent();
  await expect.poll(() => row.textContent(), { timeout: 20_000 }).not.toBe(before);
});

const HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script>"\'';

test('hostile values are text on every page of totals and among the suggestions', async ({ page }) => {
  const now = Date.now() * 1000;
  const group = { value: HOSTILE, count: 3, errors: 3, elapsed_sum_us: 9, sql_sum_us: 1, api_sum_us: 1, p50_us: 1, p95_us: 2, p99_us: 3, max_us: 3, first_unix_us: now, last_unix_us: now };
  await page.route('**/api/v1/summary?*', (/** @type {any} */ route) => route.fulfill({ json: { by: new URL(route.request().url()).searchParams.get('by'), total: 3, group_count: 1, groups: [group] } }));
  await page.route('**/api/v1/services?*', (/** @type {any} */ route) => route.fulfill({ json: { services: [{ ...group, service: HOSTILE, object: HOSTILE }] } }));
  await page.route('**/api/v1/digests?*', (/** @type {any} */ route) => route.fulfill({ json: { kind: 'sql', step_us: 1, group_count: 1, groups: [{ ...group, name: HOSTILE, detail: HOSTILE, unseen_profiles: 0 }] } }));
  await page.route('**/api/v1/grid?*', (/** @type {any} */ route) => route.fulfill({ body: Buffer.from([1, 40, 1, 0, 0, 0, 80, 0, 80]) }));
  for (const path of ['/services', '/users', '/sql', '/calls', '/errors']) {
    await page.goto(path);
    await expect(page.locator('table.groups tbody').first(), path).toContainText(HOSTILE);
    expect(await page.locator('main img, main script').count(), path).toBe(0);
  }
  await page.goto('/users');
  await page.getByRole('link', { name: HOSTILE }).click();
  await expect(page).toHaveURL(/\/xlog\?.*f=tenant/);
  await expect(page.locator('#filter-problem')).toBeEmpty();
  await page.locator('#filter').fill('tenant:');
  await expect(page.getByRole('option').first()).toContainText('<img src=x');
  expect(await page.locator('.filter img, .filter script').count()).toBe(0);
});
