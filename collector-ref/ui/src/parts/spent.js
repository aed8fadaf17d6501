// Statements and outbound calls by their text: exact totals of any range, and who makes them.

import { html } from '../../vendor/preact.js';
import { clock, count, dateTime, duration, percent, plural, rate } from '../core/format.js';
import { exactWord, words } from '../core/filter.js';
import { measureOf } from '../core/measures.js';
import { url, view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { Status, txHref } from './badges.js';
import { ERRORS, GroupTable, time } from './groups.js';
import { Fact } from './step_detail.js';
import { Panel, rangeSeconds, useRanged } from './ranged.js';

/** Most statements listed, those with the most time first. */
const LISTED = 500;
/** What the agents had no room to tell apart. */
const OTHER = '(other)';

/** @typedef {'sql' | 'api'} Kind */

const WORDS = /** @type {Record<Kind, {path: string, one: string, many: string, head: string}>} */ ({
  sql: { path: '/sql', one: 'statement', many: 'Statements', head: 'Statement' },
  api: { path: '/calls', one: 'call', many: 'Calls by destination', head: 'Call' },
});

/** The text that the address asks for, or none. */
export const askedText = () => url.value.searchParams.get('name');

/** The address of one statement or call. @param {Kind} kind @param {string} text */
export function textUrl(kind, text) {
  const to = new URL(viewUrl(WORDS[kind].path, { ...view.value, box: null }), location.origin);
  to.searchParams.set('name', text);
  return to.pathname + to.search;
}

/** The objects that the filter asks for: digests know nothing else of it. @param {string} f */
function objectsOf(f) {
  const word = words(f).find(one => one.startsWith('object:'));
  return word ? word.slice('object:'.length).replaceAll('"', '') : undefined;
}

/** What the filter does to totals that only know objects. @param {{f: string}} props */
function FilterNote({ f }) {
  const isMore = words(f).some(one => !one.startsWith('object:'));
  return isMore ? html`<span class="mut">of the filter only object: applies here</span>` : null;
}

/** Columns of digests. @param {any[]} groups @returns {import('./groups.js').Column[]} */
function digestColumns(groups) {
  const whole = groups.reduce((sum, g) => sum + g.elapsed_sum_us, 0);
  const seconds = rangeSeconds();
  return [
    time('sum', 'Total time', g => g.elapsed_sum_us, true),
    { key: 'share', label: 'Of all', value: g => g.elapsed_sum_us, cell: g => percent(g.elapsed_sum_us, whole) },
    { key: 'count', label: 'Count', value: g => g.count, isBar: true, cell: g => `${g.is_lower_bound ? '≥ ' : ''}${count(g.count)}` },
    { key: 'rate', label: 'Rate /s', value: g => g.count, cell: g => rate(g.count / seconds) },
    ERRORS, time('mean', 'Mean', g => g.elapsed_sum_us / Math.max(1, g.count)),
    time('p50', 'p50', g => g.p50_us), time('p95', 'p95', g => g.p95_us), time('p99', 'p99', g => g.p99_us),
  ];
}

/** All statements, or calls, of the range. @param {{kind: Kind, hint: any}} props */
export function Texts({ kind, hint }) {
  const { f } = view.value;
  const { one, many, head } = WORDS[kind];
  const loaded = useRanged('digests', { kind, limit: LISTED, object: objectsOf(f) }, false);
  return html`<${Panel} id=${`${kind}-texts`} title=${many} loaded=${loaded} head=${html`<${FilterNote} f=${f} />`}>${(/** @type {any} */ data) => {
    const groups = data.groups.map((/** @type {any} */ g) => ({ ...g, value: g.name }));
    if (groups.length === 0) return html`<div class="calm"><h2>${kind === 'sql' ? 'No statement' : 'No call'} in this range</h2><p>${hint}</p></div>`;
    const sum = (/** @type {string} */ key) => groups.reduce((/** @type {number} */ all, /** @type {any} */ g) => all + g[key], 0);
    return html`<p class="summary-line"><span class="sum"><span>Different ones</span><b>${count(data.group_count)}</b></span><span class="sum"><span>Count</span><b>${count(sum('count'))}</b></span>
        <span class="sum"><span>Errors</span><b class=${sum('errors') > 0 ? 'err' : ''}>${count(sum('errors'))}</b></span><span class="sum"><span>Time in all of them${kind === 'sql' && ', waits for a connection included'}</span><b>${duration(sum('elapsed_sum_us'))}</b></span></p>
      <div class="texts"><${GroupTable} by=${kind} head=${head} groups=${groups} columns=${digestColumns(groups)} sortedBy="sum" caption=${`Totals of each ${one}`} testId="texts" href=${(/** @type {any} */ g) => (g.value === OTHER ? null : textUrl(kind, g.value))} /></div>
      ${groups.length < data.group_count && html`<p class="mut">The ${count(groups.length)} with the most time.</p>`}
      <${LowerBound} groups=${groups} />`;
  }}<//>`;
}

/** @param {{groups: any[]}} props */
function LowerBound({ groups }) {
  const unseen = Math.max(0, ...groups.map(g => g.unseen_profiles ?? 0));
  return unseen > 0 ? html`<p class="mut">≥: these are counted in profiles, and ${plural(unseen, 'profile')} of this time did not reach the agent's count: sampled out, or dropped.</p>` : null;
}

/** One statement, or call: its totals, who makes it, and the newest transactions that did. @param {{kind: Kind, text: string}} props */
export function OneText({ kind, text }) {
  const { f } = view.value;
  const { one, path } = WORDS[kind];
  const digests = useRanged('digests', { kind, limit: 1_000, object: objectsOf(f) }, false);
  const samples = useRanged('samples', { kind, name: text });
  const total = digests.data?.groups.find((/** @type {any} */ g) => g.name === text);
  const fact = (/** @type {string} */ label, /** @type {any} */ value) => html`<${Fact} label=${label}>${value}<//>`;
  return html`<section class="panel" aria-labelledby="text-title"><header class="panel-head"><h2 id="text-title">One ${one}</h2><${FilterNote} f=${f} /><span class="spring"></span><a class="button" href=${viewUrl(path, view.value)}>All</a></header>
      <pre class="code" tabindex="0" aria-label="Text in full" data-testid="text">${text}</pre>
      ${digests.error && html`<p class="problem" role="alert">${digests.error.message}</p>`}
      ${total ? html`<dl class="facts wide" data-testid="text-total">${fact('Count', `${total.is_lower_bound ? '≥ ' : ''}${count(total.count)}`)}${fact('Rate', `${rate(total.count / rangeSeconds())}/s`)}${fact('Errors', total.errors > 0 ? html`<span class="err">${count(total.errors)}</span> <span class="mut">${percent(total.errors, total.count)}</span>` : 'none')}
        ${fact('Total time', duration(total.elapsed_sum_us))}${fact('Mean', duration(total.elapsed_sum_us / Math.max(1, total.count)))}${fact('p50', duration(total.p50_us))}${fact('p95', duration(total.p95_us))}${fact('p99', duration(total.p99_us))}</dl>`
        : digests.data && html`<p class="mut">${digests.data.group_count > digests.data.groups.length ? `It is not among the ${count(digests.data.groups.length)} with the most time in this range.` : 'It did not run in this range.'}</p>`}</section>
    <${Panel} id="samples-title" title="Who runs it" loaded=${samples} head=${samples.data && html`<span class="mut">${looked(samples.data)}</span>`}>${(/** @type {any} */ data) => (data.found === 0
      ? html`<div class="calm"><h2>Not in these profiles</h2><p>Choose a range in which it ran, or narrow the filter to a service that runs it.</p></div>`
      : html`<${Services} kind=${kind} services=${data.services} /><${Transactions} data=${data} />`)}<//>`;
}

/** What was read, in words. @param {any} data */
function looked(data) {
  const without = data.without_profile > 0 ? `; ${count(data.without_profile)} more had no profile` : '';
  return `in ${data.is_complete ? 'all' : 'the newest'} ${plural(data.profiles_read, 'profile')} of this range${without}`;
}

/** @param {{kind: Kind, services: any[]}} props */
function Services({ kind, services }) {
  const groups = services.map(s => ({ ...s, value: s.service }));
  const columns = [
    { key: 'object', label: 'Object', isText: true, value: (/** @type {any} */ g) => g.object, cell: (/** @type {any} */ g) => html`<span class="mut">${g.object}</span>` },
    { key: 'transactions', label: 'Transactions', value: (/** @type {any} */ g) => g.transactions, isBar: true },
    { key: 'count', label: 'Runs', value: (/** @type {any} */ g) => g.count },
    { key: 'each', label: 'Runs of each', value: (/** @type {any} */ g) => g.count / g.transactions, cell: (/** @type {any} */ g) => (g.count / g.transactions).toFixed(1) },
    ERRORS, time('mean', 'Mean', g => g.elapsed_sum_us / Math.max(1, g.count)), time('sum', 'Total time', g => g.elapsed_sum_us, true),
  ];
  return html`<${GroupTable} by="service" groups=${groups} columns=${columns} sortedBy="sum" caption="Services that run it" testId="text-services"
    href=${(/** @type {any} */ g) => viewUrl('/xlog', { ...view.value, f: `${exactWord('service', g.service)} ${exactWord('object', g.object)} ${kind}>0us`, measure: kind, axis: measureOf(kind).axis, box: null })} />`;
}

/** @param {{data: any}} props */
function Transactions({ data }) {
  const { range } = view.value;
  const when = (/** @type {number} */ us) => (range.live ? clock(us / 1000) : dateTime(us / 1000));
  return html`<h3 class="above">Newest transactions that ran it <span class="mut">${count(data.transactions.length)} of ${count(data.found)}</span></h3>
    <div class="scroll" tabindex="0" role="region" aria-label="Newest transactions that ran it"><table class="data" data-testid="text-transactions">
      <thead><tr><th scope="col">End</th><th scope="col">Service</th><th scope="col">Status</th><th scope="col" class="num">Elapsed</th><th scope="col" class="num">Runs</th><th scope="col" class="num">Time in it</th><th scope="col" class="num">Of its elapsed</th><th scope="col">Tenant</th><th scope="col">Object</th></tr></thead>
      <tbody>${data.transactions.map((/** @type {any} */ { xlog: x, count: runs, errors, elapsed_sum_us: us }) => html`<tr key=${x.gxid + x.txid}><td><a href=${txHref(x)}>${when(x.end_unix_us)}</a></td><td>${x.service}</td><td><${Status} xlog=${x} isShort=${true} /></td>
        <td class="num">${duration(x.elapsed_us)}</td><td class="num">${count(runs)}${errors > 0 ? html` <span class="err">${count(errors)} failed</span>` : ''}</td><td class="num">${duration(us)}</td><td class="num">${percent(us, x.elapsed_us)}</td><td>${x.tenant}</td><td class="mut">${x.object}</td></tr>`)}</tbody></table></div>`;
}
