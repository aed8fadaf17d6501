// The line above the scatter: what is shown, how much of it, the legend, the switches.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { count, plural } from '../core/format.js';
import { MEASURES, measureOf } from '../core/measures.js';
import { elapsedOf, MAX_Q } from '../core/quantiser.js';
import { formatSpan } from '../core/range.js';
import { view } from '../core/router.js';
import { theme } from '../core/theme.js';
import { filterSplit, pausedAtMs, source, sourceVersion, togglePause } from '../data/hub.js';
import { selectBox, showMeasure, toggleAxis, toggleErrors } from './actions.js';
import { legendColour } from './paint.js';
import { PALETTES } from './palette.js';

/** Counts are read so often; they are for people. */
const REFRESH_MS = 500;

/** @param {{plot: import('./plot.js').Plot | null, isTable: boolean, toggleTable: () => void}} props */
export function ScatterHead({ plot, isTable, toggleTable }) {
  const [, again] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => again(n => n + 1), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  void sourceVersion.value;
  const { range, axis, measure } = view.value;
  const raster = plot?.raster;
  const inView = raster?.inView ?? 0;
  const dropped = source().store.droppedPoints;
  const selectLane = () => raster && selectBox({ t0: raster.fromMs, t1: raster.toMs - 1, y0: axis.hi + 1, y1: MAX_Q });
  return html`<header class="panel-head">
    <h2 id="scatter-title">XLog</h2>
    <span class="count" data-testid="in-view">${count(inView)}</span>
    <span class="mut">${inView === 1 ? 'transaction' : 'transactions'}, ${range.live ? `last ${formatSpan(range.spanMs)}` : formatSpan(range.toMs - range.fromMs)}</span>
    ${raster && raster.errorsInView > 0 && html`<span class="err" data-testid="errors-in-view">${plural(raster.errorsInView, 'error')}</span>`}
    ${raster && raster.overflow > 0 && html`<button class="link" data-testid="overflow" onClick=${selectLane} title="List them">${count(raster.overflow)} above ${measureOf(measure).format(elapsedOf(axis.hi))}</button>`}
    ${source().isCounted && html`<span class="tag" title="More points than a page holds: the collector counts them by pixel">counted</span>`}
    ${dropped > 0 && html`<span class="warn" role="status">${count(dropped)} older points not held: narrow the range</span>`}
    <span class="spring"></span>
    <${Legend} radius=${plot?.radius ?? 0} />
    <select class="measure" aria-label="Height of a dot" title="Key: y" value=${measure} onChange=${(/** @type {any} */ event) => showMeasure(event.currentTarget.value)}>${MEASURES.map(m => html`<option key=${m.key} value=${m.key}>${m.label}</option>`)}</select>
    <div class="switches">
      ${range.live && html`<${Switch} isOn=${pausedAtMs.value !== null} press=${togglePause} keys="Space">Pause<//>`}
      <${Switch} isOn=${filterSplit.value.need !== 0} press=${toggleErrors} keys="e">Errors<//>
      <${Switch} isOn=${axis.kind === 'lin'} press=${toggleAxis} keys="l">Linear<//>
      <${Switch} isOn=${isTable} press=${toggleTable} keys="">Table<//>
    </div>
  </header>`;
}

/** @param {{isOn: boolean, press: () => void, keys: string, children: any}} props */
function Switch({ isOn, press, keys, children }) {
  return html`<button class="switch" aria-pressed=${isOn ? 'true' : 'false'} title=${keys ? `Key: ${keys}` : undefined} onClick=${press}>${children}</button>`;
}

/** @param {{radius: number}} props */
function Legend({ radius }) {
  const palette = PALETTES[theme.value];
  return html`<span class="legend" aria-label="Colour by transactions a pixel: 1, 10, 100; errors are red">
    ${[1, 10, 100].map(n => html`<i style=${{ background: legendColour(palette, n, radius) }}></i><span>${n}</span>`)}
    <span class="mut">a pixel</span><i class="err-swatch"></i><span>error</span></span>`;
}
