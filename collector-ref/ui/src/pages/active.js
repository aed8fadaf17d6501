// What is running now, oldest first, and what each is doing or waiting for.

import { html, useMemo, useState } from '../../vendor/preact.js';
import { apiUrl } from '../core/api.js';
import { count } from '../core/format.js';
import { url } from '../core/router.js';
import { ageBand } from '../parts/badges.js';
import { Equaliser } from '../parts/equaliser.js';
import { LoadState, useDocument } from '../parts/loaded.js';
import { OpenSteps, ROW_PX, RUNNING, runningKey } from '../parts/running.js';
import { VTable } from '../parts/vtable.js';

const REFRESH_MS = 1_000;

/** @type {import('../parts/vtable.js').Column<any>[]} */
const COLUMNS = [
  RUNNING.age,
  { key: 'service', label: 'Service', width: '20%', cell: x => html`<b title=${x.service}>${x.service}</b>` },
  RUNNING.step, RUNNING.state, RUNNING.busy, RUNNING.tenant,
  { key: 'login', label: 'Login', width: 68, cell: x => x.login },
  { key: 'object', label: 'Object', width: 110, cell: x => html`<span title=${x.object}>${x.object}</span>` },
];

export function ActivePage() {
  const object = url.value.searchParams.get('object') ?? undefined;
  const loaded = useDocument('active', { object }, REFRESH_MS);
  const [picked, pick] = useState('');
  const { data } = loaded;
  const rows = useMemo(() => (data?.objects ?? [])
    .flatMap((/** @type {any} */ o) => (o.transactions ?? []).map((/** @type {any} */ x) => ({ ...x, object: o.object })))
    .sort((/** @type {any} */ a, /** @type {any} */ b) => b.age_us - a.age_us), [data]);
  if (!data) return html`<section class="panel calm"><${LoadState} loaded=${loaded} what="what is running" /></section>`;
  const total = data.objects.reduce((/** @type {number} */ sum, /** @type {any} */ o) => sum + (o.total ?? 0), 0);
  const old = rows.filter((/** @type {any} */ x) => ageBand(x.age_us) === 'old').length;
  const selected = rows.findIndex((/** @type {any} */ x) => runningKey(x) === picked);
  const bands = data.objects.map((/** @type {any} */ o) => ({ object: o.object, bands: [o.age_bands?.under_3s ?? 0, o.age_bands?.to_8s ?? 0, o.age_bands?.over_8s ?? 0], unavailable: o.unavailable }));
  return html`<section class="panel" aria-labelledby="active-eq"><header class="panel-head"><h2 id="active-eq">Active services</h2>
      <span class="count" data-testid="active-total">${count(total)}</span><span class="mut">running now</span>
      ${old > 0 && html`<span class="warn">${count(old)} over 8 s</span>`}
      ${loaded.error && html`<span class="problem" role="alert">${loaded.error.message}</span>`}<span class="spring"></span>
      ${object && html`<a class="button" href="/active">All objects</a>`}
      <a class="button" href=${apiUrl('active', { object, format: 'text' })} target="_blank" rel="noopener">Text</a></header>
    <${Equaliser} rows=${bands} /></section>
    ${rows.length === 0 ? html`<section class="panel calm"><h2>Nothing is running</h2><p>${total > 0 ? 'The agents did not list their transactions.' : 'Every transaction has finished.'} This page asks again every second.</p></section>`
      : html`<div class=${selected >= 0 ? 'profile with-detail' : 'profile'}><section class="panel steps-panel" aria-label="Running transactions">
          <${VTable} columns=${COLUMNS} count=${rows.length} row=${(/** @type {number} */ i) => rows[i]} rowKey=${runningKey} rowPx=${ROW_PX}
            caption="Running transactions, oldest first" selected=${selected} select=${(/** @type {number} */ i) => pick(runningKey(rows[i]))} testId="active-rows" />
          ${total > rows.length && html`<footer class="foot mut">${count(rows.length)} of ${count(total)} listed</footer>`}</section>
        ${selected >= 0 && html`<${OpenSteps} x=${rows[selected]} close=${() => pick('')} />`}</div>`}`;
}
