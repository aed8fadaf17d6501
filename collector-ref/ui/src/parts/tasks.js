// Tasks that requests have spawned in a process and that still run: for how long, and what they await.

import { html, useMemo, useState } from '../../vendor/preact.js';
import { count } from '../core/format.js';
import { useAsked } from './loaded.js';
import { OpenSteps, ROW_PX, RUNNING, runningKey } from './running.js';
import { Awaited, Refusal } from './tool_tabs.js';
import { VTable } from './vtable.js';

const REFRESH_MS = 1_000;

/** @type {import('./vtable.js').Column<any>[]} */
const COLUMNS = [
  RUNNING.age,
  { key: 'service', label: 'Task', width: '22%', cell: x => html`<b title=${x.service}>${x.service}</b>` },
  RUNNING.step, RUNNING.state, RUNNING.busy,
  { key: 'trace', label: 'Request', width: 100, cell: x => html`<a href=${`/trace/${x.gxid}`} title="The trace that spawned it">${x.gxid.slice(0, 8)}…</a>` },
  RUNNING.tenant,
];

/** @param {import('../pages/tool.js').ToolProps} props */
export function TasksTool({ object, query, onAmbiguous }) {
  const { data, error } = useAsked('active', { object, kind: 'spawned' }, REFRESH_MS, onAmbiguous);
  const [picked, pick] = useState('');
  const mine = useMemo(() => (data?.objects ?? []).filter((/** @type {any} */ o) => o.object === object && (!query.instance || o.instance === query.instance)), [data, query.instance]);
  if (!data) return html`<${Awaited} error=${error} />`;
  const [agent] = mine;
  const refused = agent?.unavailable ? new Error(agent.unavailable) : !agent ? Object.assign(new Error(`${object}: the agent is not connected`), { code: 'not_connected' }) : error;
  const rows = agent?.transactions ?? [];
  const selected = rows.findIndex((/** @type {any} */ x) => runningKey(x) === picked);
  if (rows.length === 0) return html`<section class="panel calm">${refused ? html`<${Refusal} error=${refused} />` : html`<h2>No task is running</h2><p>Tasks are here that a request spawned with <code>scouter::spawn</code>, or that run <code>.in_current()</code>. This page asks again every second.</p>`}</section>`;
  return html`<section class="panel" aria-label="Tasks"><div class="panel-head"><span class="count" data-testid="task-count">${count(rows.length)}</span><span class="mut">${rows.length === 1 ? 'task runs' : 'tasks run'}, the oldest first. Other transactions: <a href=${`/active?object=${encodeURIComponent(object)}`}>active services</a></span></div><${Refusal} error=${refused} /></section>
    <div class=${selected >= 0 ? 'profile with-detail' : 'profile'}><section class="panel steps-panel" aria-label="Running tasks">
      <${VTable} columns=${COLUMNS} count=${rows.length} row=${(/** @type {number} */ i) => rows[i]} rowKey=${runningKey} rowPx=${ROW_PX}
        caption="Running tasks, oldest first" selected=${selected} select=${(/** @type {number} */ i) => pick(runningKey(rows[i]))} testId="tasks" keys=${{ Escape: () => (selected >= 0 ? pick('') : false) }} /></section>
      ${selected >= 0 && html`<${OpenSteps} x=${rows[selected]} close=${() => pick('')} />`}</div>`;
}
