import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_AXIS as USUAL } from '../../src/core/view.js';
import { decodeCounted, fillRaster, gridQuery } from '../../src/data/counted.js';
import { FrameError } from '../../src/data/points.js';
import { NO_MASK, Store } from '../../src/data/store.js';
import { Raster } from '../../src/scatter/raster.js';
import { Scale } from '../../src/scatter/scale.js';
import { rowSums } from '../../src/scatter/marginal.js';
import { countedTable, table } from '../../src/scatter/twin.js';
import { block, random } from '../support/points.js';

const BASE_MS = 1_795_343_580_000;
const [WIDTH, HEIGHT] = [300, 120];
/** So low that some points are above it. */
const DEFAULT_AXIS = { ...USUAL, hi: 38_000 };
const { rowOf } = new Scale(DEFAULT_AXIS, HEIGHT);

/** A raster of points and its store. */
function drawn() {
  const store = new Store();
  const next = random(7);
  for (let i = 0; i < 6; i++) store.append(block(next, BASE_MS + i * 50_000, 4_000, 50_000));
  const raster = new Raster(WIDTH, HEIGHT);
  raster.reset({ toMs: BASE_MS + 300_000, spanMs: 300_000, rowOf, mask: NO_MASK });
  for (const chunk of store.chunks) raster.add(chunk);
  return { store, raster };
}

/** As the collector encodes it. @param {number[]} head @param {Uint32Array[]} planes */
function encode(head, planes) {
  const out = [1];
  const put = (/** @type {number} */ n) => {
    for (; n > 127; n = Math.floor(n / 128)) out.push((n % 128) | 128);
    out.push(n);
  };
  head.forEach(put);
  for (const plane of planes) {
    for (let i = 0; i < plane.length;) {
      let run = 0;
      while (plane[i + run] === 0) run += 1;
      put(run > 0 ? 0 : plane[i]);
      if (run > 0) put(run);
      i += run || 1;
    }
  }
  return Uint8Array.from(out).buffer;
}

/** The cells of a raster from left to right. @param {Raster} raster @param {'all' | 'err'} plane */
function straight(raster, plane) {
  const cells = new Uint32Array(raster.width * raster.rows);
  for (let i = 0; i < raster.width; i++) {
    const slot = (raster.first + i) % raster.width;
    cells.set(raster[plane].subarray(slot * raster.rows, (slot + 1) * raster.rows), i * raster.rows);
  }
  return cells;
}

test('a counted picture equals the one drawn from the points', () => {
  const { raster } = drawn();
  assert.ok(raster.inView > 20_000 && raster.overflow > 0 && raster.errorsInView > 0);
  const bytes = encode([WIDTH, HEIGHT, raster.inView, 5], [straight(raster, 'all'), straight(raster, 'err')]);
  const other = new Raster(WIDTH, HEIGHT);
  other.reset({ toMs: BASE_MS + 300_000, spanMs: 300_000, rowOf, mask: NO_MASK });
  fillRaster(other, decodeCounted(bytes));
  for (const key of /** @type {const} */ (['all', 'err', 'columnAll', 'columnErr', 'inView', 'errorsInView', 'overflow'])) assert.deepEqual(other[key], raster[key], key);
  assert.deepEqual(gridQuery(other, DEFAULT_AXIS), { first_column: raster.first, column_ms: 1000, columns: WIDTH, rows: HEIGHT, axis: 'log', y0q: DEFAULT_AXIS.lo, y1q: DEFAULT_AXIS.hi });
});

test('the table of a counted picture has its totals, and its bands to a pixel', () => {
  const { store, raster } = drawn();
  const counted = countedTable(raster);
  const exact = table(store, NO_MASK, raster.fromMs, raster.toMs);
  assert.deepEqual(counted.map(row => [row.t0, row.t1, row.total, row.errors]), exact.map(row => [row.t0, row.t1, row.total, row.errors]));
  for (const [i, { cells }] of counted.entries()) {
    for (const [band, n] of cells.entries()) assert.ok(Math.abs(n - exact[i].cells[band]) < 0.12 * exact[i].total, `${i} ${band}: ${n} and ${exact[i].cells[band]}`);
  }
});

test('the marginal histogram has every dot below the lane, at its height', () => {
  const { store, raster } = drawn();
  const { all, errors } = rowSums(raster, 8);
  const sum = (/** @type {Float64Array} */ counts) => counts.reduce((a, b) => a + b, 0);
  assert.equal(sum(all), raster.inView - raster.overflow);
  assert.ok(sum(errors) <= raster.errorsInView && sum(errors) > 0);
  // The lowest eighth of the rows, by the points themselves.
  const lowest = rowOf.findIndex(row => row <= 105);
  assert.equal(all[7], store.count({ t0: raster.fromMs, t1: raster.toMs - 1, y0: 0, y1: lowest - 1 }).total);
});

test('bytes that are not what they claim are refused', () => {
  const good = new Uint8Array(encode([2, 1, 3, 9], [Uint32Array.of(0, 0, 0, 3), Uint32Array.of(0, 1, 0, 0)]));
  assert.deepEqual(decodeCounted(good.buffer).all, Uint32Array.of(0, 0, 0, 3));
  for (const bad of [[], [2, ...good.slice(1)], good.slice(0, -1), [...good, 0], [1, 2, 1, 3, 9, 0, 9], [1, 2, 1, 3, 9, 0, 0], [1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], [1, 255, 255, 127, 255, 255, 3, 1, 1]]) {
    assert.throws(() => decodeCounted(Uint8Array.from(bad).buffer), FrameError, JSON.stringify([...bad]));
  }
});
