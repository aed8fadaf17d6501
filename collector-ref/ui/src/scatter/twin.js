// The scatter as a table: counts by time and elapsed, the same points, the same filter.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { measureOf } from '../core/measures.js';
import { view } from '../core/router.js';
import { filterSplit, source, sourceVersion } from '../data/hub.js';
import { MAX_Q, quantiseElapsed } from '../core/quantiser.js';
import { mod } from './raster.js';
import { clock, count } from '../core/format.js';

/** @typedef {import('../data/store.js').Store} Store */
/** @typedef {import('../data/store.js').Mask} Mask */

/** Upper edges of the bands: times in µs, bytes, amounts. */
const BANDS_US = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
const BANDS_AMOUNT = [1, 2, 10, 100, 1_000];
const bandsOf = (/** @type {string} */ measure) => (measure.endsWith('_count') ? BANDS_AMOUNT : BANDS_US);
const BUCKETS = 10;

/**
 * Counts of `BUCKETS` equal times × latency bands, newest first.
 * @param {Store} store @param {Mask} mask @param {number} fromMs @param {number} toMs @param {number[]} [bands]
 */
export function table(store, mask, fromMs, toMs, bands = BANDS_US) {
  const edges = [0, ...bands.map(us => quantiseElapsed(us)), MAX_Q + 1];
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

/**
 * The same from the counts of pixels: a pixel belongs to the band and the time of its lower left corner.
 * @param {import('./raster.js').Raster} raster @param {number[]} [bands]
 */
export function countedTable(raster, bands = BANDS_US) {
  const step = Math.ceil(raster.width / BUCKETS);
  const edges = bands.map(us => raster.rowOf[quantiseElapsed(us)]);
  return Array.from({ length: BUCKETS }, (_, i) => {
    const from = (BUCKETS - 1 - i) * step;
    const to = Math.min(raster.width, from + step);
    const cells = new Array(bands.length + 1).fill(0);
    let errors = 0;
    for (let x = from; x < to; x++) {
      const slot = mod(raster.first + x, raster.width);
      errors += raster.columnErr[slot];
      for (let row = 0; row < raster.rows; row++) {
        const n = raster.all[slot * raster.rows + row];
        // Rows go down as values go up; the lane is above all of them.
        if (n > 0) cells[row === 0 ? bands.length : edges.filter(edge => edge >= row && edge > 0).length] += n;
      }
    }
    const at = (/** @type {number} */ x) => (raster.first + x) * raster.columnMs;
    return { t0: at(from), t1: at(to) - 1, cells, total: cells.reduce((a, b) => a + b, 0), errors };
  });
}

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
  const measure = measureOf(view.value.measure);
  const bands = bandsOf(measure.key);
  const shown = source();
  const rows = shown.isCounted ? countedTable(raster, bands) : table(shown.store, filterSplit.value, raster.fromMs, raster.toMs, bands);
  const heads = [...bands, null].map((us, i) => (us === null ? `≥ ${measure.format(bands[i - 1])}` : `< ${measure.format(us)}`));
  return html`<div class="twin scroll" tabindex="0" role="region" aria-label="The scatter as a table">
    <table class="data">
      <caption>Transactions by end time and ${measure.label.toLowerCase()}</caption>
      <thead><tr><th scope="col">Time</th>${heads.map(head => html`<th scope="col" class="num">${head}</th>`)}
        <th scope="col" class="num">All</th><th scope="col" class="num">Errors</th></tr></thead>
      <tbody>${rows.map(row => html`<tr key=${row.t0}>
        <th scope="row">${clock(row.t0, false)} – ${clock(row.t1 + 1, false)}</th>
        ${row.cells.map(n => html`<td class="num">${n === 0 ? '·' : count(n)}</td>`)}
        <td class="num strong" data-testid="twin-total">${count(row.total)}</td>
        <td class=${row.errors > 0 ? 'num err' : 'num'}>${count(row.errors)}</td></tr>`)}</tbody>
    </table></div>`;
}
