// The mouse on the scatter: drag selects, Shift + drag zooms, a click picks, the wheel zooms time.

import { useEffect, useRef, useState } from '../../vendor/preact.js';
import { clock } from '../core/format.js';
import { measureOf } from '../core/measures.js';
import { elapsedOf } from '../core/quantiser.js';
import { view } from '../core/router.js';
import { selectBox, zoomBy, zoomInto } from './actions.js';

/** @typedef {import('./keyboard_box.js').Rectangle} Rectangle */

/** Less movement than this is a click. */
const CLICK_PX = 3;
/** A click takes what is so near. */
const NEAR_PX = 5;

/**
 * @param {{host: {current: HTMLDivElement | null}, plot: {current: import('./plot.js').Plot | null}}} parts
 */
export function usePointer({ host, plot }) {
  const [rectangle, setRectangle] = useState(/** @type {Rectangle | null} */ (null));
  const [isZoom, setZoom] = useState(false);
  const start = useRef(/** @type {{x: number, y: number} | null} */ (null));
  const place = (/** @type {PointerEvent} */ event) => {
    const bounds = /** @type {HTMLElement} */ (host.current).getBoundingClientRect();
    return { x: clamp(event.clientX - bounds.left, bounds.width), y: clamp(event.clientY - bounds.top, bounds.height) };
  };
  useWheel(host);

  const onPointerDown = (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0) return;
    // What lies on the plot can be clicked: a captured pointer would take the click away from it.
    if (event.target instanceof Element && event.target.closest('a, button')) return;
    host.current?.setPointerCapture(event.pointerId);
    start.current = place(event);
    setZoom(event.shiftKey);
  };
  const onPointerMove = (/** @type {PointerEvent} */ event) => {
    const at = place(event);
    readOut(host.current, plot.current, at);
    if (start.current) setRectangle(spanned(start.current, at));
  };
  const onPointerUp = (/** @type {PointerEvent} */ event) => {
    const from = start.current;
    if (!from || !plot.current) return;
    const at = place(event);
    cancel();
    const isClick = Math.abs(at.x - from.x) < CLICK_PX && Math.abs(at.y - from.y) < CLICK_PX;
    const r = isClick ? around(at) : spanned(from, at);
    const { ratio } = plot.current;
    const box = plot.current.boxOf(r.left * ratio, r.top * ratio, r.right * ratio - 1, r.bottom * ratio - 1);
    if (!box) return;
    if (event.shiftKey && !isClick) zoomInto(box);
    else selectBox(box);
  };
  const cancel = () => {
    start.current = null;
    setRectangle(null);
    setZoom(false);
  };
  const onPointerLeave = () => readOut(host.current, null, { x: 0, y: 0 });
  return {
    rectangle, isZoom, isDown: () => start.current !== null,
    handlers: { onPointerDown, onPointerMove, onPointerUp, onPointerCancel: cancel, onPointerLeave },
  };
}

/** @param {number} value @param {number} most */
const clamp = (value, most) => Math.max(0, Math.min(most, value));

/** @param {{x: number, y: number}} a @param {{x: number, y: number}} b @returns {Rectangle} */
function spanned(a, b) {
  return { left: Math.min(a.x, b.x), right: Math.max(a.x, b.x), top: Math.min(a.y, b.y), bottom: Math.max(a.y, b.y) };
}

/** @param {{x: number, y: number}} at @returns {Rectangle} */
const around = at => ({ left: at.x - NEAR_PX, right: at.x + NEAR_PX, top: at.y - NEAR_PX, bottom: at.y + NEAR_PX });

/**
 * Says what the pointer is on. Written straight into the DOM: it changes with every movement.
 * @param {HTMLElement | null} host @param {import('./plot.js').Plot | null} plot @param {{x: number, y: number}} at
 */
function readOut(host, plot, at) {
  const output = host?.querySelector('[data-readout]');
  if (!output) return;
  const box = plot?.boxOf(at.x * plot.ratio, at.y * plot.ratio, at.x * plot.ratio, at.y * plot.ratio);
  if (!plot || !box) {
    output.textContent = '';
    return;
  }
  const isOver = box.y1 > view.peek().axis.hi;
  output.textContent = `${clock(box.t0)}   ${isOver ? '>' : ''}${measureOf(view.peek().measure).format(elapsedOf(isOver ? view.peek().axis.hi : box.y0))}`;
}

/** The wheel belongs to the page unless the chart has the focus. @param {{current: HTMLDivElement | null}} host */
function useWheel(host) {
  useEffect(() => {
    const element = /** @type {HTMLDivElement} */ (host.current);
    const onWheel = (/** @type {WheelEvent} */ event) => {
      if (document.activeElement !== element || event.ctrlKey || event.deltaY === 0) return;
      event.preventDefault();
      const bounds = element.getBoundingClientRect();
      zoomBy(event.deltaY > 0 ? 1.25 : 0.8, clamp(event.clientX - bounds.left, bounds.width) / bounds.width);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, []);
}
