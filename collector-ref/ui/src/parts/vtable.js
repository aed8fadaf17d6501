// A table that draws only the rows in sight: a hundred thousand steps cost what thirty do.

import { html, useEffect, useLayoutEffect, useRef, useState } from '../../vendor/preact.js';
import { addKeys } from '../core/keys.js';

/**
 * @template T
 * @typedef {object} Column
 * @property {string} key
 * @property {string} label
 * @property {number | string} width CSS width
 * @property {boolean} [isNumber]
 * @property {(row: T, index: number) => any} cell
 * @property {(row: T) => number | string} [sort] value to sort by; without it the head is not a button
 * @property {any} [head] what stands in the head instead of the label
 */

/** Rows drawn beyond each edge of what is seen. */
const OVERSCAN = 12;

/**
 * @template T
 * @param {object} props
 * @param {Column<T>[]} props.columns
 * @param {number} props.count
 * @param {(index: number) => T} props.row
 * @param {(row: T, index: number) => string | number} props.rowKey
 * @param {number} props.rowPx
 * @param {string} props.caption
 * @param {number} props.selected
 * @param {(index: number) => void} props.select
 * @param {(index: number) => void} [props.open]
 * @param {(row: T) => string} [props.rowClass]
 * @param {(row: T) => Record<string, any>} [props.rowProps]
 * @param {() => void} [props.nearEnd]
 * @param {{key: string, isDown: boolean}} [props.sorted]
 * @param {(key: string) => void} [props.sortBy]
 * @param {string} [props.role]
 * @param {string} [props.testId]
 * @param {Record<string, (event: KeyboardEvent) => void | boolean>} [props.keys]
 */
export function VTable(props) {
  const { columns, count, row, rowKey, rowPx, caption, selected, select, open, nearEnd } = props;
  const scroller = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [span, setSpan] = useState({ top: 0, height: 600 });
  useLayoutEffect(() => {
    const element = /** @type {HTMLDivElement} */ (scroller.current);
    const measure = () => setSpan({ top: element.scrollTop, height: element.clientHeight });
    let isAsked = false;
    const onScroll = () => {
      if (isAsked) return;
      isAsked = true;
      requestAnimationFrame(() => {
        isAsked = false;
        measure();
      });
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, []);
  const first = Math.max(0, Math.min(count - 1, Math.floor(span.top / rowPx)) - OVERSCAN);
  const last = Math.min(count, Math.ceil((span.top + span.height) / rowPx) + OVERSCAN);
  useEffect(() => { if (last >= count - OVERSCAN) nearEnd?.(); }, [last, count]);
  // Before the next frame: whoever sees the row may press Enter at once.
  useLayoutEffect(() => {
    const step = (/** @type {number} */ by) => () => {
      const next = Math.max(0, Math.min(count - 1, selected + by));
      if (count === 0) return false;
      select(next);
      reveal(scroller.current, next, rowPx);
      return true;
    };
    return addKeys({
      j: step(1), k: step(-1),
      Enter: () => (selected >= 0 && open ? open(selected) : false),
      ...props.keys,
    });
  }, [count, selected, open, select, props.keys]);
  const indexes = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
  return html`<div class="vtable" ref=${scroller} tabindex="0" role="region" aria-label=${caption}>
    <table class="data" role=${props.role} aria-rowcount=${count + 1} data-testid=${props.testId}>
      <caption class="hidden-text">${caption}</caption>
      <colgroup>${columns.map(column => html`<col key=${column.key} style=${{ width: typeof column.width === 'number' ? `${column.width}px` : column.width }} />`)}</colgroup>
      <thead><tr aria-rowindex="1">${columns.map(column => html`<${Head} key=${column.key} column=${column} sorted=${props.sorted} sortBy=${props.sortBy} />`)}</tr></thead>
      <tbody>
        ${first > 0 && html`<tr class="spacer" aria-hidden="true" key="before"><td colspan=${columns.length} style=${{ height: `${first * rowPx}px` }}></td></tr>`}
        ${indexes.map(i => {
          const value = row(i);
          return html`<tr key=${rowKey(value, i)} aria-rowindex=${i + 2} aria-selected=${i === selected ? 'true' : undefined}
              class=${`${props.rowClass?.(value) ?? ''}${i === selected ? ' is-selected' : ''}`} style=${{ height: `${rowPx}px` }}
              onClick=${() => select(i)} onDblClick=${() => open?.(i)} ...${props.rowProps?.(value) ?? {}}>
            ${columns.map(column => html`<td key=${column.key} class=${column.isNumber ? 'num' : ''}>${column.cell(value, i)}</td>`)}</tr>`;
        })}
        ${last < count && html`<tr class="spacer" aria-hidden="true" key="after"><td colspan=${columns.length} style=${{ height: `${(count - last) * rowPx}px` }}></td></tr>`}
      </tbody>
    </table></div>`;
}

/** @param {HTMLElement | null} scroller @param {number} index @param {number} rowPx */
function reveal(scroller, index, rowPx) {
  if (!scroller) return;
  const headPx = scroller.querySelector('thead')?.clientHeight ?? 0;
  const top = index * rowPx;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  const bottom = top + rowPx + headPx;
  if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom - scroller.clientHeight;
}

/** @param {{column: Column<any>, sorted?: {key: string, isDown: boolean}, sortBy?: (key: string) => void}} props */
function Head({ column, sorted, sortBy }) {
  const isSorted = sorted?.key === column.key;
  const mark = isSorted ? (sorted?.isDown ? ' ↓' : ' ↑') : '';
  return html`<th scope="col" class=${column.isNumber ? 'num' : ''} aria-sort=${isSorted ? (sorted?.isDown ? 'descending' : 'ascending') : undefined}>
    ${column.sort && sortBy ? html`<button class="head" onClick=${() => sortBy(column.key)}>${column.label}${mark}</button>` : column.head ?? column.label}</th>`;
}
