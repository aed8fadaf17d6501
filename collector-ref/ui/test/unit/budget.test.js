// Budgets as tests: the least CPU time of several runs, since the machine may be busy. A ceiling is
// several times what a quiet machine needs: it catches a change of kind, not of degree.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_AXIS } from '../../src/core/view.js';
import { NO_MASK, Store } from '../../src/data/store.js';
import { StepTree } from '../../src/data/profile.js';
import { paintColumns } from '../../src/scatter/paint.js';
import { PALETTES } from '../../src/scatter/palette.js';
import { Raster } from '../../src/scatter/raster.js';
import { Scale } from '../../src/scatter/scale.js';
import { block, random } from '../support/points.js';

const BASE_MS = 1_795_343_580_000;
const [WIDTH, HEIGHT] = [1200, 480];
const LAYOUT = { lane: 15, tick: 4 };

/** @param {() => void} run @param {number} [times] */
function leastMs(run, times = 9) {
  let least = Infinity;
  for (let i = 0; i < times; i++) {
    const began = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(began);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

const store = new Store();
const next = random(51);
for (let i = 0; i < 40; i++) store.append(block(next, BASE_MS + i * 15_000, 50_000, 15_000));
const raster = new Raster(WIDTH, HEIGHT);
const view = { toMs: BASE_MS + 600_000, spanMs: 600_000, rowOf: new Scale(DEFAULT_AXIS, HEIGHT).rowOf, mask: NO_MASK };
const px = new Uint32Array(WIDTH * (HEIGHT + LAYOUT.lane + 1 + LAYOUT.tick));

/** @param {string} what @param {number} ms @param {number} ceilingMs */
function within(what, ms, ceilingMs) {
  console.log(`${what}: ${ms.toFixed(2)} ms (ceiling ${ceilingMs} ms)`);
  assert.ok(ms < ceilingMs, `${what} took ${ms} ms`);
}

test('a full picture of two million points is made within its budget', () => {
  const rasterMs = leastMs(() => {
    raster.reset(view);
    for (const chunk of store.chunks) raster.add(chunk);
  });
  assert.ok(raster.inView > 1_900_000);
  within('raster of 2 M points', rasterMs, 240);
  within('painting all columns', leastMs(() => paintColumns(raster, px, PALETTES.dark, LAYOUT, { lo: raster.first, hi: raster.first + WIDTH - 1, radius: 0, holes: [] })), 240);
});

test('a box among two million points is counted within its budget', () => {
  within('large box', leastMs(() => store.count({ t0: BASE_MS + 50_000, t1: BASE_MS + 500_000, y0: 25_000, y1: 40_000 })), 200);
  within('small box', leastMs(() => store.count({ t0: BASE_MS + 50_000, t1: BASE_MS + 52_000, y0: 25_000, y1: 40_000 })), 20);
});

test('a live frame costs its new points, not the whole picture', () => {
  const news = block(next, BASE_MS + 599_000, 33, 900);
  within('33 new points', leastMs(() => {
    raster.clean();
    raster.add(news);
    paintColumns(raster, px, PALETTES.dark, LAYOUT, { lo: raster.dirtyLo - 4, hi: Math.min(raster.first + WIDTH - 1, raster.dirtyHi + 4), radius: 0, holes: [] });
  }), 10);
});

test('a profile of a hundred thousand steps becomes a tree within its budget', () => {
  const steps = Array.from({ length: 100_000 }, (_, i) => ({ parent: i === 0 ? null : Math.floor(next() * i) }));
  within('tree of 100,000 steps', leastMs(() => new StepTree(steps)), 200);
});
