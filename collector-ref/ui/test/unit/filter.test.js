import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exactWord, problem, split, toggleWord, words } from '../../src/core/filter.js';

test('good filters have no problem', () => {
  for (const text of ['', 'err', '-err', 'service:/orders/*', 'service:"GET /orders/*" tenant:acme', 'status:5xx', 'slow', 'slow>1s elapsed<20ms sql>100ms api>5', '-tenant:acme login:kim object:/a/*', 'elapsed>1500', '  err  ', 'ip:10.* ua:curl* desc:x error:"*no route*" pool>10ms']) {
    assert.equal(problem(text), null, text);
  }
});

test('a problem names the word and the way out', () => {
  for (const [text, said] of [
    ['servce:/a', /servce:\/a.*service:/], ['eror', /eror.*err/], ['slow>1h', /slow>20ms/], ['elapsed<x', /whole time/], ['sql<1s', /-sql>1s/],
    ['service:', /needs a value/], ['service:"GET /a', /does not close/], ['x'.repeat(2_001), /2000 are allowed/],
  ]) assert.match(problem(/** @type {string} */ (text)) ?? '', /** @type {RegExp} */ (said), String(text));
});

test('quotes hold words together', () => {
  assert.deepEqual(words(' a  service:"GET /x y" b '), ['a', 'service:"GET /x y"', 'b']);
});

test('errors and slow ones are decided on the page, everything else by the collector', () => {
  assert.deepEqual(split('err service:/a'), { remote: 'service:/a', need: 1, forbid: 0 });
  assert.deepEqual(split('-err slow'), { remote: '', need: 2, forbid: 1 });
  assert.deepEqual(split('slow>1s constructor'), { remote: 'slow>1s constructor', need: 0, forbid: 0 });
  assert.deepEqual(split('tenant:acme'), { remote: 'tenant:acme', need: 0, forbid: 0 });
});

test('a word is added and taken away', () => {
  assert.equal(toggleWord('service:"GET /a b"', 'err'), 'service:"GET /a b" err');
  assert.equal(toggleWord('err service:/a', 'err'), 'service:/a');
});

test('an exact word is quoted where it must be', () => {
  assert.equal(exactWord('tenant', 'acme'), 'tenant:acme');
  assert.equal(exactWord('service', 'GET /a'), 'service:"GET /a"');
  assert.equal(problem(exactWord('service', 'a "b" |c')), null);
});
