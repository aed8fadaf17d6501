import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grouped } from '../../src/parts/alerts.js';

const alert = (/** @type {number} */ unix_us, more = {}) => ({ unix_us, kind: 'slow_statement', place: 'SELECT 1', service: 'GET /', object: '/host/a', suppressed: 0, ...more });

test('an alert that repeats is one entry, newest first, with all its times', () => {
  const groups = grouped([alert(10, { suppressed: 4 }), alert(30), alert(20, { kind: 'leaked_connection' }), alert(15, { object: '/host/b' })]);
  assert.deepEqual(groups.map(({ alert: { kind, unix_us, object }, times }) => [kind, unix_us, object, times]), [
    ['slow_statement', 30, '/host/a', 6], ['leaked_connection', 20, '/host/a', 1], ['slow_statement', 15, '/host/b', 1],
  ]);
});
