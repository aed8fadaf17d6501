// The map: the drawing, the table beside it, and where both lead.
import { axe, demo, expect, test } from './support.js';

const MINUTE = '/map?range=5m';

test('the map shows who calls whom, an object by its name, and says the same as the table', async ({ page, request }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  const { objects } = await (await request.get('/api/v1/objects')).json();
  const [front, orders, billing] = ['/front', '/orders', '/billing'].map(end => objects.find(o => o.alive && o.name.endsWith(end)).name);
  await page.goto(MINUTE);
  const map = page.getByTestId('map');
  await expect(map.getByRole('link', { name: new RegExp(`^${front}`) })).toBeVisible();
  const calls = page.getByTestId('calls');
  // Who answers is known once a callee's own row has come, and is asked every ten seconds.
  for (const [from, to] of [[front, orders], [orders, billing]]) await expect(calls.getByRole('link', { name: `${from} → ${to}`, exact: true })).toBeVisible({ timeout: 30_000 });
  // Left to right: who calls stands before whom it calls.
  const left = async name => (await map.getByRole('link', { name: new RegExp(`^${name}`) }).boundingBox()).x;
  expect(await left(front)).toBeLessThan(await left(orders));
  expect(await left(orders)).toBeLessThan(await left(billing));
  expect(await map.locator('.map-edge').count()).toBe(await calls.locator('tbody tr').count());
  // The addresses that were called are those objects, and stand nowhere as hosts of their own.
  await expect(map.locator('.map-node.is-api')).toHaveCount(0);
});

test('nothing moves while the map is live', async ({ page }) => {
  await page.goto(MINUTE);
  const node = page.getByTestId('map').locator('.map-node').first();
  await expect(node).toBeVisible();
  const places = () => page.getByTestId('map').locator('.map-node').evaluateAll(nodes => nodes.map(node => `${node.title} ${node.style.left} ${node.style.top}`));
  const before = await places();
  const rate = () => page.locator('.map-label').allInnerTexts();
  const said = (await rate()).join();
  await expect.poll(async () => (await rate()).join(), { timeout: 30_000 }).not.toBe(said);
  expect(await places()).toEqual(before);
});

test('the map is walked by keyboard, and leads to services and to the transactions of a call', async ({ page }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  await page.goto(MINUTE);
  const object = page.getByTestId('map').locator('.map-node.is-object').first();
  await object.focus();
  const title = await object.getAttribute('title');
  await expect(page.locator('.map-edge.is-far').first()).toBeAttached();
  expect(await axe(page)).toEqual([]);
  await page.keyboard.press('Tab');
  await expect(page.locator('.map-node:focus')).toHaveCount(1);
  await object.focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/services\?.*f=object/);
  await expect(page.getByTestId('groups').locator('tbody tr').first()).toContainText(title.split(' ')[0]);
  await page.goBack();
  await page.getByTestId('calls').getByRole('link').first().click();
  await expect(page).toHaveURL(/\/xlog\?.*f=object.*m=(sql|api)/);
  await expect(page.getByTestId('in-view')).not.toHaveText('0');
});

const HOSTILE = '<img src=x onerror=alert(1)>"\'';

test('an empty range says what to do, and hostile names are text', async ({ page }) => {
  await page.goto('/map?from=1000000000000&to=1000000060000');
  await expect(page.getByRole('heading', { name: /Nobody called anybody/ })).toBeVisible();
  expect(await axe(page)).toEqual([]);
  const edge = { from: 'object:/a', to: `sql:${HOSTILE}`, count: 4, errors: 1, elapsed_sum_us: 100, p95_us: 30, services: 1, is_lower_bound: true };
  const nodes = [{ id: edge.from, kind: 'object', name: '/a' }, { id: edge.to, kind: 'sql', name: HOSTILE }];
  await page.route('**/api/v1/topology?*', route => route.fulfill({ json: { edge_count: 3, nodes, edges: [edge] } }));
  await page.goto('/map');
  await expect(page.getByTestId('map')).toContainText(HOSTILE);
  await expect(page.getByTestId('calls')).toContainText('≥ 4');
  await expect(page.getByText('The 1 call made most often of 3.')).toBeVisible();
  expect(await page.locator('main img').count()).toBe(0);
});
