import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, count, duration, percent, plural, rate } from '../../src/core/format.js';

/** @param {(value: any) => string} format @param {[any, string][]} rows */
function check(format, rows) {
  for (const [value, wanted] of rows) assert.equal(format(value).replaceAll(' ', ' '), wanted, String(value));
}

test('durations have three digits and a unit that fits', () => {
  check(duration, [[0, '0 µs'], [1, '1 µs'], [999, '999 µs'], [999.6, '1.00 ms'], [1000, '1.00 ms'], [12_345, '12.3 ms'], [999_499, '999 ms'], [999_500, '1.00 s'],
    [9_996_000, '10.0 s'], [59_994_999, '60.0 s'], [59_995_000, '1 m 00 s'], [61_000_000, '1 m 01 s'], [3_600_000_000, '1 h 00 m'], [172_800_000_000, '2 d 0 h'],
    [-5, '−5 µs'], [null, '–'], [undefined, '–'], [NaN, '–']]);
});

test('counts are exact and grouped', () => {
  check(count, [[0, '0'], [999, '999'], [1_234_567, '1,234,567'], [null, '–']]);
});

test('rates are short', () => {
  check(rate, [[0, '0'], [0.25, '0.3'], [9.94, '9.9'], [9.95, '10'], [1_234, '1,234'], [12_345, '12.3 k'], [2_500_000, '2.50 M'], [undefined, '–']]);
});

test('bytes have binary units', () => {
  check(bytes, [[0, '0 B'], [1023, '1023 B'], [1024, '1.00 KiB'], [1_048_575, '1.00 MiB'], [5e9, '4.66 GiB'], [null, '–']]);
});

test('shares never say zero for something', () => {
  check(v => percent(v, 1_000_000), [[1, '<0.1 %'], [12_000, '1.2 %'], [500_000, '50 %'], [0, '0 %']]);
  assert.equal(percent(1, 0), '–');
  assert.equal(plural(1, 'error'), '1 error');
  assert.equal(plural(2_000, 'entry', 'entries'), '2,000 entries');
});
