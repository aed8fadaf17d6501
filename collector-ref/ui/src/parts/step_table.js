// The steps of a profile: tree, times, what each waited for, bars on one time axis.

import { html, useMemo, useState } from '../../vendor/preact.js';
import { count, duration, plural } from '../core/format.js';
import { isPoint } from '../data/flame.js';
import { StepTree } from '../data/profile.js';
import { VTable } from './vtable.js';

/** @typedef {Record<string, any>} Step */

const ROW_PX = 24;
const KINDS = /** @type {Record<string, string>} */ ({
  method: 'fn', sql: 'SQL', api: 'API', message: 'msg', error: 'ERR', pool_wait: 'pool', wait: 'wait', spawn: 'spawn', sql_transaction: 'tx',
});

/** A kind in a few letters. @param {string} kind */
export const kindText = kind => KINDS[kind] ?? kind;

/** Head of a column of bars over this time. @param {number} totalUs */
export const axisHead = totalUs => html`<span class="axis-head"><span>0</span><span>${duration(totalUs / 2)}</span><span>${duration(totalUs)}</span></span>`;

/** What a step says beyond its name, in a few words. @param {Step} step */
export function stepNote(step) {
  const parts = [];
  const { sql, api } = step;
  if (step.count > 1) parts.push(`max ${duration(step.max_us)}`);
  if (sql) {
    // Without a wait the execution is what the column of the elapsed time says.
    if (sql.pool_wait_us > 0) parts.push(`wait ${duration(sql.pool_wait_us)}`, `exec ${duration(Math.max(0, step.elapsed_us - sql.pool_wait_us))}`);
    if (sql.rows > 0 || !sql.affected) parts.push(plural(sql.rows ?? 0, 'row'));
    if (sql.affected > 0) parts.push(`${count(sql.affected)} affected`);
  }
  if (api) {
    if (api.status > 0) parts.push(String(api.status));
    if (api.ttfb_us > 0) parts.push(`first byte ${duration(api.ttfb_us)}`);
  }
  return parts.join(' · ');
}

/** @param {{steps: Step[], elapsedUs: number, selected: number, select: (index: number) => void, critical?: Set<number>}} props selected is a step's index; critical: those on the critical path */
export function StepTable({ steps, elapsedUs, selected, select, critical }) {
  const tree = useMemo(() => new StepTree(steps), [steps]);
  const [closed, setClosed] = useState(/** @type {Set<number>} */ (new Set()));
  const shown = useMemo(() => tree.visible(closed), [tree, closed]);
  const totalUs = Math.max(1, elapsedUs);
  const toggle = (/** @type {number} */ i, /** @type {boolean | undefined} */ isClosed) => {
    if (tree.children[i] === 0) return;
    const next = new Set(closed);
    if (isClosed ?? !next.has(i)) next.add(i);
    else next.delete(i);
    setClosed(next);
  };
  const columns = useMemo(() => makeColumns(tree, closed, toggle, totalUs), [tree, closed, totalUs]);
  const keys = {
    ArrowLeft: () => (selected >= 0 ? toggle(selected, true) : false),
    ArrowRight: () => (selected >= 0 ? toggle(selected, false) : false),
  };
  return html`<${VTable} role="treegrid" columns=${columns} count=${shown.length} row=${(/** @type {number} */ at) => steps[shown[at]]}
    rowKey=${(/** @type {Step} */ _, /** @type {number} */ at) => shown[at]} rowPx=${ROW_PX} caption=${`${count(steps.length)} steps`} testId="steps"
    selected=${shown.indexOf(selected)} select=${(/** @type {number} */ at) => select(shown[at])}
    rowClass=${(/** @type {Step} */ step) => `step is-${step.kind}${step.outcome !== 'ok' ? ' is-not-ok' : ''}${critical?.has(step.index) ? ' is-critical' : ''}${step.outcome === 'error' || step.outcome === 'panic' || step.kind === 'error' ? ' row-error' : ''}`}
    rowProps=${(/** @type {Step} */ step) => rowProps(step, tree, closed)} keys=${keys} />`;
}

/** @param {Step} step @param {StepTree} tree @param {Set<number>} closed */
function rowProps(step, tree, closed) {
  const i = step.index;
  return { 'aria-level': tree.depth[i] + 1, 'aria-expanded': tree.children[i] > 0 ? String(!closed.has(i)) : undefined };
}

/**
 * @param {StepTree} tree @param {Set<number>} closed @param {(i: number, isClosed?: boolean) => void} toggle @param {number} totalUs
 * @returns {import('./vtable.js').Column<Step>[]}
 */
function makeColumns(tree, closed, toggle, totalUs) {
  return [
    { key: 'index', label: '#', width: 58, isNumber: true, cell: step => html`<span class="mut">${step.index}</span>` },
    { key: 'name', label: 'Step', width: '42%', cell: step => html`<${StepName} step=${step} depth=${tree.depth[step.index]} children=${tree.children[step.index]} isClosed=${closed.has(step.index)} toggle=${() => toggle(step.index)} />` },
    { key: 'start', label: 'Start', width: 78, isNumber: true, cell: step => html`<span class="mut">${duration(step.start_us)}</span>` },
    { key: 'elapsed', label: 'Elapsed', width: 82, isNumber: true, cell: step => (isPoint(step) ? '' : html`<b>${duration(step.elapsed_us)}</b>`) },
    { key: 'busy', label: 'Busy', width: 76, isNumber: true, cell: step => (isPoint(step) ? '' : html`<span class="mut">${duration(step.busy_us)}</span>`) },
    { key: 'own', label: 'Own', width: 76, isNumber: true, cell: step => (isPoint(step) || tree.children[step.index] === 0 ? '' : html`<span class="mut">${duration(tree.gaps(step.index).reduce((sum, gap) => sum + gap.toUs - gap.fromUs, 0))}</span>`) },
    { key: 'bar', label: 'Time', width: '30%', head: axisHead(totalUs), cell: step => html`<${Bar} step=${step} totalUs=${totalUs} gaps=${tree.children[step.index] > 0 ? tree.gaps(step.index) : NONE} />` },
  ];
}

/** @type {{fromUs: number, toUs: number}[]} */
const NONE = [];
/** Most gaps drawn in a bar, and the shortest share of the whole that is. */
const GAPS_DRAWN = 12;
const GAP_SHARE = 0.01;

/** @param {{step: Step, depth: number, children: number, isClosed: boolean, toggle: () => void}} props */
function StepName({ step, depth, children, isClosed, toggle }) {
  const indent = Math.min(depth, 24) * 14;
  const press = (/** @type {Event} */ event) => {
    event.stopPropagation();
    toggle();
  };
  const outcome = step.outcome === 'ok' ? null : step.outcome;
  const note = stepNote(step);
  return html`<span class="step-name" style=${{ paddingLeft: `${indent}px` }} title=${step.place ? `${step.name}\n${step.place}` : step.name}>
    ${children > 0 ? html`<button class="fold" tabindex="-1" aria-label=${isClosed ? 'Open' : 'Close'} onClick=${press}>${isClosed ? '▸' : '▾'}</button>` : html`<span class="fold"></span>`}
    <span class=${`kind is-${step.kind}`}>${KINDS[step.kind] ?? step.kind}</span>
    ${step.count > 1 && html`<span class="folded">×${count(step.count)}</span>`}
    <span class="text">${step.name || step.text}</span>${step.place && html`<code class="place">${step.place}</code>`}
    ${outcome && html`<span class=${outcome === 'error' || outcome === 'panic' ? 'tag err' : 'tag'}>${outcome}</span>`}
    ${note && html`<span class="note">${note}</span>`}</span>`;
}

/** Length is elapsed; the filled part is the share of it in which a thread worked. A dotted line: none of its steps ran. @param {{step: Step, totalUs: number, gaps: {fromUs: number, toUs: number}[]}} props */
function Bar({ step, totalUs, gaps }) {
  const left = Math.min(100, (step.start_us / totalUs) * 100);
  if (isPoint(step)) return html`<span class="time-bar"><i class=${`point is-${step.kind}`} style=${{ left: `${left}%` }}></i></span>`;
  const width = Math.min(100 - left, (step.elapsed_us / totalUs) * 100);
  const busy = step.elapsed_us > 0 ? Math.min(100, (step.busy_us / step.elapsed_us) * 100) : 100;
  return html`<span class="time-bar"><i class=${`length is-${step.kind}`} style=${{ left: `${left}%`, width: `${width}%` }}><i class="busy" style=${{ width: `${busy}%` }}></i></i>${gaps.slice(0, GAPS_DRAWN).filter(gap => gap.toUs - gap.fromUs > totalUs * GAP_SHARE).map(gap => html`<i key=${gap.fromUs} class="gap-bar" title=${`${duration(gap.toUs - gap.fromUs)} in none of its steps`} style=${{ left: `${(gap.fromUs / totalUs) * 100}%`, width: `${((gap.toUs - gap.fromUs) / totalUs) * 100}%` }}></i>`)}</span>`;
}
