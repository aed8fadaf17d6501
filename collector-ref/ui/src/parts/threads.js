// A dump of all threads of a process: who polls what, who waits where, each with its native stack.

import { html, useState } from '../../vendor/preact.js';
import { getJson, postJson } from '../core/api.js';
import { clock, count, dateTime, duration, plural } from '../core/format.js';
import { functionsOf, isOwn, placeText, sortedThreads, stateText, whereOf } from '../data/threads.js';
import { KeptDumps } from './kept_dumps.js';
import { OpenSteps, ROW_PX, RUNNING, runningKey } from './running.js';
import { Switches } from './switches.js';
import { OnlyLook, Refusal } from './tool_tabs.js';
import { VTable } from './vtable.js';

/** @type {Record<string, string>} */
const CAPABILITIES = { stacks_asleep: 'Stacks of sleeping threads', stacks_running: 'Stacks of running threads', cpu_samples: 'Samples of CPU time' };
/** @type {Record<string, string>} */
const QUALITY = { guessed: 'The stack is a guess: it was unwound without tables, and callers may be missing or wrong.', cut: 'The stack is cut: it is deeper than what is kept.' };

/** @type {import('./vtable.js').Column<any>[]} */
const COLUMNS = [
  { key: 'tid', label: 'Thread', width: 76, isNumber: true, cell: x => html`<code>${x.tid}</code>` },
  { key: 'name', label: 'Name', width: 140, cell: x => html`<b title=${x.name}>${x.name}</b>` },
  { key: 'state', label: 'State', width: 106, cell: x => html`<span class=${x.state === 'R' ? 'running' : x.state === 'D' ? 'warn' : 'mut'}>${stateText(x.state)}</span>` },
  { key: 'cpu', label: 'CPU', width: 84, isNumber: true, cell: x => duration(x.cpu_ms * 1000) },
  { key: 'polls', label: 'Polls', width: '17%', cell: x => (x.txid === null ? '' : html`<b title=${x.service}>${x.service}</b>`) },
  { key: 'for', label: 'For', width: 80, isNumber: true, cell: x => (x.txid === null ? '' : duration(x.poll_us)) },
  { key: 'where', label: 'Where', width: 'auto', cell: x => html`<${Where} x=${x} />` },
  { key: 'waits', label: 'In the kernel', width: 120, cell: x => html`<span class="mut">${x.waits_in}</span>` },
];

/** @param {{x: any}} props */
function Where({ x }) {
  const at = whereOf(x);
  return at ? html`<span title=${`${at.name} ${at.place}`}>${at.name}</span>` : html`<span class="mut">${x.missing || 'no stack'}</span>`;
}

/**
 * @typedef {object} Dump
 * @property {number} atMs
 * @property {any} threads
 * @property {any[] | null} active what ran then, where that was asked too
 * @property {string} id of one that was kept
 * @property {string} why
 */

/** @param {import('../pages/tool.js').ToolProps} props */
export function ThreadsTool({ object, path, query, mayAct, onAmbiguous }) {
  const [dump, setDump] = useState(/** @type {Dump | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [isAsked, ask] = useState(false);
  const load = async (/** @type {() => Promise<Dump>} */ from) => {
    ask(true);
    setError(null);
    try {
      setDump(await from());
    } catch (said) {
      if (/** @type {any} */ (said).code === 'ambiguous') onAmbiguous(said);
      else setError(said);
    }
    ask(false);
  };
  const take = () => load(async () => ({ atMs: Date.now(), threads: await postJson(`threads/${path}`, {}, query), active: null, id: '', why: '' }));
  const show = (/** @type {any} */ kept) => load(async () => {
    const { threads, active } = await getJson(`dumps/${kept.id}`);
    return { atMs: kept.unix_us / 1000, threads, active: active.transactions, id: kept.id, why: kept.why };
  });
  const button = html`<button class="primary" disabled=${!mayAct || isAsked} onClick=${take}>${isAsked ? 'Asking…' : dump ? 'Dump again' : 'Dump all threads'}</button>`;
  return html`<${KeptDumps} object=${object} shown=${dump?.id ?? ''} show=${show} />
    ${dump ? html`<${Shown} key=${`${dump.id} ${dump.atMs}`} dump=${dump} button=${button} error=${error} />` : html`<section class="panel calm"><h2>No dump yet</h2>
      <p>Shows every thread with what it polls, where it waits, and its native stack. A running thread is held up for some microseconds, and the collector's audit file says who asked.</p>
      ${mayAct ? html`<p>${button}</p>` : html`<${OnlyLook} but="dump threads" />`}<${Refusal} error=${error} /></section>`}`;
}

/** @param {{dump: Dump, button: any, error: any}} props */
function Shown({ dump, button, error }) {
  const [picked, pick] = useState(-1);
  const [isActive, showActive] = useState(false);
  const { threads, atMs, active } = dump;
  const rows = sortedThreads(threads.threads ?? []);
  const selected = rows.findIndex(x => x.tid === picked);
  const away = (threads.capabilities ?? []).filter((/** @type {any} */ one) => one.unavailable);
  const polling = rows.filter(x => x.txid !== null).length;
  const at = dump.id ? `on ${dateTime(atMs, false)}` : `at ${clock(atMs, false)}`;
  return html`<section class="panel" aria-label="Dump"><div class="panel-head">${button}<span class="count" data-testid="thread-count">${count(threads.total ?? 0)}</span><span class="mut">${threads.total > rows.length ? `threads, ${count(rows.length)} listed` : 'threads'} ${at}, ${polling === 0 ? 'none' : count(polling)} in a poll of a transaction</span>
        ${active && html`<span class="spring"></span><${Switches} label="Of the dump" of=${[['threads', 'Threads'], ['active', `Active services (${count(active.length)})`]]} value=${isActive ? 'active' : 'threads'} choose=${(/** @type {string} */ name) => showActive(name === 'active')} />`}</div>
      ${dump.why && html`<p class="mut" data-testid="why">Taken because of: ${dump.why}</p>`}
      <${Refusal} error=${error} />
      ${threads.unavailable && html`<p class="warn">No threads: ${threads.unavailable}</p>`}
      ${away.map((/** @type {any} */ one) => html`<p class="warn" key=${one.name}>${CAPABILITIES[one.name] ?? one.name}: not here. ${one.unavailable}</p>`)}</section>
    ${isActive ? html`<${Active} rows=${active} />` : html`<div class=${selected >= 0 ? 'profile with-detail' : 'profile'}><section class="panel steps-panel" aria-label="Threads">
      <${VTable} columns=${COLUMNS} count=${rows.length} row=${(/** @type {number} */ i) => rows[i]} rowKey=${(/** @type {any} */ x) => x.tid} rowPx=${ROW_PX}
        caption="Threads, those in a poll first" selected=${selected} select=${(/** @type {number} */ i) => pick(rows[i].tid)} testId="threads" keys=${{ Escape: () => (selected >= 0 ? pick(-1) : false) }} /></section>
      ${selected >= 0 && html`<${Stack} x=${rows[selected]} close=${() => pick(-1)} />`}</div>`}`;
}

/** What ran when the dump was taken. @param {{rows: any}} props */
function Active({ rows }) {
  const [picked, pick] = useState(-1);
  const columns = [RUNNING.age, { key: 'service', label: 'Service', width: '24%', cell: (/** @type {any} */ x) => html`<b title=${x.service}>${x.service}</b>` }, RUNNING.step, RUNNING.state, RUNNING.busy, RUNNING.tenant];
  return html`<div class=${picked >= 0 ? 'profile with-detail' : 'profile'}><section class="panel steps-panel" aria-label="Active services">
      <${VTable} columns=${columns} count=${rows.length} row=${(/** @type {number} */ i) => rows[i]} rowKey=${runningKey} rowPx=${ROW_PX}
        caption="What ran then, oldest first" selected=${picked} select=${pick} testId="dumped-active" keys=${{ Escape: () => (picked >= 0 ? pick(-1) : false) }} /></section>
      ${picked >= 0 && html`<${OpenSteps} x=${rows[picked]} close=${() => pick(-1)} />`}</div>`;
}

/** @param {{x: any, close: () => void}} props */
function Stack({ x, close }) {
  const [isWhole, showWhole] = useState(false);
  const functions = functionsOf(x);
  const own = functions.filter(isOwn);
  const shown = isWhole || own.length === 0 ? functions : own;
  return html`<aside class="panel step-detail" aria-labelledby="stack-title"><header class="panel-head"><h2 id="stack-title">${x.name} <code class="mut">${x.tid}</code></h2><span class="spring"></span><button class="link" onClick=${close}>close</button></header>
    ${x.txid !== null && html`<p>Polls <b>${x.service}</b> since ${duration(x.poll_us)}. <a href="/active">Active services</a></p>`}
    ${x.missing && html`<p class="warn">No stack: ${x.missing}</p>`}${QUALITY[x.quality] && html`<p class="warn">${QUALITY[x.quality]}</p>`}
    ${functions.length > 0 && html`<p class="mut">${plural(functions.length, 'function')}, the innermost first${x.pause_ns > 0 ? `; held up for ${duration(x.pause_ns / 1000)}` : ''}. ${own.length > 0 && own.length < functions.length && html`<button class="link" onClick=${() => showWhole(!isWhole)}>${isWhole ? 'own code only' : `show ${plural(functions.length - own.length, 'function')} of libraries`}</button>`}</p>`}
    <ol class="stack is-native" data-testid="native-stack">${shown.map((one, i) => html`<li key=${i} class=${isOwn(one) ? '' : 'mut'}><span class="stack-name">${one.name}</span>${one.inlined && html` <span class="note">inlined</span>`}${one.place && html`<br /><code class="mut" title=${one.place}>${placeText(one.place)}</code>`}${one.missing && html`<br /><span class="mut">${one.missing}</span>`}</li>`)}</ol></aside>`;
}
