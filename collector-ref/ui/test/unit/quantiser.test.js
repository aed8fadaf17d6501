import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { elapsedOf, quantiseElapsed } from '../../src/core/quantiser.js';
import { random } from '../support/points.js';

const golden = JSON.parse(readFileSync(new URL('../golden/quantiser.json', import.meta.url), 'utf8'));

test('golden vectors shared with the collector hold', () => {
  assert.ok(golden.y.length >= 20);
  for (const [elapsed, q] of golden.y) assert.equal(quantiseElapsed(elapsed), q, `elapsed ${elapsed}`);
});

test('longer is never quantised lower', () => {
  const next = random(1);
  for (let i = 0; i < 20_000; i++) {
    const a = Math.floor(2 ** (next() * 33));
    const b = a + Math.floor(next() * 100);
    assert.ok(quantiseElapsed(a) <= quantiseElapsed(b), `${a} ${b}`);
  }
});

test('the time of a quantised value is the lower edge of what is quantised to it', () => {
  const next = random(2);
  for (let i = 0; i < 20_000; i++) {
    const us = Math.floor(2 ** (next() * 31.9)) || 1;
    const q = quantiseElapsed(us);
    assert.ok(elapsedOf(q) <= us, `${us}`);
    if (q < 65_535) assert.ok(elapsedOf(q + 1) > us, `${us}`);
  }
});
