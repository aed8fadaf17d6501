// Which callsites a pattern means, and sites of a heap profile as the page sums them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterOf, fits, meant } from '../../src/data/captures.js';
import { asStacks, sortedSites, totalOf } from '../../src/data/heap.js';
import { random } from '../support/points.js';

/** The plain definition, by trying every way. @param {string} pattern @param {string} text @returns {boolean} */
function reference(pattern, text) {
  if (pattern === '') return text === '';
  if (pattern[0] !== '*') return text !== '' && pattern[0] === text[0] && reference(pattern.slice(1), text.slice(1));
  return reference(pattern.slice(1), text) || (text !== '' && reference(pattern, text.slice(1)));
}

test('a pattern fits what its plain definition says', () => {
  const next = random(8);
  const any = (/** @type {string} */ alphabet, /** @type {number} */ most) => Array.from({ length: Math.floor(next() * (most + 1)) }, () => alphabet[Math.floor(next() * alphabet.length)]).join('');
  for (let i = 0; i < 20_000; i++) {
    const [pattern, text] = [any('ab*', 6), any('ab', 8)];
    assert.equal(fits(pattern, text), reference(pattern, text), `${pattern} against ${text}`);
  }
});

const site = (/** @type {string} */ name, /** @type {string[]} */ ...args) => ({ id: 1, name, place: `src/${name}.rs:7`, arguments: args, flags: ['step'] });

test('callsites are meant by name or by place, those with arguments first, and none by no pattern', () => {
  const all = [site('load'), site('loaded', 'id'), site('pay', 'cents')];
  assert.deepEqual(meant(all, 'load*').map(one => one.name), ['loaded', 'load']);
  assert.deepEqual(meant(all, 'src/pay.rs:*').map(one => one.name), ['pay']);
  assert.deepEqual(meant(all, 'oa'), []);
  assert.deepEqual(meant(all, ''), []);
});

test('the filter finds the transactions of the service and tenant, and leaves out what it cannot say', () => {
  assert.equal(filterOf({ service: '', tenant: '' }, '/host/a'), 'object:/host/a');
  assert.equal(filterOf({ service: 'GET /orders/*', tenant: 'acme' }, '/a'), 'object:/a service:"GET /orders/*" tenant:acme');
  assert.equal(filterOf({ service: 'a"b', tenant: 'c' }, '/a'), 'object:/a tenant:c');
});

test('places of a heap profile are sorted by any column, and as stacks they are the same sum', () => {
  const sites = [['a', 3, 9], ['b', 5, 5], ['', 0, 7]].map(([name, live, all]) => ({ name, place: '', service: name, tenant: '', live_bytes: live, allocated_bytes: all, live_blocks: 1, allocated_blocks: 1 }));
  const order = (/** @type {string} */ key, isDown = true) => sortedSites(sites, { key, isDown }).map(one => one.name);
  assert.deepEqual(order('live_bytes'), ['b', 'a', '']);
  assert.deepEqual(order('allocated_bytes', false), ['b', '', 'a']);
  assert.deepEqual(order('name', false), ['', 'a', 'b']);
  assert.deepEqual(order('live_blocks'), ['b', 'a', ''], 'equal ones by what lives');
  const stacks = asStacks(sites, 'live_bytes');
  assert.equal(stacks.reduce((sum, one) => sum + one.count, 0), totalOf(sites, 'live_bytes'));
  assert.equal(stacks.length, 2);
});
