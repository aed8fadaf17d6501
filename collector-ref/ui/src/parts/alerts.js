// The newest alerts of the agents: what was noticed, where, in which request.

import { html } from '../../vendor/preact.js';
import { clock, count } from '../core/format.js';
import { useDocument } from './loaded.js';

/** The pulse tells of new alerts; this is for what it does not tell, such as alerts grown old. */
const REFRESH_MS = 30_000;
const LISTED = 12;

/** @param {{trigger: number}} props trigger: changes when alerts have come */
export function Alerts({ trigger }) {
  const { data } = useDocument('alerts', {}, REFRESH_MS, trigger);
  const alerts = [...(data?.alerts ?? [])].sort((a, b) => b.unix_us - a.unix_us).slice(0, LISTED);
  return html`<section class="panel" aria-labelledby="alerts-title"><header class="panel-head"><h2 id="alerts-title">Alerts</h2></header>
    ${alerts.length === 0 ? html`<p class="mut">None.</p>` : html`<ul class="plain alerts" data-testid="alerts">${alerts.map(alert => html`<li key=${`${alert.unix_us} ${alert.place} ${alert.kind}`}>
      <span class="mut">${clock(alert.unix_us / 1000, false)}</span> <b>${String(alert.kind).replaceAll('_', ' ')}</b>${alert.suppressed > 0 && html` <span class="mut">+${count(alert.suppressed)}</span>`}
      <p class="alert-text" title=${`${alert.message} ${alert.place}`}>${alert.gxid && alert.txid ? html`<a href=${`/tx/${alert.gxid}-${alert.txid}`}>${alert.message}</a>` : alert.message}</p></li>`)}</ul>`}</section>`;
}
