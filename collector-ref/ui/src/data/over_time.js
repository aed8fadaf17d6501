// How often, how wrong and how slow over a range, from one counted picture (`/api/v1/grid`): its
// columns are stretches of time, its rows heights, so that each column is a distribution. Pure.

import { MAX_Q, elapsedOf } from '../core/quantiser.js';

/** Stretches of a range, and heights told apart: a row is at most 9 % high, so a percentile is within that. */
export const COLUMNS = 90;
const ROWS = 384;

/** @typedef {import('./counted.js').Counted} Counted */

/** What to ask for. @param {number} fromMs @param {number} toMs */
export function overTimeQuery(fromMs, toMs) {
  const columnMs = Math.max(1, Math.ceil((toMs - fromMs) / COLUMNS));
  return { column_ms: columnMs, first_column: Math.floor(toMs / columnMs) - COLUMNS + 1, columns: COLUMNS, rows: ROWS, y0q: 0, y1q: MAX_Q };
}

/** Largest quantised time of a row; row 1 is the highest. @param {number} row @param {number} rows */
const topOf = (row, rows) => Math.ceil(((rows - row + 1) * (MAX_Q + 1)) / rows) - 1;

/**
 * The height below which this share of a column lies, µs; `null` in an empty one.
 * @param {Uint32Array} counts of a column, from the lane down @param {number} share
 */
export function percentileOf(counts, share) {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total === 0) return null;
  let left = Math.max(1, Math.ceil(total * share));
  for (let row = counts.length - 1; row >= 0; row--) {
    left -= counts[row];
    if (left <= 0) return elapsedOf(topOf(Math.max(1, row), counts.length - 1));
  }
  return null;
}

/**
 * Lines over time. Empty stretches have a rate of 0 and no percentiles; the last one counts for the
 * part of it that has passed, and not at all before half of it has.
 * @param {Counted} counted @param {{first_column: number, column_ms: number}} query @param {number} toMs end of the range
 */
export function linesOf(counted, query, toMs) {
  const { columns, rows, all, errors } = counted;
  const lines = { rate: point(), errors: point(), p50: point(), p95: point(), p99: point() };
  for (let i = 0; i < columns; i++) {
    const [from, to] = [i * (rows + 1), (i + 1) * (rows + 1)];
    const column = all.subarray(from, to);
    const passedMs = Math.min(query.column_ms, toMs + 1 - (query.first_column + i) * query.column_ms);
    if (passedMs * 2 < query.column_ms) continue;
    const seconds = passedMs / 1000;
    const us = (query.first_column + i + 0.5) * query.column_ms * 1000;
    lines.rate.push([us, column.reduce((sum, n) => sum + n, 0) / seconds]);
    lines.errors.push([us, errors.subarray(from, to).reduce((sum, n) => sum + n, 0) / seconds]);
    for (const [key, share] of /** @type {[string, number][]} */ ([['p50', 0.5], ['p95', 0.95], ['p99', 0.99]])) {
      const value = percentileOf(column, share);
      if (value !== null) lines[/** @type {'p50'} */ (key)].push([us, value]);
    }
  }
  return lines;
}

/** @returns {[number, number][]} */
const point = () => [];

/**
 * The lowest quantised time such that at least `wanted` transactions are not below it: asking for those
 * alone finds the slowest ones without reading all.
 * @param {Counted} counted @param {number} wanted
 */
export function slowestFrom(counted, wanted) {
  const { columns, rows, all } = counted;
  let found = 0;
  for (let row = 0; row <= rows; row++) {
    for (let i = 0; i < columns; i++) found += all[i * (rows + 1) + row];
    if (found >= wanted) return row === rows ? 0 : topOf(row + 1, rows) + 1;
  }
  return 0;
}
