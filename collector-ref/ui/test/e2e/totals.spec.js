// Generator, agents, collector and page have the same number. Files run by name, one after the
// other, and this one ends the load: it must stay the last.
import { demo, drag, expect, ledgerLines, numberIn, open, test } from './support.js';

test('after all that was done here the page shows as many transactions as were sent', async ({ page, request }) => {
  test.skip(!demo(), 'SCOUTER_DEMO_STATUS is not set');
  test.setTimeout(150_000);
  process.kill(Number(process.env.SCOUTER_DEMO_PID), 'SIGUSR1');
  await expect.poll(() => demo().load?.sent, { timeout: 40_000, message: 'the load has ended' }).toBeGreaterThan(0);
  const sent = ledgerLines();
  expect(sent.load, 'lines of the ledger').toBe(demo().load.sent);
  const most = sent.load + sent.tests;

  const front = async () => (await (await request.get('/api/v1/objects')).json()).objects.find(o => o.alive && o.name.endsWith('/front'));
  // Who left early may still be served, and is recorded when that ends.
  const running = async (/** @type {string} */ object) => (await (await request.get('/api/v1/active', { params: { object } })).json()).objects.reduce((/** @type {number} */ sum, /** @type {any} */ o) => sum + o.total, 0);
  let before = -1;
  await expect.poll(async () => {
    const isServing = await running('*/front') > 0;
    const { recorded, stored, dropped_xlogs: dropped, pending } = await front();
    const isSteady = recorded === before;
    before = recorded;
    const isWhole = recorded <= most && recorded >= most - sent.leftEarly;
    return { recorded: isWhole ? 'all' : recorded, isSteady, isServing, dropped, pending, unaccounted: recorded - stored - dropped };
  }, { timeout: 60_000, intervals: [2_000], message: `front is at rest, of ${most} requests` }).toEqual({ recorded: 'all', isSteady: true, isServing: false, dropped: 0, pending: 0, unaccounted: 0 });
  const all = (await front()).recorded;

  const fromMs = Math.floor((await front()).started_unix_us / 1000) - 1_000;
  const view = `/xlog?from=${fromMs}&to=${Date.now() + 1_000}&f=object%3A*front*`;
  await open(page, view);
  await expect(page.getByTestId('live-state')).toHaveText('history');
  await expect.poll(() => numberIn(page.getByTestId('in-view')), { message: 'the picture' }).toBe(all);
  await page.getByRole('button', { name: 'Table' }).click();
  await expect.poll(async () => (await page.getByTestId('twin-total').allTextContents())
    .reduce((sum, text) => sum + Number(text.replaceAll(',', '')), 0), { message: 'the table' }).toBe(all);
  await page.getByRole('button', { name: 'Table' }).click();
  await drag(page, [0, 0], [1, 1]);
  await expect(page.getByTestId('server-count'), 'the list').toHaveText(String(all));
  expect(await numberIn(page.getByTestId('box-count')), 'the box').toBe(all);
  console.log(`${sent.load} requests of the load generator and ${sent.tests} of the tests, ${most - all} of them left unread: all there, everywhere`);
});
