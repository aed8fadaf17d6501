// What the agents noticed: all of it, and what was taken and never given back.

import { html } from '../../vendor/preact.js';
import { LEAKS, grouped, titleOf, toneOf } from '../core/alert_kinds.js';
import { count, plural } from '../core/format.js';
import { url, view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { alertsSeen } from '../data/hub.js';
import { AlertGroups } from '../parts/alert_list.js';
import { Panel, useRanged } from '../parts/ranged.js';

/** Most alerts asked for: the newest ones. */
const ASKED = 1_000;

export const AlertsPage = () => html`<${AlertList} title="Alerts" none="No agent noticed anything in this range." />`;
export const LeaksPage = () => html`<${AlertList} title="Leaks" only=${LEAKS} none="Of what was taken in this range everything was given back: no connection, task or guard stayed open past its limit." />`;

/** @param {{title: string, only?: Set<string>, none: string}} props */
function AlertList({ title, only, none }) {
  void alertsSeen.value;
  const loaded = useRanged('alerts', { limit: ASKED }, false);
  const { f } = view.value;
  const kind = url.value.searchParams.get('kind');
  return html`<${Panel} id="alerts-title" title=${title} loaded=${loaded} head=${f && html`<span class="mut">the filter does not apply here</span>`}>${(/** @type {any} */ data) => {
    const all = data.alerts.filter((/** @type {any} */ a) => !only || only.has(a.kind));
    const alerts = kind ? all.filter((/** @type {any} */ a) => a.kind === kind) : all;
    if (all.length === 0) return html`<div class="calm"><h2>None</h2><p>${none}</p></div>`;
    const times = alerts.reduce((/** @type {number} */ sum, /** @type {any} */ a) => sum + 1 + a.suppressed, 0);
    return html`<${Kinds} alerts=${all} chosen=${kind} />
      <p class="mut">${plural(grouped(alerts).length, 'cause')}, noticed ${plural(times, 'time')}${data.alerts.length === ASKED ? `; the newest ${count(ASKED)} alerts of the range: choose a shorter one for the others` : ''}</p>
      <${AlertGroups} alerts=${alerts} />`;
  }}<//>`;
}

/** The kinds there are, each a link that shows it alone. @param {{alerts: any[], chosen: string | null}} props */
function Kinds({ alerts, chosen }) {
  const groups = grouped(alerts);
  const kinds = [...new Set(groups.map(group => group.alert.kind))];
  if (kinds.length < 2 && !chosen) return null;
  const href = (/** @type {string | null} */ kind) => {
    const to = new URL(viewUrl(location.pathname, view.value), location.origin);
    if (kind) to.searchParams.set('kind', kind);
    return to.pathname + to.search;
  };
  const chip = (/** @type {string | null} */ kind, /** @type {string} */ text, /** @type {number} */ n, /** @type {string} */ tone) => html`<a key=${kind ?? ''} class="chip" href=${href(kind)} aria-current=${chosen === kind ? 'true' : undefined}>${text} <b class=${tone}>${count(n)}</b></a>`;
  return html`<nav class="chips" aria-label="Kinds of alerts">${chip(null, 'All', groups.length, '')}${kinds.map(kind => {
    const mine = groups.filter(group => group.alert.kind === kind);
    return chip(kind, titleOf(kind), mine.length, mine.some(group => toneOf(group.level) === 'err') ? 'err' : '');
  })}</nav>`;
}
