import assert from 'node:assert/strict';
import { test } from 'node:test';
import { match } from '../../src/core/router.js';
import { measureOf } from '../../src/core/measures.js';
import { DEFAULT_AXIS, readView, viewUrl, writeView } from '../../src/core/view.js';
import { random } from '../support/points.js';

const read = (/** @type {string} */ query) => readView(new URLSearchParams(query));

test('an empty URL is the last five minutes, live', () => {
  assert.deepEqual(read(''), { range: { live: true, spanMs: 300_000 }, f: '', box: null, measure: 'elapsed', axis: DEFAULT_AXIS, pane: 'list', by: 'service' });
  assert.equal(viewUrl('/xlog', read('')), '/xlog');
});

test('every view comes back from its URL', () => {
  const next = random(31);
  const whole = (/** @type {number} */ below) => Math.floor(next() * below);
  const filters = ['', 'err', 'service:"GET /orders/*" -err', 'tenant:ä&b=c#d%', 'a "b c" d'];
  for (let i = 0; i < 500; i++) {
    const t0 = 1_795_000_000_000 + whole(1e9);
    const y0 = whole(60_000);
    const lo = whole(30_000);
    const view = /** @type {any} */ ({
      range: i % 2 ? { live: true, spanMs: 60_000 * (1 + whole(30)) } : { live: false, fromMs: t0, toMs: t0 + 5_000 + whole(1e8) },
      f: filters[i % filters.length],
      box: i % 3 ? { t0, t1: t0 + whole(1e6), y0, y1: y0 + whole(5_000) } : null,
      measure: i % 7 ? 'elapsed' : 'sql_count',
      pane: ['list', 'summary', 'why'][i % 3],
      by: i % 4 ? 'service' : 'user_agent',
      axis: i % 5 ? measureOf(i % 7 ? 'elapsed' : 'sql_count').axis : { kind: i % 10 ? 'lin' : 'log', lo, hi: lo + 100 + whole(30_000) },
    });
    assert.deepEqual(readView(new URL(viewUrl('/xlog', view), 'http://x').searchParams), view);
  }
});

test('a link that was pasted through a mail keeps its box', () => {
  assert.deepEqual(read('box=1795344871161%2C1795344939260%2C37691%2C45864').box, { t0: 1_795_344_871_161, t1: 1_795_344_939_260, y0: 37_691, y1: 45_864 });
});

test('what cannot be read is left out, never thrown', () => {
  for (const query of ['range=x', 'range=-5m', 'from=5', 'from=9&to=3', 'from=abc&to=9', 'box=1,2,3', 'box=2,1,0,9', 'box=1,2,9,3', 'box=1,2,3,99999', 'box=a,b,c,d', 'y=cube:1-2', 'y=log:900-800', 'y=log:1-99999', 'm=sqlcount', 'pane=x', 'by=colour', 'box=1e3,2,3,4']) {
    assert.deepEqual(read(query), read(''), query);
  }
  assert.equal(read(`f=${'x'.repeat(9_999)}`).f.length, 2_000);
  assert.deepEqual(read('range=900d').range, { live: true, spanMs: 3_600_000 });
});

test('only what differs from the default is written', () => {
  assert.equal(writeView(read('range=10m&f=err')).toString(), 'range=10m&f=err');
});

test('paths find their page', () => {
  assert.deepEqual(match('/'), { page: 'live', params: {} });
  assert.deepEqual(match('/tx/aa-bb'), { page: 'tx', params: { id: 'aa-bb' } });
  assert.deepEqual(match('/trace/0af7/'), { page: 'trace', params: { gxid: '0af7' } });
  assert.deepEqual(match('/tx/%E0%A4%A'), { page: 'tx', params: { id: '%E0%A4%A' } });
  for (const path of ['/nowhere', '/tx', '/tx/a/b', '/xlog/1']) assert.equal(match(path).page, 'missing', path);
});
