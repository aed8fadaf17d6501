import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_AXIS } from '../../src/core/view.js';
import { NO_MASK, Store } from '../../src/data/store.js';
import { dotRadius, dotSize, paintColumns, stampReach } from '../../src/scatter/paint.js';
import { PALETTES } from '../../src/scatter/palette.js';
import { Raster, mod } from '../../src/scatter/raster.js';
import { Scale } from '../../src/scatter/scale.js';
import { block, fingerprint, random } from '../support/points.js';

const [WIDTH, HEIGHT] = [240, 100];
const NOW_MS = 1_795_343_640_000;
const SPAN_MS = 60_000;
const LAYOUT = { lane: 9, tick: 3 };
const { rowOf } = new Scale(DEFAULT_AXIS, HEIGHT);

/** @param {Store} store @param {number} toMs @param {any} [mask] */
function fresh(store, toMs, mask = NO_MASK) {
  const raster = new Raster(WIDTH, HEIGHT);
  raster.reset({ toMs, spanMs: SPAN_MS, rowOf, mask });
  for (const chunk of store.chunks) raster.add(chunk);
  return raster;
}

/** @param {Raster} raster @param {number} radius */
function painted(raster, radius) {
  const px = new Uint32Array(WIDTH * (LAYOUT.lane + 1 + HEIGHT + LAYOUT.tick));
  paintColumns(raster, px, PALETTES.dark, LAYOUT, { lo: raster.first, hi: raster.first + WIDTH - 1, radius, holes: [] });
  return px;
}

/** Counts in order of time, whatever the place in the ring. @param {Raster} raster */
function straight(raster) {
  const out = new Uint32Array(raster.all.length * 2);
  for (let c = 0; c < WIDTH; c++) {
    const at = mod(raster.first + c, WIDTH) * raster.rows;
    out.set(raster.all.subarray(at, at + raster.rows), c * raster.rows);
    out.set(raster.err.subarray(at, at + raster.rows), raster.all.length + c * raster.rows);
  }
  return out;
}

function sample() {
  const store = new Store();
  const next = random(21);
  for (let i = 0; i < 70; i++) store.append(block(next, NOW_MS - 70_000 + i * 1_000, 300));
  return store;
}

test('the grid and its picture are what they were', () => {
  const raster = fresh(sample(), NOW_MS);
  assert.equal(fingerprint(straight(raster)), '3cedf4c8');
  assert.equal(fingerprint(painted(raster, 0)), '911a52e9');
  assert.equal(fingerprint(painted(raster, 1)), 'c7a70b6a');
  assert.equal(fingerprint(painted(raster, 2)), 'c5882551');
});

test('the sum of all cells is the number of points in view', () => {
  const store = sample();
  for (const mask of [NO_MASK, { need: 1, forbid: 0 }, { need: 0, forbid: 1 }]) {
    const raster = fresh(store, NOW_MS, mask);
    const box = { t0: raster.fromMs, t1: raster.toMs - 1, y0: 0, y1: 65_535 };
    const { total, errors } = store.count(box, mask);
    assert.ok(total > 0);
    assert.equal(raster.inView, total);
    assert.equal(raster.errorsInView, errors);
    assert.equal(raster.all.reduce((a, b) => a + b, 0), total);
    assert.equal(raster.columnAll.reduce((a, b) => a + b, 0), total);
  }
});

test('after any appends, moves, late points and evictions the ring equals a raster made anew', () => {
  for (let seed = 100; seed < 140; seed++) {
    const next = random(seed);
    const store = new Store(seed % 3 === 0 ? 3_000 : undefined);
    let now = NOW_MS + Math.floor(next() * 1_000);
    const ring = fresh(store, now);
    let isStale = false;
    store.onEvict = chunk => { if (chunk.baseMs + chunk.dtMax >= ring.fromMs) isStale = true; };
    for (let i = 0; i < 60; i++) {
      const kind = next();
      if (kind < 0.6) {
        // Some late, some ahead of the right edge.
        const b = block(next, now - Math.floor(next() * 20_000) + (next() < 0.2 ? 1_500 : -1_000), Math.floor(next() * 200), 1_000);
        store.append(b);
        ring.add(b);
      } else if (kind < 0.9) {
        now += Math.floor(next() ** 4 * 90_000);
        ring.advance(now);
      } else {
        store.evictBefore(now - SPAN_MS - 60_000);
      }
      if (isStale || ring.isStale) {
        ring.reset({ toMs: now, spanMs: SPAN_MS, rowOf, mask: NO_MASK });
        for (const chunk of store.chunks) ring.add(chunk);
        isStale = false;
      }
    }
    const anew = fresh(store, now);
    assert.equal(ring.first, anew.first);
    assert.deepEqual(straight(ring), straight(anew), `seed ${seed}`);
    assert.deepEqual([ring.inView, ring.errorsInView, ring.overflow], [anew.inView, anew.errorsInView, anew.overflow], `seed ${seed}`);
  }
});

test('repainting only what changed gives the same picture as painting all', () => {
  for (const radius of [0, 1, 2, 4]) {
    const REACH = stampReach(radius);
    const next = random(300 + radius);
    const store = new Store();
    let now = NOW_MS;
    const ring = fresh(store, now);
    const px = painted(ring, radius);
    ring.clean();
    for (let i = 0; i < 40; i++) {
      const b = block(next, now - 3_000, 30, 3_000);
      store.append(b);
      ring.add(b);
      now += 700;
      ring.advance(now);
      const last = ring.first + WIDTH - 1;
      const what = { radius, holes: [] };
      paintColumns(ring, px, PALETTES.dark, LAYOUT, { ...what, lo: Math.max(ring.first, ring.dirtyLo - REACH), hi: Math.min(last, ring.dirtyHi + REACH) });
      paintColumns(ring, px, PALETTES.dark, LAYOUT, { ...what, lo: ring.first, hi: ring.first + REACH });
      ring.clean();
    }
    assert.deepEqual(px, painted(ring, radius), `radius ${radius}`);
  }
});

test('an error wins its pixel among a thousand others', () => {
  const n = 1_001;
  const attr = new Uint16Array(n);
  attr[500] = 1;
  const raster = new Raster(WIDTH, HEIGHT);
  raster.reset({ toMs: NOW_MS, spanMs: SPAN_MS, rowOf, mask: NO_MASK });
  raster.add({ baseMs: NOW_MS - 30_000, n, dt: new Uint16Array(n), y: new Uint16Array(n).fill(27_000), attr });
  const px = painted(raster, 0);
  const column = mod(Math.floor((NOW_MS - 30_000) / raster.columnMs), WIDTH);
  const colour = px[(LAYOUT.lane + rowOf[27_000]) * WIDTH + column];
  assert.ok(PALETTES.dark.errorRamp.includes(colour), colour.toString(16));
});

test('what is above the axis is in the lane and can be selected there', () => {
  const raster = new Raster(WIDTH, HEIGHT);
  raster.reset({ toMs: NOW_MS, spanMs: SPAN_MS, rowOf, mask: NO_MASK });
  raster.add({ baseMs: NOW_MS - 1_000, n: 3, dt: Uint16Array.of(1, 2, 3), y: Uint16Array.of(DEFAULT_AXIS.hi, DEFAULT_AXIS.hi + 1, 65_535), attr: new Uint16Array(3) });
  assert.equal(raster.overflow, 2);
  assert.deepEqual(new Scale(DEFAULT_AXIS, HEIGHT).quantisedOf(0, 0), { y0: DEFAULT_AXIS.hi + 1, y1: 65_535 });
});

test('a hole is hatched', () => {
  const raster = new Raster(WIDTH, HEIGHT);
  raster.reset({ toMs: NOW_MS, spanMs: SPAN_MS, rowOf, mask: NO_MASK });
  const px = new Uint32Array(WIDTH * (LAYOUT.lane + 1 + HEIGHT + LAYOUT.tick));
  paintColumns(raster, px, PALETTES.dark, LAYOUT, { lo: raster.first, hi: raster.first + WIDTH - 1, radius: 0, holes: [{ fromMs: NOW_MS - 10_000, toMs: Infinity }] });
  const hatched = px.filter(c => c === PALETTES.dark.hatch).length;
  assert.ok(hatched > 500 && hatched < px.length / 4, `${hatched}`);
});

test('the size of dots does not flicker at its border', () => {
  assert.deepEqual([0, 1_999, 2_000, 49_999, 50_000].map(n => dotSize(n, 2)), [2, 2, 1, 1, 0]);
  assert.equal(dotSize(1_900, 1), 1);
  assert.equal(dotSize(1_500, 1), 2);
  assert.equal(dotSize(45_000, 0), 0);
  assert.deepEqual([dotRadius(2, 1), dotRadius(2, 2), dotRadius(1, 1.5), dotRadius(0, 3), dotRadius(2, 9)], [2, 4, 2, 0, 8]);
});
