// The profile of a transaction, its trace, what runs now.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { WIDE, XLOG, askFront, demo, drag, expect, open, test } from './support.js';

/** The stored transaction with the most steps. */
async function richest(request, f = 'sql>0us') {
  const now = Date.now() * 1000;
  const answer = await request.get('/api/v1/xlogs', { params: { from_unix_us: now - 600_000_000, to_unix_us: now, limit: 1000, ...(f ? { f } : {}) } });
  const { rows } = await answer.json();
  return rows.filter(row => row.profile === 'kept').sort((a, b) => b.steps - a.steps)[0];
}

/** A stored transaction of the last minutes. */
async function stored(request, f, fits) {
  const now = Date.now() * 1000;
  const answer = await request.get('/api/v1/xlogs', { params: { from_unix_us: now - 120_000_000, to_unix_us: now + 5_000_000, limit: 1000, f } });
  return (await answer.json()).rows.find(fits);
}

/** The name of the demo's front. @param {any} request */
async function frontName(request) {
  const { objects } = await (await request.get('/api/v1/objects')).json();
  return objects.find(o => o.alive && o.name.endsWith('/front')).name;
}

/** Makes the demo's front record a profile of a hundred thousand steps. */
async function longProfile(request) {
  if (!demo()) return null;
  const option = await request.post(`/api/v1/options/${encodeURIComponent(await frontName(request))}`, { data: { name: 'profile_step_max_count', value: '200000' } });
  expect(option.ok(), await option.text()).toBe(true);
  expect((await askFront('/parcels?n=50000')).status).toBe(200);
  const isLong = x => x.steps >= 100_000 && x.profile === 'kept';
  await expect.poll(() => stored(request, 'service:/parcels', isLong), { timeout: 30_000 }).toBeTruthy();
  return stored(request, 'service:/parcels', isLong);
}

test('a profile shows its steps, and a step shows all it knows', async ({ page, request }) => {
  const row = await richest(request);
  await open(page, `/tx/${row.gxid}-${row.txid}`);
  await expect(page.locator('#tx-title')).toHaveText(row.service);
  const steps = page.getByTestId('steps').locator('tbody tr:not(.spacer)');
  await expect(steps.first()).toBeVisible();
  await steps.filter({ has: page.locator('.kind.is-sql') }).first().click();
  await expect(page.locator('.step-detail')).toContainText('Execution');
  await expect(page.locator('.step-detail')).toContainText('Pool wait');
  await page.keyboard.press('j');
  await expect(page.locator('tr.is-selected')).toHaveCount(1);
});

test('two gestures lead from the live page to what a slow request waited for and to its line', async ({ page }) => {
  await open(page, '/');
  // One: a box around what took longer than about a second. Two: one of its rows.
  await drag(page, [0.1, 0.04], [0.97, 0.3]);
  await page.getByTestId('xlog-rows').locator('tbody tr', { hasText: 'GET /slow' }).first().dblclick();
  const steps = page.getByTestId('steps').locator('tbody tr:not(.spacer)');
  await expect(steps.filter({ hasText: 'wait_for_supplier' }).first()).toContainText(/shop\/front\.rs:\d+/);
  await expect(steps.filter({ has: page.locator('.kind.is-wait') }).first()).toContainText('supplier');
});

test('one gesture leads from the live page to the chain of an error and its line', async ({ page }) => {
  await open(page, '/');
  await page.getByTestId('newest-errors').locator('tr', { hasText: 'the bank refused' }).getByRole('link').first().click();
  await expect(page.getByTestId('tx-error')).toContainText(/the bank refused to move \d+ cents at .*billing\.rs:\d+/);
  await expect(page.getByTestId('steps').locator('.row-error', { hasText: 'ask_the_bank' })).toContainText(/billing\.rs:\d+\s*error/);
});

test('brackets walk the transactions of the box', async ({ page }) => {
  await open(page, XLOG);
  await drag(page, ...WIDE);
  await page.getByTestId('xlog-rows').locator('tbody tr:not(.spacer)').nth(1).dblclick();
  await expect(page.locator('.walk')).toContainText(/2 of/);
  const second = page.url();
  await page.keyboard.press(']');
  await expect(page.locator('.walk')).toContainText(/3 of/);
  await page.keyboard.press('[');
  await expect(page).toHaveURL(second);
  await page.keyboard.press('[');
  await expect(page.locator('.walk')).toContainText(/1 of/);
  await page.keyboard.press('Escape');
  await expect(page).toHaveURL(/\/xlog\?.*box=/);
});

test('the text of a profile is plain text', async ({ page, request }) => {
  const row = await richest(request);
  await open(page, `/tx/${row.gxid}-${row.txid}`);
  const href = await page.getByRole('link', { name: 'Text' }).getAttribute('href');
  const answer = await request.get(href);
  expect(answer.headers()['content-type']).toContain('text/plain');
  expect(await answer.text()).toContain(row.service);
});

test('a trace has all its transactions on one axis', async ({ page, request }) => {
  const isCalled = x => x.caller;
  await expect.poll(() => stored(request, '', isCalled), { timeout: 30_000 }).toBeTruthy();
  const called = await stored(request, '', isCalled);
  await open(page, `/trace/${called.gxid}`);
  const rows = page.getByTestId('trace-rows').locator('tbody tr:not(.spacer)');
  await expect.poll(() => rows.count()).toBeGreaterThan(1);
  await expect(rows.nth(1).locator('.length')).toBeVisible();
  await rows.nth(1).locator('a').click();
  await expect(page).toHaveURL(/\/tx\//);
});

const HOLD = `import sqlite3, sys
shop = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
shop.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()`;

/** Holds the write lock of the shop's database until `end()`, or until this process ends. */
async function lockShop() {
  const holder = spawn(process.env.SCOUTER_PYTHON || 'python3', ['-c', HOLD, `${process.env.SCOUTER_DEMO_DATA}/shop.db`], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [said] = await once(holder.stdout, 'data');
  expect(String(said)).toContain('held');
  return { end: () => holder.stdin.end() };
}

/** Keeps so many requests to a path of the front under way until it is told to end. @param {Record<string, number>} paths */
function keepBusy(paths) {
  let isOver = false;
  const customer = async (/** @type {string} */ path) => {
    while (!isOver) await askFront(path);
  };
  const customers = Object.entries(paths).flatMap(([path, n]) => Array.from({ length: n }, () => customer(path)));
  return async () => {
    isOver = true;
    await Promise.all(customers);
  };
}

test('what runs now is listed with what it waits for, and a row has its open steps', async ({ page }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  const end = keepBusy({ '/slow': 6, '/inventory': 6 });
  try {
    await open(page, '/active');
    await expect(page.getByTestId('equaliser').getByRole('rowheader', { name: /front/ })).toBeVisible();
    const rows = page.getByTestId('active-rows').locator('tbody tr:not(.spacer)');
    const locked = rows.filter({ hasText: 'GET /inventory' }).filter({ hasText: 'count_inventory' });
    await expect(locked.first()).toContainText('awaiting something not instrumented');
    const waiting = rows.filter({ hasText: 'GET /slow' }).filter({ hasText: 'supplier' });
    // A row ends after a few seconds and its stack with it: take another one then.
    await expect(async () => {
      await waiting.last().click({ timeout: 2_000 });
      const stack = page.getByTestId('stack').locator('li');
      await expect(stack).toHaveText([/fn\s*wait_for_supplier/, /wait\s*supplier/], { timeout: 2_000 });
    }).toPass({ timeout: 40_000 });
    await expect(page.getByText('Nothing is running')).toHaveCount(0);
  } finally {
    await end();
  }
});

test('a call to a neighbour that hangs is seen while it hangs', async ({ page, request }) => {
  const processes = demo();
  test.skip(!processes, 'SCOUTER_DEMO_STATUS is not set');
  process.kill(processes.orders.pid, 'SIGSTOP');
  try {
    await open(page, '/active?object=' + encodeURIComponent(await frontName(request)));
    const rows = page.getByTestId('active-rows').locator('tbody tr:not(.spacer)').filter({ hasText: 'GET /orders/{id}' });
    await expect(rows.first().locator('.kind.is-api')).toBeVisible({ timeout: 30_000 });
    await rows.first().click();
    await expect(page.getByTestId('stack').locator('li').last()).toContainText(/GET/);
  } finally {
    process.kill(processes.orders.pid, 'SIGCONT');
  }
});

test('a statement that waits for a lock of the database is seen while it waits', async ({ page }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  const lock = await lockShop();
  try {
    await open(page, '/active');
    const rows = page.getByTestId('active-rows').locator('tbody tr:not(.spacer)').filter({ hasText: 'POST /orders' });
    // The shop gives up after two seconds, so rows come and go.
    await expect(async () => {
      await rows.filter({ hasText: 'INSERT INTO orders' }).last().click({ timeout: 2_000 });
      await expect(page.getByTestId('stack').locator('li').last()).toHaveText(/sql\s*INSERT INTO orders/i, { timeout: 2_000 });
    }).toPass({ timeout: 40_000 });
  } finally {
    lock.end();
  }
});

test('a profile of a hundred thousand steps scrolls', async ({ page, request }) => {
  const row = await longProfile(request);
  test.skip(!row, 'SCOUTER_DEMO_STATUS is not set');
  await open(page, `/tx/${row.gxid}-${row.txid}`);
  const table = page.locator('.vtable');
  await expect(page.getByTestId('steps')).toHaveAttribute('aria-rowcount', String(row.steps + 1));
  const work = await page.evaluate(async () => {
    const scroller = document.querySelector('.vtable');
    const frame = () => new Promise(done => { requestAnimationFrame(() => setTimeout(done)); });
    const twoFrames = async () => {
      const began = performance.now();
      await frame();
      await frame();
      return performance.now() - began;
    };
    const sorted = (/** @type {number[]} */ times) => times.sort((a, b) => a - b);
    const idle = [];
    for (let i = 0; i < 20; i++) idle.push(await twoFrames());
    const costs = [];
    let most = 0;
    for (let i = 1; i <= 40; i++) {
      scroller.scrollTop = (scroller.scrollHeight * i) / 40;
      costs.push(await twoFrames());
      most = Math.max(most, document.querySelectorAll('*').length);
    }
    return { most, least: sorted(costs)[0], median: costs[20], idle: sorted(idle)[10] };
  });
  console.log(`bench ui: scrolling ${row.steps} steps: min ${work.least.toFixed(1)} ms, median ${work.median.toFixed(1)} ms for two frames, at most ${work.most} nodes; two frames with nothing to do: median ${work.idle.toFixed(1)} ms (yardstick)`);
  expect(work.most).toBeLessThan(3_000);
  await expect(table.locator('tbody tr:not(.spacer)').last()).toContainText(String(row.steps - 1));
});

const HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script>';

test('hostile texts are shown as text', async ({ page, request }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  const answer = await askFront('/fail', { headers: { 'user-agent': HOSTILE, 'x-tenant-id': HOSTILE } });
  expect(answer.status).toBe(500);
  await expect.poll(() => stored(request, 'service:/fail', x => x.user_agent === HOSTILE)).toBeTruthy();
  const row = await stored(request, 'service:/fail', x => x.user_agent === HOSTILE);
  await open(page, `/tx/${row.gxid}-${row.txid}`);
  await expect(page.locator('main')).toContainText(HOSTILE);
  expect(await page.locator('main img, main script').count()).toBe(0);
  await open(page, '/?range=1m');
  await expect(page.getByTestId('newest-errors')).toBeVisible();
  await page.locator('#filter').fill(`tenant:"${HOSTILE}"`);
  await page.keyboard.press('Enter');
  await expect(page.locator('#filter-problem')).toBeEmpty();
  expect(await page.locator('main img, main script').count()).toBe(0);
});
