// The scatter as a table: counts by time and elapsed, the same points, the same filter.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { filterSplit, source, sourceVersion } from '../data/hub.js';
import { MAX_Q, quantiseElapsed } from '../core/quantiser.js';
import { clock, count, duration } from '../core/format.js';

/** @typedef {import('../data/store.js').Store} Store */
/** @typedef {import('../data/store.js').Mask} Mask */

/** Upper edges of the bands, µs. */
const BANDS_US = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
const BUCKETS = 10;

/**
 * Counts of `BUCKETS` equal times × latency bands, newest first.
 * @param {Store} store @param {Mask} mask @param {number} fromMs @param {number} toMs
 */
export function table(store, mask, fromMs, toMs) {
  const edges = [0, ...BANDS_US.map(us => quantiseElapsed(us)), MAX_Q + 1];
  const step = Math.ceil((toMs - fromMs) / BUCKETS);
  return Array.from({ length: BUCKETS }, (_, i) => {
    const t0 = fromMs + (BUCKETS - 1 - i) * step;
    const t1 = Math.min(toMs, t0 + step) - 1;
    const cells = edges.slice(1).map((edge, band) => store.count({ t0, t1, y0: edges[band], y1: edge - 1 }, mask));
    return {
      t0, t1, cells: cells.map(cell => cell.total),
      total: cells.reduce((sum, cell) => sum + cell.total, 0),
      errors: cells.reduce((sum, cell) => sum + cell.errors, 0),
    };
  });
}

const HEADS = [...BANDS_US, null].map((us, i) => (us === null ? `≥ ${duration(BANDS_US[i - 1])}` : `< ${duration(us)}`));

/** Numbers are made anew so often; they are for reading, not for watching. */
const REFRESH_MS = 1_000;

/** @param {{raster: import('./raster.js').Raster}} props */
export function Twin({ raster }) {
  const [, again] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => again(n => n + 1), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  void sourceVersion.value;
  const rows = table(source().store, filterSplit.value, raster.fromMs, raster.toMs);
  return html`<div class="twin scroll" tabindex="0" role="region" aria-label="The scatter as a table">
    <table class="data">
      <caption>Transactions by end time and elapsed time</caption>
      <thead><tr><th scope="col">Time</th>${HEADS.map(head => html`<th scope="col" class="num">${head}</th>`)}
        <th scope="col" class="num">All</th><th scope="col" class="num">Errors</th></tr></thead>
      <tbody>${rows.map(row => html`<tr key=${row.t0}>
        <th scope="row">${clock(row.t0, false)} – ${clock(row.t1 + 1, false)}</th>
        ${row.cells.map(n => html`<td class="num">${n === 0 ? '·' : count(n)}</td>`)}
        <td class="num strong" data-testid="twin-total">${count(row.total)}</td>
        <td class=${row.errors > 0 ? 'num err' : 'num'}>${count(row.errors)}</td></tr>`)}</tbody>
    </table></div>`;
}
