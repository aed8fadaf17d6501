// The XLog scatter: end time across, elapsed time up, one dot for every transaction.

import { html, useEffect, useLayoutEffect, useRef, useState, effect } from '../../vendor/preact.js';
import { count, plural } from '../core/format.js';
import { noteFrame } from '../core/frames.js';
import { addKeys } from '../core/keys.js';
import { lazy } from '../core/lazy.js';
import { measureOf } from '../core/measures.js';
import { elapsedOf } from '../core/quantiser.js';
import { view } from '../core/router.js';
import { isMotionReduced, theme } from '../core/theme.js';
import { filterSplit, onEvict, pointsVersion, rightEdgeMs, source, sourceVersion, togglePause } from '../data/hub.js';
import * as actions from './actions.js';
import { ScatterHead } from './head.js';
import { afterKey, firstBox } from './keyboard_box.js';
import { Marginal } from './marginal.js';
import { PlotNote } from './note.js';
import { LANE_PX, Plot, TICK_PX, pixelRatio } from './plot.js';
import { axisTicks } from './scale.js';
import { usePointer } from './pointer.js';
import { tickLabel, timeTicks } from './ticks.js';

const Twin = lazy(async () => (await import('./twin.js')).Twin);

/** @typedef {import('../core/view.js').Box} Box */
/** @typedef {import('./keyboard_box.js').Rectangle} Rectangle */

const MINUTE_MS = 60_000;
/** A live picture that the collector counts is counted anew so often. */
const COUNT_EVERY_MS = 3_000;

/** @returns {import('./plot.js').Picture} */
function picture() {
  const { range, axis } = view.peek();
  const spanMs = range.live ? range.spanMs : range.toMs - range.fromMs;
  return { axis, mask: filterSplit.peek(), spanMs, toMs: rightEdgeMs(), theme: theme.peek(), holes: source().holes };
}

/** Height of the table, for which the plot makes room as long as it keeps so much itself; CSS pixels. */
const TABLE_PX = 330;
const LEAST_PX = 300;

/** @param {{height: number}} props */
export function Scatter({ height: whole }) {
  const host = useRef(/** @type {HTMLDivElement | null} */ (null));
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const plot = useRef(/** @type {Plot | null} */ (null));
  const [width, setWidth] = useState(0);
  const [anchor, setAnchor] = useState({ fromMs: 0, toMs: 1, columnMs: 1, ratio: 1 });
  const [keyBox, showKeyBox] = useState(/** @type {Rectangle | null} */ (null));
  const latest = useRef(/** @type {Rectangle | null} */ (null));
  const [isTable, setTable] = useState(false);
  const height = isTable ? Math.min(whole, Math.max(LEAST_PX, whole - TABLE_PX)) : whole;
  const drag = usePointer({ host, plot });

  useLayoutEffect(() => {
    const element = /** @type {HTMLDivElement} */ (host.current);
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => runPlot({ width, height, canvas, host, plot, setAnchor, isHeld: () => drag.isDown() }), [width, height]);
  useScatterKeys({ host, plot, latest, showKeyBox });

  const { axis, box, measure } = view.value;
  const shown = plot.current;
  const shownBox = keyBox ?? drag.rectangle;
  return html`<section class="panel scatter" aria-labelledby="scatter-title">
    <${ScatterHead} plot=${shown} isTable=${isTable} toggleTable=${() => setTable(!isTable)} />
    <div class="plot-frame">
      <${YAxis} axis=${axis} height=${height} measure=${measure} />
      <div class="plot" ref=${host} role="group" tabindex="0" aria-label=${`XLog scatter: end time across, ${measureOf(measure).label.toLowerCase()} up`}
          aria-describedby="scatter-help" aria-keyshortcuts="b" style=${{ height: `${height}px` }} ...${drag.handlers}>
        <canvas ref=${canvas} aria-hidden="true"></canvas>
        <div class="over"><div class="slide" data-slide>
          <${XGrid} anchor=${anchor} width=${width} isLabels=${false} />
          ${box && shown && html`<${BoxMark} box=${box} plot=${shown} anchor=${anchor} />`}
        </div></div>
        <div class="x-labels"><div class="slide" data-slide><${XGrid} anchor=${anchor} width=${width} isLabels=${true} /></div></div>
        ${shownBox && html`<${Rubber} rectangle=${shownBox} plot=${shown} isZoom=${drag.isZoom} />`}
        <${PlotNote} />
        <output class="readout" data-readout></output>
      </div>
      <${Marginal} plot=${shown} height=${height} />
    </div>
    <p id="scatter-help" class="hidden-text">Press b for a box by keyboard: arrows move it, Shift and arrows size it, Enter lists its transactions. The button Table shows the same numbers as a table.</p>
    ${isTable && shown && html`<${Twin} raster=${shown.raster} />`}
  </section>`;
}

/**
 * Lets labels and boxes follow the picture: they slide, and are placed anew before they are far off.
 * @param {{plot: Plot, width: number, slides: HTMLElement[], setAnchor: (a: any) => void}} parts
 */
function follower({ plot: { raster, ratio }, width, slides, setAnchor }) {
  let anchored = { fromMs: NaN, columnMs: 0 };
  return () => {
    const shift = ((raster.fromMs - anchored.fromMs) / raster.columnMs) / ratio;
    const isFar = raster.columnMs !== anchored.columnMs || !(Math.abs(shift) < width / 8);
    if (isFar) {
      anchored = { fromMs: raster.fromMs, columnMs: raster.columnMs };
      setAnchor({ fromMs: raster.fromMs, toMs: raster.toMs, columnMs: raster.columnMs, ratio });
    }
    for (const slide of slides) slide.style.transform = isFar ? 'none' : `translateX(${-shift}px)`;
  };
}

/**
 * Makes the plot and keeps it going until it is unmounted.
 * @param {{width: number, height: number, canvas: any, host: any, plot: any, setAnchor: (a: any) => void, isHeld: () => boolean}} parts
 */
function runPlot({ width, height, canvas, host, plot, setAnchor, isHeld }) {
  if (width < 16) return undefined;
  const ratio = pixelRatio(width, height, devicePixelRatio);
  const made = new Plot(canvas.current, Math.round(width * ratio), Math.round(height * ratio), ratio);
  plot.current = made;
  const slides = /** @type {HTMLElement[]} */ ([...host.current.querySelectorAll('[data-slide]')]);
  let isStale = true;
  let bound = source();
  /** @param {import('../data/points.js').Block} block */
  const onBlock = block => made.raster.add(block);
  /** @param {import('../data/store.js').Chunk} chunk */
  const onChunkGone = chunk => {
    if (chunk.baseMs + chunk.dtMax >= made.raster.fromMs) isStale = true;
  };
  bound.onBlock.add(onBlock);
  onEvict.add(onChunkGone);
  const stopView = effect(() => {
    void [view.value.axis, view.value.range, filterSplit.value, sourceVersion.value, source()];
    isStale = true;
  });
  const stopLook = effect(() => {
    made.setLook(theme.value, source().holes, source().store);
  });
  const follow = follower({ plot: made, width, slides, setAnchor });
  let steppedMs = 0;
  let countedMs = 0;
  const count = () => {
    countedMs = performance.now();
    void import('./counted.js').then(({ loadCounted }) => loadCounted(made, rightEdgeMs(), follow));
  };
  let frame = 0;
  const tick = () => {
    frame = requestAnimationFrame(tick);
    const began = performance.now();
    if (bound !== source()) {
      bound.onBlock.delete(onBlock);
      bound = source();
      bound.onBlock.add(onBlock);
      isStale = true;
    }
    const mayStep = !isMotionReduced.peek() || began - steppedMs > 1_000;
    if (isStale || made.raster.isStale) {
      isStale = false;
      made.redraw(picture(), bound.store);
      follow();
      if (bound.isCounted) count();
    } else if (bound.isCounted) {
      if (view.peek().range.live && !isHeld() && began - countedMs > COUNT_EVERY_MS) count();
    } else if (view.peek().range.live && !isHeld() && mayStep) {
      steppedMs = began;
      made.advance(rightEdgeMs());
      follow();
    }
    made.paint();
    noteFrame(performance.now() - began);
  };
  tick();
  return () => {
    cancelAnimationFrame(frame);
    stopView();
    stopLook();
    bound.onBlock.delete(onBlock);
    onEvict.delete(onChunkGone);
  };
}

/**
 * Keys may come faster than the page is drawn: the box they work on is the latest one, not the one
 * on display.
 * @param {{host: any, plot: any, latest: {current: Rectangle | null}, showKeyBox: (b: Rectangle | null) => void}} parts
 */
function useScatterKeys({ host, plot, latest, showKeyBox }) {
  // Before the next frame: whoever sees the picture may press a key at once.
  useLayoutEffect(() => {
    const setKeyBox = (/** @type {Rectangle | null} */ box) => {
      latest.current = box;
      showKeyBox(box);
    };
    const boxOf = (/** @type {Rectangle} */ r) => {
      const { ratio } = plot.current;
      return plot.current.boxOf(r.left * ratio, r.top * ratio, r.right * ratio - 1, r.bottom * ratio - 1);
    };
    const moveBox = (/** @type {KeyboardEvent} */ event) => {
      if (!latest.current) return false;
      const { clientWidth, clientHeight } = host.current;
      setKeyBox(afterKey(latest.current, event.key, event.shiftKey, clientWidth, clientHeight));
      return true;
    };
    /** @param {() => void} otherwise */
    const orMove = otherwise => (/** @type {KeyboardEvent} */ event) => { if (!moveBox(event)) otherwise(); };
    return addKeys({
      b: () => {
        host.current.focus();
        setKeyBox(latest.current ? null : firstBox(host.current.clientWidth, host.current.clientHeight));
      },
      Enter: () => {
        const box = latest.current && boxOf(latest.current);
        if (!box) return false;
        setKeyBox(null);
        actions.selectBox(box);
        return true;
      },
      Escape: () => {
        if (!latest.current) return actions.dropBox();
        setKeyBox(null);
        return true;
      },
      z: () => {
        const box = latest.current ? boxOf(latest.current) : view.value.box;
        if (!box) return false;
        setKeyBox(null);
        actions.zoomInto(box);
        return true;
      },
      ArrowLeft: orMove(() => actions.move(-1)),
      ArrowRight: orMove(() => actions.move(1)),
      ArrowUp: orMove(() => actions.changeTop(1)),
      ArrowDown: orMove(() => actions.changeTop(-1)),
      'Shift+ArrowLeft': moveBox,
      'Shift+ArrowRight': moveBox,
      'Shift+ArrowUp': moveBox,
      'Shift+ArrowDown': moveBox,
      '+': () => actions.lengthenBy(-MINUTE_MS),
      '=': () => actions.lengthenBy(-MINUTE_MS),
      '-': () => actions.lengthenBy(MINUTE_MS),
      l: actions.toggleAxis,
      e: actions.toggleErrors,
      y: actions.nextMeasure,
      Space: () => (view.value.range.live ? togglePause() : false),
    });
  }, []);
}

/** @param {{axis: import('../core/view.js').Axis, height: number, measure: string}} props */
function YAxis({ axis, height, measure }) {
  const { format } = measureOf(measure);
  const plotHeight = height - LANE_PX - 1 - TICK_PX;
  const ticks = axisTicks(axis).filter(tick => tick.share < 0.97);
  return html`<div class="y-axis" aria-hidden="true">
    <span class="lane-label">${'>'}${format(elapsedOf(axis.hi))}</span>
    ${ticks.map(tick => html`<span key=${tick.us} style=${{ top: `${LANE_PX + 1 + (1 - tick.share) * plotHeight}px` }}>${format(tick.us).replace(/\.0+(?=\D)/, '')}</span>`)}
  </div>`;
}

/** @param {{anchor: {fromMs: number, toMs: number, columnMs: number, ratio: number}, width: number, isLabels: boolean}} props */
function XGrid({ anchor, width, isLabels }) {
  if (width < 16 || anchor.fromMs === 0) return null;
  const { fromMs, toMs, columnMs, ratio } = anchor;
  const margin = (toMs - fromMs) / 6;
  const { ticks, stepMs } = timeTicks(fromMs - margin, toMs + margin, (width / 110) * (4 / 3));
  return ticks.map(t => html`<span key=${t} class=${isLabels ? 'x-tick' : 'x-tick line'} style=${{ left: `${(t - fromMs) / columnMs / ratio}px` }}>${isLabels && html`<span>${tickLabel(t, stepMs)}</span>`}</span>`);
}

/** @param {{box: Box, plot: Plot, anchor: {fromMs: number, columnMs: number, ratio: number}}} props */
function BoxMark({ box, plot, anchor }) {
  const { top, bottom } = plot.rectangleOf(box);
  const { ratio } = plot;
  const left = (box.t0 - anchor.fromMs) / anchor.columnMs / ratio;
  const right = (box.t1 + 1 - anchor.fromMs) / anchor.columnMs / ratio;
  return html`<div class="box" data-testid="box" style=${{ left: `${left}px`, width: `${Math.max(3, right - left)}px`, top: `${top / ratio}px`, height: `${Math.max(3, (bottom - top) / ratio)}px` }}></div>`;
}

/** The box being drawn, with its count. @param {{rectangle: Rectangle, plot: Plot | null, isZoom: boolean}} props */
function Rubber({ rectangle, plot, isZoom }) {
  void pointsVersion.value;
  const { left, top, right, bottom } = rectangle;
  const ratio = plot?.ratio ?? 1;
  const box = plot?.boxOf(left * ratio, top * ratio, right * ratio - 1, bottom * ratio - 1);
  const shown = source();
  const found = !box ? { total: 0, errors: 0 }
    : shown.isCounted && plot ? plot.countOf(left * ratio, top * ratio, right * ratio - 1, bottom * ratio - 1) : shown.store.count(box, filterSplit.value);
  return html`<div class=${isZoom ? 'rubber zoom' : 'rubber'} style=${{ left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` }}>
    <span class=${top < 26 ? 'rubber-count below' : 'rubber-count'} role="status">${isZoom ? 'zoom' : count(found.total)}${!isZoom && found.errors > 0 ? html` <em>${plural(found.errors, 'error')}</em>` : ''}</span></div>`;
}
