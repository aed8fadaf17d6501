// The critical path: at each moment the one step without which the end would have come sooner. Pure.
//
// From the end backwards: of the steps that a step called, the one that ended last before the moment
// held it up; before its start the next one, and so on. What none of them covers is the step's own.

import { isPoint } from './flame.js';

/** @typedef {{step: number, fromUs: number, toUs: number}} Part a piece of the path; step -1: of no step */

/**
 * Pieces of the path in the order of time; together they are the elapsed time.
 * @param {Record<string, any>[]} steps @param {number} elapsedUs
 * @returns {Part[]}
 */
export function criticalPath(steps, elapsedUs) {
  /** Children by the end, the last first; -1 is the transaction itself. @type {Map<number, number[]>} */
  const below = new Map();
  for (let i = 0; i < steps.length; i++) {
    if (isPoint(steps[i])) continue;
    const { parent } = steps[i];
    const key = Number.isInteger(parent) && parent >= 0 && parent < i ? parent : -1;
    const list = below.get(key);
    if (list) list.push(i);
    else below.set(key, [i]);
  }
  const end = (/** @type {number} */ i) => steps[i].start_us + steps[i].elapsed_us;
  for (const list of below.values()) list.sort((a, b) => end(b) - end(a) || a - b);
  /** @type {Part[]} */
  const path = [];
  const put = (/** @type {number} */ step, /** @type {number} */ fromUs, /** @type {number} */ toUs) => { if (toUs > fromUs) path.push({ step, fromUs, toUs }); };
  // A stack of steps being walked: where it begins, the moment reached, the next child to look at.
  const open = [{ step: -1, from: 0, at: Math.max(0, elapsedUs), next: 0 }];
  while (open.length > 0) {
    const top = open[open.length - 1];
    const children = below.get(top.step) ?? [];
    let child = -1;
    while (top.next < children.length) {
      const candidate = children[top.next++];
      // What ended later did not hold up this moment; what is left of it did while it ran.
      if (steps[candidate].start_us < top.at && end(candidate) > top.from) {
        child = candidate;
        break;
      }
    }
    if (child < 0) {
      put(top.step, top.from, top.at);
      open.pop();
      continue;
    }
    const to = Math.min(end(child), top.at);
    const from = Math.max(top.from, steps[child].start_us);
    put(top.step, to, top.at);
    top.at = from;
    open.push({ step: child, from, at: to, next: 0 });
  }
  return path.reverse();
}

/**
 * The path by step: which steps are on it, and how much of it is their own, the largest first.
 * @param {Part[]} path
 */
export function criticalShares(path) {
  /** @type {Map<number, number>} */
  const shares = new Map();
  for (const { step, fromUs, toUs } of path) shares.set(step, (shares.get(step) ?? 0) + toUs - fromUs);
  return [...shares].map(([step, us]) => ({ step, us })).sort((a, b) => b.us - a.us);
}
