// A profile as a flame: rows of bars, in the order of time or with the heaviest on the left. Pure.
//
// Steps of one request may run beside each other (a join): in the order of time a step stands in the
// first free row below its parent, so that no bar hides another one.

/** @typedef {import('./profile.js').StepTree} StepTree */
/**
 * @typedef {object} Flame bars by number, those of a row from left to right: where, how long, in which row
 * @property {number} n
 * @property {Float64Array} start µs
 * @property {Float64Array} length µs
 * @property {Uint16Array} row
 * @property {Uint32Array} step the step, or the first of those that were put together
 * @property {Uint32Array} times steps put together
 * @property {number} rows
 * @property {number} totalUs
 */

/** More rows than this are not drawn; what is deeper shares the last one. */
export const MAX_ROWS = 400;

/** @param {number} n @param {number} totalUs @returns {Flame} */
function empty(n, totalUs) {
  return { n, start: new Float64Array(n), length: new Float64Array(n), row: new Uint16Array(n), step: new Uint32Array(n), times: new Uint32Array(n).fill(1), rows: 0, totalUs };
}

/** A note or an error has a moment, no duration. @param {Record<string, any>} step */
export const isPoint = step => step.kind === 'message' || step.kind === 'error';

/**
 * Bars where the steps were in time.
 * @param {StepTree} tree @param {number} elapsedUs
 * @returns {Flame}
 */
export function inTime(tree, elapsedUs) {
  const { steps, order } = tree;
  const flame = empty(steps.length, Math.max(1, elapsedUs));
  const rowOf = new Uint16Array(steps.length);
  /** Where the last bar of each row ends. */
  const ends = new Float64Array(MAX_ROWS + 1);
  const byStart = Array.from(order).filter(i => !isPoint(steps[i])).sort((a, b) => steps[a].start_us - steps[b].start_us || a - b);
  let n = 0;
  for (const i of byStart) {
    const { start_us: start, elapsed_us: length, parent } = steps[i];
    let row = Number.isInteger(parent) && parent >= 0 && parent < i ? rowOf[parent] + 1 : 0;
    while (row < MAX_ROWS && ends[row] > start) row += 1;
    row = Math.min(row, MAX_ROWS);
    rowOf[i] = row;
    ends[row] = Math.max(ends[row], start + length);
    flame.start[n] = start;
    flame.length[n] = length;
    flame.row[n] = row;
    flame.step[n] = i;
    flame.times[n] = steps[i].count || 1;
    flame.rows = Math.max(flame.rows, row + 1);
    n += 1;
  }
  flame.n = n;
  return flame;
}

/**
 * Steps of the same name below the same path put together, the heaviest on the left. Bars are as long
 * as the steps took together: beside each other they may be longer than what called them, and then
 * that is drawn as long as they are.
 * @param {StepTree} tree
 * @returns {Flame}
 */
export function leftHeavy(tree) {
  const { steps, order } = tree;
  /** @typedef {{step: number, us: number, wide: number, times: number, below: Map<string, any>}} Node */
  /** @type {() => Node} */
  const node = () => ({ step: 0, us: 0, wide: 0, times: 0, below: new Map() });
  const root = node();
  const nodes = /** @type {Node[]} */ (new Array(steps.length));
  for (const i of order) {
    const step = steps[i];
    if (isPoint(step)) continue;
    const { parent } = step;
    const above = (Number.isInteger(parent) && parent >= 0 && parent < i && nodes[parent]) || root;
    const key = `${step.kind} ${step.name}`;
    let mine = /** @type {Node | undefined} */ (above.below.get(key));
    if (!mine) {
      mine = node();
      mine.step = i;
      above.below.set(key, mine);
    }
    mine.us += step.elapsed_us;
    mine.times += step.count || 1;
    nodes[i] = mine;
  }
  const sorted = (/** @type {Node} */ of) => [...of.below.values()].sort((a, b) => b.wide - a.wide || a.step - b.step);
  // Deep profiles: no recursion. First down, then widths from the bottom up.
  const all = [root];
  for (let i = 0; i < all.length; i++) for (const below of all[i].below.values()) all.push(below);
  for (let i = all.length - 1; i >= 0; i--) {
    let below = 0;
    for (const one of all[i].below.values()) below += one.wide;
    all[i].wide = Math.max(all[i].us, below);
  }
  const flame = empty(all.length - 1, Math.max(1, root.wide));
  let n = 0;
  const open = [{ of: root, at: 0, row: -1 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { of, row } = next;
    if (row >= 0) {
      flame.start[n] = next.at;
      flame.length[n] = of.wide;
      flame.row[n] = Math.min(row, MAX_ROWS);
      flame.step[n] = of.step;
      flame.times[n] = of.times;
      flame.rows = Math.max(flame.rows, Math.min(row, MAX_ROWS) + 1);
      n += 1;
    }
    let at = next.at;
    const below = sorted(of).map(one => {
      const place = { of: one, at, row: row + 1 };
      at += one.wide;
      return place;
    });
    // The last one pushed is the first one taken: bars of a row come from left to right.
    for (let i = below.length - 1; i >= 0; i--) open.push(below[i]);
  }
  return flame;
}

/**
 * The bar at a place or the nearest one within the slack, or -1; of two at the same place the one
 * drawn last. The slack must not win over a bar that is there: a short one beside a long one could
 * not be pressed.
 * @param {Flame} flame @param {number} us @param {number} row @param {number} slackUs
 */
export function barAt(flame, us, row, slackUs) {
  let [nearest, least] = [-1, Infinity];
  for (let i = flame.n - 1; i >= 0 && least > 0; i--) {
    if (flame.row[i] !== row) continue;
    const away = Math.max(0, flame.start[i] - us, us - flame.start[i] - flame.length[i]);
    if (away < least) [nearest, least] = [i, away];
  }
  return least <= slackUs ? nearest : -1;
}
