// Budgets as tests, and the bench of the page's pure parts: minima and medians of several runs. Asserted
// is the least CPU time, since the machine may be busy, against three times the target of the design.
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

/** CPU times of several runs, ascending. @param {() => void} run @param {number} [times] */
function costs(run, times = 9) {
  return Array.from({ length: times }, () => cpuMs(run)).sort((a, b) => a - b);
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

/** A busy machine may take so many times the target. */
const SLACK = 3;

/** Prints the least and the median, and holds the least. @param {string} what @param {number[]} sorted ms @param {number} targetMs */
function within(what, sorted, targetMs) {
  const median = sorted[Math.floor(sorted.length / 2)];
  console.log(`bench ui: ${what}: min ${sorted[0].toFixed(2)} ms, median ${median.toFixed(2)} ms of ${sorted.length} (target ${targetMs} ms, held at ${SLACK * targetMs} ms)`);
  assert.ok(sorted[0] < SLACK * targetMs, `${what} took ${sorted[0]} ms`);
}

/** One pass over the columns of a picture's points: what any picture of them takes at least. @param {import('../../src/data/store.js').Chunk[]} chunks */
function readAll(chunks) {
  let sum = 0;
  for (const { n, dt, y, attr } of chunks) for (let i = 0; i < n; i++) sum += dt[i] + y[i] + attr[i];
  return sum;
}

test('a full picture of one and of two million points is made within its budget', () => {
  const rasterMs = costs(() => {
    raster.reset(view);
    for (const chunk of store.chunks) raster.add(chunk);
  });
  assert.ok(raster.inView > 1_900_000);
  // What is as the design wants it says so; the targets of the others are their share of a frame.
  within('raster of 2 M points', rasterMs, 25);
  const half = store.chunks.slice(0, store.chunks.length / 2);
  within('raster of 1 M points', costs(() => {
    raster.reset(view);
    for (const chunk of half) raster.add(chunk);
  }), 12);
  assert.ok(raster.inView > 950_000 && raster.inView < 1_050_000, `${raster.inView}`);
  for (const [what, chunks] of /** @type {[string, typeof half][]} */ ([['1 M', half], ['2 M', store.chunks]])) {
    const sorted = costs(() => assert.ok(readAll(chunks) > 0));
    console.log(`bench ui: reading ${what} points once: min ${sorted[0].toFixed(2)} ms, median ${sorted[4].toFixed(2)} ms of ${sorted.length} (yardstick)`);
  }
  raster.reset(view);
  for (const chunk of store.chunks) raster.add(chunk);
  within('painting all columns', costs(() => paintColumns(raster, px, PALETTES.dark, LAYOUT, { lo: raster.first, hi: raster.first + WIDTH - 1, radius: 0, holes: [] })), 25);
});

test('a box among two million points is counted within its budget', () => {
  const boxes = Array.from({ length: 41 }, () => {
    const [t0, y0] = [BASE_MS + Math.floor(next() * 300_000), 13_000 + Math.floor(next() * 15_000)];
    const box = { t0, t1: t0 + Math.floor(next() * 300_000), y0, y1: y0 + Math.floor(next() * 15_000) };
    // The cheapest box is an empty one: of each the least of three, and of all of them the dearest.
    return costs(() => store.count(box), 3)[0];
  }).sort((a, b) => a - b);
  console.log(`bench ui: box among ${store.size} points, ${boxes.length} random ones: min ${boxes[0].toFixed(2)} ms, median ${boxes[20].toFixed(2)} ms, dearest ${boxes[40].toFixed(2)} ms (target 50 ms, held at ${SLACK * 50} ms)`);
  assert.ok(boxes[40] < SLACK * 50, `${boxes[40]} ms`);
  within('large box among 2 M points', costs(() => store.count({ t0: BASE_MS + 50_000, t1: BASE_MS + 500_000, y0: 25_000, y1: 40_000 })), 50);
  within('small box among 2 M points', costs(() => store.count({ t0: BASE_MS + 50_000, t1: BASE_MS + 52_000, y0: 25_000, y1: 40_000 })), 5);
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
  const frames = /** @type {number[]} */ ([]);
  for (let frame = 0; frame < 1_800; frame++) {
    nowMs += frameMs;
    const batch = nowMs - sentMs >= batchMs ? block(next, Math.floor(sentMs), perBatch, batchMs) : null;
    if (batch) sentMs += batchMs;
    frames.push(cpuMs(() => {
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
  frames.sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => frames[Math.floor(frames.length * share)];
  console.log(`bench ui: own work a frame, ${live.size} points held: median ${at(0.5).toFixed(3)} ms, 99 % ${at(0.99).toFixed(3)} ms, most ${at(0.9999).toFixed(3)} ms (target 2 ms at 99 %, held at ${SLACK * 2} ms)`);
  assert.ok(at(0.99) < SLACK * 2, `${at(0.99)} ms`);
});

test('a live frame costs its new points, not the whole picture', () => {
  const news = block(next, BASE_MS + 599_000, 33, 900);
  within('33 new points', costs(() => {
    raster.clean();
    raster.add(news);
    paintColumns(raster, px, PALETTES.dark, LAYOUT, { lo: raster.dirtyLo - 4, hi: Math.min(raster.first + WIDTH - 1, raster.dirtyHi + 4), radius: 0, holes: [] });
  }), 2);
});

test('a profile of a hundred thousand steps becomes a tree within its budget', () => {
  const steps = Array.from({ length: 100_000 }, (_, i) => ({ parent: i === 0 ? null : Math.floor(next() * i) }));
  within('tree of 100,000 steps', costs(() => new StepTree(steps)), 50);
});
