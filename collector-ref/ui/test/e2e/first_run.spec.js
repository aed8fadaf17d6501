// The page of a collector that nobody has sent anything to. The socket is a stand-in: the collector
// under test has load.
import { block, random } from '../support/points.js';
import { axe, expect, standInSocket, test } from './support.js';

test('an empty collector shows three steps, and the first dot by itself', async ({ page }) => {
  const collector = await standInSocket(page);
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Three steps to the first dot' })).toBeVisible();
  await expect(page.getByText(/Agents connect to/)).toBeVisible();
  await expect(page.locator('pre').first()).toContainText('scouter');
  expect(await axe(page)).toEqual([]);
  collector.pulse({ objects: [{ id: 1, name: '/host/orders', alive: true }] });
  collector.points(1n, block(random(1), Date.now() - 1_000, 1));
  await expect(page.getByTestId('in-view')).toHaveText('1');
  await expect(page.locator('.first-run')).toHaveCount(0);
});

test('an agent without a request has ticked two steps', async ({ page }) => {
  await standInSocket(page, { pulse: { objects: [{ id: 1, name: '/host/orders', alive: true }] } });
  await page.route('**/api/v1/self', route => route.fulfill({ json: { xlogs: 0, listen: { agents: '127.0.0.1:6100', http: '127.0.0.1:6180' } } }));
  await page.goto('/');
  await expect(page.getByText('Connected: /host/orders')).toBeVisible();
  await expect(page.locator('.first-run li.is-done')).toHaveCount(2);
  expect(await axe(page)).toEqual([]);
});

test('a quiet collector that has seen transactions is no first run', async ({ page }) => {
  await standInSocket(page, { pulse: { objects: [{ id: 1, name: '/host/orders', alive: true }] } });
  await page.goto('/');
  await expect(page.locator('.plot-note')).toContainText('the last one was at');
  await expect(page.locator('.first-run')).toHaveCount(0);
});
