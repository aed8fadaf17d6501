// Totals by the values of one dimension, as a table that sorts: the same on all pages.

import { html, useState } from '../../vendor/preact.js';
import { count, duration, percent } from '../core/format.js';
import { exactWord, words } from '../core/filter.js';
import { view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { statusText } from './badges.js';

/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} label
 * @property {(group: any) => number | string} value what it sorts by
 * @property {(group: any) => any} [cell] what stands there; the value as a count without it
 * @property {boolean} [isText] it stands on the left
 * @property {boolean} [isBar] its share of the largest is drawn behind it
 */

/** Dimension to word of the filter, where there is one. */
const WORD = /** @type {Record<string, string>} */ ({
  service: 'service', object: 'object', tenant: 'tenant', login: 'login', ip: 'ip', user_agent: 'ua', error: 'error', status: 'status', desc: 'desc',
});
/** What an absent value is called. */
const ABSENT = /** @type {Record<string, string>} */ ({ error: 'no error', tenant: 'no tenant', login: 'not logged in', ip: 'no address', user_agent: 'no user agent', desc: 'no description' });

/** How a value is shown to people. @param {string} by @param {string} value */
export const valueText = (by, value) => (value === '' ? ABSENT[by] ?? 'none' : by === 'status' ? (value === '0' ? 'none' : statusText(Number(value))) : by === 'end' || by === 'kind' ? value.replaceAll('_', ' ') : value);

/** The filter of the view narrowed to one value; `null` when the language has no word for it. @param {string} f @param {string} by @param {string} value */
export function narrowed(f, by, value) {
  const word = WORD[by];
  if (!word || value === '(other)') return null;
  // The language has no word for what is absent, but for errors.
  if (value === '' && by !== 'error') return null;
  const wanted = value === '' ? '-err' : exactWord(word, value);
  return words(f).includes(wanted) ? f : `${f} ${wanted}`.trim();
}

/** @type {Column} */
export const COUNT = { key: 'count', label: 'Transactions', value: g => g.count, isBar: true };
/** @type {Column} */
export const ERRORS = { key: 'errors', label: 'Errors', value: g => g.errors, cell: g => (g.errors > 0 ? html`<span class="err">${count(g.errors)}</span> <span class="mut">${percent(g.errors, g.count)}</span>` : html`<span class="mut">·</span>`) };
/** @param {string} key @param {string} label @param {(g: any) => number} value @param {boolean} [isBar] @returns {Column} */
export const time = (key, label, value, isBar = false) => ({ key, label, value, isBar, cell: g => (value(g) > 0 ? duration(value(g)) : html`<span class="mut">·</span>`) });
/** @type {Column[]} */
export const TIMES = [
  time('p50', 'p50', g => g.p50_us), time('p95', 'p95', g => g.p95_us), time('p99', 'p99', g => g.p99_us), time('max', 'Slowest', g => g.max_us),
  time('sum', 'Total time', g => g.elapsed_sum_us, true),
];
/** @type {Column[]} */
export const SPENT = [time('sql', 'SQL time', g => g.sql_sum_us, true), time('api', 'Call time', g => g.api_sum_us, true)];
/** @type {Column[]} */
export const USUAL = [COUNT, ERRORS, ...TIMES, ...SPENT];

/** The bar behind a figure; the longest one stays apart from that of the column before. @param {number} share of the largest */
export const shareWidth = share => ({ width: `calc((100% - 8px) * ${share})` });

/** Names of dimensions where they are not words. @type {Record<string, string>} */
const DIMENSION_TEXTS = { ip: 'IP', desc: 'description' };
/** A dimension as people call it. @param {string} by */
export const dimensionText = by => DIMENSION_TEXTS[by] ?? by.replaceAll('_', ' ');

/** Rows drawn at first; a button shows the others. */
const SHOWN = 200;

/**
 * @param {object} props
 * @param {string} props.by
 * @param {any[]} props.groups
 * @param {Column[]} props.columns
 * @param {string} props.caption
 * @param {string} [props.head] label of the first column
 * @param {string} [props.sortedBy]
 * @param {string} [props.path] page the values lead to
 * @param {(group: any) => string | null} [props.href] where a value leads to, instead
 * @param {string} [props.testId]
 */
export function GroupTable({ by, groups, columns, caption, head = '', sortedBy = 'count', path = '/xlog', href, testId = 'groups' }) {
  const [sorted, setSorted] = useState({ key: sortedBy, isDown: true });
  const [shown, show] = useState(SHOWN);
  const column = columns.find(one => one.key === sorted.key);
  const value = column ? column.value : (/** @type {any} */ g) => g.value;
  const sign = sorted.isDown ? -1 : 1;
  const rows = groups.slice().sort((a, b) => (value(a) === value(b) ? 0 : (value(a) < value(b) ? -1 : 1) * sign));
  const largest = Object.fromEntries(columns.filter(one => one.isBar).map(one => [one.key, Math.max(1, ...groups.map(g => Number(one.value(g))))]));
  const name = dimensionText(by);
  const all = [{ key: 'value', isText: true, label: head || name[0].toUpperCase() + name.slice(1) }, ...columns];
  const sortBy = (/** @type {string} */ key) => setSorted({ key, isDown: sorted.key === key ? !sorted.isDown : !all.find(one => one.key === key)?.isText });
  const linkOf = href ?? ((/** @type {any} */ g) => {
    const f = narrowed(view.value.f, by, g.value);
    return f === null ? null : viewUrl(path, { ...view.value, f, box: path === '/xlog' ? view.value.box : null, pane: 'list' });
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}><table class="data groups" data-testid=${testId}>
    <caption class="hidden-text">${caption}</caption>
    <thead><tr>${all.map(({ key, label, isText }) => html`<th scope="col" key=${key} class=${isText ? '' : 'num'} aria-sort=${sorted.key === key ? (sorted.isDown ? 'descending' : 'ascending') : undefined}>
      <button class="head" onClick=${() => sortBy(key)}>${label}${sorted.key === key ? (sorted.isDown ? ' ↓' : ' ↑') : ''}</button></th>`)}</tr></thead>
    <tbody>${rows.slice(0, shown).map(g => {
      const link = linkOf(g);
      const text = valueText(by, g.value);
      return html`<tr key=${`${g.value} ${g.object ?? ''}`}><th scope="row" title=${text}>${link ? html`<a href=${link}>${text}</a>` : html`<span class=${g.value === '' ? 'mut' : ''}>${text}</span>`}</th>
        ${columns.map(one => html`<td key=${one.key} class=${one.isText ? '' : 'num'}>${one.isBar && html`<i class="share" style=${shareWidth(Number(one.value(g)) / largest[one.key])}></i>`}<span>${one.cell ? one.cell(g) : count(Number(one.value(g)))}</span></td>`)}</tr>`;
    })}</tbody></table>
    ${rows.length > shown && html`<p class="foot mut">${count(shown)} of ${count(rows.length)} shown <button class="link" onClick=${() => show(rows.length)}>show all</button></p>`}</div>`;
}
