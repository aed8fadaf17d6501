// What is running now, oldest first, and what each is doing or waiting for.

import { html, useMemo, useState } from '../../vendor/preact.js';
import { apiUrl } from '../core/api.js';
import { count, duration, plural } from '../core/format.js';
import { url } from '../core/router.js';
import { Age, ageBand } from '../parts/badges.js';
import { Equaliser } from '../parts/equaliser.js';
import { LoadState, useDocument } from '../parts/loaded.js';
import { VTable } from '../parts/vtable.js';

const REFRESH_MS = 1_000;
const ROW_PX = 28;

/** The innermost open step in words. @param {any} x */
export function currentStep(x) {
  const last = x.stack?.[x.stack.length - 1];
  if (!last) return { text: x.state === 'running' ? 'running its own code' : 'awaiting something not instrumented', isGuess: true, kind: '' };
  if (x.state === 'waiting' && last.kind === 'method') return { text: `${last.name} · awaiting something not instrumented`, isGuess: true, kind: last.kind, ageUs: last.age_us };
  return { text: last.name, isGuess: false, kind: last.kind, ageUs: last.age_us };
}

/** @type {import('../parts/vtable.js').Column<any>[]} */
const COLUMNS = [
  { key: 'age', label: 'Running for', width: 96, isNumber: true, cell: x => html`<${Age} us=${x.age_us} />` },
  { key: 'service', label: 'Service', width: '20%', cell: x => html`<b title=${x.service}>${x.service}</b>` },
  { key: 'step', label: 'Now', width: 'auto', cell: x => html`<${Now} x=${x} />` },
  { key: 'state', label: 'State', width: 70, cell: x => (x.state === 'running' ? html`<span class="running">running</span>` : html`<span class="mut">waiting</span>`) },
  { key: 'busy', label: 'Busy', width: 74, isNumber: true, cell: x => duration(x.busy_us) },
  { key: 'tenant', label: 'Tenant', width: 72, cell: x => x.tenant },
  { key: 'login', label: 'Login', width: 68, cell: x => x.login },
  { key: 'object', label: 'Object', width: 110, cell: x => html`<span title=${x.object}>${x.object}</span>` },
];

/** @param {{x: any}} props */
function Now({ x }) {
  const { text, kind, ageUs, isGuess } = currentStep(x);
  return html`<span class="step-name" title=${text}>${kind && html`<span class=${`kind is-${kind}`}>${kind === 'method' ? 'fn' : kind.replace('_', ' ')}</span>`}<span class=${isGuess ? 'text mut' : 'text'}>${text}</span>${ageUs !== undefined && html`<span class="note">${duration(ageUs)}</span>`}</span>`;
}

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
  const selected = rows.findIndex((/** @type {any} */ x) => x.txid + x.gxid === picked);
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
          <${VTable} columns=${COLUMNS} count=${rows.length} row=${(/** @type {number} */ i) => rows[i]} rowKey=${(/** @type {any} */ x) => x.txid + x.gxid} rowPx=${ROW_PX}
            caption="Running transactions, oldest first" selected=${selected} select=${(/** @type {number} */ i) => pick(rows[i].txid + rows[i].gxid)} testId="active-rows" />
          ${total > rows.length && html`<footer class="foot mut">${count(rows.length)} of ${count(total)} listed</footer>`}</section>
        ${selected >= 0 && html`<${Stack} x=${rows[selected]} close=${() => pick('')} />`}</div>`}`;
}

/** @param {{x: any, close: () => void}} props */
function Stack({ x, close }) {
  return html`<aside class="panel step-detail" aria-labelledby="stack-title"><header class="panel-head"><h2 id="stack-title">Open steps</h2><span class="spring"></span><button class="link" onClick=${close}>close</button></header>
    <p><b>${x.service}</b></p>
    <p class="mut">${plural(x.steps, 'step')} so far, ${x.state}${x.tid ? ` on thread ${x.tid}` : ''}. Trace <a href=${`/trace/${x.gxid}`}>${x.gxid.slice(0, 8)}…</a></p>
    <ol class="stack" data-testid="stack">${(x.stack ?? []).map((/** @type {any} */ step, /** @type {number} */ i) => html`<li key=${i} style=${{ paddingLeft: `${Math.min(i, 12) * 10}px` }}>
      <span class=${`kind is-${step.kind}`}>${step.kind === 'method' ? 'fn' : step.kind.replace('_', ' ')}</span> <span class="stack-name">${step.name}</span> <span class="note">${duration(step.age_us)}</span>${step.place && html`<br /><code class="mut">${step.place}</code>`}</li>`)}</ol>
    <p class="mut">${currentStep(x).isGuess ? 'It awaits something that is not instrumented: a lock, a channel, a sleep.' : ''}</p></aside>`;
}
