// The steps of a profile as a tree: typed arrays, so that a hundred thousand cost milliseconds.

/** @typedef {Record<string, any>} Step */

export class StepTree {
  /** @param {Step[]} steps in order of their start; a parent comes before its children */
  constructor(steps) {
    this.steps = steps;
    const n = steps.length;
    this.depth = new Uint16Array(n);
    this.children = new Uint32Array(n);
    /** Depth-first order, and for each place in it where the subtree ends. */
    this.order = new Uint32Array(n);
    this.end = new Uint32Array(n);
    const next = new Int32Array(n).fill(-1);
    const firstChild = new Int32Array(n).fill(-1);
    let firstRoot = -1;
    for (let i = n - 1; i >= 0; i--) {
      const parent = parentOf(steps[i], i);
      if (parent < 0) {
        next[i] = firstRoot;
        firstRoot = i;
      } else {
        next[i] = firstChild[parent];
        firstChild[parent] = i;
        this.children[parent] += 1;
      }
    }
    this.placeOf = new Uint32Array(n);
    /** @type {Map<number, {fromUs: number, toUs: number}[]>} */
    this.knownGaps = new Map();
    this.walk(firstRoot, firstChild, next);
  }

  /** @param {number} firstRoot @param {Int32Array} firstChild @param {Int32Array} next */
  walk(firstRoot, firstChild, next) {
    const { placeOf } = this;
    /** @type {number[]} steps whose children are being walked */
    const open = [];
    let at = 0;
    let i = firstRoot;
    while (i >= 0) {
      this.order[at] = i;
      placeOf[i] = at++;
      this.depth[i] = open.length;
      if (firstChild[i] >= 0) {
        open.push(i);
        i = firstChild[i];
        continue;
      }
      this.end[placeOf[i]] = at;
      while (next[i] < 0 && open.length > 0) {
        i = /** @type {number} */ (open.pop());
        this.end[placeOf[i]] = at;
      }
      i = next[i];
    }
  }

  /**
   * Time of a step that none of its own steps covers: the gaps between them, the longest first.
   * @param {number} i @returns {{fromUs: number, toUs: number}[]}
   */
  gaps(i) {
    const known = this.knownGaps.get(i);
    if (known) return known;
    const { start_us: start, elapsed_us: length } = this.steps[i];
    /** @type {{fromUs: number, toUs: number}[]} */
    const gaps = [];
    const at = this.placeOf[i];
    /** @type {[number, number][]} */
    const covered = [];
    for (let next = at + 1; next < this.end[at]; next = this.end[next]) {
      const child = this.steps[this.order[next]];
      if (child.elapsed_us > 0) covered.push([child.start_us, child.start_us + child.elapsed_us]);
    }
    covered.sort((a, b) => a[0] - b[0]);
    let reached = start;
    for (const [from, to] of covered) {
      if (from > reached) gaps.push({ fromUs: reached, toUs: from });
      reached = Math.max(reached, to);
    }
    if (start + length > reached && covered.length > 0) gaps.push({ fromUs: reached, toUs: start + length });
    gaps.sort((a, b) => b.toUs - b.fromUs - (a.toUs - a.fromUs));
    this.knownGaps.set(i, gaps);
    return gaps;
  }

  /**
   * Steps to show, depth first, without what is below a closed one.
   * @param {Set<number>} closed
   * @returns {Uint32Array}
   */
  visible(closed) {
    if (closed.size === 0) return this.order;
    const shown = new Uint32Array(this.order.length);
    let n = 0;
    for (let at = 0; at < this.order.length;) {
      const i = this.order[at];
      shown[n++] = i;
      at = closed.has(i) ? this.end[at] : at + 1;
    }
    return shown.slice(0, n);
  }
}

/** A parent that does not come before its child is no parent: the step becomes a root. @param {Step} step @param {number} i */
function parentOf(step, i) {
  const parent = step.parent;
  return Number.isInteger(parent) && parent >= 0 && parent < i ? parent : -1;
}
