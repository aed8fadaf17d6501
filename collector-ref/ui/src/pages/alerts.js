// What the agents noticed: all of it, and what was taken and never given back.

import { html } from '../../vendor/preact.js';
import { count, dateTime, plural } from '../core/format.js';
import { view } from '../core/router.js';
import { alertsSeen } from '../data/hub.js';
import { grouped } from '../parts/alerts.js';
import { Panel, useRanged } from '../parts/ranged.js';

/** Most alerts asked for: the newest ones. */
const ASKED = 1_000;
const LEAK = /leak|long_open/;

export const AlertsPage = () => html`<${AlertList} title="Alerts" none="No agent noticed anything in this range." />`;
export const LeaksPage = () => html`<${AlertList} title="Leaks" only=${LEAK} none="Everything that was taken was given back: no connection, task or guard stayed open past its limit." />`;

/** @param {{title: string, only?: RegExp, none: string}} props */
function AlertList({ title, only, none }) {
  void alertsSeen.value;
  const loaded = useRanged('alerts', { limit: ASKED }, false);
  const { f } = view.value;
  const fits = (/** @type {any} */ a) => !only || only.test(a.kind);
  return html`<${Panel} id="alerts-title" title=${title} loaded=${loaded} head=${f && html`<span class="mut">the filter does not apply here</span>`}>${(/** @type {any} */ data) => {
    const alerts = data.alerts.filter(fits);
    const groups = grouped(alerts);
    if (groups.length === 0) return html`<div class="calm"><h2>None</h2><p>${none}</p></div>`;
    return html`<p class="mut">${plural(groups.length, 'cause')}, ${plural(alerts.length, 'alert')}${data.alerts.length === ASKED ? `; the newest ${count(ASKED)} alerts of the range: choose a shorter one for the others` : ''}</p>
      <div class="scroll" tabindex="0" role="region" aria-label=${`Table of ${title.toLowerCase()}`}><table class="data alert-list roomy" data-testid="alert-list">
        <colgroup><col style=${{ width: '150px' }} /><col style=${{ width: '150px' }} /><col style=${{ width: '70px' }} /><col style=${{ width: '19%' }} /><col /><col style=${{ width: '22%' }} /></colgroup>
        <thead><tr><th scope="col">Last</th><th scope="col">What</th><th scope="col" class="num">Times</th><th scope="col">Where</th><th scope="col">Message</th><th scope="col">Place</th></tr></thead>
        <tbody>${groups.map(({ alert, times }) => html`<tr key=${JSON.stringify([alert.kind, alert.place, alert.service, alert.object])} class=${alert.level === 'error' || alert.level === 'fatal' ? 'row-error' : ''}><td>${dateTime(alert.unix_us / 1000, false)}</td>
          <th scope="row"><span class=${alert.level === 'error' || alert.level === 'fatal' ? 'err' : 'warn'}>${String(alert.kind).replaceAll('_', ' ')}</span> <span class="tag">${alert.level}</span></th><td class="num">${count(times)}</td>
          <td>${alert.gxid && alert.txid ? html`<a href=${`/tx/${alert.gxid}-${alert.txid}`}>${alert.service || alert.txid}</a>` : alert.service}<br /><span class="mut">${alert.object}${alert.tenant ? `, ${alert.tenant}` : ''}</span></td>
          <td>${alert.message}</td><td><code>${alert.place}</code></td></tr>`)}</tbody></table></div>`;
  }}<//>`;
}
