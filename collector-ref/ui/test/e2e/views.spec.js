// Views kept under a name, links that freeze the time, and the tiles of today.
import { XLOG, axe, expect, numberIn, open, test } from './support.js';

test('a view is saved under a name, comes back with all it showed, and is removed', async ({ page }) => {
  await page.goto('/counters?range=1m&c=process_threads%7C&o=*%2Ffront');
  await page.getByRole('button', { name: 'Views and links' }).click();
  const menu = page.getByRole('group', { name: 'Views' });
  await menu.getByRole('textbox', { name: 'Name of the view' }).fill('Threads of the front');
  await menu.getByRole('textbox', { name: 'Name of the view' }).press('Enter');
  await expect(menu.getByRole('status')).toHaveText('Saved in this browser.');
  expect(await axe(page)).toEqual([]);
  await page.goto('/');
  await page.getByRole('button', { name: 'Views and links' }).click();
  await menu.getByRole('link', { name: 'Threads of the front' }).click();
  await expect(page).toHaveURL(/\/counters\?range=1m&c=process_threads%7C&o=\*%2Ffront$/);
  await expect(menu).toHaveCount(0);
  await page.getByRole('button', { name: 'Views and links' }).click();
  await menu.getByRole('button', { name: 'Remove Threads of the front' }).click();
  await expect(menu.getByRole('link')).toHaveCount(0);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Views and links' })).toBeFocused();
});

test('a copied link shows to others what was seen, also later', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open(page, `${XLOG}&f=err`);
  await page.keyboard.press('Space');
  await expect(page.getByTestId('live-state')).toHaveText('paused');
  await page.getByRole('button', { name: 'Views and links' }).click();
  await page.getByRole('button', { name: 'Copy link to this time' }).click();
  await expect(page.getByRole('group', { name: 'Views' }).getByRole('status')).toContainText('Copied');
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const other = await context.newPage();
  await other.goto(link);
  await expect(other).toHaveURL(/\/xlog\?f=err&from=\d+&to=\d+$/);
  await expect(other.getByTestId('live-state')).toHaveText('history');
  // A live picture is of whole columns, up to half a second more than the minute of the link, so it may
  // have what comes in a second besides. What ended just before the pause was still on its way: the
  // paused page takes it, the other one has to ask again.
  await expect.poll(async () => {
    await other.reload();
    await expect(other.getByTestId('in-view')).not.toHaveText('0');
    const held = await numberIn(page.getByTestId('in-view'));
    return Math.abs(await numberIn(other.getByTestId('in-view')) - held) - held / 60;
  }).toBeLessThanOrEqual(3);
});

test('where the browser lets nobody copy the link is there to be copied by hand', async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await page.goto('/services');
  await page.getByRole('button', { name: 'Views and links' }).click();
  await page.getByRole('button', { name: 'Copy link to this time' }).click();
  await expect(page.getByRole('textbox', { name: 'Link to this time' })).toHaveValue(/^http.*\/services\?from=\d+&to=\d+$/);
});

test('the tiles of today are the totals and counters of the agents', async ({ page, request }) => {
  await open(page, '/');
  const midnight = new Date().setHours(0, 0, 0, 0) * 1000;
  const today = page.getByTestId('tile-today');
  await expect(today.locator('.tile-value')).toHaveText(/[1-9]/);
  const shown = Number((await today.locator('.tile-value').innerText()).replaceAll(',', ''));
  const { groups } = await (await request.get('/api/v1/digests', { params: { kind: 'service', limit: 1000, from_unix_us: midnight, to_unix_us: Date.now() * 1000 } })).json();
  const sum = groups.reduce((all, g) => all + g.count, 0);
  expect(shown).toBeLessThanOrEqual(sum);
  expect(shown).toBeGreaterThan(sum * 0.5);
  const { series } = await (await request.get('/api/v1/counters', { params: { name: 'recent_users|', from_unix_us: Date.now() * 1000 - 300e6, to_unix_us: Date.now() * 1000 } })).json();
  const most = Math.max(...series.flatMap(s => s.points.map(([, v]) => v)));
  const users = page.getByTestId('tile-users');
  await expect(users.locator('.tile-value')).toHaveText(/^\d/);
  expect(await numberIn(users.locator('.tile-value'))).toBeLessThanOrEqual(most);
  await expect(users.locator('.tile-note')).toHaveText(/^[\d,]+ today$/);
});
