// Where the time axis has its labels.

const STEPS_MS = [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5];

/**
 * Round times between two edges, in the viewer's zone, about `wanted` of them.
 * @param {number} fromMs @param {number} toMs @param {number} wanted
 */
export function timeTicks(fromMs, toMs, wanted) {
  const rough = (toMs - fromMs) / Math.max(1, wanted);
  const stepMs = STEPS_MS.find(step => step >= rough) ?? Math.ceil(rough / 864e5) * 864e5;
  const zoneMs = new Date(fromMs).getTimezoneOffset() * -60_000;
  /** @type {number[]} */
  const ticks = [];
  for (let t = Math.ceil((fromMs + zoneMs) / stepMs) * stepMs - zoneMs; t <= toMs; t += stepMs) ticks.push(t);
  return { ticks, stepMs };
}

/**
 * Label of a tick: as exact as its step, with the day when the step is one.
 * @param {number} ms @param {number} stepMs
 */
export function tickLabel(ms, stepMs) {
  const d = new Date(ms);
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const hm = `${two(d.getHours())}:${two(d.getMinutes())}`;
  if (stepMs >= 864e5) return `${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  if (stepMs >= 6e4) return hm;
  if (stepMs >= 1e3) return `${hm}:${two(d.getSeconds())}`;
  return `${hm}:${two(d.getSeconds())}.${Math.floor(d.getMilliseconds() / 100)}`;
}
