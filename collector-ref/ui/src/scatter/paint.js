// From counts to colours. Pure: typed arrays in, typed array out, so it is tested without a browser.
//
// Picture of a column, top to bottom: overflow lane, one separating row, the plot, error ticks.
// Errors always win a pixel. Dots grow when there are few, since one pixel among half a million is
// not seen; among many, those that stand alone grow (a lonely slow request is what one looks for). Counts are shown on a log ramp: 1, 10 and 100 a pixel differ to the eye.

import { mod } from './raster.js';

/** @typedef {import('./raster.js').Raster} Raster */
/** @typedef {import('./palette.js').Palette} Palette */
/** @typedef {{lane: number, tick: number}} Layout rows of the lane and of the error ticks */
/** @typedef {{fromMs: number, toMs: number}} Hole time of which the points are not held */

/** Below so many points in view a dot is a disc of five pixels. */
export const LARGE_DOTS_BELOW = 2_000;
/** Below so many it is three pixels wide, above a single pixel. */
export const MEDIUM_DOTS_BELOW = 50_000;
/** Below so many errors each is at least three pixels wide, or a crowd would hide them. */
export const WIDE_ERRORS_BELOW = 10_000;

const TONE_MAX = 4_096;
/** Tone of a count on the log ramp, for single pixels and for dots. */
const TONE = new Uint8Array(TONE_MAX);
const DOT_TONE = new Uint8Array(TONE_MAX);
for (let n = 1; n < TONE_MAX; n++) {
  TONE[n] = Math.min(255, 64 + Math.round(Math.log2(n) * 24));
  DOT_TONE[n] = Math.min(255, 128 + Math.round(Math.log2(n) * 24));
}

/** Largest radius of a dot, device pixels: 2 on a screen with four of them in a CSS pixel. */
const MAX_RADIUS = 8;
/** Discs: for each x offset 0..r the half height there. The one of three pixels is a square. */
const STAMPS = Array.from({ length: MAX_RADIUS + 1 }, (_, r) => (r === 1 ? [1, 1]
  : Array.from({ length: r + 1 }, (__, dx) => Math.floor(Math.sqrt(r * r + 0.6 * r - dx * dx)))));
/** How far a stamp reaches to its neighbours' columns: the ring around a rare error. @param {number} radius */
export const stampReach = radius => Math.max(4, radius * 2);
/** A point stands alone when the square that reaches so far around it is nearly empty. */
const ALONE_REACH = 2;
/** So many cells with points in that square, itself included, still count as alone. */
const ALONE_MAX_LIT = 2;
/** It is so much brighter than a single pixel of the crowd. */
const ALONE_TONE = 24;

/**
 * Size of dots for so many points, 0, 1 or 2; hysteresis keeps it from flickering at the border.
 * @param {number} inView
 * @param {number} before size until now
 */
export function dotSize(inView, before) {
  const isBelow = (/** @type {number} */ limit, /** @type {boolean} */ isLarger) => inView < (isLarger ? limit : limit * 0.8);
  if (isBelow(LARGE_DOTS_BELOW, before >= 2)) return 2;
  return isBelow(MEDIUM_DOTS_BELOW, before >= 1) ? 1 : 0;
}

/**
 * Whether errors are wider than single pixels; the same hysteresis.
 * @param {number} errorsInView
 * @param {boolean} before
 */
export const hasWideErrors = (errorsInView, before) => errorsInView < (before ? WIDE_ERRORS_BELOW : WIDE_ERRORS_BELOW * 0.8);

/**
 * Radius of a dot of that size in device pixels.
 * @param {number} size @param {number} ratio device pixels in a CSS pixel
 */
export function dotRadius(size, ratio) {
  return Math.min(MAX_RADIUS, Math.round(size * Math.max(1, ratio)));
}

/**
 * Paints the columns from `lo` to `hi` (absolute) of a raster.
 * @param {Raster} raster
 * @param {Uint32Array} px width × (lane + 1 + height + tick) pixels, row-major, ring columns
 * @param {Palette} palette
 * @param {Layout} layout
 * @param {{lo: number, hi: number, radius: number, holes: Hole[], hasWideErrors?: boolean}} what
 */
export function paintColumns(raster, px, palette, layout, what) {
  const total = layout.lane + 1 + raster.height + layout.tick;
  const strip = new Uint32Array(total);
  const lonely = what.radius === 0 ? lonelyFinder(raster) : null;
  const errorRadius = Math.max(what.radius, what.hasWideErrors ?? raster.errorsInView < WIDE_ERRORS_BELOW ? 1 : 0);
  for (let column = what.lo; column <= what.hi; column++) {
    fillBackground(strip, raster, palette, layout, column, isHole(what.holes, raster, column));
    if (lonely) paintDense(strip, raster, layout, column, palette.ramp, lonely);
    else stampColumn(strip, raster, layout, column, what.radius, palette.ramp, false);
    if (raster.errorsInView > 0) {
      stampColumn(strip, raster, layout, column, errorRadius, palette.errorRamp, true);
      const slot = mod(column, raster.width);
      if (raster.columnErr[slot] > 0) strip.fill(palette.errorRamp[160], total - layout.tick, total);
    }
    for (let y = 0, p = mod(column, raster.width); y < total; y++, p += raster.width) px[p] = strip[y];
  }
}

/**
 * Rows of a column whose points stand alone; the last columns asked for are remembered, since each
 * is asked for by itself and by its neighbours.
 * @param {Raster} raster
 * @returns {(column: number) => number[]}
 */
function lonelyFinder(raster) {
  /** @type {Map<number, number[]>} */
  const known = new Map();
  return column => {
    let rows = known.get(column);
    if (!rows) {
      rows = lonelyRows(raster, column);
      known.delete(column - 3);
      known.set(column, rows);
    }
    return rows;
  };
}

/** @param {Raster} raster @param {number} column */
function lonelyRows(raster, column) {
  const { all, rows, width, first } = raster;
  /** @type {number[]} */
  const found = [];
  if (column < first || column >= first + width) return found;
  const slot = mod(column, width);
  if (raster.columnAll[slot] === 0) return found;
  const at = slot * rows;
  /** @type {number[]} places of the columns around */
  const around = [];
  for (let c = Math.max(first, column - ALONE_REACH); c <= Math.min(first + width - 1, column + ALONE_REACH); c++) {
    if (c !== column) around.push(mod(c, width) * rows);
  }
  for (let row = 0; row < rows; row++) {
    if (all[at + row] === 0) continue;
    const top = Math.max(0, row - ALONE_REACH);
    const bottom = Math.min(rows - 1, row + ALONE_REACH);
    let lit = 0;
    for (let r = top; r <= bottom; r++) if (all[at + r] !== 0) lit += 1;
    for (let i = 0; i < around.length && lit <= ALONE_MAX_LIT; i++) {
      for (let r = around[i] + top; r <= around[i] + bottom; r++) if (all[r] !== 0) lit += 1;
    }
    if (lit <= ALONE_MAX_LIT) found.push(row);
  }
  return found;
}

/**
 * A column of single pixels; what stands alone, here or beside, is three pixels wide.
 * @param {Uint32Array} strip @param {Raster} raster @param {Layout} layout @param {number} column
 * @param {Uint32Array} ramp @param {(column: number) => number[]} lonely
 */
function paintDense(strip, raster, layout, column, ramp, lonely) {
  const { all, rows, width } = raster;
  for (let dx = -1; dx <= 1; dx++) {
    const at = mod(column + dx, width) * rows;
    for (const row of lonely(column + dx)) {
      dotAt(strip, layout, row, 1, ramp[Math.min(255, TONE[Math.min(all[at + row], TONE_MAX - 1)] + ALONE_TONE)], ramp, false);
    }
  }
  const slot = mod(column, width);
  if (raster.columnAll[slot] === 0) return;
  const at = slot * rows;
  if (all[at] > 0) dotAt(strip, layout, 0, 0, ramp[Math.min(255, TONE[Math.min(all[at], TONE_MAX - 1)] + ALONE_TONE)], ramp, false);
  const alone = new Set(lonely(column));
  for (let row = 1; row < rows; row++) {
    const n = all[at + row];
    if (n > 0 && (alone.size === 0 || !alone.has(row))) strip[layout.lane + row] = ramp[TONE[n < TONE_MAX ? n : TONE_MAX - 1]];
  }
}

/** @param {Hole[]} holes @param {Raster} raster @param {number} column */
function isHole(holes, raster, column) {
  const t = column * raster.columnMs;
  return holes.some(hole => t + raster.columnMs > hole.fromMs && t < hole.toMs);
}

/**
 * @param {Uint32Array} strip @param {Raster} raster @param {Palette} palette
 * @param {Layout} layout @param {number} column @param {boolean} isHatched
 */
function fillBackground(strip, raster, palette, layout, column, isHatched) {
  strip.fill(palette.background);
  strip.fill(palette.lane, 0, layout.lane);
  strip[layout.lane] = palette.line;
  if (!isHatched) return;
  const end = layout.lane + 1 + raster.height;
  for (let y = mod(-column, 8); y < end; y += 8) {
    strip[y] = palette.hatch;
    if (y + 1 < end) strip[y + 1] = palette.hatch;
  }
}

/**
 * Draws what the cells of this column and of its neighbours put into it; the densest wins.
 * @param {Uint32Array} strip @param {Raster} raster @param {Layout} layout
 * @param {number} column @param {number} radius @param {Uint32Array} ramp @param {boolean} isErrors
 */
function stampColumn(strip, raster, layout, column, radius, ramp, isErrors) {
  const counts = isErrors ? raster.err : raster.all;
  const totals = isErrors ? raster.columnErr : raster.columnAll;
  const isRing = isErrors && radius >= 2;
  const reach = isRing ? stampReach(radius) : radius;
  const last = raster.first + raster.width - 1;
  for (let dx = -reach; dx <= reach; dx++) {
    const neighbour = column + dx;
    if (neighbour < raster.first || neighbour > last) continue;
    const slot = mod(neighbour, raster.width);
    if (totals[slot] === 0) continue;
    const at = slot * raster.rows;
    for (let row = 0; row < raster.rows; row++) {
      const n = counts[at + row];
      if (n === 0) continue;
      const tone = (radius > 0 ? DOT_TONE : TONE)[Math.min(n, TONE_MAX - 1)];
      const colour = ramp[isErrors && radius < 2 ? Math.max(150, tone) : tone];
      if (isRing) ringAt(strip, layout, row, Math.abs(dx), radius, colour);
      else dotAt(strip, layout, row, STAMPS[radius][Math.abs(dx)], colour, ramp, isErrors);
    }
  }
}

/**
 * @param {Uint32Array} strip @param {Layout} layout @param {number} row @param {number} half
 * @param {number} colour @param {Uint32Array} ramp @param {boolean} isErrors
 */
function dotAt(strip, layout, row, half, colour, ramp, isErrors) {
  const lane = layout.lane;
  // In the lane a point is a tall mark: there its height says nothing, and it must be seen.
  const centre = row === 0 ? lane >> 1 : lane + row;
  const reach = row === 0 ? Math.max(half, (lane >> 1) - 2) : half;
  const top = row === 0 ? 0 : lane + 1;
  const bottom = row === 0 ? lane - 1 : strip.length - layout.tick - 1;
  for (let y = Math.max(top, centre - reach); y <= Math.min(bottom, centre + reach); y++) {
    if (isErrors || !isBrighter(ramp, strip[y], colour)) strip[y] = colour;
  }
}

/**
 * Whether a pixel already has a denser tone of this ramp. A ramp runs one way in its green part.
 * @param {Uint32Array} ramp @param {number} present @param {number} colour
 */
function isBrighter(ramp, present, colour) {
  const green = (/** @type {number} */ c) => (c >>> 8) & 255;
  const isRising = green(ramp[255]) > green(ramp[0]);
  if (green(present) === green(colour)) return false;
  return isRising ? green(present) > green(colour) && green(present) >= green(ramp[0])
    : green(present) < green(colour) && green(present) <= green(ramp[0]);
}

/**
 * A filled middle, a gap, a ring: not only its colour tells a rare error from other dots.
 * @param {Uint32Array} strip @param {Layout} layout @param {number} row @param {number} dx
 * @param {number} radius @param {number} colour
 */
function ringAt(strip, layout, row, dx, radius, colour) {
  if (row === 0) {
    if (dx < radius) for (let y = 2; y < layout.lane - 2; y++) strip[y] = colour;
    return;
  }
  const centre = layout.lane + row;
  const low = layout.lane + 1;
  const high = strip.length - layout.tick - 1;
  const reach = stampReach(radius);
  const square = radius * radius;
  for (let dy = -reach; dy <= reach; dy++) {
    const y = centre + dy;
    if (y < low || y > high) continue;
    const distance = dx * dx + dy * dy;
    if (distance <= 0.75 * square || (distance >= 3 * square && distance <= 4.75 * square)) strip[y] = colour;
  }
}

/**
 * Colour of a count as CSS, for the legend.
 * @param {Palette} palette @param {number} n @param {number} radius
 */
export function legendColour(palette, n, radius) {
  const tone = (radius > 0 ? DOT_TONE : TONE)[Math.min(n, TONE_MAX - 1)];
  const c = palette.ramp[tone];
  return `rgb(${c & 255} ${(c >>> 8) & 255} ${(c >>> 16) & 255})`;
}
