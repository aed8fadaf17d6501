import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHUNK_POINTS, MAX_POINTS, NO_MASK, Store } from '../../src/data/store.js';
import { block, random } from '../support/points.js';

const BASE_MS = 1_795_343_580_000;
const EVERYTHING = { t0: -Infinity, t1: Infinity, y0: 0, y1: 65_535 };

/** The slow and obvious way. @param {any[]} blocks @param {any} box @param {any} mask */
function countSlowly(blocks, box, mask) {
  let [total, errors] = [0, 0];
  for (const { baseMs, n, dt, y, attr } of blocks) {
    for (let i = 0; i < n; i++) {
      const t = baseMs + dt[i];
      if (t < box.t0 || t > box.t1 || y[i] < box.y0 || y[i] > box.y1) continue;
      if ((attr[i] & mask.need) !== mask.need || (attr[i] & mask.forbid) !== 0) continue;
      total += 1;
      errors += attr[i] & 1;
    }
  }
  return { total, errors };
}

test('any box counts the same as looking at every point', () => {
  const next = random(11);
  const store = new Store();
  const blocks = [];
  for (let i = 0; i < 120; i++) {
    const b = block(next, BASE_MS + Math.floor(next() * 400_000), Math.floor(next() * 800), 60_000);
    blocks.push(b);
    store.append(b);
  }
  for (let i = 0; i < 300; i++) {
    const t0 = BASE_MS + Math.floor(next() * 450_000);
    const y0 = Math.floor(next() * 50_000);
    const box = { t0, t1: t0 + Math.floor(next() ** 3 * 300_000), y0, y1: Math.min(65_535, y0 + Math.floor(next() * 30_000)) };
    const mask = [NO_MASK, { need: 1, forbid: 0 }, { need: 0, forbid: 1 }][i % 3];
    assert.deepEqual(store.count(box, mask), countSlowly(blocks, box, mask), JSON.stringify(box));
  }
});

test('edges of a box are inclusive', () => {
  const store = new Store();
  store.append({ baseMs: BASE_MS, n: 1, dt: Uint16Array.of(5), y: Uint16Array.of(100), attr: Uint16Array.of(0) });
  const at = BASE_MS + 5;
  assert.equal(store.count({ t0: at, t1: at, y0: 100, y1: 100 }).total, 1);
  for (const box of [{ t0: at + 1, t1: at + 9, y0: 0, y1: 200 }, { t0: at - 9, t1: at - 1, y0: 0, y1: 200 }, { t0: at, t1: at, y0: 101, y1: 200 }, { t0: at, t1: at, y0: 0, y1: 99 }]) {
    assert.equal(store.count(box).total, 0, JSON.stringify(box));
  }
});

test('a block over the border of a minute is split, a late point finds its minute', () => {
  const store = new Store();
  store.append({ baseMs: BASE_MS + 59_000, n: 2, dt: Uint16Array.of(999, 1_000), y: Uint16Array.of(1, 2), attr: Uint16Array.of(0, 0) });
  store.append({ baseMs: BASE_MS - 60_000, n: 1, dt: Uint16Array.of(7), y: Uint16Array.of(3), attr: Uint16Array.of(1) });
  assert.deepEqual(store.chunks.map(chunk => [(chunk.baseMs - BASE_MS) / 60_000, chunk.n]), [[-1, 1], [0, 1], [1, 1]]);
  assert.equal(store.newestMs, BASE_MS + 60_000);
});

test('a busy minute fills several chunks', () => {
  const store = new Store();
  const next = random(12);
  for (let i = 0; i < 5; i++) store.append(block(next, BASE_MS, 30_000, 60_000));
  assert.equal(store.chunks.length, Math.ceil(150_000 / CHUNK_POINTS));
  assert.equal(store.count(EVERYTHING).total, 150_000);
});

test('past the limit the oldest minute goes, counted, and is never half there', () => {
  const store = new Store(10_000);
  const next = random(13);
  let gone = 0;
  store.onEvict = chunk => { gone += chunk.n; };
  for (let minute = 0; minute < 20; minute++) store.append(block(next, BASE_MS + minute * 60_000, 1_000, 60_000));
  assert.equal(store.size, 10_000);
  assert.equal(store.droppedPoints, 10_000);
  assert.equal(gone, 10_000);
  assert.equal(store.heldFromMs, BASE_MS + 10 * 60_000);
  assert.equal(store.count(EVERYTHING).total, store.size);
});

test('a point older than what is held is dropped and counted', () => {
  const store = new Store(10);
  const next = random(14);
  store.append(block(next, BASE_MS, 10, 60_000));
  store.append(block(next, BASE_MS + 60_000, 10, 60_000));
  assert.equal(store.droppedPoints, 10);
  store.append(block(next, BASE_MS, 4, 60_000));
  assert.equal(store.droppedPoints, 14);
  assert.equal(store.size, 10);
});

test('points that leave the window are not counted as dropped', () => {
  const store = new Store();
  store.append(block(random(15), BASE_MS, 100, 60_000));
  store.evictBefore(BASE_MS + 59_999);
  assert.equal(store.size, 100);
  store.evictBefore(BASE_MS + 60_000);
  assert.deepEqual([store.size, store.droppedPoints], [0, 0]);
});

test('two million points take twelve bytes each at most', () => {
  const store = new Store();
  const next = random(16);
  const b = block(next, BASE_MS, 50_000, 60_000);
  for (let i = 0; i < 40; i++) store.append({ ...b, baseMs: BASE_MS + Math.floor(i / 4) * 60_000 });
  assert.equal(store.size, MAX_POINTS);
  const bytes = store.chunks.reduce((sum, chunk) => sum + chunk.dt.byteLength + chunk.y.byteLength + chunk.attr.byteLength, 0);
  assert.ok(bytes <= 12 * MAX_POINTS, `${bytes / MAX_POINTS} bytes a point`);
});

test('half an hour of live at two thousand a second holds no more than its window', () => {
  const store = new Store();
  const next = random(17);
  const second = block(next, BASE_MS, 2_000, 1_000);
  const [windowMs, extraMs] = [300_000, 65_000];
  let most = 0;
  let bytes = 0;
  for (let s = 0; s < 1_800; s++) {
    store.append({ ...second, baseMs: BASE_MS + s * 1_000 });
    store.evictBefore(BASE_MS + s * 1_000 - windowMs - extraMs);
    most = Math.max(most, store.size);
    if (s % 100 === 0) bytes = Math.max(bytes, store.chunks.reduce((sum, chunk) => sum + chunk.dt.byteLength * 3, 0));
  }
  assert.ok(most <= ((windowMs + extraMs) / 1_000 + 60 + 1) * 2_000, `${most} points`);
  assert.ok(bytes < 12e6, `${bytes} bytes`);
  assert.equal(store.droppedPoints, 0);
});
