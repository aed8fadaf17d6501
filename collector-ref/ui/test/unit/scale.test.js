import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { quantiseElapsed } from '../../src/core/quantiser.js';
import { DEFAULT_AXIS } from '../../src/core/view.js';
import { Scale, axisTicks, nextMaximum } from '../../src/scatter/scale.js';
import { tickLabel, timeTicks } from '../../src/scatter/ticks.js';

const AXES = /** @type {import('../../src/core/view.js').Axis[]} */ ([
  DEFAULT_AXIS, { kind: 'lin', lo: 0, hi: quantiseElapsed(1_000_000) }, { kind: 'log', lo: 30_000, hi: 30_300 },
]);

test('rows of a box select exactly the times drawn in them', () => {
  for (const axis of AXES) {
    for (const height of [37, 300, 900]) {
      const scale = new Scale(axis, height);
      for (const [top, bottom] of [[0, 0], [0, height], [1, height], [1, 1], [height, height], [9, 21], [0, 5]]) {
        const box = scale.quantisedOf(top, bottom);
        for (let q = 0; q <= 65_535; q += 7) {
          const isDrawn = scale.rowOf[q] >= top && scale.rowOf[q] <= bottom;
          assert.equal(box !== null && q >= box.y0 && q <= box.y1, isDrawn, `${axis.kind} ${height} rows ${top}-${bottom} q ${q}`);
        }
      }
    }
  }
});

test('rows are those that the collector counts in', () => {
  const golden = JSON.parse(readFileSync(new URL('../golden/rows.json', import.meta.url), 'utf8'));
  assert.ok(golden.shapes.length >= 6);
  for (const { axis, low, high, rows, cells } of golden.shapes) {
    const { rowOf } = new Scale({ kind: axis, lo: low, hi: high }, rows);
    for (const [q, row] of cells) assert.equal(rowOf[q], row, `${axis} ${low}-${high} of ${rows} rows, ${q}`);
  }
});

test('a longer time is never drawn lower', () => {
  for (const axis of AXES) {
    const { rowOf } = new Scale(axis, 400);
    for (let q = 1; q <= 65_535; q++) assert.ok(rowOf[q] <= rowOf[q - 1], `${axis.kind} ${q}`);
    assert.equal(rowOf[axis.hi + 1], 0);
    assert.notEqual(rowOf[axis.hi], 0);
  }
});

test('the axis has round labels', () => {
  assert.deepEqual(axisTicks(DEFAULT_AXIS).map(tick => tick.us), [100, 1e3, 1e4, 1e5, 1e6, 1e7]);
  assert.deepEqual(axisTicks({ kind: 'lin', lo: 0, hi: quantiseElapsed(1_000_000) }).map(tick => tick.us), [0, 2e5, 4e5, 6e5, 8e5, 1e6]);
});

test('the top goes up and down in steps of 1, 2, 5', () => {
  assert.deepEqual([nextMaximum(10_000_000, 1), nextMaximum(10_000_000, -1), nextMaximum(9_999_000, 1)], [20_000_000, 5_000_000, 20_000_000]);
  assert.equal(nextMaximum(1_000, -1), 1_000);
  assert.equal(nextMaximum(5e9, 1), 5e9);
});

test('time labels are round and as exact as their step', () => {
  const { ticks, stepMs } = timeTicks(1_795_343_597_123, 1_795_343_897_123, 10);
  assert.equal(stepMs, 30_000);
  assert.ok(ticks.length >= 9 && ticks.every(t => t % 30_000 === 0));
  assert.match(tickLabel(ticks[0], stepMs), /^\d\d:\d\d:\d\d$/);
  assert.match(tickLabel(ticks[0], 60_000), /^\d\d:\d\d$/);
  assert.match(tickLabel(ticks[0], 100), /\.\d$/);
  assert.match(tickLabel(ticks[0], 864e5), /^\d\d-\d\d$/);
});
