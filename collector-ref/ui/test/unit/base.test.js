// A page of the demo load keeps to its own world.
import assert from 'node:assert/strict';
import { test } from 'node:test';

Object.assign(globalThis, { location: { pathname: '/demo/xlog', href: 'http://page/demo/xlog' } });
const { BASE, keepLinksHere, toAddress, toPath } = await import('../../src/core/base.js');
const { apiUrl } = await import('../../src/core/api.js');
const { path, route } = await import('../../src/core/router.js');
const { html } = await import('../../vendor/preact.js');

test('its addresses are below that of the demo load, its paths are those of every page', () => {
  assert.equal(BASE, '/demo');
  for (const [one, address] of [['/', '/demo/'], ['/tx/1?x=2', '/demo/tx/1?x=2'], ['/demo/sql', '/demo/sql'], ['/demonstration', '/demo/demonstration']]) {
    assert.equal(toAddress(one), address);
  }
  for (const [address, one] of [['/demo', '/'], ['/demo/', '/'], ['/demo/tx/1', '/tx/1'], ['/xlog', '/xlog'], ['/demonstration', '/demonstration']]) {
    assert.equal(toPath(address), one);
  }
  assert.deepEqual([path.value, route.value.page], ['/xlog', 'xlog']);
});

test('it asks for its own data, but for who is logged in and for the demo load itself', () => {
  assert.equal(apiUrl('xlogs', { limit: 3 }), '/demo/api/v1/xlogs?limit=3');
  assert.equal(apiUrl('session'), '/api/v1/session');
  assert.equal(apiUrl('demo'), '/api/v1/demo');
});

test('its links stay inside, but for those that say that they leave', () => {
  keepLinksHere();
  const href = (/** @type {any} */ node) => node.props.href;
  assert.equal(href(html`<a href="/errors">x</a>`), '/demo/errors');
  assert.equal(href(html`<a href=${'/tx/7'}>x</a>`), '/demo/tx/7');
  assert.equal(href(html`<a href="/" target="_self">x</a>`), '/');
  assert.equal(href(html`<a href="#main">x</a>`), '#main');
  assert.equal(href(html`<link href="/assets/x.css" />`), '/assets/x.css');
});
