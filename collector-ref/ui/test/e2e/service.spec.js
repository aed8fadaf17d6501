// The page of one service: its numbers are its rows, and it leads to what made them.
import { axe, demo, expect, numberIn, test } from './support.js';

/** Some seconds that have ended, with so few transactions that a test can read them all. */
function seconds() {
  const to = Date.now() - 10_000;
  return { from: to - 12_000, to };
}

const SERVICE = 'GET /orders/{id}';

test('a service has the numbers of its transactions, and its slowest ones are the slowest', async ({ page, request }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  const { from, to } = seconds();
  const answer = await request.get('/api/v1/xlogs', { params: { from_unix_us: from * 1000, to_unix_us: (to + 1) * 1000 - 1, f: `service:"${SERVICE}"`, limit: 1000 } });
  const { total, rows } = await answer.json();
  expect(total, 'all of them are on one page').toBe(rows.length);
  await page.goto(`/services?from=${from}&to=${to}`);
  await page.getByTestId('groups').getByRole('link', { name: SERVICE, exact: true }).first().click();
  await expect(page).toHaveURL(/\/services\/GET%20%2Forders%2F%7Bid%7D\?from=/);
  const totals = page.getByTestId('service-totals');
  await expect(totals.locator('b').nth(1)).toHaveText(total.toLocaleString('en-US'));
  await expect(totals.locator('b').nth(2)).toContainText(rows.filter(x => x.error).length.toLocaleString('en-US'));
  // Columns of the picture are whole, so what ended within one of its edges may be left out.
  const { lines } = await page.getByTestId('over-time').evaluate(node => ({ lines: node.querySelectorAll('svg > path').length }));
  expect(lines).toBe(5);
  const slowest = rows.map(x => x.elapsed_us).sort((a, b) => b - a);
  const shown = await Promise.all((await page.getByTestId('slowest').locator('tbody tr a').evaluateAll(links => links.map(link => link.getAttribute('href').replace('/tx/', ''))))
    .map(async id => (await (await request.get(`/api/v1/tx/${id}`)).json()).xlog.elapsed_us));
  expect(shown.length).toBe(12);
  expect(shown, 'the slowest first').toEqual(shown.slice().sort((a, b) => b - a));
  expect(shown[0]).toBe(slowest[0]);
  expect(await axe(page)).toEqual([]);
  await page.getByRole('link', { name: 'XLog', exact: true }).last().click();
  await expect(page).toHaveURL(/\/xlog\?from=.*f=service/);
  await expect(page.getByTestId('in-view')).not.toHaveText('0');
  expect(Math.abs(await numberIn(page.getByTestId('in-view')) - total)).toBeLessThanOrEqual(5);
});

test('a service leads to its statements, its calls, its errors, and a transaction back to it', async ({ page, request }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  await page.goto(`/services/${encodeURIComponent('POST /orders')}?range=5m`);
  await expect(page.getByTestId('did-sql')).toContainText('INSERT INTO orders');
  await expect(page.getByTestId('did-api')).toContainText('POST ');
  await expect(page.getByTestId('service-errors')).toContainText('billing answered');
  await page.getByTestId('did-sql').getByRole('link', { name: /INSERT INTO items/ }).click();
  await expect(page).toHaveURL(/\/sql\?.*name=INSERT/);
  await expect(page.getByTestId('text')).toContainText('INSERT INTO items');
  await page.goBack();
  const id = (await page.getByTestId('slowest').getByRole('link').first().getAttribute('href')).replace('/tx/', '');
  await page.goto(`/tx/${id}`);
  await page.getByRole('link', { name: 'Service', exact: true }).click();
  const { xlog } = await (await request.get(`/api/v1/tx/${id}`)).json();
  await expect(page.getByRole('heading', { name: xlog.service, exact: true })).toBeVisible();
});

test('a service that nobody asked for says so, and a hostile name is text', async ({ page }) => {
  await page.goto(`/services/${encodeURIComponent('<img src=x>.v1/Get')}`);
  await expect(page.getByRole('heading', { name: /No transaction in this range/ })).toBeVisible();
  await expect(page.getByRole('heading', { name: '<img src=x>.v1/Get' })).toBeVisible();
  expect(await page.locator('main img').count()).toBe(0);
  expect(await axe(page)).toEqual([]);
});
