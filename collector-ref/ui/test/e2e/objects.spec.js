// The books of each object, also when they are not complete or do not add up.
import { expect, open, test } from './support.js';

const OBJECT = {
  id: 1, name: '/host/orders', object_type: 'rust', alive: true, started_unix_us: 1_795_343_580_000_000, last_seen_unix_us: 1_795_343_597_000_000,
  agent_version: '0.1.0', pid: 4711, address: '127.0.0.1:40000', clock_offset_us: 12, tags: {},
  recorded: 1_500, stored: 1_000, pending: 100, dropped_xlogs: 400, dropped: { summary_ring: 300, window_xlogs: 100, sampled: 7 },
};

/** The cells of the first object as the page shows it, by the head of their column. @param {any} page @param {object} object */
async function shown(page, object) {
  await page.route('**/api/v1/objects', (/** @type {any} */ route) => route.fulfill({ json: { objects: [{ ...OBJECT, ...object }] } }));
  await open(page, '/objects');
  const table = page.getByTestId('objects');
  await expect(table.locator('tbody tr')).toHaveCount(1);
  const [heads, cells] = [await table.locator('thead th').allInnerTexts(), await table.locator('tbody tr > *').allInnerTexts()];
  return Object.fromEntries(heads.map((head, i) => [head, cells[i].trim()]));
}

test('the columns add up, and a loss has its reason', async ({ page }) => {
  expect(await shown(page, {})).toMatchObject({ Recorded: '1,500', Stored: '1,000', Dropped: '400 (300 summary ring, 100 window xlogs)', Pending: '100', 'Profiles not kept': '7 sampled out' });
});

test('before the first batch to this run of the collector nothing is claimed', async ({ page }) => {
  expect(await shown(page, { recorded: null, pending: null, dropped_xlogs: null, dropped: {} })).toMatchObject({ Recorded: '–', Stored: '1,000', Dropped: '–', Pending: '–', 'Profiles not kept': '–' });
});

test('a row stored twice is a problem, not a number', async ({ page }) => {
  expect(await shown(page, { stored: 1_102, pending: -2, dropped_xlogs: 400 })).toMatchObject({ Pending: '2 rows stored twice' });
});
