// What fails: errors by their text, since when, how often, and where.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { getBytes } from '../core/api.js';
import { count, dateTime, percent, plural } from '../core/format.js';
import { exactWord } from '../core/filter.js';
import { edges } from '../core/range.js';
import { view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { decodeCounted } from '../data/counted.js';
import { feed } from '../data/hub.js';
import { GroupTable, narrowed, time } from '../parts/groups.js';
import { Panel, useRanged } from '../parts/ranged.js';
import { sparkPath } from '../parts/sparkline.js';

/** Most errors told apart, and those with a trend. */
const LISTED = 500;
const TRENDS = 12;

const seen = (/** @type {string} */ key, /** @type {string} */ label) => ({ key, label, value: (/** @type {any} */ g) => g[key], cell: (/** @type {any} */ g) => html`<span class="mut">${dateTime(g[key] / 1000, false)}</span>` });

export function ErrorsPage() {
  const { f } = view.value;
  const loaded = useRanged('summary', { by: 'error', f: `${f} err`.trim(), limit: LISTED }, false);
  const all = useRanged('xlogs', { count_only: 1 });
  return html`<${Panel} id="errors-title" title="Errors" loaded=${loaded} head=${html`<span class="mut">grouped by the text of the first error of a transaction</span>`}>${(/** @type {any} */ data) => {
    if (data.total === 0) return html`<div class="calm"><h2>No error in this range</h2><p>${plural(all.data?.total ?? 0, 'transaction')}, all of them without one.</p></div>`;
    const trended = new Set(data.groups.slice(0, TRENDS).map((/** @type {any} */ g) => g.value));
    const columns = [
      { key: 'trend', label: 'Trend', value: (/** @type {any} */ g) => g.count, cell: (/** @type {any} */ g) => (trended.has(g.value) ? html`<${Trend} key=${g.value} error=${g.value} />` : '') },
      { key: 'count', label: 'Errors', value: (/** @type {any} */ g) => g.count, isBar: true },
      { key: 'share', label: 'Of all errors', value: (/** @type {any} */ g) => g.count, cell: (/** @type {any} */ g) => percent(g.count, data.total) },
      time('p95', 'p95', g => g.p95_us), seen('first_unix_us', 'First'), seen('last_unix_us', 'Last'),
    ];
    return html`<p class="summary-line"><span class="sum"><span>Errors</span><b class="err">${count(data.total)}</b></span><span class="sum"><span>Different texts</span><b>${count(data.group_count)}</b></span>
        <span class="sum"><span>Of all transactions</span><b>${percent(data.total, all.data?.total ?? 0)}</b></span></p>
      <${GroupTable} by="error" groups=${data.groups} columns=${columns} caption="Errors by their text" testId="error-groups"
        href=${(/** @type {any} */ g) => viewUrl('/errors', { ...view.value, f: narrowed(f, 'error', g.value) ?? f })} />
      <${Where} />`;
  }}<//>`;
}

/** Where the errors come from; with one error chosen, where that one does. */
function Where() {
  const { f } = view.value;
  const query = { f: `${f} err`.trim(), limit: 20 };
  return html`<div class="two four">${['service', 'object', 'tenant', 'status'].map(by => html`<${WhereBy} key=${by} by=${by} query=${query} />`)}</div>
    ${f && html`<p class="hint"><a href=${viewUrl('/xlog', { ...view.value, f: `${f} err` })}>These in the XLog</a>, <a href=${viewUrl('/errors', { ...view.value, f: '' })}>all errors</a></p>`}`;
}

/** @param {{by: string, query: Record<string, any>}} props */
function WhereBy({ by, query }) {
  const { data } = useRanged('summary', { ...query, by }, false);
  return data && html`<div><h3 class="hidden-text">By ${by}</h3><${GroupTable} by=${by} groups=${data.groups} columns=${[{ key: 'count', label: 'Errors', value: (/** @type {any} */ g) => g.count, isBar: true }]} caption=${`Errors by ${by}`} testId=${`errors-by-${by}`} /></div>`;
}

const COLUMNS = 40;

/** How often it came over the range. @param {{error: string}} props */
function Trend({ error }) {
  const [path, setPath] = useState('');
  const { range } = view.value;
  useEffect(() => {
    const abort = new AbortController();
    const { fromMs, toMs } = edges(range, feed.serverNow());
    const columnMs = Math.max(1, Math.ceil((toMs - fromMs) / COLUMNS));
    const query = { first_column: Math.floor(toMs / columnMs) - COLUMNS + 1, column_ms: columnMs, columns: COLUMNS, rows: 1, f: exactWord('error', error) };
    getBytes('grid', query, abort.signal).then(({ bytes }) => {
      const { all } = decodeCounted(bytes);
      setPath(sparkPath(Array.from({ length: COLUMNS }, (_, i) => all[i * 2] + all[i * 2 + 1]), 90, 18, COLUMNS));
    }, () => { /* the number beside it says how often */ });
    return () => abort.abort();
  }, [error, JSON.stringify(range)]);
  return html`<svg class="trend" viewBox="0 0 90 18" aria-hidden="true"><path d=${path} /></svg>`;
}
