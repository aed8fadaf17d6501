// Statements and calls: the totals of all runs, and the way to whoever runs them.
import { axe, demo, expect, test } from './support.js';

/** A minute that has ended, and whose digests have come. */
function minute() {
  const to = Math.floor(Date.now() / 10_000) * 10_000 - 20_000;
  return { from: to - 60_000, to };
}

const digits = text => Number(text.replace(/[≥,\s]/g, '').match(/^\d+/)?.[0] ?? 0);

for (const [path, kind, words] of [['/sql', 'sql', 'items WHERE order_id'], ['/calls', 'api', 'POST ']]) {
  test(`the totals of ${path} are those of all runs, and lead to the transactions that ran one`, async ({ page, request }) => {
    test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
    const { from, to } = minute();
    const range = { from_unix_us: from * 1000, to_unix_us: (to + 1) * 1000 - 1 };
    const { groups } = await (await request.get('/api/v1/digests', { params: { kind, limit: 500, ...range } })).json();
    await page.goto(`${path}?from=${from}&to=${to}`);
    const rows = page.getByTestId('texts').locator('tbody tr');
    await expect(rows).toHaveCount(groups.length);
    const at = (await page.getByTestId('texts').locator('thead th').allInnerTexts()).findIndex(head => head.startsWith('Count'));
    const counts = (await page.getByTestId('texts').locator(`tbody tr > :nth-child(${at + 1})`).allInnerTexts()).map(digits);
    expect(counts.reduce((a, b) => a + b)).toBe(groups.reduce((sum, g) => sum + g.count, 0));
    expect(await axe(page)).toEqual([]);
    const row = rows.filter({ hasText: words }).first();
    const text = await row.getByRole('link').textContent();
    await row.getByRole('link').click();
    await expect(page.getByTestId('text')).toHaveText(text);
    await expect(page.getByTestId('text-total')).toContainText(groups.find(g => g.name === text).count.toLocaleString('en-US'));
    // One of its transactions has it among its steps, as often as the list says.
    const transaction = page.getByTestId('text-transactions').locator('tbody tr').first();
    expect(await axe(page)).toEqual([]);
    const runs = digits(await transaction.locator('td').nth(4).innerText());
    const id = (await transaction.getByRole('link').getAttribute('href')).replace('/tx/', '');
    const { profile } = await (await request.get(`/api/v1/tx/${id}`)).json();
    expect(profile.steps.filter(step => step.kind === kind && step.name === text).reduce((sum, step) => sum + step.count, 0)).toBe(runs);
    await page.getByTestId('text-services').getByRole('link').first().click();
    await expect(page).toHaveURL(new RegExp(`/xlog\\?.*${kind}%3E0us.*m=${kind}`));
    await expect(page.getByTestId('in-view')).not.toHaveText('0');
  });
}

test('of the filter only the object counts for statements, and that is said', async ({ page, request }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  const { objects } = await (await request.get('/api/v1/objects')).json();
  const billing = objects.find(o => o.alive && o.name.endsWith('/billing')).name;
  await page.goto(`/sql?f=${encodeURIComponent(`object:${billing}`)}`);
  await expect(page.getByTestId('texts').locator('tbody tr')).toHaveText([/INSERT INTO charges/]);
  await expect(page.getByText('only object: applies')).toHaveCount(0);
  await page.goto('/sql?f=tenant:acme');
  await expect(page.getByText('of the filter only object: applies here')).toBeVisible();
});

const HOSTILE = '<img src=x onerror=alert(1)>"\' & %2F';

test('hostile statements are text, and their address leads to them', async ({ page }) => {
  const group = { name: HOSTILE, detail: '', count: 3, errors: 1, elapsed_sum_us: 9, p50_us: 1, p95_us: 2, p99_us: 3, unseen_profiles: 7, is_lower_bound: true };
  await page.route('**/api/v1/digests?*', route => route.fulfill({ json: { kind: 'sql', step_us: 1, group_count: 1, groups: [group] } }));
  await page.goto('/sql');
  await expect(page.getByText('7 profiles of this time did not reach')).toBeVisible();
  await page.getByTestId('texts').getByRole('link', { name: HOSTILE }).click();
  await expect(page.getByTestId('text')).toHaveText(HOSTILE);
  await expect(page.getByTestId('text-total')).toContainText('≥ 3');
  await expect(page.getByRole('heading', { name: 'Not in these profiles' })).toBeVisible();
  expect(await page.locator('main img').count()).toBe(0);
});
