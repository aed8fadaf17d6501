// The first page: is it well, what is slow, what runs, what failed.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { getJson } from '../core/api.js';
import { clock, count, duration, percent, rate } from '../core/format.js';
import { alertsSeen, feed, isCaughtUp, pulse, pulses } from '../data/hub.js';
import { view } from '../core/router.js';
import { statusText, txHref } from '../parts/badges.js';
import { Alerts } from '../parts/alerts.js';
import { Equaliser, activeOf, pulseRows } from '../parts/equaliser.js';
import { PeopleTiles } from '../parts/people.js';
import { lazy, needStyle } from '../core/lazy.js';
import { Sparkline } from '../parts/sparkline.js';
import { Scatter } from '../scatter/scatter.js';

const FirstRun = lazy(async () => {
  await needStyle('more');
  return (await import('../parts/first_run.js')).FirstRun;
});

export function LivePage() {
  const now = pulse.value;
  const isFirstRun = isCaughtUp.value && view.value.range.live && !view.value.f && now?.is_first_run;
  return isFirstRun ? html`<${FirstRun} objects=${now.objects ?? []} />` : html`<${Dashboard} now=${now} />`;
}

/** @param {{now: any}} props */
function Dashboard({ now }) {
  return html`<${Tiles} now=${now} />
    <div class="live-grid">
      <${Scatter} height=${430} />
      <div class="side">
        <section class="panel" aria-labelledby="eq-title"><header class="panel-head"><h2 id="eq-title">Active services</h2><span class="spring"></span><a href="/active">list</a><a href="/objects">objects</a></header>
          <${Equaliser} rows=${pulseRows(now)} /></section>
        <${Alerts} trigger=${alertsSeen.value} />
      </div>
    </div>
    <section class="panel" aria-labelledby="errors-title"><header class="panel-head"><h2 id="errors-title">Newest errors</h2><span class="spring"></span><a href="/errors">all</a></header>
      <${NewestErrors} trigger=${now?.newest_errors?.[0]?.txid ?? ''} /></section>`;
}

const total = (/** @type {number[]} */ bands) => bands.reduce((a, b) => a + b, 0);

/** @param {{now: any}} props */
function Tiles({ now }) {
  const history = pulses.value;
  const active = now && activeOf(now);
  const [, aging = 0, old = 0] = active ?? [];
  const errors = now?.errors_per_s ?? 0;
  const isQuiet = !now || now.rate === 0;
  const percentile = (/** @type {string} */ key) => (isQuiet ? '–' : duration(now[key]));
  const of = (/** @type {string} */ key) => history.map(p => p[key] ?? 0);
  return html`<section class="tiles" aria-label="Now">
    <${Tile} label="Rate" value=${rate(now?.rate)} unit="/s" note="" series=${of('rate')} />
    <${Tile} label="Errors" value=${rate(now?.errors_per_s)} unit="/s" note=${errors > 0 ? percent(errors, now?.rate ?? 0) : 'none'} series=${of('errors_per_s')} tone=${errors > 0 ? 'err' : ''} />
    <${Tile} label="p50" value=${percentile('p50_us')} note="" series=${of('p50_us')} />
    <${Tile} label="p95" value=${percentile('p95_us')} note="" series=${of('p95_us')} />
    <${Tile} label="p99" value=${percentile('p99_us')} note="" series=${of('p99_us')} />
    <${Tile} label="Active" value=${count(active && total(active))} note=${old > 0 ? `${count(old)} over 8 s` : aging > 0 ? `${count(aging)} over 3 s` : ''} tone=${old > 0 ? 'old' : ''}
      series=${history.filter(p => p.active).map(activeOf).filter(bands => bands !== null).map(total)} />
    <${PeopleTiles} />
  </section>`;
}

/** @param {{label: string, value: string, unit?: string, note: string, series: number[], tone?: string}} props */
function Tile({ label, value, unit, note, series, tone = '' }) {
  return html`<div class=${`tile ${tone ? `is-${tone}` : ''}`} data-testid=${`tile-${label.toLowerCase()}`}>
    <span class="tile-label">${label}</span><span class="tile-value">${value}${unit && html`<small>${unit}</small>`}</span>
    <span class="tile-note">${note}</span><${Sparkline} series=${series} /></div>`;
}

/** How far back errors are listed, and how many. */
const ERRORS_BACK_MS = 30 * 60_000;
const ERRORS_LISTED = 8;
/** Not more often than this, however many errors come. */
const ERRORS_PAUSE_MS = 2_000;

/** The newest errors with their texts; asked for again when the pulse names a new one. @param {string} trigger */
function useNewestErrors(trigger) {
  const [state, setState] = useState({ rows: /** @type {any[]} */ ([]), problem: '', isLoaded: false, atMs: 0 });
  useEffect(() => {
    const abort = new AbortController();
    const load = async () => {
      const toMs = Math.ceil(feed.serverNow());
      try {
        const page = await getJson('xlogs', { from_unix_us: (toMs - ERRORS_BACK_MS) * 1000, to_unix_us: (toMs + 60_000) * 1000, f: 'err', limit: ERRORS_LISTED }, abort.signal);
        setState({ rows: page.rows, problem: '', isLoaded: true, atMs: performance.now() });
      } catch (error) {
        if (!abort.signal.aborted) setState(before => ({ ...before, problem: error instanceof Error ? error.message : String(error), atMs: performance.now() }));
      }
    };
    const timer = setTimeout(load, state.atMs === 0 ? 0 : Math.max(0, state.atMs + ERRORS_PAUSE_MS - performance.now()));
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [trigger]);
  return state;
}

/** @param {{trigger: string}} props */
function NewestErrors({ trigger }) {
  const { rows, problem, isLoaded } = useNewestErrors(trigger);
  if (problem && rows.length === 0) return html`<p class="problem" role="alert">${problem}</p>`;
  if (rows.length === 0) return html`<p class="mut calm-line">${isLoaded ? 'No error in the last 30 minutes.' : 'Loading…'}</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Table of errors"><table class="data fixed" data-testid="newest-errors">
    <colgroup><col style=${{ width: '110px' }} /><col style=${{ width: '20%' }} /><col style=${{ width: '90px' }} /><col style=${{ width: '90px' }} /><col /><col style=${{ width: '90px' }} /><col style=${{ width: '14%' }} /></colgroup>
    <thead><tr><th scope="col">End</th><th scope="col">Service</th><th scope="col">Status</th><th scope="col" class="num">Elapsed</th><th scope="col">Error</th><th scope="col">Tenant</th><th scope="col">Object</th></tr></thead>
    <tbody>${rows.map(x => html`<tr key=${x.gxid + x.txid}><td><a href=${txHref(x)}>${clock(x.end_unix_us / 1000)}</a></td><td title=${x.service}>${x.service}</td>
      <td class="err">${x.status ? statusText(x.status) : (x.end ?? '').replaceAll('_', ' ')}</td><td class="num">${duration(x.elapsed_us)}</td><td class="err" title=${x.error}>${x.error}</td><td>${x.tenant}</td><td title=${x.object}>${x.object}</td></tr>`)}</tbody></table></div>`;
}
