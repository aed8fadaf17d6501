// Two boxes or two transactions side by side: what is different?

import { html, useEffect, useState } from '../../vendor/preact.js';
import { getJson } from '../core/api.js';
import { clock, count, dateTime, duration, percent } from '../core/format.js';
import { heightText } from '../core/measures.js';
import { url, view } from '../core/router.js';
import { DIMENSIONS, boxQuery, readBox, viewUrl } from '../core/view.js';
import { alignSteps, differencesOf } from '../data/compare.js';
import { Status } from '../parts/badges.js';
import { Differences } from '../parts/box_panes.js';
import { shareWidth } from '../parts/groups.js';
import { kindText } from '../parts/step_table.js';

/** Values of a dimension taken into the comparison, and steps listed. */
const VALUES = 300;
const STEPS = 300;

export function ComparePage() {
  const params = url.value.searchParams;
  const [a, b] = [params.get('a') ?? '', params.get('b') ?? ''];
  const boxes = [readBox(a), readBox(b)];
  if (boxes[0] && boxes[1]) return html`<${Boxes} key=${url.value.search} a=${boxes[0]} b=${boxes[1]} />`;
  if (/^[0-9a-f]{32}-[0-9a-f]{16}$/.test(a) && /^[0-9a-f]{32}-[0-9a-f]{16}$/.test(b)) return html`<${Transactions} key=${url.value.search} a=${a} b=${b} />`;
  return html`<section class="panel calm"><h2>Nothing to compare</h2><p>Press <kbd>c</kbd> on a box of the <a href="/xlog">XLog</a> or on a transaction, then on another one.</p></section>`;
}

/** Both, once they are there. @param {() => Promise<any>} load */
function useBoth(load) {
  const [state, setState] = useState({ data: /** @type {any} */ (null), problem: '' });
  useEffect(() => {
    let isOver = false;
    load().then(data => { if (!isOver) setState({ data, problem: '' }); }, error => { if (!isOver) setState({ data: null, problem: error.message }); });
    return () => { isOver = true; };
  }, []);
  return state;
}

/** @typedef {import('../core/view.js').Box} Box */
/** @param {{a: Box, b: Box}} props */
function Boxes({ a, b }) {
  const { measure, f } = view.value;
  const { a: inA, b: inB, problem } = useDimensions(a, b, measure, f);
  const what = (/** @type {Box} */ box) => [`${clock(box.t0, false)} – ${clock(box.t1, false)}`, heightText(box, measure)].filter(Boolean).join(', ');
  return html`<section class="panel" aria-labelledby="compare-title"><header class="panel-head"><h2 id="compare-title">Two boxes</h2>
      ${[['A', a], ['B', b]].map(([name, box]) => html`<a key=${name} href=${viewUrl('/xlog', { ...view.value, range: { live: false, fromMs: /** @type {Box} */ (box).t0 - 30_000, toMs: /** @type {Box} */ (box).t1 + 30_000 }, box: /** @type {Box} */ (box) })}>${name}: ${what(/** @type {Box} */ (box))}</a>`)}</header>
    ${problem ? html`<p class="problem" role="alert">${problem}</p>` : inA.length === 0 ? html`<p class="mut" role="status">Comparing…</p>` : html`<${ByService} a=${inA[0]} b=${inB[0]} /><${BoxDifferences} a=${inA} b=${inB} />`}</section>`;
}

/**
 * Both boxes by each dimension, one after the other: what is there is shown. All at once would take the
 * collector from everybody else, and show nothing before the last one.
 * @param {Box} a @param {Box} b @param {string} measure @param {string} f
 */
function useDimensions(a, b, measure, f) {
  const [state, setState] = useState({ a: /** @type {any[]} */ ([]), b: /** @type {any[]} */ ([]), problem: '' });
  useEffect(() => {
    const abort = new AbortController();
    const load = async () => {
      for (const by of DIMENSIONS) {
        const [mine, other] = await Promise.all([a, b].map(box => getJson('summary', { ...boxQuery(box, measure, f), by, limit: VALUES }, abort.signal)));
        setState(before => ({ ...before, a: [...before.a, mine], b: [...before.b, other] }));
      }
    };
    load().catch(error => { if (!abort.signal.aborted) setState(before => ({ ...before, problem: error.message })); });
    return () => abort.abort();
  }, []);
  return state;
}

/** @param {{a: any[], b: any[]}} props */
function BoxDifferences({ a, b }) {
  const found = differencesOf(a, b);
  if (a.length < DIMENSIONS.length && found.values.length === 0) return html`<p class="mut" role="status">Comparing: ${a.length} of ${DIMENSIONS.length} dimensions…</p>`;
  return found.values.length > 0 ? html`<${Differences} data=${found} a="in A" b="in B" />` : html`<p class="mut">By no dimension do the two differ by more than chance.</p>`;
}

/** @param {{a: any, b: any}} props */
function ByService({ a, b }) {
  const other = new Map(b.groups.map((/** @type {any} */ g) => [g.value, g]));
  const shared = a.groups.filter((/** @type {any} */ g) => other.has(g.value));
  if (shared.length === 0) return html`<p class="mut">They have no service in common.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Services of both"><table class="data" data-testid="both"><caption>Services of both</caption><thead><tr><th scope="col">Service</th>${['Count', 'Errors', 'p50', 'p95', 'Slowest'].map(head => html`<th scope="col" class="num" key=${head}>${head} A → B</th>`)}</tr></thead>
    <tbody>${shared.map((/** @type {any} */ g) => {
      const h = /** @type {any} */ (other.get(g.value));
      return html`<tr key=${g.value}><th scope="row">${g.value}</th><td class="num">${count(g.count)} → ${count(h.count)}</td><td class="num">${count(g.errors)} → ${count(h.errors)}</td>${['p50_us', 'p95_us', 'max_us'].map(key => html`<td class="num" key=${key}>${duration(g[key])} → ${duration(h[key])}</td>`)}</tr>`;
    })}</tbody></table></div>`;
}

/** Figures set side by side: label, and how to write them. */
const FIGURES = /** @type {[string, (x: any) => any][]} */ ([
  ['End', x => dateTime(x.end_unix_us / 1000)], ['Status', x => html`<${Status} xlog=${x} />`], ['Elapsed', x => html`<b>${duration(x.elapsed_us)}</b>`], ['Busy', x => duration(x.busy_us)],
  ['SQL', x => `${count(x.sql_count)} in ${duration(x.sql_us)}`], ['Pool wait', x => duration(x.pool_wait_us)], ['Calls', x => `${count(x.api_count)} in ${duration(x.api_us)}`],
  ['Tenant', x => x.tenant || '–'], ['Login', x => x.login || '–'], ['Object', x => x.object], ['Error', x => (x.error ? html`<span class="err">${x.error}</span>` : '–')],
]);

/** @param {{a: string, b: string}} props */
function Transactions({ a, b }) {
  const { data, problem } = useBoth(() => Promise.all([a, b].map(id => getJson(`tx/${id}`))));
  if (!data) return html`<section class="panel calm">${problem ? html`<p class="problem" role="alert">${problem}</p>` : html`<p class="mut" role="status">Comparing…</p>`}</section>`;
  const [x, y] = data.map((/** @type {any} */ one) => one.xlog);
  const rows = alignSteps(data[0].profile?.steps ?? [], data[1].profile?.steps ?? []);
  const longest = Math.max(1, ...rows.map(row => Math.abs(row.us[1] - row.us[0])));
  return html`<section class="panel" aria-labelledby="compare-title"><header class="panel-head"><h2 id="compare-title">Two transactions</h2></header>
    <div class="scroll" tabindex="0" role="region" aria-label="Figures of both"><table class="data" data-testid="figures"><thead><tr><th scope="col"><span class="hidden-text">Figure</span></th><th scope="col"><a href=${`/tx/${a}`}>A: ${x.service}</a></th><th scope="col"><a href=${`/tx/${b}`}>B: ${y.service}</a></th></tr></thead>
      <tbody>${FIGURES.map(([label, of]) => html`<tr key=${label}><th scope="row">${label}</th><td>${of(x)}</td><td>${of(y)}</td></tr>`)}</tbody></table></div></section>
  <section class="panel" aria-labelledby="steps-title"><header class="panel-head"><h2 id="steps-title">Steps by how much they differ</h2><span class="mut">the same steps of a transaction are put together; B took ${duration(Math.abs(y.elapsed_us - x.elapsed_us))} ${y.elapsed_us < x.elapsed_us ? 'less' : 'more'}</span></header>
    ${rows.length === 0 ? html`<p class="mut">Neither kept a profile.</p>` : html`<div class="scroll" tabindex="0" role="region" aria-label="Steps of both"><table class="data aligned" data-testid="aligned"><thead><tr><th scope="col">Step</th><th scope="col" class="num">A</th><th scope="col" class="num">B</th><th scope="col" class="num">B − A</th><th scope="col" class="num">Of the difference</th></tr></thead>
      <tbody>${rows.slice(0, STEPS).map(row => html`<tr key=${row.kind + row.name}><th scope="row" class="step-cell" title=${row.name}><span class=${`kind is-${row.kind}`}>${kindText(row.kind)}</span> ${row.name}</th>
        ${[0, 1].map(side => html`<td class="num" key=${side}>${row.times[side] > 0 ? html`${duration(row.us[side])} <span class="mut">×${count(row.times[side])}</span>` : html`<span class="mut">–</span>`}</td>`)}
        <td class="num"><i class="share" style=${shareWidth(Math.abs(row.us[1] - row.us[0]) / longest)}></i><span><b>${duration(row.us[1] - row.us[0])}</b></span></td>
        <td class="num">${percent(Math.abs(row.us[1] - row.us[0]), Math.abs(y.elapsed_us - x.elapsed_us))}</td></tr>`)}</tbody></table></div>`}</section>`;
}
