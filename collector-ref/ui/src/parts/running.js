// Transactions and tasks that run now: what each does or awaits, and its open steps.

import { html } from '../../vendor/preact.js';
import { duration, plural } from '../core/format.js';
import { Age } from './badges.js';

export const ROW_PX = 28;

/** The innermost open step in words. @param {any} x */
export function currentStep(x) {
  const last = x.stack?.[x.stack.length - 1];
  if (!last) return { text: x.state === 'running' ? 'running its own code' : 'awaiting something not instrumented', isGuess: true, kind: '' };
  if (x.state === 'waiting' && last.kind === 'method') return { text: `${last.name} · awaiting something not instrumented`, isGuess: true, kind: last.kind, ageUs: last.age_us };
  return { text: last.name, isGuess: false, kind: last.kind, ageUs: last.age_us };
}

/** What tables of both have. @type {Record<string, import('./vtable.js').Column<any>>} */
export const RUNNING = {
  age: { key: 'age', label: 'Running for', width: 96, isNumber: true, cell: x => html`<${Age} us=${x.age_us} />` },
  step: { key: 'step', label: 'Now', width: 'auto', cell: x => html`<${Now} x=${x} />` },
  state: { key: 'state', label: 'State', width: 70, cell: x => (x.state === 'running' ? html`<span class="running">running</span>` : html`<span class="mut">waiting</span>`) },
  busy: { key: 'busy', label: 'Busy', width: 74, isNumber: true, cell: x => duration(x.busy_us) },
  tenant: { key: 'tenant', label: 'Tenant', width: 72, cell: x => x.tenant },
};

/** What tells one from all others. @param {any} x */
export const runningKey = x => x.txid + x.gxid;

/** @param {{x: any}} props */
function Now({ x }) {
  const { text, kind, ageUs, isGuess } = currentStep(x);
  return html`<span class="step-name" title=${text}>${kind && html`<span class=${`kind is-${kind}`}>${kind === 'method' ? 'fn' : kind.replace('_', ' ')}</span>`}<span class=${isGuess ? 'text mut' : 'text'}>${text}</span>${ageUs !== undefined && html`<span class="note">${duration(ageUs)}</span>`}</span>`;
}

/** @param {{x: any, close: () => void}} props */
export function OpenSteps({ x, close }) {
  return html`<aside class="panel step-detail" aria-labelledby="stack-title"><header class="panel-head"><h2 id="stack-title">Open steps</h2><span class="spring"></span><button class="link" onClick=${close}>close</button></header>
    <p><b>${x.service}</b></p>
    <p class="mut">${plural(x.steps, 'step')} so far, ${x.state}${x.tid ? ` on thread ${x.tid}` : ''}. Trace <a href=${`/trace/${x.gxid}`}>${x.gxid.slice(0, 8)}…</a></p>
    <ol class="stack" data-testid="stack">${(x.stack ?? []).map((/** @type {any} */ step, /** @type {number} */ i) => html`<li key=${i} style=${{ paddingLeft: `${Math.min(i, 12) * 10}px` }}>
      <span class=${`kind is-${step.kind}`}>${step.kind === 'method' ? 'fn' : step.kind.replace('_', ' ')}</span> <span class="stack-name">${step.name}</span> <span class="note">${duration(step.age_us)}</span>${step.place && html`<br /><code class="mut">${step.place}</code>`}</li>`)}</ol>
    <p class="mut">${currentStep(x).isGuess ? 'It awaits something that is not instrumented: a lock, a channel, a sleep.' : ''}</p></aside>`;
}
