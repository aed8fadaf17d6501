// A document of the collector in a component: loading, there, or what went wrong.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { getJson } from '../core/api.js';

/** @typedef {{data: any, error: (Error & {status?: number, body?: any}) | null, isLoading: boolean}} Loaded */

/**
 * Loads a document, and again every `everyMs` while the tab is visible. The old one stays until the
 * new one is there.
 * @param {string} path
 * @param {Record<string, string | number | undefined>} [query]
 * @param {number} [everyMs]
 * @returns {Loaded}
 */
export function useDocument(path, query = {}, everyMs = 0) {
  const [loaded, setLoaded] = useState(/** @type {Loaded} */ ({ data: null, error: null, isLoading: true }));
  const key = `${path} ${JSON.stringify(query)}`;
  useEffect(() => {
    const abort = new AbortController();
    /** @type {any} */
    let timer;
    const load = async () => {
      if (everyMs === 0 || !document.hidden) {
        try {
          const data = await getJson(path, query, abort.signal);
          setLoaded({ data, error: null, isLoading: false });
        } catch (error) {
          if (abort.signal.aborted) return;
          setLoaded(before => ({ data: before.data, error: /** @type {Error} */ (error), isLoading: false }));
        }
      }
      if (everyMs > 0 && !abort.signal.aborted) timer = setTimeout(load, everyMs);
    };
    void load();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, everyMs]);
  return loaded;
}

/** Says that it loads, or what went wrong. @param {{loaded: Loaded, what: string}} props */
export function LoadState({ loaded, what }) {
  if (loaded.error) return html`<p class="problem" role="alert">${loaded.error.message}</p>`;
  return loaded.isLoading ? html`<p class="mut" role="status">Loading ${what}…</p>` : null;
}
