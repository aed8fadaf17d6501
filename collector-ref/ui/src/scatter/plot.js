// A raster on a canvas: keeps the two in step with the points and with time.

import { dotRadius, dotSize, hasWideErrors, paintColumns, stampReach } from './paint.js';
import { PALETTES } from './palette.js';
import { Raster, mod } from './raster.js';
import { Scale } from './scale.js';

/** @typedef {import('../core/view.js').Axis} Axis */
/** @typedef {import('../core/view.js').Box} Box */
/** @typedef {import('../data/store.js').Mask} Mask */
/** @typedef {import('../data/store.js').Store} Store */
/** @typedef {import('./paint.js').Hole} Hole */
/** @typedef {{axis: Axis, mask: Mask, spanMs: number, toMs: number, theme: string, holes: Hole[]}} Picture */

/** Heights in CSS pixels: overflow lane on top, error ticks at the bottom. */
export const LANE_PX = 15;
export const TICK_PX = 4;

/** Most pixels of a picture that the collector counts, `MAX_GRID_CELLS` there. */
export const MAX_CELLS = 4 * 1024 * 1024;
/** Finer than this nobody sees. */
const MAX_RATIO = 3;

/**
 * Pixels of the picture for one of CSS: those of the screen, unless the picture would have more than
 * the collector counts. Then each is a square of whole pixels of the screen, so that none is blurred.
 * @param {number} width @param {number} height CSS pixels @param {number} device pixels of the screen for one of CSS
 */
export function pixelRatio(width, height, device) {
  const ratio = Math.min(MAX_RATIO, device || 1);
  let parts = 1;
  while (Math.round((width * ratio) / parts) * (Math.round((height * ratio) / parts) + 1) > MAX_CELLS) parts += 1;
  return ratio / parts;
}

export class Plot {
  /** @param {HTMLCanvasElement} canvas @param {number} width @param {number} height device pixels @param {number} ratio */
  constructor(canvas, width, height, ratio) {
    this.ratio = ratio;
    this.layout = { lane: Math.round(LANE_PX * ratio), tick: Math.round(TICK_PX * ratio) };
    const rows = Math.max(16, height - this.layout.lane - 1 - this.layout.tick);
    this.total = rows + this.layout.lane + 1 + this.layout.tick;
    this.raster = new Raster(width, rows);
    canvas.width = width;
    canvas.height = this.total;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { alpha: false }));
    this.ring = document.createElement('canvas');
    this.ring.width = width;
    this.ring.height = this.total;
    this.ringContext = /** @type {CanvasRenderingContext2D} */ (this.ring.getContext('2d', { alpha: false }));
    this.image = new ImageData(width, this.total);
    this.px = new Uint32Array(this.image.data.buffer);
    this.size = 2;
    this.radius = dotRadius(2, ratio);
    this.hasWideErrors = true;
    this.scale = new Scale({ kind: 'log', lo: 1, hi: 65_535 }, rows);
    this.palette = PALETTES.dark;
    /** @type {Hole[]} */
    this.holes = [];
    this.hasMoved = true;
    /** What stood left of the edge no longer reaches into the picture. */
    this.isLeftEdgeOld = false;
  }

  /** Draws everything anew. @param {Picture} picture @param {Store} store */
  redraw(picture, store) {
    const { axis } = picture;
    const now = this.scale.axis;
    if (now.kind !== axis.kind || now.lo !== axis.lo || now.hi !== axis.hi) this.scale = new Scale(axis, this.raster.height);
    this.raster.reset({ toMs: picture.toMs, spanMs: picture.spanMs, rowOf: this.scale.rowOf, mask: picture.mask });
    for (const chunk of store.chunks) {
      if (chunk.baseMs + chunk.dtMax >= this.raster.fromMs) this.raster.add(chunk);
    }
    this.setLook(picture.theme, picture.holes, store);
  }

  /** Colours and holes; does not count anything anew. @param {string} theme @param {Hole[]} holes @param {Store} store */
  setLook(theme, holes, store) {
    this.palette = PALETTES[theme] ?? PALETTES.dark;
    this.holes = Number.isFinite(store.heldFromMs) ? [...holes, { fromMs: -Infinity, toMs: store.heldFromMs }] : holes;
    this.raster.touch(this.raster.first, this.raster.first + this.raster.width - 1);
  }

  /** Moves the right edge on. @param {number} toMs */
  advance(toMs) {
    if (!this.raster.advance(toMs)) return;
    this.hasMoved = true;
    this.isLeftEdgeOld = true;
  }

  /** Paints what changed. @returns {number} columns painted */
  paint() {
    const { raster } = this;
    const size = dotSize(raster.inView, this.size);
    const last = raster.first + raster.width - 1;
    const isWide = hasWideErrors(raster.errorsInView, this.hasWideErrors);
    if (size !== this.size || isWide !== this.hasWideErrors) {
      this.size = size;
      this.hasWideErrors = isWide;
      this.radius = dotRadius(size, this.ratio);
      raster.touch(raster.first, last);
    }
    const reach = stampReach(this.radius);
    let painted = 0;
    if (raster.dirtyHi >= raster.dirtyLo) {
      painted += this.paintRange(Math.max(raster.first, raster.dirtyLo - reach), Math.min(last, raster.dirtyHi + reach));
    }
    if (this.isLeftEdgeOld) painted += this.paintRange(raster.first, Math.min(last, raster.first + reach));
    this.isLeftEdgeOld = false;
    raster.clean();
    if (painted > 0 || this.hasMoved) this.blit();
    this.hasMoved = false;
    return painted;
  }

  /** @param {number} lo @param {number} hi */
  paintRange(lo, hi) {
    const { raster, layout, palette, px } = this;
    paintColumns(raster, px, palette, layout, { lo, hi, radius: this.radius, holes: this.holes, hasWideErrors: this.hasWideErrors });
    const x0 = mod(lo, raster.width);
    const n = hi - lo + 1;
    const first = Math.min(n, raster.width - x0);
    this.ringContext.putImageData(this.image, 0, 0, x0, 0, first, this.total);
    if (first < n) this.ringContext.putImageData(this.image, 0, 0, 0, 0, n - first, this.total);
    return n;
  }

  /** Two copies put the ring straight. */
  blit() {
    const { raster, context, ring, total } = this;
    const seam = mod(raster.first, raster.width);
    const rest = raster.width - seam;
    context.drawImage(ring, seam, 0, rest, total, 0, 0, rest, total);
    if (seam > 0) context.drawImage(ring, 0, 0, seam, total, rest, 0, seam, total);
  }

  /**
   * The exact box of a rectangle of device pixels, or `null` when nothing can be in it.
   * @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1
   * @returns {Box | null}
   */
  boxOf(x0, y0, x1, y1) {
    const { raster, layout } = this;
    const column = (/** @type {number} */ x) => raster.first + Math.max(0, Math.min(raster.width - 1, Math.floor(x)));
    const row = (/** @type {number} */ y) => Math.max(0, Math.min(raster.height, Math.floor(y) - layout.lane));
    const edges = this.scale.quantisedOf(row(Math.min(y0, y1)), row(Math.max(y0, y1)));
    if (!edges) return null;
    return { t0: column(Math.min(x0, x1)) * raster.columnMs, t1: (column(Math.max(x0, x1)) + 1) * raster.columnMs - 1, ...edges };
  }

  /**
   * What a rectangle of device pixels holds, by the raster: for a picture whose points are not here.
   * @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1
   */
  countOf(x0, y0, x1, y1) {
    const { raster, layout } = this;
    const row = (/** @type {number} */ y) => Math.max(0, Math.min(raster.height, Math.floor(y) - layout.lane));
    const found = { total: 0, errors: 0 };
    for (let x = Math.max(0, Math.floor(x0)); x <= Math.min(raster.width - 1, Math.floor(x1)); x++) {
      const at = mod(raster.first + x, raster.width) * raster.rows;
      for (let r = at + row(y0); r <= at + row(y1); r++) {
        found.total += raster.all[r];
        found.errors += raster.err[r];
      }
    }
    return found;
  }

  /** Rectangle of a box in device pixels. @param {Box} box */
  rectangleOf(box) {
    const { raster, layout, scale } = this;
    const left = (box.t0 - raster.fromMs) / raster.columnMs;
    const right = (box.t1 + 1 - raster.fromMs) / raster.columnMs;
    const top = box.y1 > scale.axis.hi ? 0 : layout.lane + scale.rowOf[box.y1];
    const bottom = box.y0 > scale.axis.hi ? layout.lane : layout.lane + scale.rowOf[box.y0] + 1;
    return { left, right, top, bottom };
  }
}
