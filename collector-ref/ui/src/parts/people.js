// Tiles of today: the calls since midnight, and who makes them. Beside the figures of the moment.

import { html } from '../../vendor/preact.js';
import { count, percent } from '../core/format.js';
import { feed } from '../data/hub.js';
import { useDocument } from './loaded.js';
import { Sparkline } from './sparkline.js';

/** Agents send counters every two seconds, digests every ten. */
const USERS_EVERY_MS = 10_000;
const TODAY_EVERY_MS = 30_000;
const BACK_US = 300_000_000;
/** Objects send at times of their own: those of four seconds are one. */
const SLOT_US = 4_000_000;
/** A value older than this is of an agent that is gone. */
const STALE_US = 60_000_000;

/** @typedef {[number, number][]} Points */

/** The last minutes. */
const lately = () => {
  const now = Math.ceil(feed.serverNow()) * 1000;
  return { from_unix_us: now - BACK_US, to_unix_us: now };
};

/** Since midnight of whoever looks. */
const today = () => {
  const now = feed.serverNow();
  return { from_unix_us: new Date(now).setHours(0, 0, 0, 0) * 1000, to_unix_us: Math.ceil(now) * 1000 };
};

/**
 * A counter of people over time: at each time the largest of all objects, since they share their users.
 * @param {{points: Points}[]} series
 */
export function largest(series) {
  /** @type {Map<number, number>} */
  const bySecond = new Map();
  for (const { points } of series) {
    for (const [us, value] of points) {
      const slot = Math.floor(us / SLOT_US);
      bySecond.set(slot, Math.max(bySecond.get(slot) ?? 0, value));
    }
  }
  return [...bySecond].sort(([a], [b]) => a - b).map(([, value]) => value);
}

/** The newest value, the largest of all objects that still report. @param {{points: Points}[]} series @param {number} nowUs */
export function newest(series, nowUs) {
  const last = series.map(({ points }) => points[points.length - 1]).filter(point => point && nowUs - point[0] < STALE_US);
  return last.length > 0 ? Math.max(...last.map(([, value]) => value)) : null;
}

export function PeopleTiles() {
  const users = useDocument('counters', { name: 'recent_users|' }, USERS_EVERY_MS, 0, lately).data?.series ?? [];
  const visitors = useDocument('counters', { name: 'visitors_today|' }, USERS_EVERY_MS, 0, lately).data?.series ?? [];
  const services = useDocument('digests', { kind: 'service', limit: 1_000 }, TODAY_EVERY_MS, 0, today).data?.groups;
  const sum = (/** @type {string} */ key) => services?.reduce((/** @type {number} */ all, /** @type {any} */ g) => all + g[key], 0);
  const nowUs = feed.serverNow() * 1000;
  const errors = sum('errors') ?? 0;
  return html`<div class="tile" data-testid="tile-users" title="Users and visitors as the busiest object counts them: objects share them"><span class="tile-label">Users now</span><span class="tile-value">${count(newest(users, nowUs))}</span>
      <span class="tile-note">${count(newest(visitors, nowUs))} today</span><${Sparkline} series=${largest(users)} samples=${BACK_US / SLOT_US} /></div>
    <div class="tile" data-testid="tile-today" title="Transactions since midnight, by the totals of the agents"><span class="tile-label">Calls today</span><span class="tile-value">${count(sum('count'))}</span>
      <span class=${errors > 0 ? 'tile-note err' : 'tile-note'} title=${`${count(errors)} failed`}>${errors > 0 ? percent(errors, sum('count') ?? 0) : ''}</span></div>`;
}
