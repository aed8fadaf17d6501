import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_SAVED, frozen, removeView, saveView, savedViews } from '../../src/core/saved.js';
import { largest, newest } from '../../src/parts/people.js';

/** A storage of a browser. @returns {any} */
function storage(isFull = false) {
  const kept = new Map();
  return { getItem: (/** @type {string} */ key) => kept.get(key) ?? null, setItem(/** @type {string} */ key, /** @type {string} */ value) { if (isFull) throw new Error('quota'); kept.set(key, value); } };
}

test('a link freezes the range and keeps everything else', () => {
  const at = (/** @type {string} */ path) => frozen(new URL(path, 'http://page'), 1_000_000_500.2);
  assert.equal(at('/counters?range=1m&c=a%7C&c=b%7C&before=1').search, '?c=a%7C&c=b%7C&before=1&from=999940501&to=1000000501');
  assert.equal(at('/').search, '?from=999700501&to=1000000501', 'the range that is not written is five minutes');
  assert.equal(at('/xlog?from=1&to=90000&box=1,2,3,4').search, '?from=1&to=90000&box=1,2,3,4', 'what stands still stays');
});

test('views are kept by name, replaced, removed, and sorted', () => {
  const kept = storage();
  assert.equal(saveView(kept, ' slow ', '/xlog?f=slow'), '');
  assert.equal(saveView(kept, 'errors', '/errors'), '');
  assert.equal(saveView(kept, 'slow', '/xlog?f=slow%3E1s'), '');
  assert.deepEqual(savedViews(kept), [{ name: 'errors', to: '/errors' }, { name: 'slow', to: '/xlog?f=slow%3E1s' }]);
  removeView(kept, 'errors');
  assert.deepEqual(savedViews(kept).map(view => view.name), ['slow']);
});

test('views are bounded, and what was not saved is said', () => {
  const kept = storage();
  assert.match(saveView(kept, '  ', '/'), /needs a name/);
  for (let i = 0; i < MAX_SAVED; i++) assert.equal(saveView(kept, `view ${i}`, '/'), '');
  assert.match(saveView(kept, 'one more', '/'), /remove one/);
  assert.equal(saveView(kept, 'view 7', '/map'), '', 'one that is there is replaced');
  assert.match(saveView(storage(true), 'a', '/'), /keeps nothing/);
});

test('what is not a view of this page is left out', () => {
  const kept = storage();
  for (const text of ['nonsense', '{}', 'null', '7']) {
    kept.setItem('scouter.views', text);
    assert.deepEqual(savedViews(kept), [], text);
  }
  kept.setItem('scouter.views', JSON.stringify([{ name: 'a', to: 'javascript:alert(1)' }, { name: 'b', to: '//evil.example/' }, null, { name: 'c', to: '/map' }]));
  assert.deepEqual(savedViews(kept), [{ name: 'c', to: '/map' }]);
});

test('people are those of the object that counts most, not of one that is gone', () => {
  const at = (/** @type {number} */ s) => s * 1_000_000;
  const series = [{ points: /** @type {[number, number][]} */ ([[at(100), 3], [at(104), 5]]) }, { points: /** @type {[number, number][]} */ ([[at(101), 4], [at(105), 4]]) }];
  assert.deepEqual(largest(series), [4, 5]);
  assert.equal(newest(series, at(106)), 5);
  assert.equal(newest([...series, { points: [[at(1), 99]] }], at(106)), 5);
  assert.equal(newest([{ points: [[at(1), 99]] }, { points: [] }], at(106)), null);
});
