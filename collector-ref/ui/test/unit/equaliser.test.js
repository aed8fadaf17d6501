import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activeOf, pulseRows } from '../../src/parts/equaliser.js';

const OBJECTS = [{ id: 1, name: '/host/a', alive: true }, { id: 2, name: '/host/b', alive: true }, { id: 3, name: '/host/gone', alive: false }];

test('an object that has not said what runs is unknown, not idle', () => {
  const rows = pulseRows({ active: { '/host/a': [3, 1, 0] }, objects: OBJECTS });
  assert.deepEqual(rows.map(({ object, bands, unavailable }) => [object, ...bands, unavailable]), [['/host/a', 3, 1, 0, undefined], ['/host/b', 0, 0, 0, 'asking…'], ['/host/gone', 0, 0, 0, 'gone']]);
});

test('the sum of what runs is unknown until one object has said', () => {
  assert.equal(activeOf({ active: {}, objects: OBJECTS }), null);
  assert.deepEqual(activeOf({ active: { '/host/a': [3, 1, 0], '/host/b': [1, 0, 2] }, objects: OBJECTS }), [4, 1, 2]);
  assert.deepEqual(activeOf({ active: {}, objects: [] }), [0, 0, 0]);
});
