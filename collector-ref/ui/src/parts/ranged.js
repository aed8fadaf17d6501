// Documents of a page that follows the bar: its range, live or fixed, and its filter.

import { html } from '../../vendor/preact.js';
import { edges } from '../core/range.js';
import { view } from '../core/router.js';
import { feed } from '../data/hub.js';
import { LoadState, useDocument } from './loaded.js';

/** A live range is asked for again so often. */
const REFRESH_MS = 5_000;

/** The range of the view now, as parameters; the last µs included. */
export function rangeQuery() {
  const { fromMs, toMs } = edges(view.peek().range, feed.serverNow());
  return { from_unix_us: Math.floor(fromMs) * 1000, to_unix_us: (Math.ceil(toMs) + 1) * 1000 - 1 };
}

/** How long the range is, seconds. */
export function rangeSeconds() {
  const { range } = view.value;
  return (range.live ? range.spanMs : range.toMs - range.fromMs) / 1000;
}

/**
 * Loads a document of the range, again and again while it is live.
 * @param {string} path @param {Record<string, string | number | undefined>} [query] @param {boolean} [isFiltered] whether the filter of the bar applies
 */
export function useRanged(path, query = {}, isFiltered = true) {
  const { range, f } = view.value;
  const key = { ...query, ...(isFiltered ? { f } : {}) };
  return useDocument(path, key, range.live ? REFRESH_MS : 0, JSON.stringify(range), rangeQuery);
}

/**
 * A panel of a page: head, and its content once the document is there.
 * @param {{id: string, title: string, loaded: import('./loaded.js').Loaded, head?: any, children: (data: any) => any}} props
 */
export function Panel({ id, title, loaded, head, children }) {
  const { data, error } = loaded;
  return html`<section class="panel" aria-labelledby=${id}><header class="panel-head"><h2 id=${id}>${title}</h2>${head}${data && error && html`<span class="problem" role="alert">${error.message}</span>`}</header>
    ${data ? children(data) : html`<${LoadState} loaded=${loaded} what=${title.toLowerCase()} />`}</section>`;
}
