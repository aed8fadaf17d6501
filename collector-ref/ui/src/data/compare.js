// Two selections, two transactions: what differs. Pure.

/** Half width of a 95 % interval, in standard deviations; the collector has the same. */
const Z = 1.96;

/**
 * The edge nearer to zero of the interval of the difference of two shares (Agresti and Caffo 2000);
 * 0 when it may be chance. As `/api/v1/differences` ranks.
 * @param {number} a @param {number} ofA @param {number} b @param {number} ofB
 */
export function leastDifference(a, ofA, b, ofB) {
  if (ofA === 0 || ofB === 0) return 0;
  const [p, q] = [(a + 1) / (ofA + 2), (b + 1) / (ofB + 2)];
  const half = Z * Math.sqrt((p * (1 - p)) / (ofA + 2) + (q * (1 - q)) / (ofB + 2));
  const difference = p - q;
  return Math.abs(difference) <= half ? 0 : difference - Math.sign(difference) * half;
}

/** @typedef {{by: string, total: number, groups: {value: string, count: number}[]}} Summary */

/**
 * Values by how much their shares differ at least, the most telling first.
 * @param {Summary[]} a by dimension @param {Summary[]} b the same dimensions
 */
export function differencesOf(a, b) {
  const [selected, rest] = [a[0]?.total ?? 0, b[0]?.total ?? 0];
  const values = a.flatMap((mine, i) => {
    const counts = new Map(mine.groups.map(g => [g.value, [g.count, 0]]));
    for (const g of b[i].groups) {
      const known = counts.get(g.value);
      if (known) known[1] = g.count;
      else counts.set(g.value, [0, g.count]);
    }
    return [...counts].map(([value, [n, m]]) => ({ dimension: mine.by, value, selected: n, rest: m, selected_share: n / Math.max(1, selected), rest_share: m / Math.max(1, rest), least: leastDifference(n, selected, m, rest) }));
  });
  return { selected, rest, values: values.filter(v => v.least !== 0).sort((x, y) => Math.abs(y.least) - Math.abs(x.least)) };
}

/**
 * Steps of two profiles put together by kind and name, by how much they differ.
 * @param {Record<string, any>[]} a @param {Record<string, any>[]} b
 */
export function alignSteps(a, b) {
  /** @type {Map<string, {kind: string, name: string, us: [number, number], times: [number, number]}>} */
  const rows = new Map();
  for (const [side, steps] of [a, b].entries()) {
    for (const step of steps) {
      const name = step.name || step.text || '';
      const key = `${step.kind} ${name}`;
      const row = rows.get(key) ?? { kind: step.kind, name, us: [0, 0], times: [0, 0] };
      row.us[side] += step.elapsed_us;
      row.times[side] += step.count || 1;
      rows.set(key, row);
    }
  }
  return [...rows.values()].sort((x, y) => Math.abs(y.us[1] - y.us[0]) - Math.abs(x.us[1] - x.us[0]));
}
