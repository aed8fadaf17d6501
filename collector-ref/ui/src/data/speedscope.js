// A profile in the format of speedscope (https://www.speedscope.app): evented, one profile for each
// strand, since events of one must nest and steps of a request may run beside each other. Pure.

import { isPoint } from './flame.js';

const SCHEMA = 'https://www.speedscope.app/file-format-schema.json';

/**
 * @param {string} name @param {Record<string, any>[]} steps @param {number} elapsedUs
 */
export function speedscope(name, steps, elapsedUs) {
  /** @type {Map<string, number>} */
  const known = new Map();
  /** @type {{name: string, file?: string}[]} */
  const frames = [];
  const frameOf = (/** @type {Record<string, any>} */ step) => {
    const title = `${step.kind === 'method' ? '' : `${step.kind} `}${step.name || step.text || ''}`.trim() || step.kind;
    const key = `${title}\n${step.place ?? ''}`;
    let frame = known.get(key);
    if (frame === undefined) {
      frame = frames.length;
      frames.push(step.place ? { name: title, file: step.place } : { name: title });
      known.set(key, frame);
    }
    return frame;
  };
  const order = steps.map((_, i) => i).filter(i => !isPoint(steps[i])).sort((a, b) => steps[a].start_us - steps[b].start_us || a - b);
  /** @typedef {{events: any[], open: {step: number, frame: number, end: number}[], end: number}} Strand */
  /** @type {Strand[]} */
  const strands = [];
  const strandOf = new Int32Array(steps.length).fill(-1);
  const close = (/** @type {Strand} */ strand, /** @type {number} */ until) => {
    for (let top = strand.open[strand.open.length - 1]; top && top.end <= until; top = strand.open[strand.open.length - 1]) {
      strand.open.pop();
      strand.events.push({ type: 'C', frame: top.frame, at: top.end });
    }
  };
  for (const i of order) {
    const { start_us: start, elapsed_us: length, parent } = steps[i];
    const fits = (/** @type {Strand} */ strand) => {
      close(strand, start);
      const top = strand.open[strand.open.length - 1];
      return top === undefined || (top.step === parent && start + length <= top.end);
    };
    const above = Number.isInteger(parent) && parent >= 0 ? strandOf[parent] : -1;
    let at = above >= 0 && fits(strands[above]) ? above : strands.findIndex(fits);
    if (at < 0) at = strands.push({ events: [], open: [], end: 0 }) - 1;
    const strand = strands[at];
    const frame = frameOf(steps[i]);
    strandOf[i] = at;
    strand.events.push({ type: 'O', frame, at: start });
    strand.open.push({ step: i, frame, end: start + length });
    strand.end = Math.max(strand.end, start + length);
  }
  for (const strand of strands) close(strand, Infinity);
  return {
    $schema: SCHEMA, name, exporter: 'scouter', activeProfileIndex: 0, shared: { frames },
    profiles: strands.map((strand, i) => ({ type: 'evented', name: i === 0 ? name : `${name} (beside it, ${i + 1})`, unit: 'microseconds', startValue: 0, endValue: Math.max(elapsedUs, strand.end), events: strand.events })),
  };
}
