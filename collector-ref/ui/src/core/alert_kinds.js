// What each kind of alert is called, in words that a tired person reads once. The names are those of
// the collector (`src/names.rs`); a test holds that none is missing.

/** @type {Record<string, string>} */
export const TITLES = {
  connection_leak: 'Connection not given back',
  too_many_rows: 'Too many rows',
  cancelled_begin: 'BEGIN was cancelled',
  pool_exhausted: 'Pool is empty',
  forced_end: 'Transaction ended from outside',
  agent: 'Trouble of the agent',
  repeated_statement: 'One statement again and again',
  slow_statement: 'Slow statement',
  slow_transaction: 'Slow transaction',
  slow_call: 'Slow call',
  slow_acquire: 'Long wait for a connection',
  stuck_await: 'Stuck at an await',
  blocking_poll: 'Thread blocked by one poll',
  starved_runtime: 'Runtime without a free thread',
  uncommitted: 'Open database transaction',
  held_long: 'Connection held for long',
  held_across_call: 'Connection held across a call',
  chatty_calls: 'Too many small calls',
  panic: 'Panic',
  error_burst: 'Burst of errors',
  large_allocation: 'Very large allocation',
  memory_growth: 'Memory grows',
  cascade: 'Pulled down by a service behind',
  retry_storm: 'Retries without end',
  previous_death: 'The process before died',
};

/** The title of a kind; of one that only a newer collector knows, its name. @param {string} kind */
export function titleOf(kind) {
  const name = String(kind).replaceAll('_', ' ');
  return TITLES[kind] ?? name.charAt(0).toUpperCase() + name.slice(1);
}

/** What was taken and is not given back: by a transaction that is over, or by one that still runs. */
export const LEAKS = new Set(['connection_leak', 'uncommitted', 'held_long', 'memory_growth']);

const LEVELS = ['info', 'warn', 'error', 'fatal'];
/** How bad a level is; an unknown one is as bad as the worst. @param {string} level */
export const weightOf = level => (LEVELS.includes(level) ? LEVELS.indexOf(level) : LEVELS.length);
/** The class of its colour: red is for what fails. @param {string} level */
export const toneOf = level => (weightOf(level) >= 2 ? 'err' : level === 'warn' ? 'warn' : 'mut');

/**
 * @typedef {object} Group alerts of one cause
 * @property {string} key
 * @property {any} alert the newest
 * @property {string} level the worst
 * @property {number} times how often it was noticed, what the rate limit swallowed included
 * @property {number} firstUs
 * @property {string[]} objects
 * @property {string[]} services
 * @property {string[]} tenants
 * @property {any[]} stack the newest native stack that was taken, leaf first
 * @property {any[]} linked newest alerts that name a transaction, each transaction once
 */

/** Most transactions a group leads to. */
const MAX_LINKED = 5;

/**
 * One group for each kind at each place, newest first: an agent repeats an alert every few seconds
 * while its cause lasts, and counts those between; replicas of one service have the same cause. Where
 * there is no place, it is the service that tells causes apart.
 * @param {any[]} alerts
 * @returns {Group[]}
 */
export function grouped(alerts) {
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const alert of [...alerts].sort((a, b) => b.unix_us - a.unix_us)) {
    const key = JSON.stringify([alert.kind, alert.place || ['', alert.service, alert.service ? '' : alert.object]]);
    let group = groups.get(key);
    if (!group) groups.set(key, group = { key, alert, level: alert.level, times: 0, firstUs: alert.unix_us, objects: [], services: [], tenants: [], linked: [], stack: [] });
    group.times += 1 + (alert.suppressed ?? 0);
    group.firstUs = alert.unix_us;
    if (group.stack.length === 0) group.stack = alert.stack ?? [];
    if (weightOf(alert.level) > weightOf(group.level)) group.level = alert.level;
    note(group.objects, alert.object);
    note(group.services, alert.service);
    note(group.tenants, alert.tenant);
    const isNew = alert.txid && !group.linked.some(one => one.txid === alert.txid && one.gxid === alert.gxid);
    if (isNew && group.linked.length < MAX_LINKED) group.linked.push(alert);
  }
  return [...groups.values()];
}

/** @param {string[]} known @param {string} value */
function note(known, value) {
  if (value && !known.includes(value)) known.push(value);
}
