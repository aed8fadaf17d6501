// Views kept under a name, and the address of exactly what is shown now.
//
// They are kept by the browser and not by the collector: a token may be that of a whole team, and
// without tokens nobody has a name; and a view is nothing but an address, so that a link hands it on.

import { edges } from './range.js';
import { readView, writeView } from './view.js';

const KEY = 'scouter.views';
/** Most views kept; saving one more is refused with a sentence. */
export const MAX_SAVED = 50;
/** Longest name; the rest is cut. */
export const MAX_NAME_CHARS = 60;

/** @typedef {{name: string, to: string}} Saved path and query of a view */

/**
 * The same view with a range that stands still.
 * @param {URL} url @param {number} nowMs
 */
export function frozen(url, nowMs) {
  const view = readView(url.searchParams);
  if (!view.range.live) return url;
  const to = new URL(url);
  const fixed = writeView({ ...view, range: { live: false, ...edges(view.range, Math.ceil(nowMs)) } });
  to.searchParams.delete('range');
  for (const key of ['from', 'to']) to.searchParams.set(key, /** @type {string} */ (fixed.get(key)));
  return to;
}

/** Views that were saved, by name; what cannot be read is left out. @param {Storage} storage @returns {Saved[]} */
export function savedViews(storage) {
  try {
    const list = JSON.parse(storage.getItem(KEY) ?? '[]');
    return list.filter((/** @type {any} */ one) => typeof one?.name === 'string' && /^\/(?!\/)/.test(one?.to)).slice(0, MAX_SAVED);
  } catch {
    return [];
  }
}

/**
 * Saves a view, in place of one of the same name. Answers what is wrong, or nothing.
 * @param {Storage} storage @param {string} name @param {string} to
 */
export function saveView(storage, name, to) {
  const short = name.trim().slice(0, MAX_NAME_CHARS);
  if (!short) return 'A view needs a name.';
  const others = savedViews(storage).filter(one => one.name !== short);
  if (others.length >= MAX_SAVED) return `There are ${MAX_SAVED} views already: remove one.`;
  return keep(storage, [...others, { name: short, to }].sort((a, b) => (a.name < b.name ? -1 : 1)));
}

/** @param {Storage} storage @param {string} name */
export const removeView = (storage, name) => keep(storage, savedViews(storage).filter(one => one.name !== name));

/** @param {Storage} storage @param {Saved[]} views */
function keep(storage, views) {
  try {
    storage.setItem(KEY, JSON.stringify(views));
    return '';
  } catch {
    return 'The browser keeps nothing for this page: its storage is full or switched off.';
  }
}
