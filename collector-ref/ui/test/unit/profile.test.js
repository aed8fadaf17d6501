import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepTree } from '../../src/data/profile.js';
import { traceRows } from '../../src/pages/trace.js';
import { currentStep } from '../../src/parts/running.js';
import { stepNote } from '../../src/parts/step_table.js';
import { sparkPath } from '../../src/parts/sparkline.js';
import { random } from '../support/points.js';

/** The tree as indented text. @param {(number | null)[]} parents @param {Set<number>} [closed] */
function drawn(parents, closed = new Set()) {
  const tree = new StepTree(parents.map(parent => ({ parent })));
  return [...tree.visible(closed)].map(i => '.'.repeat(tree.depth[i]) + i).join(' ');
}

test('steps of joined futures, mixed in time, stand below their parents', () => {
  assert.equal(drawn([null, 0, 0, 1, 2, 1, null, 6]), '0 .1 ..3 ..5 .2 ..4 6 .7');
});

test('a closed step hides what is below it and nothing else', () => {
  assert.equal(drawn([null, 0, 0, 1, 2, 1, null, 6], new Set([1])), '0 .1 .2 ..4 6 .7');
  assert.equal(drawn([null, 0, 1, null], new Set([0, 1])), '0 3');
});

test('a parent that does not come first is no parent', () => {
  assert.equal(drawn([5, 1, -1, 2.5, null]), '0 1 2 3 4');
  assert.equal(drawn([]), '');
});

test('every step stands in the tree once, however deep', () => {
  const next = random(41);
  const parents = Array.from({ length: 100_000 }, (_, i) => (i === 0 || next() < 0.01 ? null : i - 1 - Math.floor(next() ** 8 * Math.min(i, 50))));
  const tree = new StepTree(parents.map(parent => ({ parent })));
  assert.equal(new Set(tree.order).size, parents.length);
  const chain = new StepTree(Array.from({ length: 50_000 }, (_, i) => ({ parent: i === 0 ? null : i - 1 })));
  assert.equal(chain.depth[49_999], 49_999);
});

test('a trace is a tree; a missing caller is a row that names it', () => {
  const x = (/** @type {string} */ txid, /** @type {string | null} */ caller, /** @type {number} */ start) => ({ txid, caller, start_unix_us: start, elapsed_us: 5 });
  const rows = traceRows([x('a', 'z', 10), x('b', 'a', 8), x('c', 'a', 12), x('d', null, 20)], [{ txid: 'z', why: 'caller not stored' }]);
  assert.deepEqual(rows.map(row => `${'.'.repeat(row.depth)}${row.txid}`), ['z', '.a', '..b', '..c', 'd']);
  assert.equal(rows[0].isMissing, true);
});

test('what a running transaction does is its innermost open step, and a guess says so', () => {
  const stack = [{ kind: 'method', name: 'load', age_us: 5 }, { kind: 'sql', name: 'SELECT 1', age_us: 3 }];
  assert.deepEqual(currentStep({ state: 'waiting', stack }), { text: 'SELECT 1', isGuess: false, kind: 'sql', ageUs: 3 });
  assert.match(currentStep({ state: 'waiting', stack: stack.slice(0, 1) }).text, /load · awaiting something not instrumented/);
  assert.match(currentStep({ state: 'waiting', stack: [] }).text, /not instrumented/);
  assert.match(currentStep({ state: 'running', stack: [] }).text, /its own code/);
});

test('a statement says wait, execution and rows', () => {
  const note = stepNote({ count: 1, elapsed_us: 5_000, sql: { pool_wait_us: 1_000, rows: 12, affected: 0 } }).replaceAll(' ', ' ');
  assert.equal(note, 'wait 1.00 ms · exec 4.00 ms · 12 rows');
  assert.equal(stepNote({ count: 1, elapsed_us: 5_000, sql: { pool_wait_us: 0, rows: 1, affected: 0 } }), '1 row');
  assert.equal(stepNote({ count: 10_000, elapsed_us: 5, max_us: 900 }).replaceAll(' ', ' '), 'max 900 µs');
});

test('a sparkline ends at the right edge and stays inside', () => {
  assert.equal(sparkPath([1]), '');
  assert.equal(sparkPath([0, 2], 149, 10), 'M148.0 9.0L149.0 2.0');
  assert.ok(!sparkPath([0, 0, 0]).includes('NaN'));
});

test('gaps of a step are the time that none of its own steps covers, the longest first', () => {
  const step = (/** @type {number | null} */ parent, /** @type {number} */ start_us, /** @type {number} */ elapsed_us) => ({ parent, start_us, elapsed_us });
  const tree = new StepTree([step(null, 0, 100), step(0, 10, 30), step(1, 12, 5), step(0, 20, 30), step(0, 60, 0), step(0, 70, 10)]);
  assert.deepEqual(tree.gaps(0), [{ fromUs: 50, toUs: 70 }, { fromUs: 80, toUs: 100 }, { fromUs: 0, toUs: 10 }]);
  assert.deepEqual(tree.gaps(1), [{ fromUs: 17, toUs: 40 }, { fromUs: 10, toUs: 12 }]);
  assert.deepEqual(tree.gaps(3), [], 'what has no steps has no gaps');
});
