// Every page with a folder full of stored transactions, as `scouter-collector generate` makes it: none
// fails, and none lets one wait. A table of the times is printed.
//
//   SCOUTER_STORED_URL     a collector on a generated folder that nothing writes to
//   SCOUTER_STORED_HOURS   how much of it the pages show: the last hour if nothing is said
import { expect, test } from './support.js';

const stored = process.env.SCOUTER_STORED_URL ?? '';
if (!stored && process.env.CI === 'true') throw new Error('SCOUTER_STORED_URL is not set: under CI=true the test with stored transactions must run.');
/** The longest a page may take until its content is there; the machine may be busy, and the collector a debug build. */
const MOST_MS = Number(process.env.SCOUTER_STORED_MOST_MS ?? 20_000);
const HOURS = Number(process.env.SCOUTER_STORED_HOURS ?? 1);
/** What stands where something is still awaited. */
const AWAITED = /Loading|Counting…|Comparing/;

/** What was generated: the collector under test adds its own requests. */
const GENERATED = '-object:*/scouter-collector';

/** Range, number and two rows of what was generated. @param {any} request */
async function contents(request) {
  const rowsIn = async (/** @type {Record<string, string | number>} */ params) => (await request.get(`${stored}/api/v1/xlogs`, { params: { from_unix_us: 0, to_unix_us: Date.now() * 1000, f: GENERATED, ...params } })).json();
  const { rows: [last, other] } = await rowsIn({ limit: 2 });
  const toMs = Math.ceil(last.end_unix_us / 1000);
  const { total } = await rowsIn({ count_only: 1 });
  return { last, other, fromMs: toMs - HOURS * 3_600_000, toMs, total };
}

test('every page shows what is stored, however much that is', async ({ page, request, faults }) => {
  test.skip(!stored, 'SCOUTER_STORED_URL is not set');
  // More points than a page holds: it asks for the counted picture then.
  faults.expected.push(/413/);
  test.setTimeout(600_000);
  const { last, other, fromMs, toMs, total } = await contents(request);
  const range = `from=${fromMs}&to=${toMs}`;
  const id = (/** @type {any} */ x) => `${x.gxid}-${x.txid}`;
  const table = '.panel tbody tr';
  const pages = /** @type {[string, string][]} */ ([
    ['/', '.panel'], [`/?${range}`, '.plot'], [`/xlog?${range}`, '.plot'], [`/xlog?${range}&box=${fromMs + 600_000},${fromMs + 660_000},0,65535`, '[data-testid="xlog-rows"] tbody tr'],
    [`/services?${range}`, table], [`/services/${encodeURIComponent(last.service)}?${range}`, '.panel'], [`/errors?${range}`, table], [`/sql?${range}`, '.panel'], [`/calls?${range}`, '.panel'],
    [`/map?${range}`, '.panel'], [`/users?${range}`, table], [`/counters?${range}`, '.panel'], [`/alerts?${range}`, '.panel'], [`/leaks?${range}`, '.panel'], ['/objects', '.panel'], ['/active', '.panel'], ['/self', '.panel'],
    [`/tx/${id(last)}`, '.panel'], [`/trace/${last.gxid}`, '.panel'], [`/compare?a=${id(last)}&b=${id(other)}`, '.panel'],
    [`/compare?a=${fromMs},${fromMs + 900_000},0,65535&b=${fromMs + 900_000},${toMs},0,65535`, table],
  ]);
  /** @type {string[]} */
  const lines = [];
  for (const [path, content] of pages) {
    const began = performance.now();
    await page.goto(stored + path);
    await expect(page.locator(content).first(), path).toBeVisible({ timeout: MOST_MS });
    // Nothing is under way any more, and nothing went wrong.
    await expect(page.locator('main'), path).not.toContainText(AWAITED, { timeout: MOST_MS });
    await expect(page.locator('main .problem'), path).toHaveCount(0);
    if (path.startsWith('/xlog') || path.startsWith('/?')) await expect.poll(() => inView(page), { message: path, timeout: MOST_MS }).toBeGreaterThan(0);
    const took = performance.now() - began;
    lines.push(`| ${nameOf(path)} | ${took.toFixed(0)} | ${await longestQuestion(page)} |`);
    expect.soft(took, path).toBeLessThan(MOST_MS);
  }
  console.log([`${total} transactions stored, a range of ${HOURS} h`, '| page | whole after, ms | longest question, ms |', '|---|---|---|', ...lines].join('\n'));
});

/** An address without ids and times. @param {string} path */
const nameOf = path => path.replace(/[0-9a-f]{32}(-[0-9a-f]{16})?/g, 'id').replace(/(box|a|b)=\d+,[\d,]+/g, '$1=box').replace(/from=\d+&to=\d+/, 'range');

/** What the page asked the collector and waited for the longest. @param {any} page @returns {Promise<string>} */
const longestQuestion = page => page.evaluate(() => {
  const asked = performance.getEntriesByType('resource').filter(entry => entry.name.includes('/api/v1/')).sort((a, b) => b.duration - a.duration);
  return asked.length > 0 ? `${new URL(asked[0].name).pathname.replace('/api/v1/', '').replace(/[0-9a-f]{32}.*/, 'id')} ${asked[0].duration.toFixed(0)}` : '–';
});

/** Transactions that the scatter says are in view. @param {any} page */
const inView = async page => Number((await page.getByTestId('in-view').first().textContent()).replace(/\D/g, ''));
