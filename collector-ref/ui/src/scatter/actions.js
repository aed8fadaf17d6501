// What a person can do to the view of a scatter: move, zoom, pause, change the axis, pick errors.

import { toggleWord } from '../core/filter.js';
import { MEASURES, measureOf } from '../core/measures.js';
import { elapsedOf, quantiseElapsed } from '../core/quantiser.js';
import { MAX_LIVE_SPAN_MS, MIN_SPAN_MS } from '../core/range.js';
import { changeView, path, view } from '../core/router.js';
import { pausedAtMs, rightEdgeMs } from '../data/hub.js';
import { nextMaximum } from './scale.js';

/** @typedef {import('../core/view.js').Box} Box */

const MINUTE_MS = 60_000;
const replace = { replace: true };

/** The edges on display as whole ms. */
function edgesNow() {
  const { range } = view.value;
  const toMs = Math.ceil(rightEdgeMs());
  return range.live ? { fromMs: toMs - range.spanMs, toMs } : { fromMs: range.fromMs, toMs: range.toMs };
}

/** An arrow moves so much, or a thirtieth of a long view. */
const MOVE_MS = 10_000;

/** Moves the view in time; a live view becomes a fixed one. @param {1 | -1} direction */
export function move(direction) {
  const { fromMs, toMs } = edgesNow();
  const ms = direction * Math.max(MOVE_MS, Math.round((toMs - fromMs) / 30));
  pausedAtMs.value = null;
  changeView({ range: { live: false, fromMs: Math.max(0, fromMs + ms), toMs: toMs + ms } }, replace);
}

/** Makes the view longer or shorter, the right edge stays. @param {number} ms */
export function lengthenBy(ms) {
  const { range } = view.value;
  if (range.live) {
    const spanMs = Math.min(MAX_LIVE_SPAN_MS, Math.max(MINUTE_MS, range.spanMs + ms));
    changeView({ range: { live: true, spanMs } }, replace);
  } else {
    const spanMs = Math.max(MIN_SPAN_MS, range.toMs - range.fromMs + ms);
    changeView({ range: { ...range, fromMs: Math.max(0, range.toMs - spanMs) } }, replace);
  }
}

/** Zooms in time around a share of the width. @param {number} factor @param {number} share */
export function zoomBy(factor, share) {
  const { range } = view.value;
  if (range.live) {
    const spanMs = Math.round((range.spanMs * factor) / 10_000) * 10_000;
    changeView({ range: { live: true, spanMs: Math.min(MAX_LIVE_SPAN_MS, Math.max(30_000, spanMs)) } }, replace);
    return;
  }
  const spanMs = range.toMs - range.fromMs;
  const next = Math.max(MIN_SPAN_MS, Math.round(spanMs * factor));
  const fromMs = Math.max(0, Math.round(range.fromMs + (spanMs - next) * share));
  changeView({ range: { live: false, fromMs, toMs: fromMs + next } }, replace);
}

/** Shows only what is in the box, in time and in elapsed. @param {Box} box */
export function zoomInto(box) {
  const { axis } = view.value;
  const lo = Math.max(axis.lo, box.y0);
  const hi = box.y1 > axis.hi ? axis.hi : box.y1;
  const middle = (box.t0 + box.t1) / 2;
  const half = Math.max(MIN_SPAN_MS, box.t1 + 1 - box.t0) / 2;
  pausedAtMs.value = null;
  changeView({
    range: { live: false, fromMs: Math.floor(middle - half), toMs: Math.ceil(middle + half) },
    axis: hi - lo >= 256 ? { ...axis, lo, hi } : axis,
    box: null,
  });
}

/** Next round top of the axis. @param {1 | -1} direction */
export function changeTop(direction) {
  const { axis } = view.value;
  const hi = quantiseElapsed(nextMaximum(elapsedOf(axis.hi), direction, measureOf(view.value.measure).least));
  if (hi - axis.lo >= 256) changeView({ axis: { ...axis, hi } }, replace);
}

/** Log or linear. */
export function toggleAxis() {
  const { axis } = view.value;
  changeView({ axis: axis.kind === 'log' ? { kind: 'lin', lo: 0, hi: axis.hi } : { kind: 'log', lo: measureOf(view.value.measure).axis.lo, hi: axis.hi } }, replace);
}

/** Draws heights by another measure; a box in the former one would mean something else. @param {string} key */
export function showMeasure(key) {
  changeView({ measure: key, axis: measureOf(key).axis, box: null });
}

/** The next measure. */
export function nextMeasure() {
  const at = MEASURES.findIndex(measure => measure.key === view.value.measure);
  showMeasure(MEASURES[(at + 1) % MEASURES.length].key);
}

/** Errors only, or everything again. */
export function toggleErrors() {
  changeView({ f: toggleWord(view.value.f, 'err') }, replace);
}

/** Drops the box. @returns {boolean} false when there is none */
export function dropBox() {
  if (!view.value.box) return false;
  changeView({ box: null });
  return true;
}

/** Selects a box: its transactions are listed on /xlog. @param {Box} box */
export function selectBox(box) {
  changeView({ box }, { path: '/xlog', replace: path.value === '/xlog' && view.value.box !== null });
}
