// Who uses it, and what each costs: tenants, logins, addresses, user agents.

import { html } from '../../vendor/preact.js';
import { count } from '../core/format.js';
import { changeView, view } from '../core/router.js';
import { COUNT, ERRORS, GroupTable, SPENT, TIMES } from '../parts/groups.js';
import { Panel, useRanged } from '../parts/ranged.js';
import { NothingHere } from './services.js';

const TABS = /** @type {[string, string][]} */ ([['tenant', 'Tenants'], ['login', 'Logins'], ['ip', 'Addresses'], ['user_agent', 'User agents']]);
/** Most values listed. */
const LISTED = 500;

export function UsersPage() {
  const { by: asked } = view.value;
  const by = TABS.some(([name]) => name === asked) ? asked : 'tenant';
  const loaded = useRanged('summary', { by, limit: LISTED });
  const head = html`<div class="tabs" role="group" aria-label="By">${TABS.map(([name, title]) => html`<button key=${name} class="switch" aria-pressed=${by === name ? 'true' : 'false'} onClick=${() => changeView({ by: name })}>${title}</button>`)}</div>`;
  return html`<${Panel} id="users-title" title="Users and tenants" loaded=${loaded} head=${head}>${(/** @type {any} */ data) => (data.total === 0 ? html`<${NothingHere} />` : html`
    <p class="summary-line"><span class="sum"><span>${TABS.find(([name]) => name === data.by)?.[1]}</span><b>${count(data.group_count)}</b></span><span class="sum"><span>Transactions</span><b>${count(data.total)}</b></span><${Counted} name="recent_users|" label="Users in the last minutes" /><${Counted} name="visitors_today|" label="Visitors today" /></p>
    <${GroupTable} key=${data.by} by=${data.by} groups=${data.groups} columns=${[COUNT, ERRORS, ...TIMES, ...SPENT]} sortedBy="sum" caption=${`What each ${data.by.replaceAll('_', ' ')} costs`} />`)}<//>`;
}

/** The newest value of a counter, the largest of all objects: each counts the same people. @param {{name: string, label: string}} props */
function Counted({ name, label }) {
  const { data } = useRanged('counters', { name }, false);
  const newest = (data?.series ?? []).map((/** @type {any} */ s) => s.points[s.points.length - 1]?.[1] ?? 0);
  return newest.length > 0 && html`<span class="sum" title="The largest of all objects, since they share their users"><span>${label}</span><b>${count(Math.max(...newest))}</b></span>`;
}
