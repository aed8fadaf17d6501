// A document of the collector in a component: loading, there, or what went wrong.

import { html, useEffect, useRef, useState } from '../../vendor/preact.js';
import { getJson } from '../core/api.js';
import { Reloader } from '../data/reloader.js';

/** @typedef {{data: any, error: (Error & {status?: number, body?: any}) | null, isLoading: boolean}} Loaded */

/**
 * Loads a document, and again every `everyMs` while the tab is visible, and at once when `trigger`
 * changes. The old one stays until the new one is there.
 * @param {string} path
 * @param {Record<string, string | number | undefined>} [query]
 * @param {number} [everyMs]
 * @param {unknown} [trigger]
 * @param {() => Record<string, string | number | undefined>} [moving] what else to ask for, anew at each load
 * @returns {Loaded}
 */
export function useDocument(path, query = {}, everyMs = 0, trigger = 0, moving = () => ({})) {
  const [loaded, setLoaded] = useState(/** @type {Loaded} */ ({ data: null, error: null, isLoading: true }));
  const reloader = useRef(/** @type {Reloader | null} */ (null));
  const key = `${path} ${JSON.stringify(query)}`;
  useEffect(() => {
    const abort = new AbortController();
    const load = async () => {
      if (everyMs > 0 && document.hidden) return;
      try {
        const data = await getJson(path, { ...query, ...moving() }, abort.signal);
        setLoaded({ data, error: null, isLoading: false });
      } catch (error) {
        if (abort.signal.aborted) return;
        setLoaded(before => ({ data: before.data, error: /** @type {Error} */ (error), isLoading: false }));
      }
    };
    const made = new Reloader(load, everyMs);
    reloader.current = made;
    made.now();
    return () => {
      made.stop();
      abort.abort();
    };
  }, [key, everyMs]);
  const first = useRef(trigger);
  useEffect(() => {
    if (trigger !== first.current) reloader.current?.now();
    first.current = trigger;
  }, [trigger]);
  return loaded;
}

/**
 * The same of one process; where several have its name, that is told instead.
 * @param {string} path @param {Record<string, string | number | undefined>} query @param {number} everyMs
 * @param {(error: any) => void} onAmbiguous @param {unknown} [trigger] @returns {Loaded}
 */
export function useAsked(path, query, everyMs, onAmbiguous, trigger = 0) {
  const loaded = useDocument(path, query, everyMs, trigger);
  const { error } = loaded;
  useEffect(() => { if (/** @type {any} */ (error)?.code === 'ambiguous') onAmbiguous(error); }, [error]);
  return loaded;
}

/** Says that it loads, or what went wrong. @param {{loaded: Loaded, what: string}} props */
export function LoadState({ loaded, what }) {
  if (loaded.error) return html`<p class="problem" role="alert">${loaded.error.message}</p>`;
  return loaded.isLoading ? html`<p class="mut" role="status">Loading ${what}…</p>` : null;
}
