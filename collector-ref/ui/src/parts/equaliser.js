// Active services per object in three ages, as an equaliser. A table: the numbers are in it.

import { html } from '../../vendor/preact.js';
import { count } from '../core/format.js';

/**
 * @typedef {{object: string, bands: number[], unavailable?: string | null}} Row unavailable: why there
 * are no numbers
 */

const AGES = [['young', 'under 3 s'], ['aging', '3 to 8 s'], ['old', 'over 8 s']];
/** A bar of this many is full at least; more make it the new full. */
const FULL_AT = 20;

/**
 * Rows of a pulse. The collector asks the agents only while somebody looks, so the first pulses of a
 * tab have objects without numbers: those are unknown, not zero. So are those that are gone.
 * @param {any} pulse
 * @returns {Row[]}
 */
export function pulseRows(pulse) {
  /** @type {Row[]} */
  const rows = Object.entries(pulse?.active ?? {}).map(([object, bands]) => ({ object, bands }));
  const known = new Set(rows.map(row => row.object));
  const silent = (pulse?.objects ?? []).filter((/** @type {any} */ o) => !known.has(o.name));
  const all = [...rows, ...silent.map((/** @type {any} */ o) => ({ object: o.name, bands: [0, 0, 0], unavailable: o.alive ? 'asking…' : 'gone' }))];
  return all.sort((a, b) => (a.object < b.object ? -1 : 1));
}

/** Running transactions of a pulse by age, or `null` when no object has said yet. @param {any} pulse @returns {number[] | null} */
export function activeOf(pulse) {
  const known = pulseRows(pulse).filter(row => !row.unavailable);
  if (known.length === 0 && (pulse?.objects ?? []).some((/** @type {any} */ o) => o.alive)) return null;
  return known.reduce((sum, { bands }) => sum.map((n, i) => n + (bands[i] ?? 0)), [0, 0, 0]);
}

/** @param {{rows: Row[]}} props */
export function Equaliser({ rows }) {
  if (rows.length === 0) return html`<p class="mut">No object is connected.</p>`;
  const full = Math.max(FULL_AT, ...rows.map(row => row.bands.reduce((a, b) => a + b, 0)));
  return html`<table class="equaliser" data-testid="equaliser">
    <caption class="hidden-text">Running transactions by object and age</caption>
    <colgroup><col class="eq-name" /><col /><col class="eq-age" /><col class="eq-age" /><col class="eq-age" /></colgroup>
    <thead><tr><th scope="col"><span class="hidden-text">Object</span></th><th scope="col"><span class="hidden-text">Picture</span></th>${['<', '', '>'].map((sign, i) => html`<th scope="col" key=${i} class="num">${sign} ${['3 s', '3–8 s', '8 s'][i]}</th>`)}</tr></thead>
    <tbody>${rows.map(row => html`<tr key=${row.object}>
      <th scope="row"><a href=${`/active?object=${encodeURIComponent(row.object)}`} title=${row.object}>${row.object}</a></th>
      <td class="meter">${row.unavailable ? html`<span class="mut">${row.unavailable}</span>` : html`<div class="leds" aria-hidden="true">${AGES.map(([name], i) => html`<i key=${name} class=${`is-${name}`} style=${{ width: `${(row.bands[i] / full) * 100}%` }}></i>`)}</div>`}</td>
      ${AGES.map(([name, label], i) => html`<td key=${name} class=${`num age is-${name}${row.unavailable || row.bands[i] === 0 ? ' is-zero' : ''}`} title=${label}>${row.unavailable ? '–' : count(row.bands[i])}</td>`)}</tr>`)}</tbody></table>`;
}
