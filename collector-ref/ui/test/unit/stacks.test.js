// Dumps of threads and counted stacks, as the tools show them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftHeavy } from '../../src/data/flame.js';
import { StepTree } from '../../src/data/profile.js';
import { NO_SERVICE, asSteps, belowOf, heaviestPath, rooted, serviceCounts, shownRows, sumOf, topFrames, treeOf } from '../../src/data/stacks.js';
import { functionsOf, isOwn, placeText, sortedThreads, whereOf } from '../../src/data/threads.js';
import { random } from '../support/points.js';

const fn = (/** @type {string} */ name, place = '') => ({ name, place, inlined: false });
const code = (/** @type {any[]} */ ...functions) => ({ functions, module: 0, offset: '0x1', missing: null });
const step = (/** @type {string} */ name) => ({ functions: [fn(name)] });
const stack = (/** @type {string} */ service, /** @type {number} */ count, /** @type {any[]} */ frames, running = false) => ({ service, tenant: '', running, count, frames });

/** A random profile of native stacks. @param {number} seed */
function anyStacks(seed) {
  const next = random(seed);
  return rooted({ stacks: Array.from({ length: 60 }, () => stack(['', '/a', '/b'][Math.floor(next() * 3)], 1 + Math.floor(next() * 50),
    Array.from({ length: 1 + Math.floor(next() * 8) }, () => code(fn(`f${Math.floor(next() * 6)}`, `x.rs:${Math.floor(next() * 3)}`))), next() < 0.5)) });
}

test('native stacks are turned round, with what was inlined below its caller; steps are not', () => {
  const [native, steps] = rooted({ stacks: [
    stack('', 1, [code(fn('inlined', 'a.rs:1'), fn('outer', 'a.rs:9')), code(fn('main', 'm.rs:1'))]),
    stack('/a', 2, [step('load @ src/a.rs:7'), step('SELECT 1')], true)] });
  assert.deepEqual(native.frames.map(one => one.name), ['main', 'outer', 'inlined']);
  assert.equal(native.service, NO_SERVICE);
  assert.deepEqual(steps.frames, [{ name: 'load', place: 'src/a.rs:7', key: 'load @ src/a.rs:7' }, { name: 'SELECT 1', place: '', key: 'SELECT 1' }]);
});

test('a function counts once a stack however deep it recurs, and whatever lines of it were seen', () => {
  const stacks = rooted({ stacks: [stack('/a', 3, [code(fn('f', 'x:1')), code(fn('f', 'x:2')), code(fn('g', 'y:1'))]), stack('/a', 2, [code(fn('g', 'y:2'))], true)] });
  assert.deepEqual(topFrames(stacks).map(({ name, self, total, waiting }) => [name, self, total, waiting]), [['f', 3, 3, 3], ['g', 2, 5, 0]]);
});

test('in both trees parts are never more than the whole, and all ends together are all samples', () => {
  for (const stacks of [anyStacks(1), anyStacks(2), anyStacks(3)]) {
    const whole = sumOf(stacks);
    assert.equal(serviceCounts(stacks).reduce((sum, [, n]) => sum + n, 0), whole);
    assert.equal(topFrames(stacks).reduce((sum, one) => sum + one.self, 0), whole);
    for (const isBottomUp of [false, true]) {
      const root = treeOf(stacks, isBottomUp);
      let ends = 0;
      const visit = (/** @type {import('../../src/data/stacks.js').Node} */ of) => {
        const below = belowOf(of).reduce((sum, next) => sum + next.total, 0);
        assert.ok(below <= of.total);
        if (!isBottomUp && of !== root) assert.equal(below + of.self, of.total);
        ends += of.self;
        belowOf(of).forEach(visit);
      };
      visit(root);
      assert.equal(root.total, whole);
      assert.equal(ends, whole);
    }
  }
});

test('the flame of a tree is as wide as its samples, and its bars as its nodes', () => {
  const root = treeOf(anyStacks(4), false);
  const steps = asSteps(root);
  const flame = leftHeavy(new StepTree(steps));
  assert.equal(flame.totalUs, root.total);
  assert.equal(flame.n, steps.length);
  for (let i = 0; i < flame.n; i++) assert.equal(flame.length[i], steps[flame.step[i]].elapsed_us);
});

test('a tree is opened along its heaviest path, and rows are what is open', () => {
  const stacks = rooted({ stacks: [stack('/a', 8, [step('x'), step('y')]), stack('/a', 1, [step('z')]), stack('/b', 3, [step('x')])] });
  const root = treeOf(stacks, false);
  assert.deepEqual(shownRows(root, new Set()).map(row => row.name), ['/a', '/b']);
  assert.deepEqual(shownRows(root, heaviestPath(root)).map(row => row.name), ['/a', 'x', 'y', 'z', '/b']);
});

test('the thread that blocks comes first, and is where its own code is', () => {
  const thread = (/** @type {number} */ tid, /** @type {any} */ more) => ({ tid, name: 't', state: 'S', cpu_ms: 0, txid: null, poll_us: 0, frames: [], missing: '', ...more });
  const frames = [code(fn('syscall', './misc/../sysdeps/x.S:1')), code(fn('std::thread::sleep', '/rustc/abc/library/std/src/thread.rs:1')), code(fn('shop::handler', 'src/shop.rs:9')), code(fn('tokio::runtime::x', '/root/.cargo/registry/src/tokio/x.rs:1'))];
  const threads = sortedThreads([thread(1, { cpu_ms: 9_000 }), thread(2, { state: 'R' }), thread(3, { txid: '7', poll_us: 5, frames }), thread(4, { txid: '8', poll_us: 900 })]);
  assert.deepEqual(threads.map(one => one.tid), [4, 3, 2, 1]);
  assert.equal(whereOf(threads[1])?.name, 'shop::handler');
  assert.equal(functionsOf(threads[1]).filter(isOwn).length, 1);
  assert.equal(whereOf(threads[0]), null);
  assert.equal(whereOf(thread(5, { frames: [frames[0], code(fn('flume::wait'))] }))?.name, 'flume::wait');
});

test('a place is told without what all of its crate begin with, and the agent is nobody\'s own code', () => {
  assert.equal(placeText('/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/thread/mod.rs:9'), 'library/std/src/thread/mod.rs:9');
  assert.equal(placeText('/home/me/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/tokio-1.48.0/src/park.rs:3'), 'tokio-1.48.0/src/park.rs:3');
  assert.equal(placeText('src/orders.rs:67'), 'src/orders.rs:67');
  const isMine = (/** @type {string} */ name, place = '/home/me/work/src/lib.rs:1') => isOwn({ name, place });
  assert.deepEqual(['scouter_core::native::own', 'scouter::spawn', 'scouter_shop::charge', 'shop::scouter_of'].map(name => isMine(name)), [false, false, true, true]);
  assert.equal(isMine('{closure#0}<RouteFuture>', '/home/me/vendor/scouter-tower-0.1.0/src/server/future.rs:132'), false);
});
