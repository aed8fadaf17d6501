// What the pulses of the last minutes would have said, from the points: so that the sparklines of a
// freshly opened page are not empty.

import { elapsedOf } from '../core/quantiser.js';

/** @typedef {import('./store.js').Store} Store */

/**
 * One pulse-like record a second, oldest first, up to `toMs`.
 * @param {Store} store @param {number} toMs @param {number} seconds
 */
export function backfill(store, toMs, seconds) {
  const end = Math.floor(toMs / 1000) * 1000;
  const from = end - seconds * 1000;
  const counts = new Uint32Array(seconds);
  const errors = new Uint32Array(seconds);
  /** @type {number[][]} */
  const values = Array.from({ length: seconds }, () => []);
  for (const chunk of store.chunks) {
    if (chunk.baseMs + chunk.dtMax < from) continue;
    for (let i = 0; i < chunk.n; i++) {
      const second = Math.floor((chunk.baseMs + chunk.dt[i] - from) / 1000);
      if (second < 0 || second >= seconds) continue;
      counts[second] += 1;
      errors[second] += chunk.attr[i] & 1;
      values[second].push(chunk.y[i]);
    }
  }
  return values.map((all, second) => {
    const sorted = Uint16Array.from(all).sort();
    const at = (/** @type {number} */ p) => (sorted.length === 0 ? 0 : elapsedOf(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))]));
    return { unix_us: (from + second * 1000) * 1000, rate: counts[second], errors_per_s: errors[second], p50_us: at(0.5), p95_us: at(0.95), p99_us: at(0.99), isBackfilled: true };
  });
}
