// The page of a collector that nobody has sent anything to: one of its own, or, where something is to
// come, a stand-in for the socket of the one with load.
//
//   SCOUTER_EMPTY_URL   a collector without agents
import { PAGES } from '../../src/core/pages.js';
import { block, random } from '../support/points.js';
import { axe, expect, standInSocket, test } from './support.js';

const empty = process.env.SCOUTER_EMPTY_URL ?? '';
if (!empty && process.env.CI === 'true') throw new Error('SCOUTER_EMPTY_URL is not set: under CI=true the tests with an empty collector must run.');

test('an empty collector shows three steps, and the first dot by itself', async ({ page }) => {
  const own = { id: 1, name: '/host/scouter-collector', alive: true, is_own: true };
  const collector = await standInSocket(page, { pulse: { objects: [own], is_first_run: true } });
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Three steps to the first dot' })).toBeVisible();
  await expect(page.getByText(/Agents connect to/)).toBeVisible();
  await expect(page.locator('pre').first()).toContainText('scouter');
  await expect(page.locator('.first-run li.is-done')).toHaveCount(1);
  expect(await axe(page)).toEqual([]);
  collector.pulse({ objects: [own, { id: 2, name: '/host/orders', alive: true }], is_first_run: false });
  collector.points(1n, block(random(1), Date.now() - 1_000, 1));
  await expect(page.getByTestId('in-view')).toHaveText('1');
  await expect(page.locator('.first-run')).toHaveCount(0);
});

test('an agent without a request has ticked two steps', async ({ page }) => {
  await standInSocket(page, { pulse: { objects: [{ id: 1, name: '/host/orders', alive: true }], is_first_run: true } });
  await page.goto('/');
  await expect(page.getByText('Connected: /host/orders')).toBeVisible();
  await expect(page.locator('.first-run li.is-done')).toHaveCount(2);
  expect(await axe(page)).toEqual([]);
});

test('a quiet collector that has seen transactions is no first run', async ({ page }) => {
  await standInSocket(page, { pulse: { objects: [{ id: 1, name: '/host/orders', alive: true }], is_first_run: false } });
  await page.goto('/');
  await expect(page.locator('.plot-note')).toContainText('the last one was at');
  await expect(page.locator('.first-run')).toHaveCount(0);
});

test('every page of a collector that nobody has sent anything to opens and misses nothing', async ({ page }) => {
  test.skip(!empty, 'SCOUTER_EMPTY_URL is not set');
  test.setTimeout(120_000);
  for (const { path } of PAGES.filter(one => one.path && !one.path.includes(':'))) {
    await page.goto(empty + path);
    await expect(page.locator('main .panel').first(), path).toBeVisible();
    await expect(page.locator('main'), path).not.toContainText('Loading');
    await expect(page.locator('main .problem'), path).toHaveCount(0);
    expect.soft(await axe(page), path).toEqual([]);
  }
});

test('a collector that nobody has sent anything to offers a demo load, apart from what it keeps', async ({ page, faults }) => {
  test.skip(!empty, 'SCOUTER_EMPTY_URL is not set');
  await page.goto(`${empty}/`);
  await page.getByRole('button', { name: 'Run demo load' }).click();
  await page.waitForURL('**/demo/');
  await expect(page.getByRole('complementary', { name: 'Demo load' })).toContainText('left');
  await expect(page.getByTestId('in-view')).toHaveText(/^[1-9]\d{1,}$/);
  expect(await axe(page)).toEqual([]);
  await page.getByRole('link', { name: 'Services', exact: true }).click();
  await expect(page).toHaveURL(/\/demo\/services/);
  await expect(page.getByText('GET /reports/monthly')).toBeVisible();
  await page.getByRole('link', { name: 'Leave' }).click();
  await expect(page.getByRole('heading', { name: 'Three steps to the first dot' })).toBeVisible();
  await page.getByRole('link', { name: 'Show the demo load' }).click();
  await page.getByRole('button', { name: 'Remove it' }).click();
  await expect(page.getByRole('button', { name: 'Run demo load' })).toBeVisible();
  // Its world is gone: so are the answers and the socket.
  faults.expected.push(/404/);
  await page.goto(`${empty}/demo/`);
  await expect(page.getByRole('complementary', { name: 'Demo load' })).toContainText('It has been removed');
  expect((await page.request.get(`${empty}/demo/api/v1/self`)).status()).toBe(404);
});
