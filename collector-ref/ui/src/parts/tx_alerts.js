// What the agents noticed about one transaction.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { grouped, titleOf, toneOf } from '../core/alert_kinds.js';
import { getJson } from '../core/api.js';
import { count } from '../core/format.js';

/** An alert may come so long after the end: a connection that is not given back is waited for first. */
const AFTER_US = 120_000_000;
const ASKED = 1_000;

/** @param {{xlog: any}} props */
export function TxAlerts({ xlog }) {
  const [alerts, setAlerts] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    const abort = new AbortController();
    const query = { from_unix_us: xlog.end_unix_us - xlog.elapsed_us - 1_000_000, to_unix_us: xlog.end_unix_us + AFTER_US, limit: ASKED };
    getJson('alerts', query, abort.signal).then(
      answer => setAlerts(answer.alerts.filter((/** @type {any} */ a) => a.txid === xlog.txid && a.gxid === xlog.gxid)),
      () => { /* the transaction itself is what the page is for */ },
    );
    return () => abort.abort();
  }, [xlog.txid]);
  if (alerts.length === 0) return null;
  const [fromMs, toMs] = [Math.floor((xlog.end_unix_us - xlog.elapsed_us) / 1000) - 1_000, Math.ceil((xlog.end_unix_us + AFTER_US) / 1000)];
  return html`<ul class="plain tx-alerts" aria-label="Alerts about this transaction" data-testid="tx-alerts">${grouped(alerts).map(({ key, alert, level, times }) => html`<li key=${key}>
    <a href=${`/alerts?from=${fromMs}&to=${toMs}&kind=${encodeURIComponent(alert.kind)}`}><b class=${toneOf(level)}>${titleOf(alert.kind)}</b></a>${times > 1 && html` <span class="mut">×${count(times)}</span>`} ${alert.message} ${alert.place && !alert.message.includes(alert.place) && html`<code class="mut">${alert.place}</code>`}</li>`)}</ul>`;
}
