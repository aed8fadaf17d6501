// The y axis: from a quantised elapsed time to a row of the raster, by table, and back.
//
// Row 0 is the overflow lane: everything above the top of the axis. Rows 1..H go from top to bottom.
// What is shorter than the bottom of the axis is drawn in the last row. A box therefore has exact
// quantised edges whatever the axis is, and what is seen inside it is what it counts.

import { MAX_Q, elapsedOf, quantiseElapsed } from '../core/quantiser.js';

/** @typedef {import('../core/view.js').Axis} Axis */

export class Scale {
  /**
   * @param {Axis} axis
   * @param {number} height rows of the plot, without the lane
   */
  constructor(axis, height) {
    this.axis = axis;
    this.height = height;
    /** Row of each quantised elapsed time. */
    this.rowOf = new Uint16Array(MAX_Q + 1);
    const { at, bottom, top } = measure(axis);
    for (let q = 0; q <= MAX_Q; q++) {
      if (q > axis.hi) this.rowOf[q] = 0;
      // Multiplied before it is divided: both are exact integers (in units of 1/2,048 µs with a
      // linear axis), so that the collector, which counts with integers, finds the same row.
      else this.rowOf[q] = height - Math.min(height - 1, Math.max(0, Math.floor(((at(q) - bottom) * height) / (top - bottom))));
    }
  }

  /**
   * Smallest and largest quantised time drawn in these rows (inclusive), or `null` when none is.
   * @param {number} rowTop
   * @param {number} rowBottom
   */
  quantisedOf(rowTop, rowBottom) {
    // rowOf falls with q, apart from the jump to 0 above the axis.
    const hi = rowTop <= 0 ? MAX_Q : this.lastAtOrAbove(rowTop);
    const lo = rowBottom <= 0 ? this.axis.hi + 1 : this.firstAtOrBelow(rowBottom);
    return lo <= hi ? { y0: lo, y1: hi } : null;
  }

  /** @param {number} row largest q whose row is not above it */
  lastAtOrAbove(row) {
    let [lo, hi] = [0, this.axis.hi];
    while (lo < hi) {
      const mid = (lo + hi + 1) >> 1;
      if (this.rowOf[mid] >= row) lo = mid;
      else hi = mid - 1;
    }
    return lo;
  }

  /** @param {number} row smallest q whose row is not below it */
  firstAtOrBelow(row) {
    let [lo, hi] = [0, this.axis.hi];
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.rowOf[mid] <= row) hi = mid;
      else lo = mid + 1;
    }
    return lo;
  }
}

/**
 * Share of the height (0 bottom, 1 top) at which a quantised time stands.
 * @param {Axis} axis
 * @returns {(q: number) => number}
 */
function placer(axis) {
  const { at, bottom, top } = measure(axis);
  return q => (at(q) - bottom) / (top - bottom);
}

/**
 * The measure along the axis: where a quantised time, the bottom and the top (excluded) stand.
 * @param {Axis} axis
 */
function measure({ kind, lo, hi }) {
  /** @param {number} q */
  const at = q => kind === 'log' ? q : elapsedOf(q);
  return { at, bottom: at(lo), top: at(hi + 1) };
}

/**
 * Values worth a label: powers of ten with a log axis, round steps with a linear one.
 * @param {Axis} axis
 */
export function axisTicks(axis) {
  const place = placer(axis);
  return tickValues(axis.kind, elapsedOf(axis.lo), elapsedOf(axis.hi)).map(us => ({ us, share: place(quantiseElapsed(us)) }));
}

/** @param {'log' | 'lin'} kind @param {number} bottom @param {number} top */
function tickValues(kind, bottom, top) {
  /** @type {number[]} */
  const values = [];
  if (kind === 'log') {
    const isShort = top / bottom < 200;
    for (let decade = 1; decade <= 1e10; decade *= 10) {
      for (const factor of isShort ? [1, 2, 5] : [1]) {
        const us = decade * factor;
        if (us >= bottom * 0.999 && us <= top * 1.001) values.push(us);
      }
    }
    return values;
  }
  const rough = (top - bottom) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find(f => f * power >= rough) ?? 10);
  for (let us = Math.ceil(bottom / step) * step; us <= top * 1.001; us += step) values.push(us);
  return values;
}

/** The next round maximum, up or down, of the 1-2-5 row.
 * @param {number} us @param {1 | -1} direction @param {number} [least] */
export function nextMaximum(us, direction, least = 1_000) {
  /** @type {number[]} */
  const row = [];
  for (let decade = 1; decade <= 1e9; decade *= 10) row.push(...[decade, decade * 2, decade * 5].filter(v => v >= least));
  if (direction > 0) return row.find(v => v > us * 1.01) ?? row[row.length - 1];
  return row.reverse().find(v => v < us * 0.99) ?? least;
}
