// The transactions of a box, page by page, and where one stands among them.

import { getJson } from '../core/api.js';
import { boxQuery } from '../core/view.js';
import { signal } from '../../vendor/preact.js';

/** @typedef {import('../core/view.js').Box} Box */

/** Rows asked for at a time. */
export const PAGE_ROWS = 500;

/** Rows of one box and filter; pages come as they are needed, without limit. */
export class BoxList {
  /** @param {Box} box @param {string} f @param {string} measure */
  constructor(box, f, measure) {
    this.box = box;
    this.f = f;
    this.measure = measure;
    /** @type {any[]} newest first, as the collector sent them */
    this.rows = [];
    this.total = signal(/** @type {number | null} */ (null));
    this.version = signal(0);
    this.problem = signal('');
    this.cursor = /** @type {string | null} */ (null);
    this.isComplete = false;
    /** @type {Promise<void> | null} */
    this.pending = null;
    this.abort = new AbortController();
  }

  /** Loads one more page, unless one is on its way or none is left. */
  more() {
    if (this.isComplete) return Promise.resolve();
    this.pending ??= this.load().finally(() => { this.pending = null; });
    return this.pending;
  }

  async load() {
    try {
      const page = await getJson('xlogs', {
        ...boxQuery(this.box, this.measure, this.f), limit: PAGE_ROWS, cursor: this.cursor,
      }, this.abort.signal);
      this.rows.push(...page.rows);
      this.total.value = page.total;
      this.cursor = page.next_cursor;
      this.isComplete = !page.next_cursor;
      this.problem.value = '';
    } catch (error) {
      if (this.abort.signal.aborted) return;
      this.problem.value = error instanceof Error ? error.message : String(error);
      this.isComplete = true;
    }
    this.version.value += 1;
  }

  /** Loads all pages. */
  async all() {
    while (!this.isComplete && !this.abort.signal.aborted) await this.more();
  }
}

/** @type {BoxList | null} */
let kept = null;

/**
 * The list of a box; the same one as long as box and filter stay, so that going back and walking
 * with `[` and `]` ask for nothing again.
 * @param {Box} box @param {string} f @param {string} measure @param {boolean} [isFresh]
 */
export function boxList(box, f, measure, isFresh = false) {
  const isSame = kept && kept.f === f && kept.measure === measure && JSON.stringify(kept.box) === JSON.stringify(box);
  if (kept && isSame && !isFresh && !kept.problem.peek()) return kept;
  kept?.abort.abort();
  kept = new BoxList(box, f, measure);
  return kept;
}
