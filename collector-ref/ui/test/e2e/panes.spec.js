// The profile as flame, as critical path, as calls, as a file; where it stands among its service.
import { readFileSync } from 'node:fs';
import { inTime } from '../../src/data/flame.js';
import { StepTree } from '../../src/data/profile.js';
import { axe, expect, open, test } from './support.js';

/** A stored transaction that was called and that called: the one that its call takes most of. @param {any} request */
async function middle(request) {
  const now = Date.now() * 1000;
  const ask = async f => (await (await request.get('/api/v1/xlogs', { params: { from_unix_us: now - 600_000_000, to_unix_us: now - 5_000_000, limit: 1000, f } })).json()).rows;
  const rows = await ask('service:/orders object:*/orders api>0us -err');
  const ofCall = row => row.api_us / row.elapsed_us;
  return rows.filter(row => row.profile === 'kept' && row.caller).sort((a, b) => ofCall(b) - ofCall(a))[0];
}

/** The middle of its longest call in the flame that is shown. @param {any} flame @param {any} transaction */
async function callIn(flame, { profile, xlog }) {
  const { n, start, length, row, rows, step, totalUs } = inTime(new StepTree(profile.steps), xlog.elapsed_us);
  const calls = Array.from({ length: n }, (_, i) => i).filter(i => profile.steps[step[i]].kind === 'api');
  const [bar] = calls.sort((a, b) => length[b] - length[a]);
  const { width, height } = await flame.locator('> div').first().boundingBox();
  return { index: profile.steps[step[bar]].index, x: ((start[bar] + length[bar] / 2) / totalUs) * width, y: ((row[bar] + 0.5) / rows) * height };
}

/** Opens it in a pane. @param {any} page @param {any} row @param {string} name */
async function pane(page, row, name) {
  await open(page, `/tx/${row.gxid}-${row.txid}`);
  await page.getByRole('group', { name: 'Profile as' }).getByRole('button', { name }).click();
}

test('the flame draws its bars, a click on one tells of its step, and keys zoom', async ({ page, request }) => {
  const row = await middle(request);
  await pane(page, row, 'Flame');
  const flame = page.getByTestId('flame');
  expect(Number(await flame.getAttribute('data-bars'))).toBeGreaterThan(3);
  const lit = () => flame.locator('canvas').evaluate(canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let n = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i] > 0) n += 1;
    return n;
  });
  const before = await lit();
  expect(before).toBeGreaterThan(1_000);
  // Where the bars are is a matter of the disk and of who else is there: it is computed from the steps.
  const transaction = await (await request.get(`/api/v1/tx/${row.gxid}-${row.txid}`)).json();
  // What the head of the page still asks for would move the flame away from under the pointer.
  await page.waitForLoadState('networkidle');
  const { index, x, y } = await callIn(flame, transaction);
  await flame.click({ position: { x, y } });
  await expect(page.locator('#step-title')).toHaveText(`Step ${index}`);
  await expect(page.locator('.step-detail')).toContainText('First byte');
  await flame.focus();
  await page.keyboard.press('w');
  await expect(page.getByRole('button', { name: 'show all' })).toBeVisible();
  await page.keyboard.press('d');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'show all' })).toHaveCount(0);
  await page.keyboard.press('f');
  await expect(page.getByRole('button', { name: 'Left heavy' })).toHaveAttribute('aria-pressed', 'true');
  expect(await axe(page)).toEqual([]);
});

test('the critical path adds up to the elapsed time and leads to its steps', async ({ page, request }) => {
  const row = await middle(request);
  await pane(page, row, 'Critical path');
  const table = page.getByTestId('critical');
  // Which step is the longest depends on the disk and on who else is there.
  await expect(table.locator('tbody tr').filter({ hasText: /POST|GET/ }).first()).toBeVisible();
  await table.getByRole('button').first().click();
  await expect(page.locator('.step-detail')).toBeVisible();
  const answer = await request.get(`/api/v1/tx/${row.gxid}-${row.txid}`);
  const { profile, xlog } = await answer.json();
  const sum = await page.evaluate(async ([steps, elapsed]) => {
    const { criticalPath } = await import('/assets/src/data/critical.js');
    return criticalPath(steps, elapsed).reduce((all, part) => all + part.toUs - part.fromUs, 0);
  }, [profile.steps, xlog.elapsed_us]);
  expect(sum).toBe(xlog.elapsed_us);
  expect(await axe(page)).toEqual([]);
});

test('callers and callees are a press away', async ({ page, request }) => {
  const row = await middle(request);
  await pane(page, row, 'Callers and callees');
  const calls = page.getByTestId('calls');
  await expect(calls.getByRole('link', { name: 'POST /checkout' })).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await calls.getByRole('link', { name: 'POST /charges' }).click();
  await expect(page.locator('#tx-title')).toHaveText('POST /charges');
});

test('the place among its service is counted, and the file of speedscope nests', async ({ page, request }) => {
  const row = await middle(request);
  await open(page, `/tx/${row.gxid}-${row.txid}`);
  await expect(page.getByTestId('standing')).toHaveText(/slower than \d+(\.\d)? % of its service/);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'speedscope' }).click()]);
  const file = JSON.parse(readFileSync(await download.path(), 'utf8'));
  expect(file.$schema).toContain('speedscope');
  let depth = 0;
  for (const { type } of file.profiles[0].events) {
    depth += type === 'O' ? 1 : -1;
    expect(depth).toBeGreaterThanOrEqual(0);
  }
  expect(depth).toBe(0);
});
