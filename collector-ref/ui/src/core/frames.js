// What the page costs itself, for tests and for the help box: own work per animation frame.

/** Frames kept; the newest overwrite the oldest. */
const KEPT = 2_048;
const work = new Float32Array(KEPT);
let n = 0;

/** Notes the own work of one frame. @param {number} ms */
export function noteFrame(ms) {
  work[n % KEPT] = ms;
  n += 1;
}

/** Median and worst percentiles of the frames kept. */
export function frameWork() {
  const sorted = work.slice(0, Math.min(n, KEPT)).sort();
  const at = (/** @type {number} */ p) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0;
  return { frames: n, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs: sorted[sorted.length - 1] ?? 0 };
}

/** Forgets all frames: a test starts to measure. */
export function resetFrames() {
  n = 0;
}
