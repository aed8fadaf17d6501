// The newest alerts of the agents: what was noticed, where, how often, and a request to look at.

import { html } from '../../vendor/preact.js';
import { LEAKS, grouped, titleOf, toneOf } from '../core/alert_kinds.js';
import { clock, count } from '../core/format.js';
import { txHref } from './badges.js';
import { useDocument } from './loaded.js';

/** The pulse tells of new alerts; this is for what it does not tell, such as alerts grown old. */
const REFRESH_MS = 30_000;
const LISTED = 12;

/** @param {{trigger: number}} props trigger: changes when alerts have come */
export function Alerts({ trigger }) {
  const { data } = useDocument('alerts', {}, REFRESH_MS, trigger);
  const all = grouped(data?.alerts ?? []);
  const bad = all.filter(group => toneOf(group.level) === 'err').length;
  const leaks = all.filter(group => LEAKS.has(group.alert.kind)).length;
  return html`<section class="panel" aria-labelledby="alerts-title"><header class="panel-head"><h2 id="alerts-title">Alerts</h2>${all.length > 0 && html`<span class=${bad > 0 ? 'badge err' : 'badge'} title=${`${all.length} causes, ${bad} of them errors`}>${count(all.length)}</span>`}<span class="spring"></span><a href="/alerts">all</a><a href="/leaks">leaks${leaks > 0 && html` <b class="badge" data-testid="leaks">${count(leaks)}</b>`}</a></header>
    ${all.length === 0 ? html`<p class="mut">None.</p>` : html`<ul class="plain alerts" data-testid="alerts">${all.slice(0, LISTED).map(({ key, alert, times, level }) => html`<li key=${key}>
      <span class="mut">${clock(alert.unix_us / 1000, false)}</span> <b class=${toneOf(level)}>${titleOf(alert.kind)}</b>${times > 1 && html` <span class="mut" title="Times among the newest alerts">×${count(times)}</span>`}
      <p class="where">${alert.gxid && alert.txid ? html`<a href=${txHref(alert)}>${alert.service || alert.txid}</a>` : alert.service} <span class="mut">${alert.object}</span></p>
      <p class="alert-text" title=${`${alert.message} ${alert.place}`}>${alert.message}</p></li>`)}</ul>`}</section>`;
}
