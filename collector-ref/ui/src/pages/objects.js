// Every instrumented process: is it alive, and are its transactions all accounted for?
//
// recorded = stored + dropped + pending, all of them transactions. Profiles that were not kept are
// told apart: the transaction is there without them.

import { html } from '../../vendor/preact.js';
import { count, dateTime, duration, plural } from '../core/format.js';
import { feed, pulse } from '../data/hub.js';
import { LoadState, useDocument } from '../parts/loaded.js';
import { configHref, toolHref } from '../core/links.js';
import { TOOLS } from '../parts/tool_tabs.js';

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
      <thead><tr>${HEADS.map(head => html`<th scope="col" key=${head} class=${NUMBERS.has(head) ? 'num' : ''}>${head}</th>`)}</tr></thead>
      <tbody>${objects.map((/** @type {any} */ o) => html`<${ObjectRow} key=${`${o.id} ${o.instance}`} o=${o} />`)}</tbody></table></div>`}</section>`;
}

const HEADS = ['Object', 'State', 'Active', 'Recorded', 'Stored', 'Dropped', 'Pending', 'Profiles not kept', 'Clock', 'Agent', 'Look inside', 'Process', 'Started', 'Last seen'];
const NUMBERS = new Set(['Active', 'Recorded', 'Stored', 'Dropped', 'Pending', 'Clock']);
/** Reasons that take a profile; all others take the transaction. */
const PROFILE_REASONS = /** @type {Record<string, string>} */ ({ sampled: 'sampled out', profile_queue: 'queue full', window_profiles: 'send window full', unsendable_profile: 'unsendable' });

/** @param {[string, any][]} losses @param {boolean} isOfProfiles */
const reasons = (losses, isOfProfiles) => losses.filter(([why, n]) => Number(n) > 0 && why in PROFILE_REASONS === isOfProfiles)
  .map(([why, n]) => `${count(Number(n))} ${PROFILE_REASONS[why] ?? why.replaceAll('_', ' ')}`).join(', ');

/** What is neither stored nor dropped, in words when that cannot be. @param {{o: any}} props */
function Pending({ o }) {
  if (o.pending === null || o.pending === undefined) return html`<span class="mut" title="The agent has not told this run of the collector yet">–</span>`;
  if (o.pending >= 0) return count(o.pending);
  return html`<span class="err" title="More is stored than the agent recorded">${plural(-o.pending, 'row')} stored twice</span>`;
}

/** @param {{o: any}} props */
function Dropped({ o }) {
  if (!(o.dropped_xlogs > 0)) return html`<span class="mut">${count(o.dropped_xlogs)}</span>`;
  return html`<span class="warn">${count(o.dropped_xlogs)}</span> <span class="mut">(${reasons(Object.entries(o.dropped ?? {}), false)})</span>`;
}

/** @param {{o: any}} props */
function ObjectRow({ o }) {
  const running = o.active ?? pulse.value?.active?.[o.name]?.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
  const noProfile = reasons(Object.entries(o.dropped ?? {}), true);
  const agoUs = feed.serverNow() * 1000 - o.last_seen_unix_us;
  const isKnown = typeof o.last_seen_unix_us === 'number';
  return html`<tr class=${o.alive ? '' : 'is-gone'}>
    <th scope="row">${o.alive ? html`<a href=${configHref(o.name, o.same_name > 0 ? o.instance : undefined)} title="Options">${o.name}</a>` : o.name} ${o.object_type && html`<span class="tag">${o.object_type}</span>`}</th>
    <td><span class=${o.alive ? 'state is-live' : 'state is-off'}><i class="lamp"></i>${o.alive ? 'alive' : 'gone'}</span></td>
    <td class="num"><a href=${`/active?object=${encodeURIComponent(o.name)}`}>${running === undefined ? '–' : count(running)}</a></td>
    <td class="num">${count(o.recorded)}</td><td class="num">${count(o.stored)}</td><td class="num"><${Dropped} o=${o} /></td><td class="num"><${Pending} o=${o} /></td>
    <td>${noProfile || html`<span class="mut">${typeof o.recorded === 'number' ? 'none' : '–'}</span>`}</td>
    <td class="num">${Math.abs(o.clock_offset_us) > SKEW_US ? html`<span class="warn">${duration(o.clock_offset_us)} off</span>` : html`<span class="mut">${duration(o.clock_offset_us)}</span>`}</td>
    <td>${o.agent_version}</td><td class="inside"><a href=${`/counters?o=${encodeURIComponent(o.name)}`}>counters</a>${o.alive && TOOLS.map(([tool, title]) => html` · <a key=${tool} href=${toolHref(o.name, tool, o.same_name > 0 ? o.instance : undefined)}>${title.toLowerCase()}</a>`)}</td><td><code>${o.pid}</code> <span class="mut">${o.address}</span>${o.same_name > 0 && html` <span class="warn" title="Their transactions are shown together: give each process a name of its own">${plural(o.same_name, 'other')} of this name</span>`}</td>
    <td>${isKnown ? dateTime(o.started_unix_us / 1000, false) : ''}</td><td>${!isKnown ? html`<span class="mut">before this run of the collector</span>` : o.alive && agoUs < 5e6 ? 'now' : `${duration(Math.max(0, agoUs))} ago`}</td></tr>`;
}
