// The tools that look into a running process: threads, hot stacks, environment; and what is said when
// they may not or cannot.
import { axe, demo, expect, test } from './support.js';

/** The address of a tool for one of the demo's processes. @param {any} request @param {string} tool @param {string} [which] */
async function toolOf(request, tool, which = 'orders') {
  const { objects } = await (await request.get('/api/v1/objects')).json();
  return `/objects/${encodeURIComponent(objects.find((/** @type {any} */ o) => o.alive && o.name.endsWith(`/${which}`)).name)}/${tool}`;
}

test('threads are dumped on a press, each with its native stack', async ({ page, request }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  await page.goto('/objects');
  await page.getByTestId('objects').getByRole('row').filter({ hasText: '/orders' }).getByRole('link', { name: 'threads' }).click();
  await expect(page).toHaveURL(/\/objects\/[^/]+\/threads$/);
  await page.getByRole('button', { name: 'Dump all threads' }).click();
  const rows = page.getByTestId('threads').locator('tbody tr');
  await expect(rows.filter({ hasText: 'tokio-rt-worker' }).first()).toBeVisible();
  await rows.filter({ hasText: 'tokio-rt-worker' }).last().click();
  const stack = page.getByTestId('native-stack');
  await expect(stack.getByRole('listitem').first()).toBeVisible();
  await expect(page.getByText(/the innermost first/)).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(stack).toHaveCount(0);
});

test('what transactions did and awaited is told by function, from the top, from the bottom and as a flame', async ({ page, request }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  await page.goto(await toolOf(request, 'sfa'));
  await expect(page.getByTestId('top-frames').locator('tbody tr').filter({ hasText: 'SELECT' }).first()).toBeVisible();
  await page.getByRole('button', { name: 'Hold' }).click();
  await page.getByRole('button', { name: 'Top down' }).click();
  await expect(page).toHaveURL(/by=down/);
  const tree = page.getByTestId('stack-tree').locator('tbody tr');
  const closed = tree.filter({ has: page.getByRole('button', { expanded: false }) }).first();
  const before = await tree.count();
  await closed.getByRole('button').click();
  await expect.poll(() => tree.count()).toBeGreaterThan(before);
  await page.getByLabel('Service', { exact: true }).selectOption({ index: 1 });
  await expect(page).toHaveURL(/of=/);
  await expect(tree.first()).toContainText('100 %');
  await page.getByRole('button', { name: 'Bottom up' }).click();
  await expect(tree.filter({ hasText: 'SELECT' }).first()).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await page.getByRole('button', { name: 'Flame' }).click();
  await expect(page.getByTestId('flame')).toHaveAttribute('data-bars', /[1-9]/);
  await expect(page.locator('.flame-head')).toContainText('samples');
  await page.reload();
  await expect(page.getByTestId('flame')).toBeVisible();
});

test('samples of CPU time are started, shown and stopped', async ({ page, request, faults }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  faults.expected.push(/400/);
  await page.goto(`${await toolOf(request, 'sfa')}?mode=cpu`);
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByText('sampling…')).toBeVisible();
  await expect(page.getByTestId('top-frames').locator('tbody tr').first()).toBeVisible({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByTestId('covers')).toContainText('not counting now');
  await expect(page.getByRole('button', { name: 'Start' })).toBeVisible();
});

test('the environment is listed with what is hidden, and can be searched', async ({ page, request }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  await page.goto(await toolOf(request, 'env'));
  const shown = page.getByTestId('environment');
  await expect(shown).toContainText('executable');
  await expect(shown).toContainText('hidden');
  expect(await axe(page)).toEqual([]);
  await page.getByRole('searchbox').fill('kernel');
  await expect(shown.locator('dt')).toHaveText(['kernel']);
});

test('a viewer is told what only operators may do, and nothing is asked of the agent', async ({ page, request }) => {
  await page.route('**/api/v1/session', (/** @type {any} */ route) => route.fulfill({ json: { role: 'viewer', auth_required: true } }));
  const asked = /** @type {string[]} */ ([]);
  page.on('request', (/** @type {any} */ r) => { if (/api\/v1\/(env|threads)/.test(r.url())) asked.push(r.url()); });
  await page.goto(await toolOf(request, 'threads'));
  await expect(page.getByText('Your role may look but not dump threads')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Dump all threads' })).toHaveCount(0);
  await page.getByRole('link', { name: 'Environment' }).click();
  await expect(page.getByRole('heading', { name: 'Only for operators' })).toBeVisible();
  await page.getByRole('link', { name: 'Hot stacks' }).click();
  await page.getByRole('button', { name: 'CPU time' }).click();
  await expect(page.getByText('Your role may look but not start sampling')).toBeVisible();
  expect(asked).toEqual([]);
});

test('an agent that is gone, refuses, or cannot take a stack says so and what to do', async ({ page, request, faults }) => {
  faults.expected.push(/404|400/);
  await page.goto('/objects/%2Fhost%2Fnobody/sfa');
  await expect(page.getByTestId('refusal')).toContainText('not connected');
  await expect(page.getByTestId('refusal')).toContainText('see its alerts');
  expect(await axe(page)).toEqual([]);
  await page.goto('/objects/%2Fhost%2Fnobody/nothing');
  await expect(page.getByRole('heading', { name: 'There is no such tool' })).toBeVisible();
  const refused = { error: { code: 'refused', message: '/a: the agent refused: <b>built without the feature native</b>' } };
  await page.route('**/api/v1/sfa/**', (/** @type {any} */ route) => route.fulfill({ status: 400, json: refused }));
  await page.goto(await toolOf(request, 'sfa'));
  await expect(page.getByTestId('refusal')).toContainText('<b>built without the feature native</b>');
  const thread = { tid: 5, name: 'worker <i>', state: 'D', cpu_ms: 1_500, waits_in: 'io', txid: '7', service: '/slow', poll_us: 4_000_000, quality: 'missing', missing: 'it did not answer in time', pause_ns: 0, frames: [] };
  await page.route('**/api/v1/threads/**', (/** @type {any} */ route) => route.fulfill({ json: { total: 9, capabilities: [{ name: 'stacks_running', unavailable: 'the signal belongs to the application' }], modules: [], threads: [thread] } }));
  await page.goto(await toolOf(request, 'threads'));
  await page.getByRole('button', { name: 'Dump all threads' }).click();
  await expect(page.getByText('Stacks of running threads: not here. the signal belongs to the application')).toBeVisible();
  await expect(page.getByText('threads, 1 listed')).toBeVisible();
  const row = page.getByTestId('threads').locator('tbody tr');
  await expect(row).toContainText('/slow');
  await expect(row).toContainText('4.00');
  await row.click();
  await expect(page.getByText('No stack: it did not answer in time')).toBeVisible();
});

test('an alert of a blocked thread leads to the threads while it lasts', async ({ page }) => {
  const alert = { kind: 'blocking_poll', level: 'warn', message: 'blocked', unix_us: Date.now() * 1000, place: 'src/a.rs:1', service: '/a', tenant: '', object: '/host/a', gxid: null, txid: null, suppressed: 0 };
  await page.route('**/api/v1/alerts?*', (/** @type {any} */ route) => route.fulfill({ json: { alerts: [alert, { ...alert, kind: 'slow_statement' }] } }));
  await page.goto('/alerts');
  const link = page.getByRole('link', { name: 'threads of /host/a' });
  await expect(link).toHaveCount(1);
  await expect(link).toHaveAttribute('href', '/objects/%2Fhost%2Fa/threads');
});

test('where two processes share a name the page asks which one is meant', async ({ page, faults }) => {
  faults.expected.push(/409/);
  const [name, one, other] = ['/host/orders', 'a'.repeat(32), 'b'.repeat(32)];
  const object = { id: 1, name, alive: true, pid: 7, address: '10.0.0.1:1', agent_version: '1', started_unix_us: Date.now() * 1000 };
  await page.route('**/api/v1/objects', (/** @type {any} */ route) => route.fulfill({ json: { objects: [{ ...object, instance: one }, { ...object, instance: other, pid: 8 }] } }));
  const asked = /** @type {(string | null)[]} */ ([]);
  await page.route('**/api/v1/env/**', (/** @type {any} */ route) => {
    const instance = new URL(route.request().url()).searchParams.get('instance');
    asked.push(instance);
    return instance ? route.fulfill({ json: { environment: [{ section: 'process', name: 'pid', value: '8' }] } }) : route.fulfill({ status: 409, json: { error: { code: 'ambiguous', message: '2 processes' } } });
  });
  await page.goto(`/objects/${encodeURIComponent(name)}/env`);
  await page.getByTestId('instances').getByRole('link', { name: 'process 8' }).click();
  await expect(page.getByTestId('environment')).toContainText('pid');
  await expect(page).toHaveURL(new RegExp(`instance=${other}`));
  expect(asked).toEqual([null, other]);
});
