// The points of the view as columns: 6 bytes a point, at most 2 M, in chunks of one minute.
//
// A chunk knows its ranges (a zone map), so that a box of a few pixels reads almost nothing. Points
// come in the order of arrival; each goes to the chunk of its minute, so chunks never overlap in
// time and a late point costs nothing extra. Past the limit the oldest chunks go, which is counted
// and told (`droppedPoints`, `heldFromMs`): the scatter hatches what it no longer holds.

/** @typedef {import('./points.js').Block} Block */
/** @typedef {import('../core/view.js').Box} Box */
/** @typedef {{need: number, forbid: number}} Mask attr bits that must and must not be set */
/** @typedef {{total: number, errors: number}} Count */

/** Most points held; past it the oldest chunks are dropped and counted. */
export const MAX_POINTS = 2_000_000;
/** Points in one chunk; a busier minute has several chunks. */
export const CHUNK_POINTS = 65_536;
const CHUNK_MS = 60_000;
const FIRST_CAPACITY = 256;
/** Everything passes. */
export const NO_MASK = { need: 0, forbid: 0 };

/** Points of one minute. */
export class Chunk {
  /** @param {number} baseMs */
  constructor(baseMs) {
    this.baseMs = baseMs;
    this.n = 0;
    this.errors = 0;
    this.dtMin = CHUNK_MS;
    this.dtMax = -1;
    this.yMin = 65_535;
    this.yMax = 0;
    this.dt = new Uint16Array(FIRST_CAPACITY);
    this.y = new Uint16Array(FIRST_CAPACITY);
    this.attr = new Uint16Array(FIRST_CAPACITY);
  }

  /** @param {number} more */
  reserve(more) {
    if (this.n + more <= this.dt.length) return;
    const capacity = Math.min(CHUNK_POINTS, Math.max(this.dt.length * 2, this.n + more));
    for (const name of /** @type {const} */ (['dt', 'y', 'attr'])) {
      const wider = new Uint16Array(capacity);
      wider.set(this[name].subarray(0, this.n));
      this[name] = wider;
    }
  }

  /** @param {number} dt @param {number} y @param {number} attr */
  push(dt, y, attr) {
    const i = this.n++;
    this.dt[i] = dt;
    this.y[i] = y;
    this.attr[i] = attr;
    this.errors += attr & 1;
    if (dt < this.dtMin) this.dtMin = dt;
    if (dt > this.dtMax) this.dtMax = dt;
    if (y < this.yMin) this.yMin = y;
    if (y > this.yMax) this.yMax = y;
  }
}

export class Store {
  /** @param {number} [limit] */
  constructor(limit = MAX_POINTS) {
    this.limit = limit;
    /** @type {Chunk[]} by time, several of one minute side by side */
    this.chunks = [];
    this.size = 0;
    /** Points dropped because of the limit. */
    this.droppedPoints = 0;
    /** Nothing before this unix ms is held, because of the limit. */
    this.heldFromMs = -Infinity;
    /** Newest end time seen, unix ms. */
    this.newestMs = -Infinity;
    /** Called with a chunk that is taken out.
     *  @type {((chunk: Chunk) => void) | null} */
    this.onEvict = null;
  }

  /** @param {Block} block */
  append(block) {
    const { n, baseMs, dt, y, attr } = block;
    for (let i = 0; i < n;) {
      const t = baseMs + dt[i];
      if (t < this.heldFromMs) {
        this.droppedPoints += 1;
        i += 1;
        continue;
      }
      const chunk = this.chunkAt(Math.floor(t / CHUNK_MS) * CHUNK_MS);
      const shift = baseMs - chunk.baseMs;
      chunk.reserve(Math.min(n - i, CHUNK_POINTS - chunk.n));
      const room = chunk.dt.length - chunk.n;
      const stop = Math.min(n, i + room);
      while (i < stop) {
        const relative = dt[i] + shift;
        if (relative < 0 || relative >= CHUNK_MS) break;
        chunk.push(relative, y[i], attr[i]);
        i += 1;
        this.size += 1;
      }
      if (chunk.baseMs + chunk.dtMax > this.newestMs) this.newestMs = chunk.baseMs + chunk.dtMax;
    }
    if (this.size > this.limit) this.shrink();
  }

  /**
   * The chunk of this minute that has room.
   * @param {number} baseMs
   */
  chunkAt(baseMs) {
    const { chunks } = this;
    let i = chunks.length - 1;
    while (i >= 0 && chunks[i].baseMs > baseMs) i -= 1;
    if (i >= 0 && chunks[i].baseMs === baseMs && chunks[i].n < CHUNK_POINTS) return chunks[i];
    const chunk = new Chunk(baseMs);
    chunks.splice(i + 1, 0, chunk);
    return chunk;
  }

  /** Drops the oldest chunks until the limit holds. */
  shrink() {
    while (this.size > this.limit && this.chunks.length > 1) {
      const gone = this.takeFirst();
      this.droppedPoints += gone.n;
      this.heldFromMs = Math.max(this.heldFromMs, gone.baseMs + gone.dtMax + 1, this.chunks[0].baseMs);
      // What is left of the same minute would be a part that looks like the whole.
      while (this.chunks.length > 1 && this.chunks[0].baseMs === gone.baseMs) {
        this.droppedPoints += this.takeFirst().n;
        this.heldFromMs = Math.max(this.heldFromMs, this.chunks[0].baseMs);
      }
    }
  }

  takeFirst() {
    const gone = /** @type {Chunk} */ (this.chunks.shift());
    this.size -= gone.n;
    this.onEvict?.(gone);
    return gone;
  }

  /**
   * Drops chunks that are wholly older; they left the view, so they are not counted as dropped.
   * @param {number} ms
   */
  evictBefore(ms) {
    while (this.chunks.length > 0 && this.chunks[0].baseMs + CHUNK_MS <= ms) this.takeFirst();
  }

  /**
   * Counts the points of a box exactly; the collector counts the same with the same integers.
   * @param {Box} box
   * @param {Mask} [mask]
   * @returns {Count}
   */
  count(box, mask = NO_MASK) {
    const sum = { total: 0, errors: 0 };
    const isMasked = mask.need !== 0 || mask.forbid !== 0;
    for (const chunk of this.chunks) {
      const lo = box.t0 - chunk.baseMs;
      const hi = box.t1 - chunk.baseMs;
      if (hi < chunk.dtMin || lo > chunk.dtMax || box.y1 < chunk.yMin || box.y0 > chunk.yMax) continue;
      const isWhole = lo <= chunk.dtMin && hi >= chunk.dtMax && box.y0 <= chunk.yMin && box.y1 >= chunk.yMax;
      if (isWhole && !isMasked) {
        sum.total += chunk.n;
        sum.errors += chunk.errors;
      } else {
        countIn(chunk, lo, hi, box, mask, sum);
      }
    }
    return sum;
  }
}

/**
 * @param {Chunk} chunk @param {number} lo @param {number} hi
 * @param {Box} box @param {Mask} mask @param {Count} sum
 */
function countIn(chunk, lo, hi, box, mask, sum) {
  const { dt, y, attr, n } = chunk;
  const { y0, y1 } = box;
  const { need, forbid } = mask;
  let total = 0;
  let errors = 0;
  for (let i = 0; i < n; i++) {
    const t = dt[i];
    if (t < lo || t > hi) continue;
    const q = y[i];
    if (q < y0 || q > y1) continue;
    const a = attr[i];
    if ((a & need) !== need || (a & forbid) !== 0) continue;
    total += 1;
    errors += a & 1;
  }
  sum.total += total;
  sum.errors += errors;
}
