// Any counter of any objects: live, past, and against the day before. What is shown is in the address.

import { html, useState } from '../../vendor/preact.js';
import { count } from '../core/format.js';
import { navigate, url, view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { Chart } from '../parts/chart.js';
import { LoadState, useDocument } from '../parts/loaded.js';
import { rangeQuery, useRanged } from '../parts/ranged.js';
import { parseName } from '../data/series.js';

/** Shown when the address says nothing. */
const USUAL = ['request_rate|1/s', 'error_rate|1/s', 'elapsed_p95|us', 'active_services|', 'process_cpu|%', 'process_rss|B'];
/** Most charts of a page, and most names offered at once. */
const MAX_CHARTS = 12;
const OFFERED = 60;
const NAMES_EVERY_MS = 30_000;
const DAY_US = 86_400_000_000;

/** The address of these counters. @param {string[]} names @param {string} object @param {boolean} isBefore */
function countersUrl(names, object, isBefore) {
  const to = new URL(viewUrl('/counters', view.peek()), location.origin);
  for (const name of names) to.searchParams.append('c', name);
  if (object) to.searchParams.set('o', object);
  if (isBefore) to.searchParams.set('before', '1');
  return to.pathname + to.search;
}

export function CountersPage() {
  const params = url.value.searchParams;
  const [asked, object, isBefore] = [params.getAll('c'), params.get('o') ?? '', params.has('before')];
  const [wanted, want] = useState('');
  const loaded = useDocument('counters', { object: object || undefined }, NAMES_EVERY_MS);
  const { data } = loaded;
  if (!data) return html`<section class="panel calm"><${LoadState} loaded=${loaded} what="the names of the counters" /></section>`;
  const names = /** @type {string[]} */ (data.names);
  if (names.length === 0 && !object) return html`<section class="panel calm"><h2>No counter yet</h2><p>Agents send theirs every two seconds. <a href="/">How to start one</a></p></section>`;
  const shown = (asked.length > 0 ? asked : USUAL.filter(name => names.includes(name))).slice(0, MAX_CHARTS);
  const show = (/** @type {string[]} */ next, o = object, b = isBefore) => navigate(countersUrl(next, o, b), { replace: true });
  const fitting = names.filter(name => !shown.includes(name) && name.replaceAll('_', ' ').toLowerCase().includes(wanted.replaceAll('_', ' ').toLowerCase()));
  return html`<section class="panel" aria-labelledby="counters-title"><header class="panel-head"><h2 id="counters-title">Counters</h2>
      <form class="inline-form" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); if (fitting[0]) show([...shown, fitting[0]]); }}>
        <input aria-label="Search a counter" placeholder="Search a counter" value=${wanted} onInput=${(/** @type {any} */ e) => want(e.currentTarget.value)} />
        <input aria-label="Objects, * is any text" placeholder="All objects" title="Objects, * is any text" value=${object} onChange=${(/** @type {any} */ e) => show(shown, e.currentTarget.value.trim())} /></form>
      <button class="switch lone" aria-pressed=${isBefore ? 'true' : 'false'} onClick=${() => show(shown, object, !isBefore)}>Day before</button>
      <span class="mut">${count(names.length)} counters, ${shown.length} shown</span></header>
    ${wanted && html`<div class="legend-row" data-testid="offered">${fitting.slice(0, OFFERED).map(name => html`<button key=${name} class="link" onClick=${() => show([...shown, name])}>${label(name)}</button>`)}${fitting.length === 0 && html`<span class="mut">No other counter has this in its name.</span>`}</div>`}</section>
  <div class="charts">${shown.map(name => html`<${Counter} key=${`${name} ${object}`} name=${name} object=${object} isBefore=${isBefore} close=${() => show(shown.filter(one => one !== name))} />`)}</div>`;
}

/** @param {string} full */
function label(full) {
  const { name, unit, of } = parseName(full);
  return `${name}${unit ? ` (${unit})` : ''}${of ? ` · ${of}` : ''}`;
}

/** @param {{name: string, object: string, isBefore: boolean, close: () => void}} props */
function Counter({ name, object, isBefore, close }) {
  const query = { name, object: object || undefined };
  const { data } = useRanged('counters', query, false);
  return html`${isBefore ? html`<${WithBefore} query=${query} data=${data} close=${close} />` : html`<${Drawn} name=${name} data=${data} before=${null} close=${close} />`}`;
}

/** @param {{query: {name: string, object?: string}, data: any, close: () => void}} props */
function WithBefore({ query, data, close }) {
  const { range } = view.value;
  const before = useDocument('counters', query, 60_000, JSON.stringify(range), () => {
    const { from_unix_us, to_unix_us } = rangeQuery();
    return { from_unix_us: from_unix_us - DAY_US, to_unix_us: to_unix_us - DAY_US };
  });
  return html`<${Drawn} name=${query.name} data=${data} before=${before.data?.series ?? []} close=${close} />`;
}

/** @param {{name: string, data: any, before: any, close: () => void}} props */
function Drawn({ name, data, before, close }) {
  const { from_unix_us, to_unix_us } = rangeQuery();
  return html`<${Chart} name=${name} series=${data?.series ?? []} before=${before} fromUs=${from_unix_us} toUs=${to_unix_us} close=${close} />`;
}
