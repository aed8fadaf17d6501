// The marginal histogram at the right edge of the plot: how many dots at each height. A drag selects
// all of the range between two heights. The table of the plot has the same numbers.

import { html, useEffect, useRef, useState } from '../../vendor/preact.js';
import { selectBox } from './actions.js';
import { LANE_PX, TICK_PX } from './plot.js';

/** Bars over the height of the plot. */
const BARS = 48;
const REFRESH_MS = 500;

/**
 * Counts by bar from top to bottom, the lane left out: all, and those with an error.
 * @param {import('./raster.js').Raster} raster @param {number} bars
 */
export function rowSums(raster, bars) {
  const [all, errors] = [new Float64Array(bars), new Float64Array(bars)];
  const { rows, width } = raster;
  for (let slot = 0; slot < width; slot++) {
    if (raster.columnAll[slot] === 0) continue;
    const at = slot * rows;
    for (let row = 1; row < rows; row++) {
      const n = raster.all[at + row];
      if (n === 0) continue;
      const bar = Math.floor(((row - 1) * bars) / (rows - 1));
      all[bar] += n;
      errors[bar] += raster.err[at + row];
    }
  }
  return { all, errors };
}

/** @param {{plot: import('./plot.js').Plot | null, height: number}} props */
export function Marginal({ plot, height }) {
  const [, again] = useState(0);
  const host = useRef(/** @type {HTMLDivElement | null} */ (null));
  const start = useRef(/** @type {number | null} */ (null));
  const [mark, setMark] = useState(/** @type {{top: number, bottom: number} | null} */ (null));
  useEffect(() => {
    const timer = setInterval(() => again(n => n + 1), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const placeOf = (/** @type {PointerEvent} */ event) => Math.max(0, Math.min(height, event.clientY - /** @type {HTMLElement} */ (host.current).getBoundingClientRect().top));
  const between = (/** @type {number} */ a, /** @type {number} */ b) => ({ top: Math.min(a, b), bottom: Math.max(a, b, Math.min(a, b) + 3) });
  const onPointerDown = (/** @type {PointerEvent} */ event) => {
    host.current?.setPointerCapture(event.pointerId);
    start.current = placeOf(event);
  };
  const onPointerMove = (/** @type {PointerEvent} */ event) => { if (start.current !== null) setMark(between(start.current, placeOf(event))); };
  const onPointerUp = (/** @type {PointerEvent} */ event) => {
    if (start.current === null || !plot) return;
    const { top, bottom } = between(start.current, placeOf(event));
    start.current = null;
    setMark(null);
    const box = plot.boxOf(0, top * plot.ratio, plot.raster.width - 1, bottom * plot.ratio - 1);
    if (box) selectBox(box);
  };
  const { all, errors } = plot ? rowSums(plot.raster, BARS) : { all: new Float64Array(BARS), errors: new Float64Array(BARS) };
  const most = Math.max(1, ...all);
  const bar = (height - LANE_PX - 1 - TICK_PX) / BARS;
  return html`<div class="marginal" ref=${host} aria-hidden="true" title="Drag to select between two heights" data-testid="marginal" style=${{ height: `${height}px` }}
    onPointerDown=${onPointerDown} onPointerMove=${onPointerMove} onPointerUp=${onPointerUp}>
    ${Array.from(all, (n, i) => n > 0 && html`<i key=${i} style=${{ top: `${LANE_PX + 1 + i * bar}px`, height: `${Math.max(1, bar - 1)}px`, width: `${Math.max(2, (n / most) * 100)}%` }}>${errors[i] > 0 && html`<b style=${{ width: `${Math.max(6, (errors[i] / n) * 100)}%` }}></b>`}</i>`)}
    ${mark && html`<span class="rubber" style=${{ left: 0, right: 0, top: `${mark.top}px`, height: `${mark.bottom - mark.top}px` }}></span>`}</div>`;
}
