// The counted picture: more points than a page holds come as counts of pixels (`/api/v1/grid`).
//
// u8 version, then LEB128 numbers: columns, rows without the lane, total, cursor, and two planes (all,
// errors) column by column from the lane down; a count of 0 is followed by how many pixels have it.

import { FrameError, MAX_BLOCK_POINTS } from './points.js';

const VERSION = 1;

/** @typedef {{columns: number, rows: number, total: number, all: Uint32Array, errors: Uint32Array}} Counted */

/**
 * @param {ArrayBuffer} buffer
 * @returns {Counted}
 */
export function decodeCounted(buffer) {
  const bytes = new Uint8Array(buffer);
  let at = 1;
  const next = () => {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 128) {
      if (at >= bytes.length) throw new FrameError('counted picture cut off');
      const byte = bytes[at++];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new FrameError('counted picture with a number out of range');
  };
  if (bytes[0] !== VERSION) throw new FrameError(`counted picture of version ${bytes[0]}; this page reads ${VERSION}. Reload it`);
  const [columns, rows, total] = [next(), next(), next()];
  next();
  const cells = columns * (rows + 1);
  if (cells > MAX_BLOCK_POINTS * 2) throw new FrameError(`counted picture of ${cells} pixels is too large`);
  const plane = () => {
    const counts = new Uint32Array(cells);
    for (let i = 0; i < cells;) {
      const n = next();
      if (n > 0) {
        counts[i++] = n;
        continue;
      }
      const run = next();
      if (run === 0 || run > cells - i) throw new FrameError(`counted picture with a run of ${run} pixels, ${cells - i} are left`);
      i += run;
    }
    return counts;
  };
  const [all, errors] = [plane(), plane()];
  if (at !== bytes.length) throw new FrameError('counted picture with bytes behind its end');
  return { columns, rows, total, all, errors };
}

/**
 * Puts the counts into a raster of the same shape.
 * @param {import('../scatter/raster.js').Raster} raster @param {Counted} counted
 */
export function fillRaster(raster, counted) {
  const { width, rows } = raster;
  if (counted.columns !== width || counted.rows !== rows - 1) throw new FrameError('counted picture of another shape');
  for (let i = 0; i < width; i++) {
    const slot = (((raster.first + i) % width) + width) % width;
    const [from, to] = [i * rows, (i + 1) * rows];
    raster.all.set(counted.all.subarray(from, to), slot * rows);
    raster.err.set(counted.errors.subarray(from, to), slot * rows);
    const [all, errors] = [sum(counted.all, from, to), sum(counted.errors, from, to)];
    raster.columnAll[slot] = all;
    raster.columnErr[slot] = errors;
    raster.inView += all;
    raster.errorsInView += errors;
    raster.overflow += counted.all[from];
  }
  raster.touch(raster.first, raster.first + width - 1);
}

/** @param {Uint32Array} counts @param {number} from @param {number} to */
function sum(counts, from, to) {
  let n = 0;
  for (let i = from; i < to; i++) n += counts[i];
  return n;
}

/**
 * The parameters that ask for the picture of a raster.
 * @param {import('../scatter/raster.js').Raster} raster @param {import('../core/measures.js').Axis} axis
 */
export const gridQuery = (raster, axis) => ({
  first_column: raster.first, column_ms: raster.columnMs, columns: raster.width, rows: raster.height, axis: axis.kind, y0q: axis.lo, y1q: axis.hi,
});
