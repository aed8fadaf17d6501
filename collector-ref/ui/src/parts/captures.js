// Arguments and results at chosen callsites, for a while: what is asked for, where that is, how it
// stands, and where the values are.

import { html, useEffect, useMemo, useState } from '../../vendor/preact.js';
import { postJson } from '../core/api.js';
import { count, plural } from '../core/format.js';
import { DEFAULT_AXIS, DIMENSIONS, PANES, viewUrl } from '../core/view.js';
import { filterOf, isForGood, meant } from '../data/captures.js';
import { useAsked } from './loaded.js';
import { Awaited, OnlyLook, Refusal } from './tool_tabs.js';
import { VTable } from './vtable.js';

const REFRESH_MS = 1_000;
const ROW_PX = 26;
/** What is asked for if nothing is said; the agent refuses more than 600 s and 10,000 values. */
const DEFAULT = { callsites: '', service: '', tenant: '', seconds: '60', values: '1000' };

/** @type {import('./vtable.js').Column<import('../data/captures.js').Callsite>[]} */
const COLUMNS = [
  { key: 'name', label: 'Function', width: '34%', cell: x => html`<b title=${x.name}>${x.name}</b>` },
  { key: 'place', label: 'Place', width: '30%', cell: x => html`<code class="mut" title=${x.place}>${x.place}</code>` },
  { key: 'arguments', label: 'Arguments listed', width: 'auto', cell: x => (x.arguments.length > 0 ? x.arguments.join(', ') : html`<span class="mut">none</span>`) },
  { key: 'now', label: 'Now', width: 110, cell: x => (isForGood(x) ? html`<span class="running">captured</span>` : '') },
];

/** Transactions whose values are captured. @param {any} state @param {string} object */
const xlogHref = (state, object) => viewUrl('/xlog', { range: { live: true, spanMs: 600_000 }, f: filterOf(state, object), box: null, measure: 'elapsed', axis: DEFAULT_AXIS, pane: PANES[0], by: DIMENSIONS[0] });

/** @param {import('../pages/tool.js').ToolProps} props */
export function CaptureTool({ object, path, query, mayAct, onAmbiguous }) {
  const [changes, setChanges] = useState(0);
  const [said, say] = useState(/** @type {any} */ (null));
  const asked = useAsked(`capture/${path}`, query, REFRESH_MS, onAmbiguous, changes);
  const state = asked.data;
  const isRunning = state?.bound_callsites > 0;
  const { data: sites } = useAsked(`callsites/${path}`, query, 0, onAmbiguous, `${changes} ${isRunning}`);
  const [wish, setWish] = useState(DEFAULT);
  // What runs was perhaps asked for by somebody else.
  useEffect(() => { if (isRunning) setWish({ ...state, seconds: String(state.seconds), values: String(state.values) }); }, [isRunning]);
  const rows = useMemo(() => meant(sites?.callsites ?? [], wish.callsites), [sites, wish.callsites]);
  if (!state) return html`<${Awaited} error=${asked.error} />`;
  const change = async (/** @type {any} */ what) => {
    say(null);
    await postJson(`capture/${path}`, what, query).catch(say);
    setChanges(n => n + 1);
  };
  const start = (/** @type {Event} */ event) => {
    event.preventDefault();
    const { callsites, service, tenant, seconds, values } = wish;
    void change({ action: 'start', callsites, service, tenant, seconds: Number(seconds), values: Number(values) });
  };
  const stop = () => void change({ action: 'stop' });
  const listed = rows.filter(site => site.arguments.length > 0).length;
  return html`<section class="panel" aria-label="What is captured"><p class="mut">Arguments and results become attributes of the steps in profiles: those that the source lists (<code>#[scout(args(id), ret)]</code>), redacted as it says, for as long and as often as is asked here.</p>
      <${Wish} wish=${wish} setWish=${setWish} isRunning=${isRunning} mayAct=${mayAct} start=${start} stop=${stop} />
      ${isRunning ? html`<p role="status" data-testid="capture-state"><span class="running">capturing</span> at ${plural(state.bound_callsites, 'callsite')}: <b>${count(state.captured)}</b> of ${count(state.values)} values, ${state.seconds_left} s left. <a href=${xlogHref(state, object)}>Its transactions</a></p>`
        : state.captured > 0 && html`<p data-testid="capture-state">Ended with <b>${plural(state.captured, 'value')}</b>. <a href=${xlogHref(state, object)}>Its transactions</a></p>`}
      <${Refusal} error=${said ?? asked.error} /></section>
    ${wish.callsites === '' ? html`<section class="panel calm"><h2>No callsite is named yet</h2><p>Name a function or a place such as <code>src/orders.rs:*</code>; <code>*</code> is any text.${mayAct && html` <button class="link" onClick=${() => setWish({ ...wish, callsites: '*' })}>Show all</button>`}</p></section>`
      : rows.length === 0 ? html`<section class="panel calm"><h2>No callsite fits</h2><p>A pattern is compared with the whole name of a function, and with file:line. A function is known from its first call on.</p></section>`
      : html`<section class="panel steps-panel stacks" aria-label="Callsites"><div class="profile-tabs panel-head"><span><span class="count" data-testid="callsite-count">${count(rows.length)}</span> <span class="mut">${rows.length === 1 ? 'callsite fits' : 'callsites fit'}, of which ${count(listed)} list arguments</span></span></div>
          <${Callsites} rows=${rows} /></section>`}`;
}

/** @param {{rows: import('../data/captures.js').Callsite[]}} props */
function Callsites({ rows }) {
  const [selected, select] = useState(-1);
  return html`<${VTable} columns=${COLUMNS} count=${rows.length} row=${(/** @type {number} */ i) => rows[i]} rowKey=${(/** @type {any} */ x) => x.id} rowPx=${ROW_PX}
    caption="Callsites that are meant" selected=${selected} select=${select} testId="callsites" />`;
}

/** @param {{wish: typeof DEFAULT, setWish: (wish: typeof DEFAULT) => void, isRunning: boolean, mayAct: boolean, start: (event: Event) => void, stop: () => void}} props */
function Wish({ wish, setWish, isRunning, mayAct, start, stop }) {
  const field = (/** @type {keyof typeof DEFAULT} */ name, /** @type {string} */ label, /** @type {any} */ more = {}) => html`<label>${label} <input type="text" disabled=${isRunning} value=${wish[name]} onInput=${(/** @type {any} */ e) => setWish({ ...wish, [name]: e.currentTarget.value })} ...${more} /></label>`;
  const number = (/** @type {number} */ max) => ({ type: 'number', min: 1, max, required: true, class: 'short' });
  return html`<form class="inline-form sampler capture" onSubmit=${start}>
    ${field('callsites', 'Callsites', { required: true, placeholder: 'load_order or src/orders.rs:*' })}
    ${field('service', 'of service', { placeholder: 'any' })}${field('tenant', 'of tenant', { placeholder: 'any' })}
    ${field('seconds', 'for seconds', number(600))}${field('values', 'and values', number(10_000))}
    ${!mayAct ? html`<${OnlyLook} but="capture" />` : isRunning ? html`<button type="button" onClick=${stop}>Stop</button>` : html`<button class="primary" type="submit">Start</button><span class="mut">Noted in the audit file.</span>`}</form>`;
}
