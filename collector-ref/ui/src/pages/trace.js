// All transactions of one distributed trace on one time axis; what is missing is named.

import { html, useMemo, useState } from '../../vendor/preact.js';
import { apiUrl } from '../core/api.js';
import { count, dateTime, duration, plural } from '../core/format.js';
import { navigate } from '../core/router.js';
import { StepTree } from '../data/profile.js';
import { Status, isError, txHref } from '../parts/badges.js';
import { LoadState, useDocument } from '../parts/loaded.js';
import { axisHead } from '../parts/step_table.js';
import { VTable } from '../parts/vtable.js';

const ROW_PX = 28;

/**
 * Rows in tree order with their place on the axis. A transaction whose caller is not stored stands
 * below a row that names the missing one.
 * @param {any[]} transactions @param {{txid: string, why: string}[]} missing
 */
export function traceRows(transactions, missing) {
  const lost = missing.map(({ txid, why }) => {
    const called = transactions.filter(x => x.caller === txid);
    return { isMissing: true, txid, why, start_unix_us: Math.min(...called.map(x => x.start_unix_us)), elapsed_us: 0, caller: null };
  });
  const all = [...lost, ...transactions];
  const byTxid = new Map(all.map(x => [x.txid, x]));
  // Parents first: a callee's clock may be behind its caller's, so the start alone does not order them.
  const level = (/** @type {any} */ x) => {
    let n = 0;
    for (let up = byTxid.get(x.caller); up && n < all.length; up = byTxid.get(up.caller)) n += 1;
    return n;
  };
  const ordered = all.map(x => ({ x, level: level(x) })).sort((a, b) => a.level - b.level || a.x.start_unix_us - b.x.start_unix_us).map(entry => entry.x);
  const place = new Map(ordered.map((x, i) => [x.txid, i]));
  const tree = new StepTree(ordered.map(x => ({ parent: place.get(x.caller) ?? null })));
  return Array.from(tree.order, i => ({ ...ordered[i], depth: tree.depth[i] }));
}

/** @param {{gxid: string}} props */
export function TracePage({ gxid }) {
  const loaded = useDocument(`trace/${encodeURIComponent(gxid)}`);
  const [selected, select] = useState(0);
  const { data } = loaded;
  const rows = useMemo(() => (data ? traceRows(data.transactions, data.missing ?? []) : []), [data]);
  if (!data) return html`<section class="panel calm"><${LoadState} loaded=${loaded} what="the trace" /></section>`;
  if (data.transactions.length === 0) return html`<section class="panel calm"><h2>Nothing is stored of this trace</h2><p><code>${gxid}</code></p></section>`;
  const fromUs = Math.min(...data.transactions.map((/** @type {any} */ x) => x.start_unix_us));
  const toUs = Math.max(...data.transactions.map((/** @type {any} */ x) => x.end_unix_us));
  const errors = data.transactions.filter(isError).length;
  const open = (/** @type {number} */ i) => { if (!rows[i].isMissing) navigate(txHref({ gxid, txid: rows[i].txid })); };
  return html`<section class="panel trace" aria-labelledby="trace-title">
    <header class="panel-head"><h2 id="trace-title">Trace</h2><b class="elapsed">${duration(toUs - fromUs)}</b>
      <span>${plural(data.transactions.length, 'transaction')}</span>
      ${errors > 0 && html`<span class="err">${plural(errors, 'error')}</span>`}
      ${data.missing?.length > 0 && html`<span class="warn">${count(data.missing.length)} missing</span>`}
      <span class="mut">${dateTime(fromUs / 1000)}</span><code class="mut">${gxid}</code><span class="spring"></span>
      <a class="button" href=${apiUrl(`trace/${gxid}`, { format: 'text' })} target="_blank" rel="noopener">Text</a></header>
    <${VTable} columns=${columns(gxid, fromUs, Math.max(1, toUs - fromUs))} count=${rows.length} row=${(/** @type {number} */ i) => rows[i]} rowKey=${(/** @type {any} */ x) => x.txid}
      rowPx=${ROW_PX} caption="Transactions of the trace" selected=${selected} select=${select} open=${open} testId="trace-rows" role="treegrid"
      rowProps=${(/** @type {any} */ x) => ({ 'aria-level': x.depth + 1 })} rowClass=${(/** @type {any} */ x) => (x.isMissing ? 'is-missing' : isError(x) ? 'row-error' : '')} />
  </section>`;
}

/** @param {string} gxid @param {number} fromUs @param {number} spanUs @returns {import('../parts/vtable.js').Column<any>[]} */
function columns(gxid, fromUs, spanUs) {
  return [
    { key: 'service', label: 'Service', width: '30%', cell: x => html`<span class="step-name" style=${{ paddingLeft: `${x.depth * 18}px` }}>${x.isMissing ? html`<span class="warn">missing</span> <span class="text">${x.why} <code>${x.txid}</code></span>` : html`<a class="text" href=${txHref({ gxid, txid: x.txid })}>${x.service}</a>`}</span>` },
    { key: 'object', label: 'Object', width: 110, cell: x => x.object ?? '' },
    { key: 'start', label: 'Start', width: 80, isNumber: true, cell: x => html`<span class="mut">${duration(x.start_unix_us - fromUs)}</span>` },
    { key: 'elapsed', label: 'Elapsed', width: 84, isNumber: true, cell: x => (x.isMissing ? '' : html`<b>${duration(x.elapsed_us)}</b>`) },
    { key: 'status', label: 'Status', width: 90, cell: x => (x.isMissing ? '' : html`<${Status} xlog=${x} isShort=${true} />`) },
    { key: 'tenant', label: 'Tenant', width: 90, cell: x => x.tenant ?? '' },
    { key: 'bar', label: 'Time', width: 'auto', head: axisHead(spanUs), cell: x => html`<span class="time-bar">${!x.isMissing && html`<i class=${isError(x) ? 'length is-error' : 'length is-method'} style=${{ left: `${((x.start_unix_us - fromUs) / spanUs) * 100}%`, width: `${(x.elapsed_us / spanUs) * 100}%` }}><i class="busy" style=${{ width: `${Math.min(100, (x.busy_us / Math.max(1, x.elapsed_us)) * 100)}%` }}></i></i>`}</span>` },
  ];
}
