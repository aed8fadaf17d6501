// The tools that look into a running process: threads, tasks, hot stacks, heap, captured values,
// environment; and what is said when they may not or cannot.
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

test('a dump that was taken by itself is read later, with what ran then', async ({ page, request }) => {
  const address = await toolOf(request, 'threads');
  const kept = { id: '00000000000000000007-0', unix_us: 1_795_343_580_000_000, object: '/host/a', instance: 'a'.repeat(32), why: 'alert <stuck_await> GET /orders', bytes: 9 };
  const thread = { tid: 5, name: 'worker', state: 'S', cpu_ms: 1, waits_in: '', txid: null, service: '', poll_us: 0, quality: 'complete', missing: '', pause_ns: 0, frames: [] };
  const x = { txid: '1'.repeat(16), gxid: '2'.repeat(32), kind: 'web', caller: null, service: 'GET /orders', tenant: '', login: '', ip: '', desc: '', age_us: 9_000_000, busy_us: 1, state: 'waiting', tid: 0, steps: 1, stack: [{ kind: 'sql', name: 'SELECT 1', place: '', age_us: 8_000_000 }] };
  await page.route('**/api/v1/dumps?*', (/** @type {any} */ route) => route.fulfill({ json: { dumps: [kept] } }));
  await page.route('**/api/v1/dumps/*', (/** @type {any} */ route) => route.fulfill({ json: { ...kept, threads: { total: 1, capabilities: [], modules: [], threads: [thread] }, active: { transactions: [x] } } }));
  await page.goto(address);
  await page.getByTestId('kept-dumps').getByRole('button').click();
  await expect(page.getByTestId('why')).toContainText('alert <stuck_await> GET /orders');
  await expect(page.getByTestId('threads').locator('tbody tr')).toContainText('worker');
  await page.getByRole('button', { name: 'Active services (1)' }).click();
  await page.getByTestId('dumped-active').locator('tbody tr').click();
  await expect(page.getByTestId('stack')).toContainText('SELECT 1');
  expect(await axe(page)).toEqual([]);
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
  // Whichever service is the busiest, it runs some statement.
  await expect(tree.filter({ hasText: /SELECT |INSERT |UPDATE / }).first()).toBeVisible();
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

test('memory is told by the line that allocated it, as a table that can be sorted and as a flame', async ({ page, request }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  await page.goto(await toolOf(request, 'heap'));
  await expect(page.getByTestId('heap-sum')).toContainText(/[1-9].* live of .*[1-9].* allocated/);
  const rows = page.getByTestId('heap-places').locator('tbody tr');
  await expect(rows.first()).toBeVisible();
  await page.getByRole('button', { name: 'Hold' }).click();
  const cells = (/** @type {number} */ n) => rows.locator(`td:nth-child(${n})`).allTextContents();
  await page.getByRole('button', { name: 'Samples' }).click();
  const samples = (await cells(10)).map(text => Number(text.replaceAll(',', ''))).filter(n => n > 0);
  expect(samples).toEqual([...samples].sort((a, b) => b - a));
  await page.getByRole('button', { name: 'Innermost function' }).click();
  await page.getByRole('button', { name: 'Innermost function' }).click();
  const names = (await cells(5)).filter(Boolean);
  expect(names).toEqual([...names].sort());
  expect(await axe(page)).toEqual([]);
  await page.getByRole('button', { name: 'Flame' }).click();
  await page.getByLabel('Width', { exact: true }).selectOption('allocated_bytes');
  await expect(page).toHaveURL(/by=flame&measure=allocated_bytes/);
  await expect(page.getByTestId('flame')).toHaveAttribute('data-bars', /[1-9]/);
});

test('arguments are captured where they are asked for, and found from there', async ({ page, request }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  await page.goto(await toolOf(request, 'capture', 'billing'));
  await page.getByRole('button', { name: 'Show all' }).click();
  const sites = page.getByTestId('callsites').locator('tbody tr');
  await expect(sites.first()).toContainText('cents');
  const pattern = page.getByRole('textbox', { name: 'Callsites' });
  await pattern.fill('no_such_function');
  await expect(page.getByRole('heading', { name: 'No callsite fits' })).toBeVisible();
  await pattern.fill('*billing.rs:*');
  await page.getByRole('button', { name: 'Start' }).click();
  const state = page.getByTestId('capture-state');
  await expect(state).toContainText(/capturing at [1-9]/);
  await expect(sites.first()).toContainText('captured');
  await expect(pattern).toBeDisabled();
  await expect(state.locator('b')).toHaveText(/[1-9]/, { timeout: 20_000 });
  expect(await axe(page)).toEqual([]);
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(state).toContainText('Ended with');
  await expect(sites.first()).not.toContainText('captured');
  await state.getByRole('link', { name: 'Its transactions' }).click();
  await expect(page).toHaveURL(/\/xlog\?range=10m&f=object%3A|\/xlog\?range=10m&f=object:/);
});

test('what an agent refuses to capture is said, and nothing is lost of what was asked', async ({ page, request, faults }) => {
  faults.expected.push(/400/);
  await page.route('**/api/v1/capture/**', (/** @type {any} */ route) => (route.request().method() === 'POST'
    ? route.fulfill({ status: 400, json: { error: { code: 'refused', message: '/a: the agent refused: values are captured <already>' } } })
    : route.fulfill({ json: { bound_callsites: 0, captured: 0, seconds_left: 0, seconds: 60, values: 1000, callsites: '', service: '', tenant: '' } })));
  await page.route('**/api/v1/callsites/**', (/** @type {any} */ route) => route.fulfill({ json: { callsites: [{ id: 1, name: 'pay<b>', place: 'src/a.rs:1', arguments: ['cents', 'to'], flags: ['step'] }] } }));
  await page.goto(await toolOf(request, 'capture'));
  await page.getByRole('textbox', { name: 'Callsites' }).fill('pay*');
  await page.getByLabel('of tenant', { exact: true }).fill('acme');
  await expect(page.getByTestId('callsites').locator('tbody tr')).toContainText('pay<b>');
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByTestId('refusal')).toContainText('values are captured <already>');
  await expect(page.getByLabel('of tenant', { exact: true })).toHaveValue('acme');
});

test('tasks that requests spawned are listed with what they await, and without any that is said', async ({ page, request }) => {
  const address = await toolOf(request, 'tasks');
  await page.goto(address);
  await expect(page.getByRole('heading', { name: 'No task is running' }).or(page.getByTestId('tasks'))).toBeVisible();
  const name = decodeURIComponent(address.split('/')[2]);
  const task = { txid: '1'.repeat(16), gxid: '2'.repeat(32), kind: 'spawned', caller: null, service: 'send <receipt>', tenant: 'acme', login: '', ip: '', desc: '', age_us: 9_000_000, busy_us: 1_000, state: 'waiting', tid: 0, steps: 3, stack: [{ kind: 'method', name: 'mail', place: 'src/mail.rs:9', age_us: 8_900_000 }] };
  await page.route('**/api/v1/active?*', (/** @type {any} */ route) => route.fulfill({ json: { objects: [
    { object: name, instance: 'a'.repeat(32), total: 40, age_bands: {}, unavailable: null, transactions: [task] },
    { object: `${name}2`, instance: 'b'.repeat(32), total: 1, age_bands: {}, unavailable: null, transactions: [{ ...task, service: 'of another process' }] }] } }));
  const rows = page.getByTestId('tasks').locator('tbody tr');
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText('send <receipt>');
  await expect(rows).toContainText('mail · awaiting something not instrumented');
  await rows.click();
  await expect(page.getByTestId('stack')).toContainText('src/mail.rs:9');
  expect(await axe(page)).toEqual([]);
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
  await page.getByRole('link', { name: 'Values' }).click();
  await expect(page.getByText('Your role may look but not capture')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start' })).toHaveCount(0);
  expect(asked).toEqual([]);
});

test('an agent that is gone, refuses, or cannot take a stack says so and what to do', async ({ page, request, faults }) => {
  faults.expected.push(/404|400/);
  await page.goto('/objects/%2Fhost%2Fnobody/sfa');
  await expect(page.getByTestId('refusal')).toContainText('not connected');
  await expect(page.getByTestId('refusal')).toContainText('see its alerts');
  expect(await axe(page)).toEqual([]);
  for (const tool of ['tasks', 'heap', 'capture']) {
    await page.goto(`/objects/%2Fhost%2Fnobody/${tool}`);
    await expect(page.getByTestId('refusal'), tool).toContainText('not connected');
  }
  const heap = { unavailable: 'no <b>ScoutAlloc</b>', sample_bytes: 524_288, resident_bytes: null, samples_left_out: 2, total: 0, sites: [] };
  await page.route('**/api/v1/heap/**', (/** @type {any} */ route) => route.fulfill({ json: heap }));
  await page.goto('/objects/%2Fhost%2Fa/heap');
  await expect(page.getByText('No samples: no <b>ScoutAlloc</b>')).toBeVisible();
  await expect(page.getByText('2 samples found no place')).toBeVisible();
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

test('alerts of blocked threads and of memory lead to the tool that shows the cause', async ({ page }) => {
  const alert = { kind: 'blocking_poll', level: 'warn', message: 'blocked', unix_us: Date.now() * 1000, place: 'src/a.rs:1', service: '/a', tenant: '', object: '/host/a', gxid: null, txid: null, suppressed: 0 };
  await page.route('**/api/v1/alerts?*', (/** @type {any} */ route) => route.fulfill({ json: { alerts: [alert, { ...alert, kind: 'slow_statement' }, { ...alert, kind: 'memory_growth' }] } }));
  await page.goto('/alerts');
  const link = page.getByRole('link', { name: 'threads of /host/a' });
  await expect(link).toHaveCount(1);
  await expect(link).toHaveAttribute('href', '/objects/%2Fhost%2Fa/threads');
  await expect(page.getByRole('link', { name: 'heap of /host/a' })).toHaveAttribute('href', '/objects/%2Fhost%2Fa/heap');
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
