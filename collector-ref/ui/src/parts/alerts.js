// The newest alerts of the agents: what was noticed, where, how often, and a request to look at.

import { html } from '../../vendor/preact.js';
import { clock, count } from '../core/format.js';
import { useDocument } from './loaded.js';

/** The pulse tells of new alerts; this is for what it does not tell, such as alerts grown old. */
const REFRESH_MS = 30_000;
const LISTED = 12;

/**
 * One entry for each kind at each place, newest first, with how often it was noticed: an agent
 * repeats an alert every few seconds while its cause lasts, and counts those between.
 * @param {any[]} alerts
 */
export function grouped(alerts) {
  const groups = /** @type {Map<string, {alert: any, times: number}>} */ (new Map());
  for (const alert of [...alerts].sort((a, b) => b.unix_us - a.unix_us)) {
    const key = JSON.stringify([alert.kind, alert.place, alert.service, alert.object]);
    const group = groups.get(key) ?? { alert, times: 0 };
    group.times += 1 + (alert.suppressed ?? 0);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** @param {{trigger: number}} props trigger: changes when alerts have come */
export function Alerts({ trigger }) {
  const { data } = useDocument('alerts', {}, REFRESH_MS, trigger);
  const groups = grouped(data?.alerts ?? []).slice(0, LISTED);
  return html`<section class="panel" aria-labelledby="alerts-title"><header class="panel-head"><h2 id="alerts-title">Alerts</h2><span class="spring"></span><a href="/alerts">all</a><a href="/leaks">leaks</a></header>
    ${groups.length === 0 ? html`<p class="mut">None.</p>` : html`<ul class="plain alerts" data-testid="alerts">${groups.map(({ alert, times }) => html`<li key=${`${alert.kind} ${alert.place} ${alert.service} ${alert.object}`}>
      <span class="mut">${clock(alert.unix_us / 1000, false)}</span> <b>${String(alert.kind).replaceAll('_', ' ')}</b>${times > 1 && html` <span class="mut" title="Times among the newest alerts">×${count(times)}</span>`}
      <p class="where">${alert.gxid && alert.txid ? html`<a href=${`/tx/${alert.gxid}-${alert.txid}`}>${alert.service || alert.txid}</a>` : alert.service} <span class="mut">${alert.object}</span></p>
      <p class="alert-text" title=${`${alert.message} ${alert.place}`}>${alert.message}</p></li>`)}</ul>`}</section>`;
}
