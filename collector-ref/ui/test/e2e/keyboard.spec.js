// From / to the text of a statement without a mouse.
import { expect, open, test } from './support.js';

test('the keyboard alone leads from the first page to a SQL text', async ({ page }) => {
  await open(page, '/?range=1m');
  await page.keyboard.press('g');
  await page.keyboard.press('x');
  await expect(page).toHaveURL(/\/xlog/);
  // Until that page is loaded the one before it stays, with a plot of its own that takes keys.
  await expect(page.locator('.page-xlog').getByTestId('in-view')).not.toHaveText('0');
  await page.keyboard.press('b');
  await expect(page.locator('.rubber')).toBeVisible();
  for (let i = 0; i < 14; i++) await page.keyboard.press('ArrowDown');
  for (let i = 0; i < 22; i++) await page.keyboard.press('Shift+ArrowRight');
  for (let i = 0; i < 22; i++) await page.keyboard.press('Shift+ArrowUp');
  await expect(page.locator('.rubber-count')).not.toHaveText(/^0/);
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('xlog-rows').locator('tbody tr.is-selected')).toBeVisible();
  // Some transactions have no statement: walk until one has.
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/\/tx\//);
    await expect(page.locator('#tx-title')).toBeVisible();
    if (await page.locator('.kind.is-sql').count() > 0) break;
    await page.keyboard.press('Escape');
    await expect(page).toHaveURL(/\/xlog/);
    for (let k = 0; k <= i; k++) await page.keyboard.press('j');
  }
  for (let i = 0; i < 40 && !(await page.locator('tr.is-selected .kind.is-sql').count()); i++) await page.keyboard.press('j');
  await expect(page.locator('.step-detail .code')).toContainText(/select|insert|update|delete/i);
});

test('keys change the view and do not fire while one types', async ({ page }) => {
  await open(page, '/xlog');
  await page.keyboard.press('l');
  await expect(page).toHaveURL(/y=lin/);
  await page.keyboard.press('l');
  await expect(page).not.toHaveURL(/y=/);
  await page.keyboard.press('ArrowDown');
  await expect(page).toHaveURL(/y=log/);
  await page.keyboard.press('-');
  await expect(page).toHaveURL(/range=6m/);
  await page.keyboard.press('ArrowLeft');
  await expect(page).toHaveURL(/from=/);
  await page.keyboard.press('/');
  await expect(page.locator('#filter')).toBeFocused();
  const before = page.url();
  await page.keyboard.type('e l b t');
  expect(page.url()).toBe(before);
  await page.keyboard.press('Escape');
  await expect(page.locator('#filter')).toHaveValue('');
});
