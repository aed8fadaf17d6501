// What may be typed next into the filter: words of the language, then values that occur in the range.

import { html, useEffect, useLayoutEffect, useRef, useState } from '../../vendor/preact.js';
import { getJson } from '../core/api.js';
import { count } from '../core/format.js';
import { edges } from '../core/range.js';
import { view } from '../core/router.js';
import { placeAt, putIn, valueOf, valuesFor, wordsFor } from '../core/suggest.js';
import { feed } from '../data/hub.js';

/** Most entries shown, and most values asked for. */
const SHOWN = 12;
const VALUES = 300;
/** Values asked for are kept so long. */
const KEPT_MS = 30_000;

/** @type {Map<string, {atMs: number, groups: Promise<{value: string, count: number}[]>}>} by dimension and range */
const known = new Map();

/** @param {string} by */
function groupsOf(by) {
  const { range } = view.peek();
  const { fromMs, toMs } = edges(range, feed.serverNow());
  const key = JSON.stringify([by, range]);
  const kept = known.get(key);
  if (kept && performance.now() - kept.atMs < KEPT_MS) return kept.groups;
  const query = { by, from_unix_us: Math.floor(fromMs) * 1000, to_unix_us: Math.ceil(toMs) * 1000, limit: VALUES };
  const groups = getJson('summary', query).then(answer => answer.groups, () => []);
  known.clear();
  known.set(key, { atMs: performance.now(), groups });
  return groups;
}

/**
 * Makes an input a combobox of ours. The returned function ends that.
 * @param {HTMLInputElement} element @param {(event: KeyboardEvent) => void} onKeyDown @param {() => void} onInput @param {() => void} onBlur
 */
function listen(element, onKeyDown, onInput, onBlur) {
  element.setAttribute('role', 'combobox');
  element.setAttribute('aria-autocomplete', 'list');
  element.setAttribute('aria-controls', 'suggestions');
  const abort = new AbortController();
  const { signal } = abort;
  element.addEventListener('keydown', onKeyDown, { capture: true, signal });
  for (const name of ['input', 'focus', 'click']) element.addEventListener(name, onInput, { signal });
  element.addEventListener('blur', onBlur, { signal });
  return () => abort.abort();
}

/** @param {{input: {current: HTMLInputElement | null}}} props */
export function Suggestions({ input }) {
  const [isOpen, setOpen] = useState(false);
  const [entries, setEntries] = useState(/** @type {{text: string, hint?: string, count?: number}[]} */ ([]));
  const [at, setAt] = useState(-1);
  const asked = useRef(0);
  const latest = useRef({ entries, at, isOpen });
  latest.current = { entries, at, isOpen };

  const suggest = async () => {
    const element = input.current;
    if (!element) return;
    const turn = ++asked.current;
    const { word } = placeAt(element.value, element.selectionStart ?? element.value.length);
    const wanted = valueOf(word);
    const found = wanted ? valuesFor(word, await groupsOf(wanted.by)) : wordsFor(word);
    if (turn !== asked.current || document.activeElement !== element) return;
    setEntries(found.slice(0, SHOWN));
    setAt(-1);
    setOpen(true);
  };
  const take = (/** @type {string} */ text) => {
    const element = /** @type {HTMLInputElement} */ (input.current);
    const put = putIn(element.value, placeAt(element.value, element.selectionStart ?? 0), text);
    element.value = put.text;
    element.setSelectionRange(put.caret, put.caret);
    void suggest();
  };
  // Before the page's own listener: Enter takes the entry, and only without one the filter.
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const now = latest.current;
    if (!now.isOpen || now.entries.length === 0) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setAt((now.at + step + now.entries.length + (now.at < 0 && step < 0 ? 1 : 0)) % now.entries.length);
      event.preventDefault();
    } else if ((event.key === 'Enter' || event.key === 'Tab') && now.at >= 0) {
      take(now.entries[now.at].text);
      event.preventDefault();
    } else if (event.key === 'Escape') {
      setOpen(false);
    }
  };
  useLayoutEffect(() => {
    const stop = listen(/** @type {HTMLInputElement} */ (input.current), onKeyDown, () => void suggest(), () => setOpen(false));
    if (document.activeElement === input.current) void suggest();
    return stop;
  }, []);
  const isShown = isOpen && entries.length > 0;
  useEffect(() => {
    input.current?.setAttribute('aria-expanded', String(isShown));
    if (isShown && at >= 0) input.current?.setAttribute('aria-activedescendant', `suggestion-${at}`);
    else input.current?.removeAttribute('aria-activedescendant');
  }, [isShown, at]);
  return html`<ul id="suggestions" class="suggestions" role="listbox" aria-label="Suggestions" hidden=${!isShown}>${isShown && entries.map((entry, i) => html`<li id=${`suggestion-${i}`} key=${entry.text} role="option" aria-selected=${i === at ? 'true' : 'false'}
    onMouseDown=${(/** @type {Event} */ event) => { event.preventDefault(); take(entry.text); }}><code>${entry.text}</code><span class="mut">${entry.hint ?? count(entry.count)}</span></li>`)}</ul>`;
}
