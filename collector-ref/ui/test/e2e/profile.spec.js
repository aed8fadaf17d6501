// The profile of a transaction, its trace, what runs now.
import { WIDE, XLOG, demo, drag, expect, open, test } from './support.js';

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

/** Makes the demo's front record a profile of a hundred thousand steps. */
async function longProfile(request) {
  const processes = demo();
  if (!processes) return null;
  const front = (await (await request.get('/api/v1/objects')).json()).objects.find(o => o.alive && o.name.endsWith('/front'));
  const option = await request.post(`/api/v1/options/${encodeURIComponent(front.name)}`, { data: { name: 'profile_step_max_count', value: '200000' } });
  expect(option.ok(), await option.text()).toBe(true);
  expect((await fetch(`http://${processes.front.addresses[0]}/parcels?n=50000`)).status).toBe(200);
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
  const now = Date.now() * 1000;
  const answer = await request.get('/api/v1/xlogs', { params: { from_unix_us: now - 600_000_000, to_unix_us: now - 5_000_000, limit: 1000 } });
  const called = (await answer.json()).rows.find(row => row.caller);
  test.skip(!called, 'no transaction of the load has a caller');
  await open(page, `/trace/${called.gxid}`);
  const rows = page.getByTestId('trace-rows').locator('tbody tr:not(.spacer)');
  await expect.poll(() => rows.count()).toBeGreaterThan(1);
  await expect(rows.nth(1).locator('.length')).toBeVisible();
  await rows.nth(1).locator('a').click();
  await expect(page).toHaveURL(/\/tx\//);
});

test('what runs now is listed oldest first with its open steps', async ({ page }) => {
  await open(page, '/active');
  await expect(page.getByTestId('equaliser').or(page.getByText('No object is connected'))).toBeVisible();
  const rows = page.getByTestId('active-rows').locator('tbody tr:not(.spacer)');
  await expect.poll(() => rows.count(), { timeout: 30_000 }).toBeGreaterThan(0);
  await rows.first().click();
  await expect(page.getByTestId('stack').or(page.getByText('Nothing is running'))).toBeVisible();
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
    const costs = [];
    let most = 0;
    for (let i = 1; i <= 40; i++) {
      scroller.scrollTop = (scroller.scrollHeight * i) / 40;
      const began = performance.now();
      await frame();
      await frame();
      costs.push(performance.now() - began);
      most = Math.max(most, document.querySelectorAll('*').length);
    }
    return { most, median: costs.sort((a, b) => a - b)[20] };
  });
  console.log(`scrolling ${row.steps} steps: median ${work.median.toFixed(1)} ms for two frames, at most ${work.most} nodes`);
  expect(work.most).toBeLessThan(3_000);
  await expect(table.locator('tbody tr:not(.spacer)').last()).toContainText(String(row.steps - 1));
});

const HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script>';

test('hostile texts are shown as text', async ({ page, request }) => {
  const processes = demo();
  test.skip(!processes, 'SCOUTER_DEMO_STATUS is not set');
  const answer = await fetch(`http://${processes.front.addresses[0]}/fail`, { headers: { 'user-agent': HOSTILE, 'x-tenant-id': HOSTILE } });
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
