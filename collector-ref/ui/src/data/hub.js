// What the pages share: the live feed with its store and pulses, and the store of a fixed range.

import { batch, computed, effect, signal } from '../../vendor/preact.js';
import { ApiError, getBytes } from '../core/api.js';
import { split } from '../core/filter.js';
import { measureParam } from '../core/measures.js';
import { route, view } from '../core/router.js';
import { backfill } from './backfill.js';
import { LiveFeed, browserWorld } from './live.js';
import { POINTS, decodeFrames } from './points.js';
import { Store } from './store.js';

/** @typedef {import('./points.js').Block} Block */
/** @typedef {import('../scatter/paint.js').Hole} Hole */
/**
 * @typedef {object} Source points to draw
 * @property {Store} store
 * @property {Set<(block: Block) => void>} onBlock
 * @property {Hole[]} holes
 * @property {boolean} isCounted too many points to hold: the collector counts the picture
 */

/** What the collector says when a range has more points than a page holds. */
const TOO_MANY = 'too_many';

/** Pulses kept for the sparklines: one a second. */
export const MAX_PULSES = 300;
/** How much longer than the window points are held, so that a late one still finds its column. */
const KEEP_EXTRA_MS = 65_000;

/** Words the page decides itself, and the rest for the collector. */
export const filterSplit = computed(() => split(view.value.f));
/** Right edge frozen by the viewer (unix ms), or `null` while it slides. */
export const pausedAtMs = signal(/** @type {number | null} */ (null));
/** Newest pulse. */
export const pulse = signal(/** @type {any} */ (null));
/** Pulses of the last minutes, oldest first. */
export const pulses = signal(/** @type {any[]} */ ([]));
/** Alerts the pulses of this tab told of; it only says that there is something new to load. */
export const alertsSeen = signal(0);
/** Grows whenever the points in the source change wholesale: draw everything again. */
export const sourceVersion = signal(0);
/** Grows when points were added (at most ten times a second): counts may have changed. */
export const pointsVersion = signal(0);
/** `loading`, '' or what went wrong with a fixed range. */
export const historyState = signal('');
/** Whether the first live snapshot is complete. */
export const isCaughtUp = signal(false);

/** @returns {Source} */
const emptySource = () => ({ store: new Store(), onBlock: new Set(), holes: [], isCounted: false });
const live = emptySource();
/** Stands in for the live points while there are more than a page holds. */
const liveCounted = { ...emptySource(), isCounted: true };
let history = emptySource();

/** The points on display. */
export function source() {
  if (!view.value.range.live) return history;
  return feed.refused.value === TOO_MANY ? liveCounted : live;
}
/** Called by a scatter for each chunk that leaves the store. */
export const onEvict = /** @type {Set<(chunk: import('./store.js').Chunk) => void>} */ (new Set());
live.store.onEvict = chunk => onEvict.forEach(listener => listener(chunk));

let lastNote = 0;
function notePoints() {
  const now = performance.now();
  if (now - lastNote < 100) return;
  lastNote = now;
  pointsVersion.value += 1;
}

export const feed = new LiveFeed({
  clear() {
    live.store.evictBefore(Infinity);
    Object.assign(live.store, { droppedPoints: 0, heldFromMs: -Infinity, newestMs: -Infinity });
    live.holes.length = 0;
    isCaughtUp.value = false;
    sourceVersion.value += 1;
  },
  points(block) {
    live.store.append(block);
    live.onBlock.forEach(listener => listener(block));
    notePoints();
  },
  pulse(value) {
    batch(() => {
      pulse.value = value;
      alertsSeen.value += value.alerts_new ?? 0;
      pulses.value = [...pulses.value.slice(1 - MAX_PULSES), value];
    });
  },
  gap(fromMs) {
    live.holes.push({ fromMs, toMs: Infinity });
    sourceVersion.value += 1;
  },
  caughtUp() {
    const hadHoles = live.holes.length > 0;
    live.holes.length = 0;
    if (!isCaughtUp.value && view.peek().measure === 'elapsed') fillSparklines();
    isCaughtUp.value = true;
    pointsVersion.value += 1;
    if (hadHoles) sourceVersion.value += 1;
  },
}, browserWorld());

/** Puts what the points tell about the last minutes in front of the pulses. */
function fillSparklines() {
  const real = pulses.value.filter(p => !p.isBackfilled);
  const untilMs = real.length > 0 ? real[0].unix_us / 1000 - 1000 : feed.serverNow();
  const seconds = Math.min(MAX_PULSES - real.length, Math.floor(feed.windowMs / 1000));
  if (seconds > 1) pulses.value = [...backfill(live.store, untilMs, seconds), ...real];
}

/** Unix ms of the right edge of the view. */
export function rightEdgeMs() {
  const { range } = view.value;
  if (!range.live) return range.toMs;
  return pausedAtMs.value ?? feed.serverNow();
}

/** Stops the sliding, or goes on at now. Points keep coming in meanwhile. */
export function togglePause() {
  pausedAtMs.value = pausedAtMs.value === null ? feed.serverNow() : null;
}

let abort = new AbortController();

/** Loads the points of a fixed range. @param {number} fromMs @param {number} toMs @param {string} f @param {string} [measure] */
async function loadHistory(fromMs, toMs, f, measure) {
  abort.abort();
  abort = new AbortController();
  const { signal: stop } = abort;
  history = emptySource();
  historyState.value = 'loading';
  sourceVersion.value = sourceVersion.peek() + 1; // called in an effect: reading would subscribe it
  try {
    const { bytes } = await getBytes('points', { from_unix_us: Math.floor(fromMs) * 1000, to_unix_us: (Math.ceil(toMs) + 1) * 1000 - 1, measure, f }, stop);
    for (const frame of decodeFrames(bytes)) {
      if (frame.type === POINTS && frame.block) history.store.append(frame.block);
    }
    historyState.value = '';
  } catch (error) {
    if (stop.aborted) return;
    history.isCounted = error instanceof ApiError && error.code === TOO_MANY;
    historyState.value = history.isCounted ? '' : error instanceof Error ? error.message : String(error);
    if (!(error instanceof ApiError) && !(error instanceof Error && error.name === 'FrameError')) throw error;
  }
  batch(() => {
    sourceVersion.value += 1;
    pointsVersion.value += 1;
  });
}

/** Pages that draw points. The others leave the points alone, so that going back finds them. */
const DRAWING = new Set(['live', 'xlog']);

/** Connects the feed to the view. */
export function startHub() {
  const wanted = computed(() => {
    const { range } = view.value;
    if (!DRAWING.has(route.value.page)) return '';
    return JSON.stringify([range.live ? range.spanMs : range, filterSplit.value.remote, view.value.measure]);
  });
  let shown = '';
  effect(() => {
    if (wanted.value === '' || wanted.value === shown) return;
    shown = wanted.value;
    const { range } = view.peek();
    const filter = filterSplit.peek().remote;
    const measure = measureParam(view.peek().measure);
    if (range.live) {
      abort.abort();
      historyState.value = '';
      feed.want({ windowMs: range.spanMs, filter, measure });
      sourceVersion.value = sourceVersion.peek() + 1;
    } else {
      pausedAtMs.value = null;
      void loadHistory(range.fromMs, range.toMs, filter, measure);
    }
  });
  feed.setHidden(document.hidden);
  feed.open();
  document.addEventListener('visibilitychange', () => feed.setHidden(document.hidden));
  setInterval(() => {
    feed.tick();
    const edgeMs = Math.min(pausedAtMs.value ?? Infinity, feed.serverNow());
    live.store.evictBefore(edgeMs - feed.windowMs - KEEP_EXTRA_MS);
  }, 1000);
}
