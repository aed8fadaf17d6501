// The scatter in full width, and below it the transactions of the selected box.

import { html, useEffect, useLayoutEffect, useMemo, useState } from '../../vendor/preact.js';
import { apiUrl } from '../core/api.js';
import { bytes, clock, count, duration, plural } from '../core/format.js';
import { addKeys } from '../core/keys.js';
import { heightText } from '../core/measures.js';
import { changeView, navigate, url, view } from '../core/router.js';
import { boxQuery, writeBox } from '../core/view.js';
import { boxList } from '../data/box_list.js';
import { filterSplit, pointsVersion, source } from '../data/hub.js';
import { Status, isError, txHref } from '../parts/badges.js';
import { CompareButton } from '../parts/compare_button.js';
import { BoxSummary, WhyDifferent } from '../parts/box_panes.js';
import { VTable } from '../parts/vtable.js';
import { Scatter } from '../scatter/scatter.js';

/** @typedef {import('../core/view.js').Box} Box */

const ROW_PX = 26;

/** @type {import('../parts/vtable.js').Column<any>[]} */
const COLUMNS = [
  { key: 'end', label: 'End', width: 104, cell: x => html`<a href=${txHref(x, url.value.search)} tabindex="-1">${clock(x.end_unix_us / 1000)}</a>`, sort: x => x.end_unix_us },
  { key: 'elapsed', label: 'Elapsed', width: 84, isNumber: true, cell: x => html`<b class=${x.flags?.includes('slow') ? 'slow' : ''}>${duration(x.elapsed_us)}</b>`, sort: x => x.elapsed_us },
  { key: 'service', label: 'Service', width: 190, cell: x => html`<span title=${x.service}>${x.service}</span>`, sort: x => x.service },
  { key: 'status', label: 'Status', width: 104, cell: x => html`<${Status} xlog=${x} isShort=${true} />`, sort: x => x.status },
  { key: 'tenant', label: 'Tenant', width: 72, cell: x => x.tenant, sort: x => x.tenant },
  { key: 'login', label: 'Login', width: 72, cell: x => x.login, sort: x => x.login },
  { key: 'sql_count', label: 'SQL', width: 44, isNumber: true, cell: x => some(x.sql_count, count), sort: x => x.sql_count },
  { key: 'sql_us', label: 'SQL time', width: 76, isNumber: true, cell: x => some(x.sql_us, duration), sort: x => x.sql_us },
  { key: 'pool_wait_us', label: 'Pool wait', width: 76, isNumber: true, cell: x => some(x.pool_wait_us, duration), sort: x => x.pool_wait_us },
  { key: 'api_count', label: 'API', width: 40, isNumber: true, cell: x => some(x.api_count, count), sort: x => x.api_count },
  { key: 'api_us', label: 'API time', width: 76, isNumber: true, cell: x => some(x.api_us, duration), sort: x => x.api_us },
  { key: 'busy_us', label: 'Busy', width: 72, isNumber: true, cell: x => some(x.busy_us, duration), sort: x => x.busy_us },
  { key: 'bytes_out', label: 'Out', width: 66, isNumber: true, cell: x => some(x.bytes_out, bytes), sort: x => x.bytes_out },
  { key: 'object', label: 'Object', width: 110, cell: x => html`<span title=${x.object}>${x.object}</span>`, sort: x => x.object },
  { key: 'error', label: 'Error or description', width: 'auto', cell: x => (x.error ? html`<span class="err" title=${x.error}>${x.error}</span>` : html`<span class="mut" title=${x.desc}>${x.desc}</span>`), sort: x => x.error },
];

/** Nothing is a dot, so that the eye finds what is there. @param {number} value @param {(v: number) => string} format */
const some = (value, format) => (value ? format(value) : html`<span class="mut">·</span>`);

/** Height of the plot above a list, of one alone at least, and what stands around it, CSS pixels. */
const BOX_HEIGHT = 340;
const MIN_HEIGHT = 420;
const AROUND_HEIGHT = 178;

/** Follows the height of the window. */
function useWindowHeight() {
  const [height, setHeight] = useState(innerHeight);
  useEffect(() => {
    const follow = () => setHeight(innerHeight);
    addEventListener('resize', follow);
    return () => removeEventListener('resize', follow);
  }, []);
  return height;
}

export function XLogPage() {
  const { box } = view.value;
  const windowHeight = useWindowHeight();
  return html`<${Scatter} height=${box ? BOX_HEIGHT : Math.max(MIN_HEIGHT, windowHeight - AROUND_HEIGHT)} />
    ${box ? html`<${Selection} box=${box} />` : html`<p class="hint">Drag a box on the chart to list its transactions, Shift + drag to zoom. By keyboard: <kbd>b</kbd>, then <kbd>Enter</kbd>. All keys: <kbd>?</kbd></p>`}`;
}

const PANE_TITLES = /** @type {[string, string][]} */ ([['list', 'Transactions'], ['summary', 'Summary'], ['why', 'Why is it different?']]);

/** @param {{box: Box}} props */
function Selection({ box }) {
  const { f, measure, pane } = view.value;
  const [fresh, setFresh] = useState(0);
  const list = useMemo(() => boxList(box, f, measure, fresh > 0), [JSON.stringify(box), f, measure, fresh]);
  useEffect(() => {
    if (list.rows.length === 0) void list.more();
  }, [list]);
  useLayoutEffect(() => addKeys({ f: () => changeView({ pane: PANE_TITLES[(PANE_TITLES.findIndex(([name]) => name === pane) + 1) % PANE_TITLES.length][0] }, { replace: true }) }), [pane]);
  const query = boxQuery(box, measure, f);
  return html`<section class="panel selection" aria-labelledby="selection-title">
    <${SelectionHead} box=${box} list=${list} refresh=${() => setFresh(fresh + 1)} />
    ${list.problem.value && html`<p class="problem" role="alert">${list.problem.value}</p>`}
    ${pane === 'summary' ? html`<${BoxSummary} query=${query} />` : pane === 'why' ? html`<${WhyDifferent} query=${query} />` : html`<${List} list=${list} />`}
  </section>`;
}

/** @param {{list: import('../data/box_list.js').BoxList}} props */
function List({ list }) {
  const [sorted, setSorted] = useState({ key: 'end', isDown: true });
  const [selected, select] = useState(0);
  const version = list.version.value;
  const rows = useMemo(() => sortRows(list.rows, sorted), [list, version, sorted]);
  const open = (/** @type {number} */ i) => { if (rows[i]) navigate(txHref(rows[i], url.value.search)); };
  const sortBy = (/** @type {string} */ key) => setSorted({ key, isDown: sorted.key === key ? !sorted.isDown : key !== 'service' && key !== 'tenant' });
  return html`<${VTable} columns=${COLUMNS} count=${rows.length} row=${(/** @type {number} */ i) => rows[i]} rowKey=${(/** @type {any} */ x) => x.gxid + x.txid}
      rowPx=${ROW_PX} caption="Transactions of the box" selected=${selected} select=${select} open=${open} testId="xlog-rows"
      rowClass=${(/** @type {any} */ x) => (isError(x) ? 'row-error' : '')} nearEnd=${() => list.more()} sorted=${sorted} sortBy=${sortBy} />
    <${ListFoot} list=${list} sorted=${sorted} />`;
}

/** @param {any[]} rows @param {{key: string, isDown: boolean}} sorted */
function sortRows(rows, sorted) {
  const by = COLUMNS.find(column => column.key === sorted.key)?.sort;
  if (!by) return rows.slice();
  const sign = sorted.isDown ? -1 : 1;
  return rows.slice().sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    return x === y ? 0 : (x < y ? -1 : 1) * sign;
  });
}

/** @param {{box: Box, list: import('../data/box_list.js').BoxList, refresh: () => void}} props */
function SelectionHead({ box, list, refresh }) {
  void pointsVersion.value;
  const { store } = source();
  const { range, pane, measure } = view.value;
  const heights = heightText(box, measure);
  // Only what the page holds can be counted here: a box older than the window cannot.
  const isHeld = store.size > 0 && box.t0 >= oldestHeld(store) && (range.live || (box.t0 >= range.fromMs && box.t1 <= range.toMs));
  const mine = isHeld ? store.count(box, filterSplit.value) : null;
  const total = list.total.value;
  const shown = mine?.total ?? total;
  const exported = (/** @type {string} */ format) => apiUrl('export', { ...boxQuery(box, measure, view.value.f), format });
  return html`<header class="panel-head">
    <h2 id="selection-title" class="hidden-text">Selection</h2>
    <p class="count-line" role="status"><b class="count" data-testid="box-count">${count(shown)}</b> ${shown === 1 ? 'transaction' : 'transactions'}${mine && mine.errors > 0 ? html`, <span class="err">${plural(mine.errors, 'error')}</span>` : ''}</p>
    <span class="mut">${clock(box.t0)} – ${clock(box.t1)}${heights && `, ${heights}`}</span>
    <span class="hidden-text" data-testid="server-count">${total ?? ''}</span>
    ${mine !== null && total !== null && total !== mine.total && html`<span class="mut">the list has ${count(total)}</span> <button class="link" onClick=${refresh}>list anew</button>`}
    <span class="spring"></span>
    <div class="tabs" role="group" aria-label="What is told of the box">${PANE_TITLES.map(([name, title]) => html`<button key=${name} class="switch" aria-pressed=${pane === name ? 'true' : 'false'} title="Key: f" onClick=${() => changeView({ pane: name }, { replace: true })}>${title}</button>`)}</div>
    <${CompareButton} what="box" value=${writeBox(box)} />
    <span class="mut">Export <a href=${exported('ndjson')} download>NDJSON</a> <a href=${exported('csv')} download>CSV</a> <a href=${exported('parquet')} download>Parquet</a></span>
    <button class="link" onClick=${() => changeView({ box: null })}>Drop the box <kbd>Esc</kbd></button>
  </header>`;
}

/** @param {import('../data/store.js').Store} store */
function oldestHeld(store) {
  return Math.max(store.heldFromMs, store.chunks[0]?.baseMs ?? Infinity);
}

/** @param {{list: import('../data/box_list.js').BoxList, sorted: {key: string}}} props */
function ListFoot({ list, sorted }) {
  void list.version.value;
  const total = list.total.value;
  if (total === null) return html`<footer class="foot mut" role="status">Loading…</footer>`;
  if (list.isComplete) return html`<footer class="foot mut">All ${count(list.rows.length)} listed</footer>`;
  const isPartOrder = sorted.key !== 'end';
  return html`<footer class="foot mut">${count(list.rows.length)} of ${count(total)} loaded${isPartOrder ? '; sorted among these' : ''}; more come as you scroll
    <button class="link" onClick=${() => list.all()}>load all</button></footer>`;
}
