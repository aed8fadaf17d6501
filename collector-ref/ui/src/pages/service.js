// One service: how often, how wrong, how slow over time, and what it spends its time on.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { getBytes, getJson } from '../core/api.js';
import { exactWord } from '../core/filter.js';
import { clock, count, dateTime, duration, percent, plural, rate } from '../core/format.js';
import { edges } from '../core/range.js';
import { view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { decodeCounted } from '../data/counted.js';
import { feed } from '../data/hub.js';
import { linesOf, overTimeQuery, slowestFrom } from '../data/over_time.js';
import { AlertGroups } from '../parts/alert_list.js';
import { Status, txHref } from '../parts/badges.js';
import { Chart } from '../parts/chart.js';
import { COUNT, ERRORS, GroupTable, SPENT, TIMES, time } from '../parts/groups.js';
import { Panel, rangeSeconds, useRanged } from '../parts/ranged.js';
import { textUrl } from '../parts/spent.js';
import { NothingHere } from './services.js';

/** Slowest transactions listed, and statements, calls and errors each. */
const SLOWEST = 12;
const LISTED = 15;
const REFRESH_MS = 5_000;

/** @param {{name: string}} props */
export function ServicePage({ name }) {
  const { f } = view.value;
  const mine = `${exactWord('service', name)} ${f}`.trim();
  const loaded = useRanged('summary', { by: 'service', f: mine, limit: 1_000 }, false);
  const byObject = useRanged('summary', { by: 'object', f: mine, limit: 100 }, false);
  // The other panels do not wait for the totals: among millions of transactions each takes seconds.
  const group = loaded.data?.groups.find((/** @type {any} */ g) => g.value === name);
  const xlog = (/** @type {string} */ more) => viewUrl('/xlog', { ...view.value, f: `${mine} ${more}`.trim(), box: null });
  return html`<${Panel} id="service-title" title=${name} loaded=${loaded} head=${html`<span class="spring"></span><a class="button" href=${xlog('')}>XLog</a><a class="button" href=${xlog('err')}>Its errors in the XLog</a><a class="button" href=${viewUrl('/services', view.value)}>All services</a>`}>${() => (group ? html`
      <${Totals} group=${group} />
      ${byObject.data?.groups.length > 1 && html`<${GroupTable} by="object" groups=${byObject.data.groups} columns=${[COUNT, ERRORS, ...TIMES, ...SPENT]} sortedBy="sum" caption="By object" testId="by-object" path="/xlog" href=${(/** @type {any} */ g) => xlog(exactWord('object', g.value))} />`}` : html`<${NothingHere} />`)}<//>
    ${(group || !loaded.data) && html`<${OverTime} name=${name} f=${mine} /><div class="two"><${Did} kind="sql" title="Its statements" f=${mine} /><${Did} kind="api" title="Its calls" f=${mine} /></div>
      <${Errors} f=${mine} /><${ServiceAlerts} name=${name} />`}`;
}

/** @param {{group: any}} props */
function Totals({ group: g }) {
  const sum = (/** @type {string} */ label, /** @type {any} */ value, isError = false) => html`<span class="sum"><span>${label}</span><b class=${isError ? 'err' : ''}>${value}</b></span>`;
  return html`<p class="summary-line" data-testid="service-totals">${sum('Rate', `${rate(g.count / rangeSeconds())}/s`)}${sum('Transactions', count(g.count))}
    ${sum('Errors', `${count(g.errors)}${g.errors > 0 ? ` · ${percent(g.errors, g.count)}` : ''}`, g.errors > 0)}
    ${sum('p50', duration(g.p50_us))}${sum('p95', duration(g.p95_us))}${sum('p99', duration(g.p99_us))}${sum('Slowest', duration(g.max_us))}
    ${sum('Time in SQL', percent(g.sql_sum_us, g.elapsed_sum_us))}${sum('Time in calls', percent(g.api_sum_us, g.elapsed_sum_us))}</p>`;
}

/**
 * The counted picture of the service and its slowest transactions, anew while the range is live.
 * @param {string} f
 */
function useOverTime(f) {
  const { range } = view.value;
  const [found, setFound] = useState(/** @type {{lines: any, slowest: any[], query: any} | null} */ (null));
  const [problem, setProblem] = useState('');
  useEffect(() => {
    const abort = new AbortController();
    let timer = /** @type {any} */ (0);
    const load = async () => {
      const { fromMs, toMs } = edges(range, feed.serverNow());
      const query = overTimeQuery(fromMs, toMs);
      try {
        const { bytes } = await getBytes('grid', { ...query, f }, abort.signal);
        const counted = decodeCounted(bytes);
        const page = await getJson('xlogs', { t0_ms: query.first_column * query.column_ms, t1_ms: (query.first_column + query.columns) * query.column_ms - 1, y0q: slowestFrom(counted, SLOWEST), y1q: 65_535, f, limit: 1_000 }, abort.signal);
        const slowest = page.rows.sort((/** @type {any} */ a, /** @type {any} */ b) => b.elapsed_us - a.elapsed_us).slice(0, SLOWEST);
        setFound({ lines: linesOf(counted, query, toMs), slowest, query });
        setProblem('');
      } catch (error) {
        if (abort.signal.aborted) return;
        setProblem(error instanceof Error ? error.message : String(error));
      }
      if (range.live && !abort.signal.aborted) timer = setTimeout(load, REFRESH_MS);
    };
    void load();
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [f, JSON.stringify(range)]);
  return { found, problem };
}

/** @param {{name: string, f: string}} props */
function OverTime({ f }) {
  const { found, problem } = useOverTime(f);
  if (!found) return html`<section class="panel"><p class=${problem ? 'problem' : 'mut'} role="status">${problem || 'Counting…'}</p></section>`;
  const { lines, slowest, query } = found;
  const [fromUs, toUs] = [query.first_column * query.column_ms * 1000, (query.first_column + query.columns) * query.column_ms * 1000];
  const chart = (/** @type {string} */ name, /** @type {[string, string, boolean?][]} */ keys) => html`<${Chart} name=${name} head="Line" before=${null} fromUs=${fromUs} toUs=${toUs}
    series=${keys.map(([key, object, isError = false]) => ({ object, points: lines[key], isError }))} />`;
  return html`<div class="charts is-pair" data-testid="over-time">${chart('Rate|1/s', [['rate', 'all'], ['errors', 'with an error', true]])}${chart('Elapsed|us', [['p50', 'p50'], ['p95', 'p95'], ['p99', 'p99']])}</div>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}<${Slowest} rows=${slowest} />`;
}

/** @param {{rows: any[]}} props */
function Slowest({ rows }) {
  const { range } = view.value;
  const when = (/** @type {number} */ us) => (range.live ? clock(us / 1000) : dateTime(us / 1000));
  return html`<section class="panel" aria-labelledby="slowest-title"><header class="panel-head"><h2 id="slowest-title">Its slowest transactions</h2></header>
    <div class="scroll" tabindex="0" role="region" aria-label="Table of the slowest transactions"><table class="data" data-testid="slowest">
      <thead><tr><th scope="col">End</th><th scope="col" class="num">Elapsed</th><th scope="col">Status</th><th scope="col" class="num">SQL</th><th scope="col" class="num">Pool wait</th><th scope="col" class="num">Calls</th><th scope="col" class="num">Steps</th><th scope="col">Tenant</th><th scope="col">Object</th><th scope="col">Error</th></tr></thead>
      <tbody>${rows.map(x => html`<tr key=${x.gxid + x.txid}><td><a href=${txHref(x)}>${when(x.end_unix_us)}</a></td><td class="num strong">${duration(x.elapsed_us)}</td><td><${Status} xlog=${x} isShort=${true} /></td>
        <td class="num">${x.sql_count > 0 ? html`${duration(x.sql_us)} <span class="mut">${count(x.sql_count)}</span>` : ''}</td><td class="num">${x.pool_wait_us > 0 ? duration(x.pool_wait_us) : ''}</td><td class="num">${x.api_count > 0 ? html`${duration(x.api_us)} <span class="mut">${count(x.api_count)}</span>` : ''}</td>
        <td class="num">${count(x.steps)}</td><td>${x.tenant}</td><td class="mut">${x.object}</td><td class="err" title=${x.error}>${x.error}</td></tr>`)}</tbody></table></div></section>`;
}

/** What it ran, from its newest profiles. @param {{kind: 'sql' | 'api', title: string, f: string}} props */
function Did({ kind, title, f }) {
  const loaded = useRanged('samples', { kind, f, limit: 1 }, false);
  const { data } = loaded;
  const head = data?.profiles_read > 0 && html`<span class="mut">in ${data.is_complete ? 'all its' : 'its newest'} ${plural(data.profiles_read, 'profile')}</span>`;
  return html`<${Panel} id=${`did-${kind}`} title=${title} loaded=${loaded} head=${head}>${(/** @type {any} */ { texts, text_count: all }) => {
    if (texts.length === 0) return html`<p class="mut">None.</p>`;
    const groups = texts.slice(0, LISTED).map((/** @type {any} */ t) => ({ ...t, value: t.name }));
    const columns = [{ key: 'each', label: 'Of each', value: (/** @type {any} */ g) => g.count / g.transactions, cell: (/** @type {any} */ g) => `${(g.count / g.transactions).toFixed(1)}×` }, ERRORS,
      time('mean', 'Mean', g => g.elapsed_sum_us / Math.max(1, g.count)), time('sum', 'Total time', g => g.elapsed_sum_us, true)];
    return html`<div class="texts"><${GroupTable} by=${kind} head=${kind === 'sql' ? 'Statement' : 'Call'} groups=${groups} columns=${columns} sortedBy="sum" caption=${`${title} by time`} testId=${`did-${kind}`} href=${(/** @type {any} */ g) => textUrl(kind, g.value)} /></div>
      ${all > groups.length && html`<p class="mut">${count(groups.length)} of ${count(all)}</p>`}`;
  }}<//>`;
}

/** @param {{f: string}} props */
function Errors({ f }) {
  const loaded = useRanged('summary', { by: 'error', f: `${f} err`, limit: LISTED }, false);
  return html`<${Panel} id="service-errors" title="Its errors" loaded=${loaded}>${(/** @type {any} */ { groups, total }) => (groups.length === 0 ? html`<p class="mut">None in this range.</p>` : html`
    <${GroupTable} by="error" groups=${groups} caption="Its errors by their text" testId="service-errors" href=${(/** @type {any} */ g) => viewUrl('/errors', { ...view.value, f: `${f} ${exactWord('error', g.value)}`, box: null })}
      columns=${[{ key: 'count', label: 'Errors', value: (/** @type {any} */ g) => g.count, isBar: true }, { key: 'share', label: 'Of its errors', value: (/** @type {any} */ g) => g.count, cell: (/** @type {any} */ g) => percent(g.count, total) }, time('p95', 'p95', g => g.p95_us)]} />`)}<//>`;
}

/** @param {{name: string}} props */
function ServiceAlerts({ name }) {
  const loaded = useRanged('alerts', { limit: 1_000 }, false);
  return html`<${Panel} id="service-alerts" title="Alerts about it" loaded=${loaded}>${(/** @type {any} */ data) => {
    const alerts = data.alerts.filter((/** @type {any} */ a) => a.service === name);
    return alerts.length === 0 ? html`<p class="mut">None in this range.</p>` : html`<${AlertGroups} alerts=${alerts} />`;
  }}<//>`;
}
