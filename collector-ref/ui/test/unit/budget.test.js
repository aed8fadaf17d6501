// Budgets as tests: the least CPU time of several runs, since the machine may be busy. A ceiling is
// several times what a quiet machine needs: it catches a change of kind, not of degree.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_AXIS } from '../../src/core/view.js';
import { NO_MASK, Store } from '../../src/data/store.js';
import { StepTree } from '../../src/data/profile.js';
import { paintColumns } from '../../src/scatter/paint.js';
import { PALETTES } from '../../src/scatter/palette.js';
import { Plot } from '../../src/scatter/plot.js';
import { Raster } from '../../src/scatter/raster.js';
import { Scale } from '../../src/scatter/scale.js';
import { block, random } from '../support/points.js';

const BASE_MS = 1_795_343_580_000;
const [WIDTH, HEIGHT] = [1200, 480];
const LAYOUT = { lane: 15, tick: 4 };

/** CPU time of a run, compiler and collector of garbage included. @param {() => void} run */
function cpuMs(run) {
  const began = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
}

/** @param {() => void} run @param {number} [times] */
function leastMs(run, times = 9) {
  return Math.min(...Array.from({ length: times }, () => cpuMs(run)));
}

/** A plot on a canvas that draws nothing: all own work, none of the browser's. */
function fakePlot() {
  const canvas = () => /** @type {any} */ ({ getContext: () => ({ putImageData() {}, drawImage() {} }) });
  Object.assign(globalThis, {
    document: { createElement: canvas },
    ImageData: class {
      /** @param {number} width @param {number} height */
      constructor(width, height) { this.data = new Uint8ClampedArray(width * height * 4); }
    },
  });
  return new Plot(canvas(), WIDTH, HEIGHT, 1);
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
  const costs = Array.from({ length: 41 }, () => {
    const [t0, y0] = [BASE_MS + Math.floor(next() * 300_000), 13_000 + Math.floor(next() * 15_000)];
    const box = { t0, t1: t0 + Math.floor(next() * 300_000), y0, y1: y0 + Math.floor(next() * 15_000) };
    return cpuMs(() => store.count(box));
  }).sort((a, b) => a - b);
  within(`box among ${store.size} points, median of ${costs.length}`, costs[20], 3 * 50);
  within('large box', leastMs(() => store.count({ t0: BASE_MS + 50_000, t1: BASE_MS + 500_000, y0: 25_000, y1: 40_000 })), 200);
  within('small box', leastMs(() => store.count({ t0: BASE_MS + 50_000, t1: BASE_MS + 52_000, y0: 25_000, y1: 40_000 })), 20);
});

test('a frame with a million points held and two thousand new ones a second is within its budget', () => {
  const [held, perBatch, batchMs, frameMs] = [1_000_000, 200, 100, 1000 / 60];
  const live = new Store();
  for (let i = 0; i < 40; i++) live.append(block(next, BASE_MS + i * 12_500, held / 40, 12_500));
  const plot = fakePlot();
  let nowMs = BASE_MS + 500_000;
  plot.redraw({ axis: DEFAULT_AXIS, mask: NO_MASK, spanMs: 500_000, toMs: nowMs, theme: 'dark', holes: [] }, live);
  plot.paint();
  let sentMs = nowMs;
  const costs = /** @type {number[]} */ ([]);
  for (let frame = 0; frame < 1_800; frame++) {
    nowMs += frameMs;
    const batch = nowMs - sentMs >= batchMs ? block(next, Math.floor(sentMs), perBatch, batchMs) : null;
    if (batch) sentMs += batchMs;
    costs.push(cpuMs(() => {
      if (batch) {
        live.append(batch);
        plot.raster.add(batch);
      }
      if (frame % 60 === 0) live.evictBefore(nowMs - 500_000);
      plot.advance(nowMs);
      plot.paint();
    }));
  }
  assert.ok(live.size > 0.9 * held, `${live.size} held`);
  assert.ok(plot.raster.inView > 0.9 * held, `${plot.raster.inView} in view`);
  costs.sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => costs[Math.floor(costs.length * share)];
  console.log(`own work a frame, ${live.size} points held: median ${at(0.5).toFixed(3)} ms, 99 % ${at(0.99).toFixed(3)} ms, most ${at(0.9999).toFixed(3)} ms`);
  within('own work a frame at the 99th percentile', at(0.99), 3 * 2);
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
