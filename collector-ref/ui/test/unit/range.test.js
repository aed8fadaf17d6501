import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSpan, parseSpan, parseTimestamp } from '../../src/core/range.js';

const NOW = new Date(2026, 10, 22, 10, 22, 31, 250).getTime();
const at = (/** @type {number[]} */ ...parts) => new Date(2026, 10, 22, ...parts).getTime();

test('spans come back as they were written', () => {
  for (const text of ['250ms', '10s', '5m', '90m', '6h', '2d']) assert.equal(formatSpan(parseSpan(text) ?? NaN), text);
  for (const text of ['', 'm', '5', '5 m', '-5m', '5x', '99999999m']) assert.equal(parseSpan(text), null, text);
});

test('any timestamp a person may paste is understood', () => {
  for (const [text, wanted] of /** @type {[string, number][]} */ ([
    ['1795343597', 1_795_343_597_000], ['1795343597123', 1_795_343_597_123], ['1795343597123456', 1_795_343_597_123], ['1795343597123456789', 1_795_343_597_123],
    ['2026-11-22T10:22:31Z', Date.UTC(2026, 10, 22, 10, 22, 31)], ['2026-11-22 10:22:31.5+02:00', Date.UTC(2026, 10, 22, 8, 22, 31, 500)],
    ['2026-11-22T10:22:31.123456789Z', Date.UTC(2026, 10, 22, 10, 22, 31, 123)], ['2026-11-22 10:22 +0200', Date.UTC(2026, 10, 22, 8, 22)],
    ['2026-11-22 10:22', at(10, 22)], ['2026-11-22', at(0)], ['9:05', at(9, 5)], ['10:22:31,250', at(10, 22, 31, 250)],
    ['now', NOW], ['now-15m', NOW - 900_000], [' now - 1h ', NOW - 3_600_000],
  ])) assert.equal(parseTimestamp(text, NOW), wanted, text);
});

test('what is no time is none', () => {
  for (const text of ['', 'yesterday', '25:00', '10:61', '2026-13-40', '12', 'now-', 'now-5', '2026-11-22 aa']) assert.equal(parseTimestamp(text, NOW), null, text);
});
