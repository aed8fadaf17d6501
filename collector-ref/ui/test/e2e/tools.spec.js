// Counters, alerts and leaks, the collector itself, options, comparisons, and the way to all pages.
import { XLOG, axe, demo, drag, expect, numberIn, open, test } from './support.js';

test('counters are searched, added, removed, and come back from the address', async ({ page }) => {
  await page.goto('/counters');
  const charts = page.getByTestId('chart');
  await expect.poll(() => charts.count()).toBeGreaterThan(3);
  const before = await charts.count();
  await expect(charts.first().locator('svg > path').first()).toHaveAttribute('d', /^M.*L/);
  await page.getByRole('textbox', { name: 'Search a counter' }).fill('threads');
  await page.getByTestId('offered').getByRole('button', { name: 'process threads' }).click();
  await expect(charts).toHaveCount(before + 1);
  await expect(page).toHaveURL(/c=process_threads/);
  const threads = page.getByRole('region', { name: /process threads/ }).first();
  await expect(threads.getByRole('row').filter({ hasText: '/front' })).toContainText(/\d/);
  await page.reload();
  await expect(charts).toHaveCount(before + 1);
  await page.getByRole('button', { name: 'Remove request rate' }).click();
  await expect(charts).toHaveCount(before);
  await page.getByRole('textbox', { name: 'Objects, * is any text' }).fill('*/front');
  await page.getByRole('textbox', { name: 'Objects, * is any text' }).press('Enter');
  await expect(page).toHaveURL(/o=\*%2Ffront/);
  await expect.poll(() => threads.locator('tbody tr').count()).toBe(1);
});

test('the cursor is shared by all charts, and the day before lies below', async ({ page }) => {
  const day = 86_400_000_000;
  await page.route('**/api/v1/counters?*name=*', (/** @type {any} */ route) => {
    const from = Number(new URL(route.request().url()).searchParams.get('from_unix_us'));
    const isBefore = from < Date.now() * 1000 - day / 2;
    return route.fulfill({ json: { series: [{ object: '/host/a', name: 'x', unit: '', points: Array.from({ length: 100 }, (_, i) => [from + i * 3_000_000, isBefore ? 7 : 20 + i]) }] } });
  });
  await page.goto('/counters?c=process_threads%7C&c=process_cpu%7C%25&before=1');
  const charts = page.getByTestId('chart');
  await expect(charts).toHaveCount(2);
  await expect(charts.first().locator('.day-before path')).toHaveAttribute('d', /^M.*L/);
  await expect(charts.first().getByRole('row').filter({ hasText: '/host/a' })).toContainText('7');
  await charts.first().locator('.chart-plot').hover();
  await expect(page.locator('.cursor-line')).toHaveCount(2);
  await expect(charts.nth(1)).toContainText('There');
});

const ALERT = { level: 'warn', place: 'src/a.rs:1', service: '/a', tenant: '', object: '/host/a', gxid: null, txid: null, suppressed: 0 };

test('alerts are one entry for each cause, the worst first, with what to look at and where', async ({ page }) => {
  const unix_us = Date.now() * 1000 - 5_000_000;
  const [gxid, txid] = ['1'.repeat(32), '2'.repeat(16)];
  const alerts = [
    { ...ALERT, unix_us, kind: 'slow_statement', message: 'slow <b>x</b>', suppressed: 3, tenant: 'acme' }, { ...ALERT, unix_us: unix_us - 1, kind: 'slow_statement', message: 'slow', object: '/host/b', tenant: 'globex' },
    { ...ALERT, unix_us: unix_us - 2, kind: 'connection_leak', level: 'error', message: 'taken, not given back', gxid, txid },
    { ...ALERT, unix_us, kind: 'blocking_poll', level: 'fatal', place: '', message: 'one poll took 4 s', stack: [{ functions: [{ name: 'nanosleep', place: './nptl/sleep.c:7' }, { name: 'shop::nap<i>', place: 'src/nap.rs:9' }] }] }, { ...ALERT, unix_us, kind: 'lock_convoy', level: 'info', message: 'of a newer agent' },
  ];
  await page.route('**/api/v1/alerts?*', (/** @type {any} */ route) => route.fulfill({ json: { alerts } }));
  await page.goto('/alerts');
  const causes = page.getByTestId('alert-list').getByRole('listitem');
  await expect(causes.getByRole('heading')).toHaveText(['Thread blocked by one poll', 'Connection not given back', 'Slow statement', 'Lock convoy']);
  await expect(page.getByText('4 causes, noticed 8 times')).toBeVisible();
  const slow = causes.filter({ hasText: 'Slow statement' });
  await expect(slow.locator('.times')).toHaveText('×5');
  for (const text of ['slow <b>x</b>', 'src/a.rs:1', '/host/a, /host/b', 'acme, globex', 'EXPLAIN', 'warn']) await expect(slow).toContainText(text);
  await expect(slow.getByRole('link', { name: '/a', exact: true })).toHaveAttribute('href', '/services/%2Fa');
  await expect(causes.first()).toContainText(/Run by\s*shop::nap<i> src\/nap\.rs:9/);
  await expect(slow).not.toContainText('Run by');
  const leak = causes.filter({ hasText: 'not given back' });
  await expect(leak.locator(`a[href="/tx/${gxid}-${txid}"]`)).toBeVisible();
  await expect(leak.getByRole('link', { name: 'Trace' })).toHaveAttribute('href', `/trace/${gxid}`);
  expect(await axe(page)).toEqual([]);
  await page.getByRole('navigation', { name: 'Kinds of alerts' }).getByRole('link', { name: /Slow statement/ }).click();
  await expect(page).toHaveURL(/kind=slow_statement/);
  await expect(causes).toHaveCount(1);
  await page.goto('/leaks');
  await expect(causes.getByRole('heading')).toHaveText(['Connection not given back']);
});

test('a transaction says what was noticed about it, and leads there', async ({ page, request }) => {
  const now = Date.now() * 1000;
  const { rows } = await (await request.get('/api/v1/xlogs', { params: { from_unix_us: now - 300_000_000, to_unix_us: now, limit: 2 } })).json();
  const [x, other] = rows;
  const alert = { ...ALERT, kind: 'repeated_statement', unix_us: x.end_unix_us, message: 'ran <i>20</i> times' };
  const alerts = [{ ...alert, gxid: x.gxid, txid: x.txid, suppressed: 2 }, { ...alert, kind: 'panic', gxid: other.gxid, txid: other.txid }];
  let asked = '';
  await page.route('**/api/v1/alerts?*', (/** @type {any} */ route) => {
    asked = route.request().url();
    return route.fulfill({ json: { alerts } });
  });
  await page.goto(`/tx/${x.gxid}-${x.txid}`);
  const list = page.getByTestId('tx-alerts').getByRole('listitem');
  await expect(list).toHaveText(/One statement again and again ×3 ran <i>20<\/i> times src\/a.rs:1/);
  const { searchParams } = new URL(asked);
  expect(Number(searchParams.get('from_unix_us'))).toBeLessThan(x.end_unix_us - x.elapsed_us);
  expect(Number(searchParams.get('to_unix_us'))).toBeGreaterThan(x.end_unix_us);
  expect(await axe(page)).toEqual([]);
  await list.getByRole('link').click();
  await expect(page).toHaveURL(/\/alerts\?from=.*kind=repeated_statement/);
  await expect(page.getByTestId('alert-list').getByRole('listitem')).toHaveCount(1);
});

test('the collector has its books, and its counters can be searched', async ({ page }) => {
  await page.goto('/self');
  await expect(page.getByTestId('books')).toContainText('Recorded');
  await expect.poll(async () => {
    const [recorded, stored, dropped, pending] = (await page.getByTestId('books').locator('b').allTextContents()).map(text => Number(text.replaceAll(',', '')));
    return recorded - stored - dropped - pending;
  }).toBe(0);
  await expect(page.getByTestId('metrics')).toContainText('frames total');
  await page.getByRole('textbox', { name: 'Search the counters' }).fill('wal');
  await expect(page.getByTestId('metrics')).not.toContainText('frames total');
  await expect(page.getByTestId('metrics')).toContainText('wal bytes');
});

/** Opens the options of the demo's front. @param {any} page @param {any} request */
async function options(page, request) {
  const { objects } = await (await request.get('/api/v1/objects')).json();
  await page.goto('/objects');
  await page.getByRole('link', { name: objects.find(o => o.alive && o.name.endsWith('/front')).name }).click();
  await expect(page).toHaveURL(/\/config\//);
  return page.getByTestId('options').locator('tr').filter({ has: page.getByRole('rowheader', { name: 'sql_slow_time_ms', exact: true }) });
}

test('an option of a running agent is changed, set back, and a wrong value refused', async ({ page, request, faults }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  faults.expected.push(/400/);
  const option = await options(page, request);
  const input = option.getByRole('textbox');
  await input.fill('never');
  await input.press('Enter');
  await expect(option.getByRole('status')).toHaveClass('err');
  await expect(option.getByRole('status')).not.toBeEmpty();
  await input.fill('750');
  await option.getByRole('button', { name: 'Set', exact: true }).click();
  await expect(option.getByRole('status')).toHaveText('changed');
  await page.reload();
  await expect(input).toHaveValue('750');
  await option.getByRole('button', { name: 'Set to default' }).click();
  await expect(input).toHaveValue('500');
});

test('where two processes share a name the page lets one choose, and a change goes to that one', async ({ page, faults }) => {
  faults.expected.push(/409/);
  const [name, one, other] = ['/host/orders', 'a'.repeat(32), 'b'.repeat(32)];
  const object = { id: 1, name, same_name: 1, alive: true, pid: 7, address: '10.0.0.1:1', agent_version: '1', started_unix_us: Date.now() * 1000, last_seen_unix_us: Date.now() * 1000, recorded: 1, stored: 1, pending: 0, dropped_xlogs: 0, dropped: {}, clock_offset_us: 0 };
  await page.route('**/api/v1/objects', (/** @type {any} */ route) => route.fulfill({ json: { objects: [{ ...object, instance: one }, { ...object, instance: other, pid: 8 }] } }));
  const option = { name: 'sql_slow_time_ms', value: '500', default: '500', unit: 'ms', help: 'x', live: true };
  const asked = /** @type {string[]} */ ([]);
  await page.route('**/api/v1/options/**', (/** @type {any} */ route) => {
    const { searchParams } = new URL(route.request().url());
    const instance = searchParams.get('instance');
    asked.push(`${route.request().method()} ${instance}`);
    if (!instance) return route.fulfill({ status: 409, json: { error: { code: 'ambiguous', message: '2 processes' } } });
    return route.fulfill({ json: { options: [route.request().method() === 'POST' ? { ...option, value: '750' } : option] } });
  });
  await page.goto(`/config/${encodeURIComponent(name)}`);
  await expect(page.getByTestId('instances').locator('tbody tr')).toHaveCount(2);
  expect(await axe(page)).toEqual([]);
  await page.getByRole('link', { name: 'process 8' }).click();
  await page.getByTestId('options').getByRole('textbox').fill('750');
  await page.getByRole('button', { name: 'Set', exact: true }).click();
  await expect(page.getByTestId('options').getByRole('status')).toHaveText('changed');
  expect(asked).toEqual(['GET null', `GET ${other}`, `POST ${other}`]);
  await page.goto('/objects');
  await expect(page.getByText('1 other of this name')).toHaveCount(2);
  await expect(page.getByTestId('objects').getByRole('link', { name }).nth(1)).toHaveAttribute('href', `/config/%2Fhost%2Forders?instance=${other}`);
});

test('who may only look cannot change an option', async ({ page, request }) => {
  await page.route('**/api/v1/session', (/** @type {any} */ route) => route.fulfill({ json: { role: 'viewer', auth_required: true } }));
  const option = await options(page, request);
  await expect(option.getByRole('textbox')).toBeDisabled();
  await expect(page.getByText('Your role may look but not change')).toBeVisible();
});

test('two boxes are compared by two presses of c', async ({ page }) => {
  await open(page, XLOG);
  await drag(page, [0.1, 0.04], [0.8, 0.3]);
  await expect(page.getByTestId('server-count')).not.toHaveText('');
  const a = await numberIn(page.getByTestId('server-count'));
  await page.keyboard.press('c');
  await expect(page.getByRole('button', { name: 'Kept to compare' })).toBeVisible();
  await drag(page, [0.1, 0.5], [0.8, 0.98]);
  await expect(page.getByRole('button', { name: 'Compare with the kept one' })).toBeVisible();
  await page.keyboard.press('c');
  await expect(page).toHaveURL(/\/compare\?a=\d+,\d+,\d+,\d+&b=\d+,\d+,\d+,\d+/);
  await expect(page.getByTestId('why').locator('caption')).toContainText(`${a.toLocaleString('en-US')} in A against`);
  await page.reload();
  await expect(page.getByTestId('why').locator('tbody tr').first()).toBeVisible();
  await page.getByRole('link', { name: /^A:/ }).click();
  await expect.poll(() => page.getByTestId('server-count').textContent()).toBe(String(a));
});

test('two transactions are compared step by step', async ({ page, request }) => {
  const now = Date.now() * 1000;
  const answer = await request.get('/api/v1/xlogs', { params: { from_unix_us: now - 300_000_000, to_unix_us: now, f: 'service:/report/* object:*/orders', limit: 2 } });
  const [a, b] = (await answer.json()).rows.map(row => `${row.gxid}-${row.txid}`);
  await page.goto(`/tx/${a}`);
  await page.getByRole('button', { name: 'Compare' }).click();
  await page.evaluate(path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }, `/tx/${b}`);
  await page.getByRole('button', { name: 'Compare with the kept one' }).click();
  await expect(page.getByTestId('aligned').locator('tbody tr').filter({ hasText: 'SELECT' }).first()).toContainText('×');
  await expect(page.getByTestId('figures')).toContainText('Pool wait');
});

test('every page of the menu is reached, by mouse and by its keys', async ({ page }) => {
  await open(page, '/?range=1m');
  await page.locator('.more > summary').focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Escape');
  await expect(page.locator('.more')).not.toHaveAttribute('open');
  await page.locator('.more > summary').click();
  await page.getByRole('link', { name: 'API calls' }).click();
  await expect(page).toHaveURL(/\/calls\?range=1m/);
  await expect(page.locator('.more')).not.toHaveAttribute('open');
  for (const [key, path] of [['s', 'services'], ['e', 'errors'], ['q', 'sql'], ['p', 'calls'], ['u', 'users'], ['c', 'counters'], ['w', 'alerts'], ['k', 'leaks'], ['m', 'self'], ['o', 'objects'], ['a', 'active'], ['x', 'xlog']]) {
    await page.keyboard.press('g');
    await page.keyboard.press(key);
    await expect(page, key).toHaveURL(new RegExp(`/${path}(\\?|$)`));
    await expect(page.locator(`.page-${path}`)).toBeVisible();
  }
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keys' });
  await expect(help).toContainText('Users and tenants');
  await page.keyboard.press('Escape');
  await expect(help).toHaveCount(0);
});

test('who is signed in is told, and may leave', async ({ page }) => {
  const asked = /** @type {string[]} */ ([]);
  await page.route('**/api/v1/session', (/** @type {any} */ route) => {
    asked.push(route.request().method());
    return route.request().method() === 'DELETE' ? route.fulfill({ status: 204 }) : route.fulfill({ json: { role: 'operator', account: 'ann<b>', auth_required: true } });
  });
  await page.goto('/self');
  await expect(page.getByText('signed in as ann<b>, operator')).toBeVisible();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect.poll(() => asked).toContain('DELETE');
});

test('the help has its style also on the first page', async ({ page }) => {
  await open(page, '/');
  await page.keyboard.press('?');
  await expect(page.locator('.help-columns')).toHaveCSS('display', 'grid');
});

test('a part that could not be loaded is asked for again', async ({ page, faults }) => {
  faults.expected.push(/Failed to load resource|ERR_FAILED/);
  let asked = 0;
  await page.route('**/pack/parts.js', (/** @type {any} */ route) => (asked++ === 0 ? route.abort() : route.continue()));
  await open(page, '/');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible();
  expect(asked).toBe(2);
});
