// Counters as lines: names, units, figures, and few enough points to draw. Pure.

import { bytes, count, duration, rate, three } from '../core/format.js';

/** @typedef {[number, number][]} Points unix µs and value, ascending */

/** Most points of a line; of more, the lowest and the highest of each stretch are kept. */
export const MAX_LINE_POINTS = 600;

/** Name, unit and what it is of: `pool_wait_mean|us|Any sqlite:shop.db`. @param {string} full */
export function parseName(full) {
  const [name, unit = '', ...of] = full.split('|');
  return { name: name.replaceAll('_', ' '), unit, of: of.join('|') };
}

/** How values of a unit are written. @param {string} unit @returns {(value: number) => string} */
export function formatOf(unit) {
  switch (unit) {
    case 'us': return duration;
    case 'ms': return value => duration(value * 1000);
    case 'B': return bytes1;
    case '%': return value => `${value.toFixed(value !== 0 && value < 9.95 ? 1 : 0)} %`;
    case '1/s': return value => `${rate(value)}/s`;
    case '': return plain;
    default: return value => `${plain(value)} ${unit}`;
  }
}

/** @param {number} value */
const plain = value => (Number.isInteger(value) || Math.abs(value) >= 100 ? count(value) : three(value));
/** @param {number} value */
const bytes1 = value => bytes(Math.round(value));

/** Newest, least, mean and largest value. @param {Points} points */
export function figures(points) {
  if (points.length === 0) return null;
  let [least, most, sum] = [Infinity, -Infinity, 0];
  for (const [, value] of points) {
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
  }
  return { now: points[points.length - 1][1], least, most, mean: sum / points.length };
}

/** As many points as can be seen, spikes included. @param {Points} points @param {number} [limit] @returns {Points} */
export function thinned(points, limit = MAX_LINE_POINTS) {
  if (points.length <= limit) return points;
  const stretch = Math.ceil((points.length * 2) / limit);
  /** @type {Points} */
  const kept = [];
  for (let i = 0; i < points.length; i += stretch) {
    let [low, high] = [i, i];
    for (let k = i; k < Math.min(points.length, i + stretch); k++) {
      if (points[k][1] < points[low][1]) low = k;
      if (points[k][1] > points[high][1]) high = k;
    }
    for (const k of low === high ? [low] : [Math.min(low, high), Math.max(low, high)]) kept.push(points[k]);
  }
  return kept;
}

/**
 * A line as the path of an SVG; where nothing came for several times the usual pause, it is broken.
 * @param {Points} points @param {number} fromUs @param {number} toUs @param {number} top @param {number} width @param {number} height
 */
export function linePath(points, fromUs, toUs, top, width, height) {
  const pauses = points.slice(1).map(([t], i) => t - points[i][0]).sort((a, b) => a - b);
  const longest = 5 * (pauses[Math.floor(pauses.length / 2)] ?? 0);
  let path = '';
  let last = -Infinity;
  for (const [t, value] of points) {
    const x = ((t - fromUs) / (toUs - fromUs)) * width;
    const y = height - (Math.max(0, value) / top) * height;
    path += `${t - last > longest ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    last = t;
  }
  return path;
}

/** A round top of an axis that holds this value, and whose half is round too. @param {number} value @param {number} [base] 1,024 for bytes */
export function niceTop(value, base = 10) {
  if (!(value > 0)) return 1;
  const scale = base === 10 ? 1 : base ** Math.floor(Math.log(value) / Math.log(base));
  const power = 10 ** Math.floor(Math.log10(value / scale)) * scale;
  return ([1, 1.5, 2, 3, 5, 8, 10].find(f => f * power >= value * 0.999) ?? 10) * power;
}

/** Value of the last point not after a time, or `null`. @param {Points} points @param {number} us */
export function valueAt(points, us) {
  let [lo, hi] = [0, points.length];
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (points[mid][0] <= us) lo = mid + 1;
    else hi = mid;
  }
  return lo > 0 ? points[lo - 1][1] : null;
}
