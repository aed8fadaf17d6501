// Stacks that were counted, summed by function, from the top and from the bottom. Pure.

/** @typedef {{name: string, place: string, key: string}} Frame `key`: what is one and the same */
/** @typedef {{service: string, isRunning: boolean, count: number, frames: Frame[]}} Stack root first */
/** @typedef {{name: string, place: string, self: number, total: number, below: Map<string, Node>, depth: number}} Node */

/** What belongs to no transaction. */
export const NO_SERVICE = '(no service)';

/** Between the name of a step and its place. */
const AT = ' @ ';

/**
 * A function is one whatever line of it was seen; steps of one name at two places are two.
 * @param {{name: string, place: string}} one @param {boolean} isCode @returns {Frame}
 */
function frameOf({ name, place }, isCode) {
  if (isCode) return { name, place, key: name };
  const at = name.lastIndexOf(AT);
  return at < 0 ? { name, place, key: name } : { name: name.slice(0, at), place: name.slice(at + AT.length), key: name };
}

/** Stacks of an answer, each from its root: code comes with the innermost first, steps the other way. @param {any} profile @returns {Stack[]} */
export function rooted(profile) {
  return profile.stacks.map((/** @type {any} */ stack) => {
    const isCode = stack.frames.some((/** @type {any} */ frame) => frame.offset !== undefined);
    const frames = stack.frames.flatMap((/** @type {any} */ frame) => frame.functions.map((/** @type {any} */ one) => frameOf(one, isCode)));
    return { service: stack.service || NO_SERVICE, isRunning: stack.running, count: stack.count, frames: isCode ? frames.reverse() : frames };
  });
}

/** Services with their counts, the busiest first. @param {Stack[]} stacks @returns {[string, number][]} */
export function serviceCounts(stacks) {
  const sums = /** @type {Map<string, number>} */ (new Map());
  for (const { service, count } of stacks) sums.set(service, (sums.get(service) ?? 0) + count);
  return [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

export const sumOf = (/** @type {Stack[]} */ stacks) => stacks.reduce((sum, stack) => sum + stack.count, 0);

/**
 * Functions by how often a stack ended in them (`self`), and how often they were in one (`total`: once
 * a stack, however often it recurs there).
 * @param {Stack[]} stacks
 */
export function topFrames(stacks) {
  const known = /** @type {Map<string, {name: string, place: string, self: number, total: number, waiting: number}>} */ (new Map());
  for (const { frames, count, isRunning } of stacks) {
    const seen = new Set();
    frames.forEach((frame, i) => {
      const { key } = frame;
      let sum = known.get(key);
      if (!sum) known.set(key, sum = { name: frame.name, place: frame.place, self: 0, total: 0, waiting: 0 });
      if (!seen.has(key)) sum.total += count;
      seen.add(key);
      if (i !== frames.length - 1) return;
      sum.self += count;
      if (!isRunning) sum.waiting += count;
    });
  }
  return [...known.values()].sort((a, b) => b.self - a.self || b.total - a.total);
}

/** @param {string} name @param {string} place @param {number} depth @returns {Node} */
const node = (name, place, depth) => ({ name, place, self: 0, total: 0, below: new Map(), depth });

/**
 * Stacks laid over each other: from services down to what they ended in, or from what they ended in up
 * to who called that.
 * @param {Stack[]} stacks @param {boolean} isBottomUp @returns {Node} the root, which is no function
 */
export function treeOf(stacks, isBottomUp) {
  const root = node('', '', -1);
  for (const { service, frames, count } of stacks) {
    const path = [{ name: service, place: '', key: `service ${service}` }, ...frames];
    if (isBottomUp) path.reverse();
    root.total += count;
    let at = root;
    for (const frame of path) {
      let next = at.below.get(frame.key);
      if (!next) at.below.set(frame.key, next = node(frame.name, frame.place, at.depth + 1));
      next.total += count;
      at = next;
    }
    // From the bottom, what ends a stack is the first one.
    const end = isBottomUp ? root.below.get(path[0].key) : at;
    if (end) end.self += count;
  }
  return root;
}

/** Nodes below one, the heaviest first. @param {Node} of */
export const belowOf = of => [...of.below.values()].sort((a, b) => b.total - a.total || (a.name < b.name ? -1 : 1));

/** Opens a tree along its heaviest path while that is most of what is above it. @param {Node} root */
export function heaviestPath(root) {
  const open = new Set();
  for (let at = root; at.below.size > 0;) {
    const [next] = belowOf(at);
    if (at !== root && next.total * 2 < at.total) break;
    open.add(next);
    at = next;
  }
  return open;
}

/** Rows of a tree that are seen with these nodes open. @param {Node} root @param {Set<Node>} open */
export function shownRows(root, open) {
  const rows = /** @type {Node[]} */ ([]);
  const left = belowOf(root).reverse();
  for (let next = left.pop(); next; next = left.pop()) {
    rows.push(next);
    if (open.has(next)) left.push(...belowOf(next).reverse());
  }
  return rows;
}

/** A tree as steps of a profile, whose flame is the same picture. @param {Node} root */
export function asSteps(root) {
  const steps = /** @type {Record<string, any>[]} */ ([]);
  const open = belowOf(root).map(at => ({ at, parent: /** @type {number | null} */ (null) }));
  for (let next = open.shift(); next; next = open.shift()) {
    const { at, parent } = next;
    const mine = steps.push({ parent, name: at.name, place: at.place, kind: at.depth === 0 ? 'wait' : /^(?:SELECT|INSERT|UPDATE|DELETE|WITH|BEGIN|COMMIT)\b/i.test(at.name) ? 'sql' : 'method', start_us: 0, elapsed_us: at.total, count: 1 }) - 1;
    for (const below of belowOf(at)) open.push({ at: below, parent: mine });
  }
  return steps;
}
