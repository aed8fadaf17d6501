// Everything about one step, in full.

import { html } from '../../vendor/preact.js';
import { count, duration } from '../core/format.js';

/** @param {{label: string, children?: any}} props */
export function Fact({ label, children }) {
  return html`<div class="fact"><dt>${label}</dt><dd>${children}</dd></div>`;
}

/** @param {{step: Record<string, any>, gxid: string, close: () => void}} props */
export function StepDetail({ step, gxid, close }) {
  const { sql, api } = step;
  const link = (/** @type {string | undefined} */ txid) => (txid ? html`<a href=${`/tx/${gxid}-${txid}`}>${txid}</a>` : null);
  return html`<aside class="panel step-detail" aria-labelledby="step-title">
    <header class="panel-head"><h2 id="step-title">Step ${step.index}</h2><span class="tag">${step.kind.replace('_', ' ')}</span>
      ${step.outcome !== 'ok' && html`<span class="tag err">${step.outcome}</span>`}<span class="spring"></span>
      <button class="link" onClick=${close}>close</button></header>
    <pre class="code" tabindex="0" aria-label="Name in full">${step.name || step.text}</pre>
    ${step.error && html`<p class="problem">${step.error}</p>`}
    <dl class="facts">
      ${step.place && html`<${Fact} label="Place"><code>${step.place}</code><//>`}
      <${Fact} label="Start">${duration(step.start_us)}<//>
      <${Fact} label="Elapsed">${duration(step.elapsed_us)}<//>
      <${Fact} label="Busy">${duration(step.busy_us)}${step.polls > 0 ? html`<span class="mut"> in ${count(step.polls)} polls</span>` : ''}<//>
      ${step.count > 1 && html`<${Fact} label="Folded">${count(step.count)} times, longest ${duration(step.max_us)}, mean ${duration(step.elapsed_us / step.count)}<//>`}
      ${sql && html`<${SqlFacts} step=${step} sql=${sql} />`}
      ${api && html`<${Fact} label="Address"><code>${api.address}</code><//>
        <${Fact} label="Status">${api.status || 'no response'}<//>
        <${Fact} label="First byte">${duration(api.ttfb_us)}<//>
        ${api.callee && html`<${Fact} label="Served by">${link(api.callee)}<//>`}`}
      ${step.child && html`<${Fact} label="Runs as">${link(step.child)}<//>`}
      ${Object.entries(step.attributes ?? {}).map(([key, value]) => html`<${Fact} key=${key} label=${key}><code>${String(value)}</code><//>`)}
      ${step.text && step.name && html`<${Fact} label="Text">${step.text}<//>`}
    </dl></aside>`;
}

/** @param {{step: Record<string, any>, sql: Record<string, any>}} props */
function SqlFacts({ step, sql }) {
  return html`<${Fact} label="Pool wait">${duration(sql.pool_wait_us)}<//>
    <${Fact} label="Execution">${duration(Math.max(0, step.elapsed_us - (sql.pool_wait_us ?? 0)))}<//>
    ${sql.first_row_us !== null && sql.first_row_us !== undefined && html`<${Fact} label="First row">${duration(sql.first_row_us)}<//>`}
    <${Fact} label="Rows">${count(sql.rows)}<//>
    ${sql.affected > 0 && html`<${Fact} label="Affected">${count(sql.affected)}<//>`}
    <${Fact} label="Binds">${count(sql.binds)}${sql.bind_values ? html` <code>${sql.bind_values}</code>` : ''}<//>`;
}
