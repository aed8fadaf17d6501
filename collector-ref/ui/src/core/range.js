// Time ranges: live (the last n minutes, sliding) or absolute (from, to), and how people write them.

/** @typedef {{live: true, spanMs: number}} LiveRange */
/** @typedef {{live: false, fromMs: number, toMs: number}} FixedRange */
/** @typedef {LiveRange | FixedRange} Range */

const UNITS = /** @type {Record<string, number>} */ ({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 });
/** Live windows offered; longer ones are history. */
export const LIVE_SPANS = ['1m', '5m', '10m', '30m'];
/** Shortest span a view can have: below it a column would be less than a millisecond. */
export const MIN_SPAN_MS = 4_000;
/** Longest live window. */
export const MAX_LIVE_SPAN_MS = 60 * 60_000;
/** @type {LiveRange} */
export const DEFAULT_RANGE = { live: true, spanMs: 5 * 60_000 };

/**
 * `5m` to ms, or `null`.
 * @param {string} text
 */
export function parseSpan(text) {
  const match = /^(\d{1,6}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text.trim());
  return match ? Number(match[1]) * UNITS[match[2]] : null;
}

/**
 * ms to `5m`.
 * @param {number} ms
 */
export function formatSpan(ms) {
  for (const unit of ['d', 'h', 'm', 's']) {
    if (ms >= UNITS[unit] && ms % UNITS[unit] === 0) return `${ms / UNITS[unit]}${unit}`;
  }
  return `${Math.round(ms)}ms`;
}

/**
 * Reads any timestamp a person may paste: Unix s, ms, µs or ns; ISO with or without zone and `T`;
 * a time of today; `now`, `now-15m`. `null` when it is none of these.
 * @param {string} text
 * @param {number} nowMs
 * @returns {number | null} unix ms
 */
export function parseTimestamp(text, nowMs) {
  const s = text.trim();
  if (/^\d{9,19}(\.\d+)?$/.test(s)) {
    const n = Number(s);
    if (n < 1e11) return Math.round(n * 1e3);
    if (n < 1e14) return Math.round(n);
    return n < 1e17 ? Math.floor(n / 1e3) : Math.floor(n / 1e6);
  }
  const relative = /^now(?:\s*-\s*(\S+))?$/.exec(s);
  if (relative) {
    if (!relative[1]) return nowMs;
    const span = parseSpan(relative[1]);
    return span === null ? null : nowMs - span;
  }
  const ofDay = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6}))?)?$/.exec(s);
  if (ofDay) {
    const [h, m, sec] = [Number(ofDay[1]), Number(ofDay[2]), Number(ofDay[3] ?? 0)];
    if (h > 23 || m > 59 || sec > 59) return null;
    const d = new Date(nowMs);
    d.setHours(h, m, sec, Number((ofDay[4] ?? '0').padEnd(3, '0').slice(0, 3)));
    return d.getTime();
  }
  const iso = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:[.,]\d{1,9})?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/.exec(s);
  if (!iso) return null;
  const seconds = (iso[3] ?? ':00').replace(',', '.').replace(/(\.\d{3})\d+$/, '$1');
  const zone = iso[4] && iso[4] !== 'Z' && !iso[4].includes(':') ? `${iso[4].slice(0, 3)}:${iso[4].slice(3)}` : iso[4] ?? '';
  const ms = Date.parse(`${iso[1]}T${iso[2] ?? '00:00'}${seconds}${zone}`);
  return Number.isNaN(ms) ? null : ms;
}

/**
 * The edges of a range now.
 * @param {Range} range
 * @param {number} nowMs
 */
export function edges(range, nowMs) {
  return range.live ? { fromMs: nowMs - range.spanMs, toMs: nowMs } : { fromMs: range.fromMs, toMs: range.toMs };
}
