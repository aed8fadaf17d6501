// A view is a pure function of its URL; this file is the codec. What it cannot read it leaves out,
// so that a mangled link still shows something, and it writes only what differs from the default.

import { DEFAULT_RANGE, MAX_LIVE_SPAN_MS, MIN_SPAN_MS, formatSpan, parseSpan } from './range.js';
import { MAX_Q } from './quantiser.js';
import { MEASURES, measureOf, measureParam } from './measures.js';
import { MAX_FILTER_CHARS } from './filter.js';

/** @typedef {import('./range.js').Range} Range */
/**
 * A box is a query: inclusive edges in the quantised integers of the scatter.
 * @typedef {{t0: number, t1: number, y0: number, y1: number}} Box
 */
/** @typedef {import('./measures.js').Axis} Axis */
/**
 * @typedef {object} View
 * @property {Range} range
 * @property {string} f
 * @property {Box | null} box
 * @property {string} measure what heights are, see `measures.js`
 * @property {Axis} axis
 * @property {string} pane what is told of the box, see `PANES`
 * @property {string} by what its summary is by, see `DIMENSIONS`
 */

/** @type {Axis} */
export const DEFAULT_AXIS = MEASURES[0].axis;
/** What can be told of a box; the first one is the default. */
export const PANES = ['list', 'summary', 'why'];
/** What transactions are summed up by; the collector knows the same names. The first one is the default. */
export const DIMENSIONS = ['service', 'object', 'tenant', 'login', 'ip', 'user_agent', 'error', 'status', 'kind', 'end', 'desc'];

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

/** One of these, or the first. @param {string[]} known @param {string | null} text */
const oneOf = (known, text) => (text !== null && known.includes(text) ? text : known[0]);

/** @param {string | null} text @param {Axis} otherwise @returns {Axis} */
function readAxis(text, otherwise) {
  const match = /^(log|lin):(\d{1,5})-(\d{1,5})$/.exec(text ?? '');
  if (!match) return otherwise;
  const [lo, hi] = [Number(match[2]), Number(match[3])];
  if (hi > MAX_Q || hi - lo < 64) return otherwise;
  return { kind: match[1] === 'lin' ? 'lin' : 'log', lo, hi };
}

/** @param {URLSearchParams} params @returns {View} */
export function readView(params) {
  const measure = measureOf(params.get('m') ?? '');
  return {
    range: readRange(params),
    f: (params.get('f') ?? '').slice(0, MAX_FILTER_CHARS).trim(),
    box: readBox(params.get('box')),
    measure: measure.key,
    axis: readAxis(params.get('y'), measure.axis),
    pane: oneOf(PANES, params.get('pane')),
    by: oneOf(DIMENSIONS, params.get('by')),
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
  const usual = measureOf(view.measure).axis;
  const measure = measureParam(view.measure);
  if (measure) params.set('m', measure);
  if (axis.kind !== usual.kind || axis.lo !== usual.lo || axis.hi !== usual.hi) {
    params.set('y', `${axis.kind}:${axis.lo}-${axis.hi}`);
  }
  if (view.box) params.set('box', writeBox(view.box));
  if (view.pane !== PANES[0]) params.set('pane', view.pane);
  if (view.by !== DIMENSIONS[0]) params.set('by', view.by);
  return params;
}

/**
 * A box and a filter as parameters of the API.
 * @param {Box} box @param {string} measure @param {string} f
 */
export const boxQuery = (box, measure, f) => ({ t0_ms: box.t0, t1_ms: box.t1, y0q: box.y0, y1q: box.y1, measure: measureParam(measure), f });

/**
 * Path and query of a view.
 * @param {string} path
 * @param {View} view
 */
export function viewUrl(path, view) {
  const query = writeView(view).toString().replaceAll('%2C', ',').replaceAll('%3A', ':');
  return query ? `${path}?${query}` : path;
}
