// One transaction: what it was, where its time went, step by step.

import { html, useEffect, useLayoutEffect, useState } from '../../vendor/preact.js';
import { apiUrl } from '../core/api.js';
import { bytes, count, dateTime, duration, percent, plural } from '../core/format.js';
import { exactWord } from '../core/filter.js';
import { addKeys } from '../core/keys.js';
import { navigate, url, view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { boxList } from '../data/box_list.js';
import { Status, isError, txHref } from '../parts/badges.js';
import { LoadState, useDocument } from '../parts/loaded.js';
import { Fact, StepDetail } from '../parts/step_detail.js';
import { CompareButton } from '../parts/compare_button.js';
import { ProfilePanes } from '../parts/profile_panes.js';
import { Standing } from '../parts/standing.js';
import { TxAlerts } from '../parts/tx_alerts.js';
import { speedscope } from '../data/speedscope.js';

const MISSING = /** @type {Record<string, string>} */ ({
  empty: 'This transaction had no step.', sampled_out: 'The profile was sampled out.', dropped: 'The profile was dropped under load; the drop is counted.',
});

/** @param {{id: string}} props */
export function TxPage({ id }) {
  const loaded = useDocument(`tx/${encodeURIComponent(id)}`);
  const place = useWalk(id);
  const { data, error } = loaded;
  if (error?.status === 300) return html`<${Candidates} rows=${error.body?.candidates ?? []} />`;
  if (!data) return html`<section class="panel calm"><${LoadState} loaded=${loaded} what="the transaction" /></section>`;
  if (data.candidates) return html`<${Candidates} rows=${data.candidates} />`;
  return html`<${Transaction} key=${id} id=${id} data=${data} place=${place} />`;
}

/** @param {{id: string, data: any, place: Place | null}} props */
function Transaction({ id, data, place }) {
  const { xlog, profile } = data;
  const [selected, select] = useState(-1);
  const step = profile?.steps[selected];
  return html`<${TxHead} xlog=${xlog} id=${id} place=${place} steps=${profile?.steps ?? null} />
    ${profile
      ? html`<div class=${step ? 'profile with-detail' : 'profile'}>
          <${ProfilePanes} xlog=${xlog} steps=${profile.steps} selected=${selected} select=${select} />
          ${step && html`<${StepDetail} step=${step} gxid=${xlog.gxid} close=${() => select(-1)} />`}</div>`
      : html`<section class="panel calm"><h2>No profile</h2><p>${MISSING[data.profile_missing] ?? `It was not kept: ${data.profile_missing ?? 'no reason given'}.`}</p></section>`}`;
}

/** Saves a profile for https://www.speedscope.app, which opens such files without sending them anywhere. @param {any} xlog @param {any[]} steps */
function saveSpeedscope(xlog, steps) {
  const file = new Blob([JSON.stringify(speedscope(xlog.service, steps, xlog.elapsed_us))], { type: 'application/json' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = `${xlog.txid}.speedscope.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {{xlog: any, id: string, place: Place | null, steps: any[] | null}} props */
function TxHead({ xlog, id, place, steps }) {
  return html`<section class="panel tx-head" aria-labelledby="tx-title">
    <header class="panel-head">
      <h2 id="tx-title" class="service"><a href=${viewUrl('/xlog', { ...view.value, f: exactWord('service', xlog.service), box: null })} title="All of this service">${xlog.service}</a></h2>
      <span class=${isError(xlog) ? 'badge err' : 'badge'}><${Status} xlog=${xlog} /></span>
      ${xlog.flags?.includes('slow') && html`<span class="badge slow">slow</span>`}
      <b class="elapsed">${duration(xlog.elapsed_us)}</b>
      <${Standing} xlog=${xlog} />
      <span class="spring"></span>
      ${place && html`<${Walk} place=${place} />`}
      <${CompareButton} what="tx" value=${id} />
      <a class="button" href=${viewUrl(`/services/${encodeURIComponent(xlog.service)}`, { ...view.value, f: '', box: null })}>Service</a>
      <a class="button" href=${`/trace/${xlog.gxid}`}>Trace</a>
      <a class="button" href=${apiUrl(`tx/${id}`, { format: 'text' })} target="_blank" rel="noopener">Text</a>
      ${steps && html`<button title="Save it for speedscope" onClick=${() => saveSpeedscope(xlog, steps)}>speedscope</button>`}
    </header>
    ${xlog.error && html`<p class="problem" data-testid="tx-error">${xlog.error}</p>`}
    <${TxAlerts} xlog=${xlog} />
    <${Breakdown} xlog=${xlog} />
    <dl class="facts wide"><${Facts} xlog=${xlog} /></dl>
  </section>`;
}

/** @param {{xlog: any}} props */
function Facts({ xlog }) {
  const none = html`<span class="mut">–</span>`;
  const link = (/** @type {string} */ key, /** @type {string} */ value) => (value
    ? html`<a href=${viewUrl('/xlog', { ...view.value, f: exactWord(key, value), box: null })} title=${`All with this ${key}`}>${value}</a>`
    : none);
  return html`<${Fact} label="End">${dateTime(xlog.end_unix_us / 1000)}<//>
    <${Fact} label="Object">${link('object', xlog.object)}<//>
    <${Fact} label="Tenant">${link('tenant', xlog.tenant)}<//>
    <${Fact} label="Login">${link('login', xlog.login)}<//>
    <${Fact} label="Busy">${duration(xlog.busy_us)} <span class="mut">${percent(xlog.busy_us, xlog.elapsed_us)}${xlog.polls > 0 ? `, ${plural(xlog.polls, 'poll')}` : ''}</span><//>
    <${Fact} label="First byte">${xlog.ttfb_us > 0 ? duration(xlog.ttfb_us) : none}<//>
    <${Fact} label="SQL">${xlog.sql_count > 0 ? html`${count(xlog.sql_count)} <span class="mut">${duration(xlog.sql_us)}, ${plural(xlog.sql_rows, 'row')}</span>` : none}<//>
    <${Fact} label="Pool wait">${xlog.pool_wait_us > 0 ? duration(xlog.pool_wait_us) : none}<//>
    <${Fact} label="Calls">${xlog.api_count > 0 ? html`${count(xlog.api_count)} <span class="mut">${duration(xlog.api_us)}</span>` : none}<//>
    <${Fact} label="Out">${bytes(xlog.bytes_out)}<//>
    ${xlog.ip && html`<${Fact} label="From">${xlog.ip}<//>`}
    ${xlog.user_agent && html`<${Fact} label="User agent"><span class="cut" title=${xlog.user_agent}>${xlog.user_agent}</span><//>`}
    ${xlog.desc && html`<${Fact} label="Description">${xlog.desc}<//>`}
    ${xlog.alloc_bytes > 0 && html`<${Fact} label="Allocated">${bytes(xlog.alloc_bytes)}<//>`}
    <${Fact} label="Steps">${count(xlog.steps)}${xlog.steps_dropped > 0 ? html` <span class="warn">${count(xlog.steps_dropped)} not recorded</span>` : ''}<//>
    ${xlog.caller && html`<${Fact} label="Called by"><a href=${`/tx/${xlog.gxid}-${xlog.caller}`}>${xlog.caller}</a><//>`}
    ${Object.entries(xlog.tags ?? {}).map(([key, value]) => html`<${Fact} key=${key} label=${key}>${String(value)}<//>`)}
    <${Fact} label="txid"><code>${xlog.txid}</code><//>`;
}

/** Where the time went; calls beside each other may add up to more than the whole. @param {{xlog: any}} props */
function Breakdown({ xlog }) {
  const parts = [['sql', 'SQL', xlog.sql_us], ['pool_wait', 'Pool wait', xlog.pool_wait_us], ['api', 'Calls', xlog.api_us]].filter(part => part[2] > 0);
  const known = parts.reduce((sum, part) => sum + part[2], 0);
  if (xlog.elapsed_us > known) parts.push(['method', 'Own', xlog.elapsed_us - known]);
  const whole = Math.max(1, known, xlog.elapsed_us);
  return html`<div class="breakdown"><div class="breakdown-bar" aria-hidden="true">${parts.map(([kind, , us]) => html`<i key=${kind} class=${`is-${kind}`} style=${{ width: `${(us / whole) * 100}%` }}></i>`)}</div>
    <ul>${parts.map(([kind, label, us]) => html`<li key=${kind}><i class=${`swatch is-${kind}`}></i>${label} <b>${duration(us)}</b> <span class="mut">${percent(us, xlog.elapsed_us)}</span></li>`)}</ul></div>`;
}

/** @typedef {{at: number, total: number | null, before: any, after: any, go: (row: any) => void}} Place */

/**
 * Where this transaction stands in the box it was found in. The keys work while it still loads, so
 * that one can walk faster than the collector answers.
 * @param {string} id
 * @returns {Place | null}
 */
function useWalk(id) {
  const { box, f, measure } = view.value;
  const list = box ? boxList(box, f, measure) : null;
  void list?.version.value;
  const at = list ? list.rows.findIndex(row => `${row.gxid}-${row.txid}` === id) : -1;
  const isNeeded = list !== null && !list.isComplete && (at < 0 || at === list.rows.length - 1);
  useEffect(() => { if (isNeeded) void list?.more(); }, [isNeeded, list?.rows.length]);
  const [before, after] = at < 0 ? [null, null] : [list?.rows[at - 1], list?.rows[at + 1]];
  const go = (/** @type {any} */ row) => {
    if (row) navigate(txHref(row, url.value.search), { replace: true });
  };
  useLayoutEffect(() => addKeys({ '[': () => go(before), ']': () => go(after), Escape: () => (box ? navigate(viewUrl('/xlog', view.value)) : false) }), [before, after, box]);
  return list && { at, total: list.total.value, before, after, go };
}

/** Previous and next transaction of the box. @param {{place: Place}} props */
function Walk({ place }) {
  const { at, total, before, after, go } = place;
  return html`<span class="walk"><a href=${viewUrl('/xlog', view.value)}>Box</a>
    <button aria-label="Previous transaction of the box" title="Key: [" disabled=${!before} onClick=${() => go(before)}>‹</button>
    <span class="mut" role="status">${at >= 0 ? `${count(at + 1)} of ${count(total)}` : '…'}</span>
    <button aria-label="Next transaction of the box" title="Key: ]" disabled=${!after} onClick=${() => go(after)}>›</button></span>`;
}

/** @param {{rows: any[]}} props */
function Candidates({ rows }) {
  return html`<section class="panel"><header class="panel-head"><h2>Several transactions have this id</h2></header>
    <ul class="plain">${rows.map(row => html`<li key=${row.gxid}><a href=${txHref(row)}>${dateTime(row.end_unix_us / 1000)} ${row.service} ${duration(row.elapsed_us)}</a> <span class="mut">${row.object}</span></li>`)}</ul></section>`;
}
