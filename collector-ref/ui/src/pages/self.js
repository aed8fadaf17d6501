// The collector about itself: what it holds, what it dropped and why, what it listens on.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { endSession } from '../core/api.js';
import { toAddress } from '../core/base.js';
import { bytes, count, dateTime, duration, rate } from '../core/format.js';
import { feed } from '../data/hub.js';
import { LoadState, useDocument } from '../parts/loaded.js';

const REFRESH_MS = 3_000;

/** @typedef {{name: string, labels: string, value: number, help: string}} Metric */

/** Reads the text form of metrics. @param {string} text @returns {Metric[]} */
export function readMetrics(text) {
  const help = new Map();
  const metrics = /** @type {Metric[]} */ ([]);
  for (const line of text.split('\n')) {
    const told = /^# HELP (\S+) (.*)$/.exec(line);
    if (told) help.set(told[1], told[2]);
    const one = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (one) metrics.push({ name: one[1], labels: one[2] ?? '', value: Number(one[3]), help: help.get(one[1]) ?? '' });
  }
  return metrics;
}

/** The metrics, again and again. */
function useMetrics() {
  const [metrics, setMetrics] = useState(/** @type {Metric[]} */ ([]));
  useEffect(() => {
    const load = () => fetch(toAddress('/metrics'), { credentials: 'same-origin' }).then(answer => (answer.ok ? answer.text() : ''), () => '').then(text => { if (text) setMetrics(readMetrics(text)); });
    void load();
    const timer = setInterval(load, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  return metrics;
}

/** Who is signed in, where that is asked at all. */
function Session() {
  const { data } = useDocument('session');
  const leave = () => endSession().then(() => location.reload(), () => location.reload());
  return data?.auth_required && html`<span class="spring"></span><span class="mut">signed in${data.account ? html` as <b>${data.account}</b>` : ''}, ${data.role}</span><button onClick=${leave}>Sign out</button>`;
}

export function SelfPage() {
  const loaded = useDocument('self', {}, REFRESH_MS);
  const { data } = loaded;
  const metrics = useMetrics();
  const [wanted, want] = useState('');
  const [isWhole, showWhole] = useState(false);
  if (!data) return html`<section class="panel calm"><${LoadState} loaded=${loaded} what="the collector" /></section>`;
  const dropped = Object.entries(data.dropped).filter(([, n]) => Number(n) > 0);
  const shown = metrics.filter(m => (isWhole || m.value !== 0) && `${m.name} ${m.labels} ${m.help}`.toLowerCase().includes(wanted.toLowerCase()));
  const facts = [
    ['Version', data.version], ['Running since', dateTime(data.started_unix_us / 1000, false)], ['Uptime', duration(feed.serverNow() * 1000 - data.started_unix_us)],
    ['Ingest', `${rate(data.ingest_per_s)}/s`], ['Connections', count(data.connections)], ['Open pages', count(data.viewers)],
    ['Transactions', count(data.xlogs)], ['Profiles', count(data.profiles)], ['Segments', count(data.segments)], ['Log', bytes(data.wal_bytes)], ['Disk', bytes(data.disk_bytes)],
    ['Agents at', data.listen.agents], ['Page at', data.listen.http],
  ];
  return html`<section class="panel" aria-labelledby="self-title"><header class="panel-head"><h2 id="self-title">Collector</h2>
      ${data.durable_stalled ? html`<span class="err" role="alert">The disk does not take what is stored: ${String(data.durable_stalled)}</span>` : html`<span class="state is-live"><i class="lamp"></i>stores what it gets</span>`}<${Session} /></header>
    <dl class="facts wide">${facts.map(([label, value]) => html`<div class="fact" key=${label}><dt>${label}</dt><dd>${value}</dd></div>`)}</dl></section>
  <section class="panel" aria-labelledby="books-title"><header class="panel-head"><h2 id="books-title">Books</h2><span class="mut">recorded = stored + dropped + pending</span><span class="spring"></span><a href="/objects">of each object</a></header>
    <p class="summary-line" data-testid="books">${[['Recorded', data.recorded], ['Stored', data.stored], ['Dropped', dropped.reduce((sum, [, n]) => sum + Number(n), 0)], ['Pending', data.pending]].map(([label, n]) => html`<span class="sum" key=${label}><span>${label}</span><b class=${label === 'Dropped' && n > 0 ? 'warn' : ''}>${count(Number(n))}</b></span>`)}</p>
    ${dropped.length > 0 && html`<p class="warn">${dropped.map(([why, n]) => `${count(Number(n))} ${why.replaceAll('_', ' ')}`).join(', ')}</p>`}
    ${data.corrupt_files.map((/** @type {any} */ file) => html`<p class="problem" key=${file.path}><code>${file.path}</code>: ${file.reason}</p>`)}</section>
  ${data.plugins.length > 0 && html`<section class="panel" aria-labelledby="plugins-title"><header class="panel-head"><h2 id="plugins-title">Plugins</h2></header>
    <div class="scroll" tabindex="0" role="region" aria-label="Plugins"><table class="data"><thead><tr><th scope="col">Plugin</th>${['delivered', 'dropped', 'failed', 'retried', 'panicked', 'queue'].map(key => html`<th scope="col" class="num" key=${key}>${key}</th>`)}</tr></thead>
      <tbody>${data.plugins.map((/** @type {any} */ p) => html`<tr key=${p.name}><th scope="row">${p.name}</th>${['delivered', 'dropped', 'failed', 'retried', 'panicked', 'queue'].map(key => html`<td class="num" key=${key}>${count(p[key])}</td>`)}</tr>`)}</tbody></table></div></section>`}
  <section class="panel" aria-labelledby="metrics-title"><header class="panel-head"><h2 id="metrics-title">Counters</h2><form class="inline-form" onSubmit=${(/** @type {Event} */ e) => e.preventDefault()}><input aria-label="Search the counters" placeholder="Search" value=${wanted} onInput=${(/** @type {any} */ e) => want(e.currentTarget.value)} /></form>
      <button class="switch lone" aria-pressed=${isWhole ? 'true' : 'false'} onClick=${() => showWhole(!isWhole)}>Zeros too</button><span class="mut">${count(shown.length)} of ${count(metrics.length)}</span><span class="spring"></span><a class="button" href=${toAddress('/metrics')} target="_blank" rel="noopener">/metrics</a></header>
    <div class="metrics" data-testid="metrics">${shown.map(m => html`<div key=${m.name + m.labels} title=${m.help}><span>${m.name.replace('scouter_collector_', '').replaceAll('_', ' ')} <span class="mut">${m.labels}</span></span><b>${count(m.value)}</b></div>`)}</div></section>`;
}
