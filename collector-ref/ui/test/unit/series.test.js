import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figures, formatOf, linePath, niceTop, parseName, thinned, valueAt } from '../../src/data/series.js';

const plain = (/** @type {string} */ text) => text.replaceAll(' ', ' ');
const POINTS = /** @type {[number, number][]} */ ([[0, 1], [10, 3], [20, 2], [30, 6], [1_000, 4]]);

test('a name says what it counts, in which unit, and of what', () => {
  assert.deepEqual(parseName('pool_wait_mean|us|Any sqlite:a|b.db'), { name: 'pool wait mean', unit: 'us', of: 'Any sqlite:a|b.db' });
  assert.deepEqual(parseName('process_threads|'), { name: 'process threads', unit: '', of: '' });
  assert.deepEqual(parseName('odd'), { name: 'odd', unit: '', of: '' });
});

test('values are written by their unit', () => {
  for (const [unit, value, text] of /** @type {[string, number, string][]} */ ([['us', 1_500, '1.50 ms'], ['ms', 2, '2.00 ms'], ['B', 2048.4, '2.00 KiB'], ['%', 5.25, '5.3 %'], ['%', 52.5, '53 %'], ['1/s', 40.4, '40/s'], ['', 1_234, '1,234'], ['', 0.5, '0.50'], ['', 37.5, '37.5'], ['%', 0, '0 %'], ['ms/s', 3, '3 ms/s']])) {
    assert.equal(plain(formatOf(unit)(value)), text, unit);
  }
});

test('the figures are those of all points', () => {
  assert.deepEqual(figures(POINTS), { now: 4, least: 1, most: 6, mean: 3.2 });
  assert.equal(figures([]), null);
});

test('fewer points keep the lowest and the highest of each stretch, in order', () => {
  const many = /** @type {[number, number][]} */ (Array.from({ length: 10_000 }, (_, i) => [i, i === 7_777 ? 99 : i === 3_333 ? -5 : i % 10]));
  const few = thinned(many, 100);
  assert.ok(few.length <= 100, `${few.length}`);
  assert.ok(few.some(([t, v]) => t === 7_777 && v === 99) && few.some(([t, v]) => t === 3_333 && v === -5));
  assert.deepEqual(few.map(([t]) => t), few.map(([t]) => t).sort((a, b) => a - b));
  assert.equal(thinned(POINTS, 100), POINTS);
});

test('a line is broken where nothing came', () => {
  assert.equal(linePath(POINTS, 0, 1_000, 6, 1_000, 60), 'M0.0 50.0L10.0 30.0L20.0 40.0L30.0 0.0M1000.0 20.0');
  assert.equal(linePath([], 0, 1, 1, 1, 1), '');
});

test('the top of an axis is round and holds the value', () => {
  for (const [value, top] of [[0, 1], [0.7, 0.8], [1, 1], [40, 50], [90, 100], [101, 150]]) assert.equal(niceTop(value), top, String(value));
  assert.equal(niceTop(35 * 2 ** 20, 1024), 50 * 2 ** 20);
  for (let v = 1; v < 1e6; v *= 1.37) assert.ok(niceTop(v) >= v * 0.999 && niceTop(v) <= v * 1.7);
});

test('the value at a time is the last one not after it', () => {
  assert.deepEqual([-1, 0, 15, 30, 5_000].map(t => valueAt(POINTS, t)), [null, 1, 3, 6, 4]);
});
