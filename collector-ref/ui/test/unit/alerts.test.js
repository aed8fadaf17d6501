import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { TITLES, grouped, titleOf, toneOf, weightOf } from '../../src/core/alert_kinds.js';

const alert = (/** @type {number} */ unix_us, more = {}) => ({ unix_us, kind: 'slow_statement', level: 'warn', place: 'src/a.rs:1', service: 'GET /', tenant: '', object: '/host/a', suppressed: 0, gxid: null, txid: null, ...more });
const read = (/** @type {string} */ path) => readFileSync(new URL(path, import.meta.url), 'utf8');

test('an alert that repeats is one cause, newest first, with all its times and all it happened to', () => {
  const groups = grouped([
    alert(10, { suppressed: 4, tenant: 'acme' }), alert(30, { tenant: 'globex' }), alert(20, { kind: 'connection_leak', level: 'error' }), alert(15, { object: '/host/b', level: 'fatal', service: 'GET /b' }),
  ]);
  assert.deepEqual(groups.map(({ alert: { kind, unix_us }, times, level, firstUs }) => [kind, unix_us, times, level, firstUs]), [['slow_statement', 30, 7, 'fatal', 10], ['connection_leak', 20, 1, 'error', 20]]);
  assert.deepEqual([groups[0].objects, groups[0].services, groups[0].tenants], [['/host/a', '/host/b'], ['GET /', 'GET /b'], ['globex', 'acme']]);
});

test('where no place is known the service tells causes apart, and where there is none the object', () => {
  const of = (/** @type {any[]} */ alerts) => grouped(alerts).length;
  assert.equal(of([alert(1, { place: '' }), alert(2, { place: '', object: '/host/b' })]), 1);
  assert.equal(of([alert(1, { place: '' }), alert(2, { place: '', service: 'GET /b' })]), 2);
  assert.equal(of([alert(1, { place: '', service: '' }), alert(2, { place: '', service: '', object: '/host/b' })]), 2);
});

test('a cause leads to its newest transactions, each once', () => {
  const [group] = grouped(Array.from({ length: 40 }, (_, i) => alert(i, { gxid: 'a', txid: String(i % 8) })));
  assert.deepEqual(group.linked.map(one => one.txid), ['7', '6', '5', '4', '3']);
});

test('a cause shows the newest stack that was taken of it', () => {
  const stack = (/** @type {string} */ name) => ({ stack: [{ functions: [{ name, place: '' }] }] });
  const [group] = grouped([alert(1, stack('old')), alert(3, { stack: [] }), alert(2, stack('new'))]);
  assert.equal(group.stack[0].functions[0].name, 'new');
});

test('every kind of the collector has a title and advice, and no other one has', () => {
  const source = read('../../../src/names.rs');
  const named = [...source.matchAll(/AlertKind::\w+ => "(\w+)"/g)].map(([, name]) => name);
  assert.ok(named.length >= 25, `${named.length}`);
  assert.deepEqual(Object.keys(TITLES).sort(), named.slice().sort());
  const advice = read('../../src/parts/alert_list.js').split('const ADVICE')[1].split('};')[0];
  assert.deepEqual([...advice.matchAll(/^ {2}(\w+): '/gm)].map(([, name]) => name).sort(), named.slice().sort());
  assert.equal(new Set(Object.values(TITLES)).size, named.length, 'no two are called alike');
});

test('a kind or a level of a newer collector is named, and taken for bad', () => {
  assert.equal(titleOf('lock_convoy'), 'Lock convoy');
  assert.deepEqual(['info', 'warn', 'error', 'fatal', 'ruinous'].map(toneOf), ['mut', 'warn', 'err', 'err', 'err']);
  assert.ok(weightOf('ruinous') > weightOf('fatal'));
});
