import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_Q, elapsedOf, quantiseElapsed } from '../../src/core/quantiser.js';
import { COLUMNS, linesOf, overTimeQuery, percentileOf, slowestFrom } from '../../src/data/over_time.js';
import { Scale } from '../../src/scatter/scale.js';
import { random } from '../support/points.js';

const ROWS = 384;
const { rowOf } = new Scale({ kind: 'log', lo: 0, hi: MAX_Q }, ROWS);

/** A counted picture of these. @param {{column: number, us: number, isError?: boolean}[]} points @param {number} [columns] */
function counted(points, columns = COLUMNS) {
  const [all, errors] = [new Uint32Array(columns * (ROWS + 1)), new Uint32Array(columns * (ROWS + 1))];
  for (const { column, us, isError } of points) {
    const cell = column * (ROWS + 1) + rowOf[quantiseElapsed(us)];
    all[cell] += 1;
    if (isError) errors[cell] += 1;
  }
  return { columns, rows: ROWS, total: points.length, all, errors };
}

test('the columns asked for cover the range and end with it', () => {
  const query = overTimeQuery(1_000_000, 1_300_000);
  assert.equal(query.columns, COLUMNS);
  const last = (query.first_column + query.columns) * query.column_ms - 1;
  assert.ok(last >= 1_300_000 && last < 1_300_000 + query.column_ms, `${last}`);
  assert.ok(query.first_column * query.column_ms <= 1_000_000 + query.column_ms);
});

test('percentiles of a column are those of its transactions, within the height of a row', () => {
  const next = random(3);
  for (let round = 0; round < 40; round++) {
    const times = Array.from({ length: 1 + Math.floor(next() * 300) }, () => Math.floor(2 ** (next() * 30)));
    const { all } = counted(times.map(us => ({ column: 0, us })), 1);
    times.sort((a, b) => a - b);
    for (const share of [0.5, 0.95, 0.99]) {
      const exact = times[Math.max(1, Math.ceil(times.length * share)) - 1];
      const found = /** @type {number} */ (percentileOf(all, share));
      assert.ok(found >= exact * 0.999 && found <= exact * 1.09 + 1, `${share} of ${times.length}: ${found}, exact ${exact}`);
    }
  }
  assert.equal(percentileOf(new Uint32Array(ROWS + 1), 0.5), null);
});

test('rates are of each stretch, errors among them, and an empty stretch has no percentile', () => {
  const query = { first_column: 10, column_ms: 2_000 };
  const lines = linesOf(counted([{ column: 0, us: 100 }, { column: 0, us: 100, isError: true }, { column: 2, us: 5 }], 3), query, 25_999);
  assert.deepEqual(lines.rate.map(([, v]) => v), [1, 0, 0.5]);
  assert.deepEqual(lines.errors.map(([, v]) => v), [0.5, 0, 0]);
  assert.deepEqual(lines.p50.map(([us]) => us), [21_000_000, 25_000_000]);
});

test('the stretch that still runs counts for what has passed of it, and not at all at its begin', () => {
  const query = { first_column: 10, column_ms: 2_000 };
  const picture = counted([{ column: 0, us: 100 }, { column: 1, us: 100 }, { column: 1, us: 100 }, { column: 1, us: 100 }], 2);
  assert.deepEqual(linesOf(picture, query, 23_499).rate.map(([, v]) => v), [0.5, 2]);
  assert.deepEqual(linesOf(picture, query, 22_500).rate.map(([, v]) => v), [0.5]);
});

test('the slowest are found by a height that leaves at least as many as are wanted', () => {
  const next = random(9);
  const times = Array.from({ length: 5_000 }, () => Math.floor(2 ** (next() * 20)));
  const picture = counted(times.map(us => ({ column: Math.floor(next() * COLUMNS), us })));
  for (const wanted of [1, 12, 100]) {
    const from = slowestFrom(picture, wanted);
    const left = times.filter(us => quantiseElapsed(us) >= from).length;
    assert.ok(left >= wanted, `${left} of ${wanted}`);
    assert.ok(left < wanted + 600, `${left}: a row holds no more than its share`);
  }
  assert.equal(slowestFrom(picture, 6_000), 0, 'all of them');
  assert.ok(elapsedOf(slowestFrom(picture, 1)) > 0);
});
