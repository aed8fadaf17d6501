// Alerts in full: what was noticed, where in the code, to whom, how often, what to look at first, and
// the transactions and traces it was noticed in.

import { html, useState } from '../../vendor/preact.js';
import { grouped, titleOf, toneOf, weightOf } from '../core/alert_kinds.js';
import { clock, count, dateTime } from '../core/format.js';
import { toolHref } from '../core/links.js';
import { view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { functionsOf, isOwn, placeText } from '../data/threads.js';
import { txHref } from './badges.js';

/** Groups drawn at first; a button shows the others. */
const SHOWN = 100;
/** Names of objects, services and tenants written out. */
const NAMED = 4;

/** What to look at first; the message says what happened. @type {Record<string, string>} */
const ADVICE = {
  connection_leak: 'Look at the place: it took a connection that outlived its request. Something keeps it: a struct, a spawned task, a forgotten guard.',
  too_many_rows: 'Look for a missing LIMIT or WHERE, or stream the rows instead of collecting them.',
  cancelled_begin: 'Whoever asked left while BEGIN was under way; the connection was closed to be safe. Many of these wear out the pool: look for timeouts shorter than the database needs.',
  pool_exhausted: 'The message names who holds the connections. Look at these first; a larger pool only helps when all of them are short.',
  forced_end: 'Somebody ended it from the page or the agent did at its limit. Look at its last step.',
  agent: 'Data may be missing while this lasts. The counters of the object say what and how much.',
  repeated_statement: 'Fetch all rows with one JOIN or IN, or write them in one batch.',
  slow_statement: 'Run EXPLAIN on it. Compare the wait for a connection with the execution in its profile first.',
  slow_transaction: 'Open the transaction: its critical path says where the time goes.',
  slow_call: 'Open the trace: the transaction of whoever was called says whether it or the way there is slow. See that the client has a timeout.',
  slow_acquire: 'All connections are in use: look at who holds them, not at who waits.',
  stuck_await: 'A future was not polled for long: a lock, a channel or an answer that does not come. The place is what it awaits, as far as it is known.',
  blocking_poll: 'Blocking work between two awaits: move it to spawn_blocking, or split it. Every other task of that thread waited.',
  starved_runtime: 'Tasks that are ready are not polled. Look for blocked threads at the same time, then at the CPU limit of the container.',
  uncommitted: 'Its locks are held. Look for an early return without commit, or a call inside the database transaction.',
  held_long: 'Give the connection back before work that does not need it.',
  held_across_call: 'A slow answer of the other service keeps a connection from everybody else: call before acquiring, or after giving back.',
  chatty_calls: 'Ask once for many, or keep the answer.',
  panic: 'The place is where it panicked. The transaction has the steps that led there.',
  error_burst: 'Look at what changed at the first one: a release, an option, a service behind.',
  large_allocation: 'Look at what is read whole: a body, a file, a result. Stream it or limit it.',
  memory_growth: 'Compare the counters of memory with the rate: growth without traffic is a leak, growth with it a queue or a cache without a bound.',
  cascade: 'The cause is the service behind. Look at that one first; timeouts and fewer retries here limit the damage.',
  retry_storm: 'The destination fails, and retries keep it down: back off with jitter, and limit how many retry at once.',
  previous_death: 'The message has what is known of its end. Look at the kernel log for an OOM kill, and at the panics before it.',
};

/** Kinds whose cause a dump of threads shows while it lasts. */
const ON_THREADS = new Set(['blocking_poll', 'starved_runtime']);
/** Kinds whose cause the heap profile shows. */
const ON_HEAP = new Set(['memory_growth', 'large_allocation']);

/** A place in the code. */
const LINE = /:\d+$/;

/** @param {string[]} values */
const names = values => values.slice(0, NAMED).join(', ') + (values.length > NAMED ? ` and ${count(values.length - NAMED)} more` : '');

/** @param {{alerts: any[], testId?: string}} props worst first, then newest */
export function AlertGroups({ alerts, testId = 'alert-list' }) {
  const [shown, show] = useState(SHOWN);
  const groups = grouped(alerts).sort((a, b) => weightOf(b.level) - weightOf(a.level) || b.alert.unix_us - a.alert.unix_us);
  return html`<ul class="plain alert-groups" data-testid=${testId}>${groups.slice(0, shown).map(group => html`<${AlertGroup} key=${group.key} group=${group} />`)}</ul>
    ${groups.length > shown && html`<p class="mut">${count(shown)} of ${count(groups.length)} causes <button class="link" onClick=${() => show(groups.length)}>show all</button></p>`}`;
}

/** @param {{group: import('../core/alert_kinds.js').Group}} props */
function AlertGroup({ group }) {
  const { alert, level, times, firstUs, objects, services, tenants, linked, stack } = group;
  const isDay = alert.unix_us - firstUs > 43_200_000_000 || Date.now() * 1000 - firstUs > 43_200_000_000;
  const when = (/** @type {number} */ us) => (isDay ? dateTime(us / 1000, false) : clock(us / 1000, false));
  const advice = ADVICE[alert.kind];
  // What has no instrumented function around it is told by its text; the stack knows the line.
  const isPlace = alert.place && (LINE.test(alert.place) || !alert.message.includes(alert.place));
  const caller = LINE.test(alert.place) ? undefined : functionsOf({ frames: stack }).find(isOwn);
  return html`<li class=${`alert is-${toneOf(level)}`}>
    <header><span class=${`level ${toneOf(level)}`}>${level}</span><h3>${titleOf(alert.kind)}</h3>
      ${times > 1 && html`<b class="times" title="How often it was noticed, those between two alerts included">×${count(times)}</b>`}
      <span class="mut">${times > 1 && firstUs !== alert.unix_us ? html`first ${when(firstUs)}, last ` : ''}${when(alert.unix_us)}</span></header>
    <p class="alert-message">${alert.message}</p>
    <dl class="alert-facts">
      ${isPlace && fact('Place', html`<code>${alert.place}</code>`)}
      ${caller && fact('Run by', html`<code>${caller.name} ${placeText(caller.place)}</code>`)}
      ${services.length > 0 && fact('Service', services.length === 1 ? html`<a href=${viewUrl(`/services/${encodeURIComponent(services[0])}`, { ...view.value, f: '', box: null })}>${services[0]}</a>` : names(services))}
      ${objects.length > 0 && fact('Object', names(objects))}
      ${ON_THREADS.has(alert.kind) && alert.object && fact('While it lasts', html`<a href=${toolHref(alert.object, 'threads')}>threads of ${alert.object}</a> · <a href=${toolHref(alert.object, 'sfa')}>hot stacks</a>`)}
      ${ON_HEAP.has(alert.kind) && alert.object && fact('What lives where', html`<a href=${toolHref(alert.object, 'heap')}>heap of ${alert.object}</a>`)}
      ${tenants.length > 0 && fact('Tenant', names(tenants))}
      ${linked.length > 0 && fact('Transactions', linked.map((one, i) => html`<span key=${one.txid}>${i > 0 && ' · '}<a href=${txHref(one)} title=${dateTime(one.unix_us / 1000)}>${when(one.unix_us)}</a> <a class="mut" href=${`/trace/${one.gxid}`} aria-label=${`Trace of the transaction at ${when(one.unix_us)}`}>trace</a></span>`))}
    </dl>
    ${stack.length > 0 && html`<details><summary>What the thread was doing</summary><pre>${stack.flatMap(lines).join('\n')}</pre></details>`}
    ${advice && html`<p class="advice"><span class="mut">Look first:</span> ${advice}</p>`}</li>`;
}

/** A frame of a native stack, and what was inlined into it. @param {any} frame */
const lines = frame => frame.functions.map((/** @type {any} */ one) => `${one.name}  ${placeText(one.place)}`.trimEnd());

/** @param {string} label @param {any} value */
const fact = (label, value) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`;
