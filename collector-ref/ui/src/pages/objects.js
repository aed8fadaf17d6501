// Every instrumented process: is it alive, what did it record, what did it drop.

import { html } from '../../vendor/preact.js';
import { count, dateTime, duration } from '../core/format.js';
import { feed, pulse } from '../data/hub.js';
import { LoadState, useDocument } from '../parts/loaded.js';

const REFRESH_MS = 2_000;
/** A larger difference of clocks is worth a word. */
const SKEW_US = 1_000_000;

export function ObjectsPage() {
  const loaded = useDocument('objects', {}, REFRESH_MS);
  const { data } = loaded;
  if (!data) return html`<section class="panel calm"><${LoadState} loaded=${loaded} what="objects" /></section>`;
  const objects = data.objects;
  const alive = objects.filter((/** @type {any} */ o) => o.alive).length;
  return html`<section class="panel" aria-labelledby="objects-title"><header class="panel-head"><h2 id="objects-title">Objects</h2>
      <span class="count">${count(objects.length)}</span><span class="mut">${count(alive)} alive</span>
      ${loaded.error && html`<span class="problem" role="alert">${loaded.error.message}</span>`}</header>
    ${objects.length === 0 ? html`<p class="calm">No agent has connected yet. <a href="/">How to start one</a></p>` : html`<div class="scroll" tabindex="0" role="region" aria-label="Table of objects"><table class="data roomy" data-testid="objects">
      <thead><tr>${['Object', 'State', 'Active', 'Recorded', 'Stored', 'Pending', 'Dropped', 'Clock', 'Agent', 'Process', 'Started', 'Last seen'].map(head => html`<th scope="col" key=${head} class=${NUMBERS.has(head) ? 'num' : ''}>${head}</th>`)}</tr></thead>
      <tbody>${objects.map((/** @type {any} */ o) => html`<${ObjectRow} key=${o.id} o=${o} />`)}</tbody></table></div>`}</section>`;
}

const NUMBERS = new Set(['Active', 'Recorded', 'Stored', 'Pending', 'Clock']);

/** @param {{o: any}} props */
function ObjectRow({ o }) {
  const running = o.active ?? pulse.value?.active?.[o.name]?.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
  const drops = Object.entries(o.dropped ?? {}).filter(([, n]) => Number(n) > 0);
  const agoUs = feed.serverNow() * 1000 - o.last_seen_unix_us;
  const isKnown = typeof o.last_seen_unix_us === 'number';
  return html`<tr class=${o.alive ? '' : 'is-gone'}>
    <th scope="row">${o.name} ${o.object_type && html`<span class="tag">${o.object_type}</span>`}</th>
    <td><span class=${o.alive ? 'state is-live' : 'state is-off'}><i class="lamp"></i>${o.alive ? 'alive' : 'gone'}</span></td>
    <td class="num"><a href=${`/active?object=${encodeURIComponent(o.name)}`}>${running === undefined ? '–' : count(running)}</a></td>
    <td class="num">${count(o.recorded)}</td><td class="num">${count(o.stored)}</td><td class="num">${count(o.pending)}</td>
    <td>${drops.length === 0 ? html`<span class="mut">${isKnown ? 'none' : '–'}</span>` : html`<span class="warn">${drops.map(([why, n]) => `${count(Number(n))} ${why.replaceAll('_', ' ')}`).join(', ')}</span>`}</td>
    <td class="num">${Math.abs(o.clock_offset_us) > SKEW_US ? html`<span class="warn">${duration(o.clock_offset_us)} off</span>` : html`<span class="mut">${duration(o.clock_offset_us)}</span>`}</td>
    <td>${o.agent_version}</td><td><code>${o.pid}</code> <span class="mut">${o.address}</span></td>
    <td>${isKnown ? dateTime(o.started_unix_us / 1000, false) : ''}</td><td>${!isKnown ? html`<span class="mut">before this run of the collector</span>` : o.alive && agoUs < 5e6 ? 'now' : `${duration(Math.max(0, agoUs))} ago`}</td></tr>`;
}
