// The density raster: how many points fall into each pixel, on a ring of time-aligned columns.
//
// A column is a whole number of ms wide; column = floor(t / columnMs), its place in the ring is
// column mod width. Moving on in time clears the columns that are used again and leaves all others
// as they are, so a live frame costs only its new points. All arithmetic is on integers: the ring
// after any sequence of appends, moves and evictions equals a raster made anew (a test holds it).

/** @typedef {import('../data/store.js').Mask} Mask */
/** @typedef {{baseMs: number, n: number, dt: Uint16Array, y: Uint16Array, attr: Uint16Array, dtMin?: number, dtMax?: number}} Columns */

/** Points ahead of the right edge (clock skew) kept until it reaches them; past it `isStale`. */
export const MAX_AHEAD_POINTS = 20_000;

/** Left of the view, and right of it. */
const [BEFORE, AHEAD] = [-1, -2];

export class Raster {
  /**
   * @param {number} width columns
   * @param {number} height rows of the plot; row 0, the overflow lane, comes on top of them
   */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.rows = height + 1;
    /** Column-major counts, all points and errors. */
    this.all = new Uint32Array(width * this.rows);
    this.err = new Uint32Array(width * this.rows);
    /** Counts of whole columns. */
    this.columnAll = new Uint32Array(width);
    this.columnErr = new Uint32Array(width);
    this.inView = 0;
    this.errorsInView = 0;
    /** Points in the overflow lane. */
    this.overflow = 0;
    this.columnMs = 1;
    /** Absolute number of the leftmost column. */
    this.first = 0;
    /** Changed absolute columns, inclusive. */
    this.dirtyLo = Infinity;
    this.dirtyHi = -Infinity;
    /** It must be made anew: too many points were ahead of the right edge. */
    this.isStale = false;
    /** @type {Uint16Array} */
    this.rowOf = new Uint16Array(65_536);
    this.need = 0;
    this.forbid = 0;
    /** @type {number[]} t, y, attr of points right of the view */
    this.ahead = [];
    /** Place in the ring by `dt` of what is being added: a look-up costs a third less than a division. */
    this.slots = new Int32Array(65_536);
  }

  /** Unix ms of the left edge. */
  get fromMs() {
    return this.first * this.columnMs;
  }

  /** Unix ms just past the right edge. */
  get toMs() {
    return (this.first + this.width) * this.columnMs;
  }

  /**
   * Sets what is shown and empties the raster; the caller adds the points again.
   * @param {{toMs: number, spanMs: number, rowOf: Uint16Array, mask: Mask}} view
   */
  reset({ toMs, spanMs, rowOf, mask }) {
    this.columnMs = Math.max(1, Math.ceil(spanMs / this.width));
    this.first = Math.floor(toMs / this.columnMs) - this.width + 1;
    this.rowOf = rowOf;
    this.need = mask.need;
    this.forbid = mask.forbid;
    this.clearCounts();
    this.ahead.length = 0;
    this.isStale = false;
    this.dirtyLo = this.first;
    this.dirtyHi = this.first + this.width - 1;
  }

  /** Empties it, without moving it. */
  clearCounts() {
    this.all.fill(0);
    this.err.fill(0);
    this.columnAll.fill(0);
    this.columnErr.fill(0);
    this.inView = this.errorsInView = this.overflow = 0;
  }

  /**
   * Adds points, or takes them out again.
   * @param {Columns} columns
   * @param {1 | -1} [sign]
   */
  add(columns, sign = 1) {
    const { baseMs, n, dt, y, attr } = columns;
    const { rows, all, err, columnAll, columnErr, rowOf, need, forbid, slots } = this;
    const { lo, hi } = this.placeSlots(columns);
    let [added, errors, over] = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      const a = attr[i];
      if ((a & need) !== need || (a & forbid) !== 0) continue;
      const slot = slots[dt[i]];
      if (slot < 0) {
        if (slot === BEFORE) continue;
        if (sign > 0) this.keepAhead(baseMs + dt[i], y[i], a);
        else this.isStale = true;
        continue;
      }
      const row = rowOf[y[i]];
      const cell = slot * rows + row;
      all[cell] += sign;
      columnAll[slot] += sign;
      if (row === 0) over += 1;
      if ((a & 1) !== 0) {
        err[cell] += sign;
        columnErr[slot] += sign;
        errors += 1;
      }
      added += 1;
    }
    this.inView += sign * added;
    this.errorsInView += sign * errors;
    this.overflow += sign * over;
    if (added > 0) this.touch(this.first + lo, this.first + hi);
  }

  /**
   * Fills `slots` for the times of these points, and tells between which columns in view they are.
   * @param {Columns} columns
   */
  placeSlots(columns) {
    const { width, columnMs, slots } = this;
    const [dtMin, dtMax] = rangeOf(columns);
    const shift = columns.baseMs - this.fromMs;
    let from = Math.min(dtMax + 1, Math.max(dtMin, -shift));
    slots.fill(BEFORE, dtMin, from);
    const lo = Math.floor((from + shift) / columnMs);
    let column = lo;
    for (let slot = mod(this.first + lo, width); from <= dtMax && column < width; column++) {
      const end = Math.min(dtMax + 1, (column + 1) * columnMs - shift);
      slots.fill(slot, from, end);
      from = end;
      slot = slot + 1 === width ? 0 : slot + 1;
    }
    slots.fill(AHEAD, from, dtMax + 1);
    return { lo, hi: column - 1 };
  }

  /** @param {number} t @param {number} y @param {number} attr */
  keepAhead(t, y, attr) {
    if (this.ahead.length >= MAX_AHEAD_POINTS * 3) this.isStale = true;
    else this.ahead.push(t, y, attr);
  }

  /** @param {number} lo @param {number} hi absolute columns */
  touch(lo, hi) {
    if (lo < this.dirtyLo) this.dirtyLo = lo;
    if (hi > this.dirtyHi) this.dirtyHi = hi;
  }

  /**
   * Moves the right edge on to this time; columns that are used again are cleared.
   * @param {number} toMs
   * @returns {boolean} whether it moved
   */
  advance(toMs) {
    const { width, rows } = this;
    const first = Math.floor(toMs / this.columnMs) - width + 1;
    if (first <= this.first) return false;
    const from = Math.max(this.first, first - width);
    for (let old = from; old < first; old++) this.clearSlot(mod(old, width), rows);
    const newFrom = Math.max(this.first + width, first);
    this.first = first;
    this.touch(newFrom, first + width - 1);
    if (this.ahead.length > 0) this.addAhead();
    return true;
  }

  /** @param {number} slot @param {number} rows */
  clearSlot(slot, rows) {
    if (this.columnAll[slot] === 0) return;
    const at = slot * rows;
    this.inView -= this.columnAll[slot];
    this.errorsInView -= this.columnErr[slot];
    this.overflow -= this.all[at];
    this.columnAll[slot] = this.columnErr[slot] = 0;
    this.all.fill(0, at, at + rows);
    this.err.fill(0, at, at + rows);
  }

  /** Adds the points that the right edge has reached. */
  addAhead() {
    const waiting = this.ahead;
    this.ahead = [];
    for (let i = 0; i < waiting.length; i += 3) {
      const [t, y, a] = [waiting[i], waiting[i + 1], waiting[i + 2]];
      this.add({ baseMs: t, n: 1, dt: ZERO, y: Uint16Array.of(y), attr: Uint16Array.of(a) });
    }
  }

  /** Forgets what was changed: it is painted. */
  clean() {
    this.dirtyLo = Infinity;
    this.dirtyHi = -Infinity;
  }
}

const ZERO = Uint16Array.of(0);

/** Least and largest `dt`; a chunk knows its own. @param {Columns} columns @returns {[number, number]} */
function rangeOf({ n, dt, dtMin, dtMax }) {
  if (dtMin !== undefined && dtMax !== undefined) return [dtMin, dtMax];
  let [least, most] = [65_535, 0];
  for (let i = 0; i < n; i++) {
    if (dt[i] < least) least = dt[i];
    if (dt[i] > most) most = dt[i];
  }
  return [least, most];
}

/** @param {number} a @param {number} n */
export function mod(a, n) {
  return ((a % n) + n) % n;
}
