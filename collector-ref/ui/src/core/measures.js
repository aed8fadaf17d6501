// What the height of a dot can say. The collector knows the same names.

import { bytes, count, duration } from './format.js';
import { MAX_Q, elapsedOf, quantiseElapsed } from './quantiser.js';

/** @typedef {{kind: 'log' | 'lin', lo: number, hi: number}} Axis quantised values of bottom and top */
/**
 * @typedef {object} Measure
 * @property {string} key its name in addresses and in the API
 * @property {string} label
 * @property {(value: number) => string} format
 * @property {number} least smallest top of its axis
 * @property {Axis} axis its axis to begin with
 */

/** @param {number} lo @param {number} hi @returns {Axis} */
const log = (lo, hi) => ({ kind: 'log', lo: quantiseElapsed(lo), hi: quantiseElapsed(hi) });
const TIME = { format: duration, least: 1_000, axis: log(100, 10_000_000) };
const AMOUNT = { format: (/** @type {number} */ n) => count(Math.round(n)), least: 2, axis: log(1, 1_000) };

/** @type {Measure[]} */
export const MEASURES = [
  { key: 'elapsed', label: 'Elapsed', ...TIME },
  { key: 'sql', label: 'SQL time', ...TIME },
  { key: 'sql_count', label: 'SQL count', ...AMOUNT },
  { key: 'api', label: 'Call time', ...TIME },
  { key: 'api_count', label: 'Calls', ...AMOUNT },
  { key: 'busy', label: 'Busy', ...TIME },
  { key: 'pool', label: 'Pool wait', ...TIME },
  { key: 'bytes', label: 'Bytes out', format: n => bytes(Math.round(n)), least: 1_000, axis: log(100, 100_000_000) },
];

/** The measure of a name; elapsed time for an unknown one. @param {string} key */
export const measureOf = key => MEASURES.find(measure => measure.key === key) ?? MEASURES[0];
/** Its name as a parameter of the API: nothing for elapsed time. @param {string} key */
export const measureParam = key => (key === 'elapsed' ? undefined : key);

/** The heights that a box holds; nothing if it holds all. @param {{y0: number, y1: number}} box @param {string} measure */
export function heightText({ y0, y1 }, measure) {
  const { format } = measureOf(measure);
  const least = format(elapsedOf(y0));
  return y1 < MAX_Q ? `${least} – ${format(elapsedOf(y1))}` : y0 > 0 ? `over ${least}` : '';
}
