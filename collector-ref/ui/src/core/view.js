// A view is a pure function of its URL; this file is the codec. What it cannot read it leaves out,
// so that a mangled link still shows something, and it writes only what differs from the default.

import { DEFAULT_RANGE, MAX_LIVE_SPAN_MS, MIN_SPAN_MS, formatSpan, parseSpan } from './range.js';
import { MAX_Q, quantiseElapsed } from './quantiser.js';
import { MAX_FILTER_CHARS } from './filter.js';

/** @typedef {import('./range.js').Range} Range */
/**
 * A box is a query: inclusive edges in the quantised integers of the scatter.
 * @typedef {{t0: number, t1: number, y0: number, y1: number}} Box
 */
/** @typedef {{kind: 'log' | 'lin', lo: number, hi: number}} Axis quantised elapsed of bottom and top */
/**
 * @typedef {object} View
 * @property {Range} range
 * @property {string} f
 * @property {Box | null} box
 * @property {Axis} axis
 */

/** @type {Axis} */
export const DEFAULT_AXIS = { kind: 'log', lo: quantiseElapsed(100), hi: quantiseElapsed(10_000_000) };

/** @param {string | null} text */
function whole(text) {
  return text !== null && /^\d{1,16}$/.test(text) ? Number(text) : null;
}

/** @param {URLSearchParams} params @returns {Range} */
function readRange(params) {
  const from = whole(params.get('from'));
  const to = whole(params.get('to'));
  if (from !== null && to !== null && to > from) {
    return { live: false, fromMs: from, toMs: Math.max(to, from + MIN_SPAN_MS) };
  }
  const span = parseSpan(params.get('range') ?? '');
  if (span === null) return DEFAULT_RANGE;
  return { live: true, spanMs: Math.min(MAX_LIVE_SPAN_MS, Math.max(MIN_SPAN_MS, Math.round(span))) };
}

/** @param {string | null} text @returns {Box | null} */
export function readBox(text) {
  const parts = (text ?? '').split(',').map(part => whole(part));
  if (parts.length !== 4 || parts.some(part => part === null)) return null;
  const [t0, t1, y0, y1] = /** @type {number[]} */ (parts);
  return t0 <= t1 && y0 <= y1 && y1 <= MAX_Q ? { t0, t1, y0, y1 } : null;
}

/** @param {Box} box */
export const writeBox = box => `${box.t0},${box.t1},${box.y0},${box.y1}`;

/** @param {string | null} text @returns {Axis} */
function readAxis(text) {
  const match = /^(log|lin):(\d{1,5})-(\d{1,5})$/.exec(text ?? '');
  if (!match) return DEFAULT_AXIS;
  const [lo, hi] = [Number(match[2]), Number(match[3])];
  if (hi > MAX_Q || hi - lo < 64) return DEFAULT_AXIS;
  return { kind: match[1] === 'lin' ? 'lin' : 'log', lo, hi };
}

/** @param {URLSearchParams} params @returns {View} */
export function readView(params) {
  return {
    range: readRange(params),
    f: (params.get('f') ?? '').slice(0, MAX_FILTER_CHARS).trim(),
    box: readBox(params.get('box')),
    axis: readAxis(params.get('y')),
  };
}

/** @param {View} view @returns {URLSearchParams} */
export function writeView(view) {
  const params = new URLSearchParams();
  const { range, axis } = view;
  if (!range.live) {
    params.set('from', String(Math.floor(range.fromMs)));
    params.set('to', String(Math.ceil(range.toMs)));
  } else if (range.spanMs !== DEFAULT_RANGE.spanMs) {
    params.set('range', formatSpan(range.spanMs));
  }
  if (view.f) params.set('f', view.f);
  if (axis.kind !== DEFAULT_AXIS.kind || axis.lo !== DEFAULT_AXIS.lo || axis.hi !== DEFAULT_AXIS.hi) {
    params.set('y', `${axis.kind}:${axis.lo}-${axis.hi}`);
  }
  if (view.box) params.set('box', writeBox(view.box));
  return params;
}

/**
 * Path and query of a view.
 * @param {string} path
 * @param {View} view
 */
export function viewUrl(path, view) {
  const query = writeView(view).toString().replaceAll('%2C', ',').replaceAll('%3A', ':');
  return query ? `${path}?${query}` : path;
}
