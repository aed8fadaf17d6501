import assert from 'node:assert/strict';
import { test } from 'node:test';
import { criticalPath, criticalShares } from '../../src/data/critical.js';
import { barAt, inTime, leftHeavy } from '../../src/data/flame.js';
import { StepTree } from '../../src/data/profile.js';
import { speedscope } from '../../src/data/speedscope.js';
import { random } from '../support/points.js';

const step = (/** @type {number | null} */ parent, /** @type {string} */ name, /** @type {number} */ start_us, /** @type {number} */ elapsed_us, kind = 'method') => ({ parent, name, kind, start_us, elapsed_us, count: 1, place: `${name}.rs:1` });
/** A handler that asks twice beside each other, then once more. */
const STEPS = [
  step(null, 'handler', 0, 100), step(0, 'stock', 10, 40), step(0, 'price', 10, 60), step(2, 'select', 20, 30, 'sql'),
  step(0, 'note', 75, 0, 'message'), step(0, 'select', 80, 5, 'sql'), step(0, 'select', 86, 10, 'sql'),
];

/** A random profile in which some steps overlap. @param {number} seed */
function anyProfile(seed) {
  const next = random(seed);
  const steps = [step(null, 'root', 0, 1_000_000)];
  for (let i = 1; i < 400; i++) {
    const parent = Math.floor(next() * i);
    const { start_us: from, elapsed_us: length } = steps[parent];
    const start = from + Math.floor(next() * length);
    steps.push(step(parent, `f${Math.floor(next() * 30)}`, start, Math.floor(next() * (from + length - start))));
  }
  return steps;
}

test('in the order of time no bar hides another, and each is below its parent', () => {
  for (const steps of [STEPS, anyProfile(1), anyProfile(2)]) {
    const flame = inTime(new StepTree(steps), steps[0].elapsed_us);
    assert.equal(flame.n, steps.filter(s => s.kind !== 'message').length);
    const row = new Map(Array.from({ length: flame.n }, (_, i) => [flame.step[i], flame.row[i]]));
    for (let i = 0; i < flame.n; i++) {
      const { parent } = steps[flame.step[i]];
      if (parent !== null) assert.ok(/** @type {number} */ (row.get(flame.step[i])) > /** @type {number} */ (row.get(parent)));
      for (let k = 0; k < i; k++) {
        const isApart = flame.start[i] >= flame.start[k] + flame.length[k] || flame.start[k] >= flame.start[i] + flame.length[i];
        assert.ok(flame.row[i] !== flame.row[k] || isApart || flame.row[i] === 400, `${flame.step[i]} and ${flame.step[k]}`);
      }
    }
  }
});

test('the bars of a row come from left to right', () => {
  for (const steps of [STEPS, anyProfile(7)]) {
    for (const flame of [inTime(new StepTree(steps), steps[0].elapsed_us), leftHeavy(new StepTree(steps))]) {
      const last = new Map();
      for (let i = 0; i < flame.n; i++) {
        assert.ok((last.get(flame.row[i]) ?? 0) <= flame.start[i]);
        last.set(flame.row[i], flame.start[i]);
      }
    }
  }
});

test('left heavy puts the same together and the heaviest on the left', () => {
  const flame = leftHeavy(new StepTree(STEPS));
  const bars = Array.from({ length: flame.n }, (_, i) => [STEPS[flame.step[i]].name, flame.row[i], flame.start[i], flame.length[i], flame.times[i]]);
  assert.deepEqual(bars.filter(([, row]) => row === 1).sort((a, b) => Number(a[2]) - Number(b[2])), [['price', 1, 0, 60, 1], ['stock', 1, 60, 40, 1], ['select', 1, 100, 15, 2]]);
  // Beside each other they took longer than the handler: it is drawn as long as they are.
  assert.deepEqual(bars.find(([, row]) => row === 0), ['handler', 0, 0, 115, 1]);
  assert.equal(flame.totalUs, 115);
  assert.deepEqual(STEPS[flame.step[barAt(flame, 70, 1, 0)]].name, 'stock');
  assert.equal(barAt(flame, 114, 2, 0), -1);
});

test('a short bar beside a long one is found where it is, and a little beside it', () => {
  const flame = inTime(new StepTree([step(null, 'short', 10, 2), step(null, 'long', 12, 988)]), 1_000);
  const named = (/** @type {number} */ us) => ['short', 'long'][flame.step[barAt(flame, us, 0, 5)]];
  assert.deepEqual([4, 6, 11, 11.9, 13, 1_004].map(named), [undefined, 'short', 'short', 'short', 'long', 'long']);
});

test('the critical path is the elapsed time, in order, each piece inside its step', () => {
  assert.deepEqual(criticalPath(STEPS, 100).map(p => [p.step < 0 ? '' : STEPS[p.step].name, p.fromUs, p.toUs]), [
    ['handler', 0, 10], ['price', 10, 20], ['select', 20, 50], ['price', 50, 70], ['handler', 70, 80], ['select', 80, 85], ['handler', 85, 86], ['select', 86, 96], ['handler', 96, 100],
  ]);
  for (const seed of [3, 4, 5]) {
    const steps = anyProfile(seed);
    const path = criticalPath(steps, 1_100_000);
    let at = 0;
    for (const { step: i, fromUs, toUs } of path) {
      assert.equal(fromUs, at);
      at = toUs;
      if (i >= 0) assert.ok(fromUs >= steps[i].start_us && toUs <= steps[i].start_us + steps[i].elapsed_us);
    }
    assert.equal(at, 1_100_000);
    assert.equal(criticalShares(path).reduce((sum, { us }) => sum + us, 0), 1_100_000);
    assert.ok(criticalShares(path).some(({ step: i }) => i === -1), 'what no step covers');
  }
});

test('a speedscope file nests, and has every step once', () => {
  for (const steps of [STEPS, anyProfile(6)]) {
    const file = speedscope('GET /x', steps, steps[0].elapsed_us);
    let opened = 0;
    for (const { events, endValue } of file.profiles) {
      const stack = /** @type {number[]} */ ([]);
      let last = 0;
      for (const { type, frame, at } of events) {
        assert.ok(at >= last && at <= endValue);
        last = at;
        if (type === 'O') {
          stack.push(frame);
          opened += 1;
        } else {
          assert.equal(stack.pop(), frame);
        }
      }
      assert.deepEqual(stack, []);
    }
    assert.equal(opened, steps.filter(s => s.kind !== 'message').length);
    assert.ok(file.shared.frames.length <= steps.length);
  }
  assert.equal(speedscope('GET /x', STEPS, 100).profiles.length, 2, 'stock runs beside price');
});

test('a hundred thousand steps are laid out in time', () => {
  const steps = [step(null, 'root', 0, 1e6)];
  for (let i = 1; i < 100_000; i++) steps.push(step(0, `f${i % 50}`, i * 10, 8));
  const tree = new StepTree(steps);
  const began = process.cpuUsage();
  inTime(tree, 1e6);
  leftHeavy(tree);
  criticalPath(steps, 1e6);
  const { user, system } = process.cpuUsage(began);
  console.log(`flames and critical path of 100,000 steps: ${((user + system) / 1000).toFixed(0)} ms`);
  assert.ok(user + system < 1_500_000);
});
