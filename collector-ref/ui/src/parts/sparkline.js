// A line without axes: is it like before? The numbers stand beside it.

import { html } from '../../vendor/preact.js';

const WIDTH = 120;
const HEIGHT = 28;

/** Seconds shown. */
const SPARK_SAMPLES = 150;

/**
 * Path of a series, newest at the right edge; from zero, so that noise looks like noise.
 * @param {number[]} series @param {number} [width] @param {number} [height] @param {number} [samples]
 */
export function sparkPath(series, width = WIDTH, height = HEIGHT, samples = SPARK_SAMPLES) {
  const shown = series.slice(-samples);
  if (shown.length < 2) return '';
  const top = Math.max(...shown, Number.EPSILON);
  const step = width / (samples - 1);
  const left = width - (shown.length - 1) * step;
  return shown.map((value, i) => `${i === 0 ? 'M' : 'L'}${(left + i * step).toFixed(1)} ${(height - 1 - (Math.max(0, value) / top) * (height - 3)).toFixed(1)}`).join('');
}

/** Fewer are a dash at the edge, and no line. */
const LEAST_SAMPLES = 8;

/** @param {{series: number[], samples?: number}} props samples: how many the width is for */
export function Sparkline({ series, samples = SPARK_SAMPLES }) {
  const path = series.length < LEAST_SAMPLES ? '' : sparkPath(series, WIDTH, HEIGHT, samples);
  return html`<svg class="spark" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
    ${path && html`<path class="area" d=${`${path}V${HEIGHT}H${path.slice(1, path.indexOf(' '))}Z`} /><path class="line" d=${path} />`}</svg>`;
}
