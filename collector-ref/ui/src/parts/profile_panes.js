// What is told of a profile: its steps, its flames, the critical path, who called and was called.

import { html, useLayoutEffect, useMemo, useState } from '../../vendor/preact.js';
import { count, duration, percent } from '../core/format.js';
import { addKeys } from '../core/keys.js';
import { criticalPath, criticalShares } from '../data/critical.js';
import { Status, txHref } from './badges.js';
import { FlameView } from './flame_view.js';
import { LoadState, useDocument } from './loaded.js';
import { StepTable, kindText } from './step_table.js';

const PANES = /** @type {[string, string][]} */ ([['steps', 'Steps'], ['time', 'Flame'], ['heavy', 'Left heavy'], ['critical', 'Critical path'], ['calls', 'Callers and callees']]);

/** @param {{xlog: any, steps: Record<string, any>[], selected: number, select: (step: number) => void}} props */
export function ProfilePanes({ xlog, steps, selected, select }) {
  const [pane, show] = useState('steps');
  useLayoutEffect(() => addKeys({ f: () => show(PANES[(PANES.findIndex(([name]) => name === pane) + 1) % PANES.length][0]) }), [pane]);
  const path = useMemo(() => criticalPath(steps, xlog.elapsed_us), [steps]);
  const critical = useMemo(() => new Set(path.map(part => part.step)), [path]);
  return html`<section class="panel steps-panel" aria-label="Profile">
    <div class="profile-tabs tabs" role="group" aria-label="Profile as">${PANES.map(([name, title]) => html`<button key=${name} class="switch" title="Key: f" aria-pressed=${pane === name ? 'true' : 'false'} onClick=${() => show(name)}>${title}</button>`)}</div>
    ${pane === 'steps' ? html`<${StepTable} steps=${steps} elapsedUs=${xlog.elapsed_us} selected=${selected} select=${select} critical=${critical} />`
      : pane === 'critical' ? html`<${Critical} path=${path} steps=${steps} elapsedUs=${xlog.elapsed_us} select=${select} />`
      : pane === 'calls' ? html`<${Calls} xlog=${xlog} />`
      : html`<${FlameView} key=${pane} steps=${steps} elapsedUs=${xlog.elapsed_us} isHeavy=${pane === 'heavy'} selected=${selected} select=${select} />`}</section>`;
}

/** Most steps of the path that are listed. */
const LISTED = 100;

/** @param {{path: import('../data/critical.js').Part[], steps: Record<string, any>[], elapsedUs: number, select: (step: number) => void}} props */
function Critical({ path, steps, elapsedUs, select }) {
  const shares = criticalShares(path);
  return html`<div class="pane padded"><p class="mut">At each moment one step held up the end. Shortening these makes the transaction shorter; shortening others does not.</p>
    <div class="scroll" tabindex="0" role="region" aria-label="Critical path"><table class="data" data-testid="critical"><thead><tr><th scope="col" class="num">Of the path</th><th scope="col" class="num">Share</th><th scope="col">Step</th><th scope="col">Place</th></tr></thead>
      <tbody>${shares.slice(0, LISTED).map(({ step, us }) => html`<tr key=${step}><td class="num"><b>${duration(us)}</b></td><td class="num">${percent(us, elapsedUs)}</td>
        <td>${step < 0 ? html`<span class="mut">in no recorded step</span>` : html`<button class="link step-link" onClick=${() => select(step)}><span class=${`kind is-${steps[step].kind}`}>${kindText(steps[step].kind)}</span> ${steps[step].name || steps[step].text}</button>`}</td>
        <td><code class="mut">${step < 0 ? '' : steps[step].place}</code></td></tr>`)}</tbody></table></div>
    ${shares.length > LISTED && html`<p class="foot mut">The ${count(LISTED)} largest of ${count(shares.length)}</p>`}</div>`;
}

/** @param {{xlog: any}} props */
function Calls({ xlog }) {
  const loaded = useDocument(`trace/${xlog.gxid}`);
  const { data } = loaded;
  if (!data) return html`<div class="pane padded"><${LoadState} loaded=${loaded} what="the trace" /></div>`;
  const all = data.transactions;
  const callers = all.filter((/** @type {any} */ x) => x.txid === xlog.caller);
  const callees = all.filter((/** @type {any} */ x) => x.caller === xlog.txid);
  return html`<div class="pane padded" data-testid="calls">
    <h3>Called by</h3><${CallTable} label="Called by" rows=${callers} whole=${xlog.elapsed_us} none=${xlog.caller ? html`<span class="warn">The caller <code>${xlog.caller}</code> is not stored.</span>` : 'Nobody: it came from outside.'} />
    <h3>Calls</h3><${CallTable} label="Calls" rows=${callees} whole=${xlog.elapsed_us} none="No instrumented service." />
    ${all.length > 1 && html`<p><a href=${`/trace/${xlog.gxid}`}>The whole trace: ${count(all.length)} transactions</a></p>`}</div>`;
}

/** @param {{label: string, rows: any[], whole: number, none: any}} props */
function CallTable({ label, rows, whole, none }) {
  if (rows.length === 0) return html`<p class="mut">${none}</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}><table class="data fixed"><thead><tr><th scope="col">Service</th><th scope="col">Object</th><th scope="col">Status</th><th scope="col" class="num">Elapsed</th><th scope="col" class="num">Of this one</th></tr></thead>
    <tbody>${rows.map(x => html`<tr key=${x.txid}><th scope="row"><a href=${txHref(x)}>${x.service}</a></th><td>${x.object}</td><td><${Status} xlog=${x} isShort=${true} /></td><td class="num"><b>${duration(x.elapsed_us)}</b></td><td class="num">${percent(x.elapsed_us, whole)}</td></tr>`)}</tbody></table></div>`;
}
