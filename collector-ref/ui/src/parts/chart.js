// Lines over time with the table of their figures; all charts of a page share one cursor.

import { html, signal } from '../../vendor/preact.js';
import { clock, dateTime } from '../core/format.js';
import { figures, formatOf, linePath, niceTop, parseName, thinned, valueAt } from '../data/series.js';

/** Where the pointer is in time on any chart, unix µs. */
const cursorUs = signal(/** @type {number | null} */ (null));

const [WIDTH, HEIGHT] = [1000, 150];
const COLOURS = 7;
const DAY_US = 86_400_000_000;

/**
 * @typedef {{object: string, points: import('../data/series.js').Points, isError?: boolean}} Series
 * @param {{name: string, series: Series[], before: Series[] | null, fromUs: number, toUs: number, close?: () => void, head?: string}} props before: the same a day earlier; head: what its lines are
 */
export function Chart({ name, series, before, fromUs, toUs, close, head = 'Object' }) {
  const { name: title, unit, of } = parseName(name);
  const format = formatOf(unit);
  const shifted = (before ?? []).map(one => ({ ...one, points: one.points.map(([t, v]) => /** @type {[number, number]} */ ([t + DAY_US, v])) }));
  const top = niceTop(Math.max(0, ...[...series, ...shifted].flatMap(one => [figures(one.points)?.most ?? 0])), unit === 'B' ? 1024 : 10);
  const cursor = cursorUs.value;
  const onMove = (/** @type {any} */ event) => {
    const bounds = event.currentTarget.getBoundingClientRect();
    cursorUs.value = fromUs + ((event.clientX - bounds.left) / bounds.width) * (toUs - fromUs);
  };
  const line = (/** @type {Series} */ one) => linePath(thinned(one.points), fromUs, toUs, top, WIDTH, HEIGHT);
  const colour = (/** @type {string} */ object, /** @type {number} */ i) => `series-${(Math.max(0, series.findIndex(one => one.object === object)) || i) % COLOURS}`;
  const own = (/** @type {Series} */ one, /** @type {number} */ i) => (one.isError ? 'series-err' : `series-${i % COLOURS}`);
  const id = `chart-${name.replace(/\W/g, '-')}`;
  return html`<section class="panel chart" aria-labelledby=${id} data-testid="chart"><header class="panel-head"><h2 id=${id}>${title}</h2>${of && html`<span class="mut">${of}</span>`}<span class="spring"></span>${close && html`<button class="icon small" aria-label=${`Remove ${title} ${of}`} onClick=${close}>×</button>`}</header>
    <div class="chart-frame" aria-hidden="true"><div class="chart-y">${[0, 0.5, 1].map(share => html`<span key=${share} style=${{ top: `${(1 - share) * HEIGHT}px` }}>${format(top * share)}</span>`)}</div>
      <div class="chart-plot" onMouseMove=${onMove} onMouseLeave=${() => { cursorUs.value = null; }}><svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none">
        ${[0, 0.5, 1].map(share => html`<line key=${share} class="grid" x1="0" x2=${WIDTH} y1=${share * HEIGHT} y2=${share * HEIGHT} />`)}
        <g class="day-before">${shifted.map((one, i) => html`<path key=${one.object} class=${colour(one.object, i)} d=${line(one)} />`)}</g>
        ${series.map((one, i) => html`<path key=${one.object} class=${own(one, i)} d=${line(one)} />`)}</svg>
        ${cursor !== null && cursor >= fromUs && cursor <= toUs && html`<i class="cursor-line" style=${{ left: `${((cursor - fromUs) / (toUs - fromUs)) * 100}%` }}></i>`}</div></div>
    <div class="chart-x" aria-hidden="true"><span>${toUs - fromUs > DAY_US ? dateTime(fromUs / 1000, false) : clock(fromUs / 1000, false)}</span><span>${cursor === null ? '' : clock(cursor / 1000, false)}</span><span>${clock(toUs / 1000, false)}</span></div>
    ${series.length === 0 ? html`<p class="mut">No value in this range.</p>` : html`<div class="scroll" tabindex="0" role="region" aria-label=${`Figures of ${title} ${of}`}><table class="data"><thead><tr><th scope="col">${head}</th><th scope="col" class="num">${cursor === null ? 'Now' : 'There'}</th><th scope="col" class="num">Least</th><th scope="col" class="num">Mean</th><th scope="col" class="num">Most</th>${before && html`<th scope="col" class="num">Day before</th>`}</tr></thead>
      <tbody>${series.map((one, i) => {
        const f = figures(one.points);
        const there = cursor === null ? f?.now : valueAt(one.points, cursor);
        const cell = (/** @type {number | null | undefined} */ v) => html`<td class="num">${v === null || v === undefined ? '–' : format(v)}</td>`;
        return html`<tr key=${one.object}><th scope="row" title=${one.object}><i class=${`series-key ${own(one, i)}`}></i>${one.object}</th>${cell(there)}${cell(f?.least)}${cell(f?.mean)}${cell(f?.most)}${before && cell(figures(before.find(b => b.object === one.object)?.points ?? [])?.mean)}</tr>`;
      })}</tbody></table></div>`}</section>`;
}
