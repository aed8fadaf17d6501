// One transaction: what it was, where its time went, step by step.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { apiUrl } from '../core/api.js';
import { bytes, count, dateTime, duration, percent } from '../core/format.js';
import { addKeys } from '../core/keys.js';
import { navigate, url, view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { boxList } from '../data/box_list.js';
import { Status, isError, txHref } from '../parts/badges.js';
import { LoadState, useDocument } from '../parts/loaded.js';
import { Fact, StepDetail } from '../parts/step_detail.js';
import { StepTable } from '../parts/step_table.js';

const MISSING = /** @type {Record<string, string>} */ ({
  empty: 'This transaction had no step.', sampled_out: 'The profile was sampled out.', dropped: 'The profile was dropped under load; the drop is counted.',
});

/** @param {{id: string}} props */
export function TxPage({ id }) {
  const loaded = useDocument(`tx/${encodeURIComponent(id)}`);
  const { data, error } = loaded;
  if (error?.status === 300) return html`<${Candidates} rows=${error.body?.candidates ?? []} />`;
  if (!data) return html`<section class="panel calm"><${LoadState} loaded=${loaded} what="the transaction" /></section>`;
  if (data.candidates) return html`<${Candidates} rows=${data.candidates} />`;
  return html`<${Transaction} key=${id} id=${id} data=${data} />`;
}

/** @param {{id: string, data: any}} props */
function Transaction({ id, data }) {
  const { xlog, profile } = data;
  const [selected, select] = useState(-1);
  const step = profile?.steps[selected];
  return html`<${TxHead} xlog=${xlog} id=${id} />
    ${profile
      ? html`<div class=${step ? 'profile with-detail' : 'profile'}>
          <section class="panel steps-panel" aria-label="Profile"><${StepTable} steps=${profile.steps} elapsedUs=${xlog.elapsed_us} selected=${selected} select=${select} /></section>
          ${step && html`<${StepDetail} step=${step} gxid=${xlog.gxid} close=${() => select(-1)} />`}</div>`
      : html`<section class="panel calm"><h2>No profile</h2><p>${MISSING[data.profile_missing] ?? `It was not kept: ${data.profile_missing ?? 'no reason given'}.`}</p></section>`}`;
}

/** @param {{xlog: any, id: string}} props */
function TxHead({ xlog, id }) {
  return html`<section class="panel tx-head" aria-labelledby="tx-title">
    <header class="panel-head">
      <h2 id="tx-title" class="service">${xlog.service}</h2>
      <span class=${isError(xlog) ? 'badge err' : 'badge'}><${Status} xlog=${xlog} /></span>
      ${xlog.flags?.includes('slow') && html`<span class="badge slow">slow</span>`}
      <b class="elapsed">${duration(xlog.elapsed_us)}</b>
      <span class="spring"></span>
      <${Walk} xlog=${xlog} />
      <a class="button" href=${`/trace/${xlog.gxid}`}>Trace</a>
      <a class="button" href=${apiUrl(`tx/${id}`, { format: 'text' })} target="_blank" rel="noopener">Text</a>
    </header>
    ${xlog.error && html`<p class="problem" data-testid="tx-error">${xlog.error}</p>`}
    <${Breakdown} xlog=${xlog} />
    <dl class="facts wide"><${Facts} xlog=${xlog} /></dl>
  </section>`;
}

/** @param {{xlog: any}} props */
function Facts({ xlog }) {
  const filter = (/** @type {string} */ value) => value || html`<span class="mut">–</span>`;
  return html`<${Fact} label="End">${dateTime(xlog.end_unix_us / 1000)}<//>
    <${Fact} label="Object">${xlog.object}<//>
    <${Fact} label="Tenant">${filter(xlog.tenant)}<//>
    <${Fact} label="Login">${filter(xlog.login)}<//>
    <${Fact} label="Busy">${duration(xlog.busy_us)} <span class="mut">${percent(xlog.busy_us, xlog.elapsed_us)}, ${count(xlog.polls)} polls</span><//>
    <${Fact} label="First byte">${duration(xlog.ttfb_us)}<//>
    <${Fact} label="SQL">${count(xlog.sql_count)} <span class="mut">${duration(xlog.sql_us)}, ${count(xlog.sql_rows)} rows</span><//>
    <${Fact} label="Pool wait">${duration(xlog.pool_wait_us)}<//>
    <${Fact} label="Calls">${count(xlog.api_count)} <span class="mut">${duration(xlog.api_us)}</span><//>
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

/** Previous and next transaction of the box this one was found in. @param {{xlog: any}} props */
function Walk({ xlog }) {
  const { box, f } = view.value;
  const [place, setPlace] = useState({ at: -1, total: 0, before: /** @type {any} */ (null), after: /** @type {any} */ (null) });
  useEffect(() => {
    if (!box) return;
    let isGone = false;
    void (async () => {
      const list = boxList(box, f);
      const find = () => list.rows.findIndex(row => row.txid === xlog.txid && row.gxid === xlog.gxid);
      while ((find() < 0 || find() === list.rows.length - 1) && !list.isComplete) await list.more();
      const at = find();
      if (!isGone) setPlace({ at, total: list.total.value ?? list.rows.length, before: list.rows[at - 1], after: at >= 0 ? list.rows[at + 1] : null });
    })();
    return () => { isGone = true; };
  }, [xlog.txid, box ? JSON.stringify(box) : '', f]);
  const go = (/** @type {any} */ row) => {
    if (row) navigate(txHref(row, url.value.search), { replace: true });
  };
  useEffect(() => addKeys({ '[': () => go(place.before), ']': () => go(place.after), Escape: () => (box ? navigate(viewUrl('/xlog', view.value)) : false) }), [place, box]);
  if (!box) return null;
  return html`<span class="walk"><a href=${viewUrl('/xlog', view.value)}>Box</a>
    <button aria-label="Previous transaction of the box" title="Key: [" disabled=${!place.before} onClick=${() => go(place.before)}>‹</button>
    <span class="mut" role="status">${place.at >= 0 ? `${count(place.at + 1)} of ${count(place.total)}` : '…'}</span>
    <button aria-label="Next transaction of the box" title="Key: ]" disabled=${!place.after} onClick=${() => go(place.after)}>›</button></span>`;
}

/** @param {{rows: any[]}} props */
function Candidates({ rows }) {
  return html`<section class="panel"><header class="panel-head"><h2>Several transactions have this id</h2></header>
    <ul class="plain">${rows.map(row => html`<li key=${row.gxid}><a href=${txHref(row)}>${dateTime(row.end_unix_us / 1000)} ${row.service} ${duration(row.elapsed_us)}</a> <span class="mut">${row.object}</span></li>`)}</ul></section>`;
}
