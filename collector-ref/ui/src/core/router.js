// Every view is a URL: one signal holds it, links are ordinary links, back and forward work.

import { computed, signal } from '../../vendor/preact.js';
import { toAddress, toPath } from './base.js';
import { PAGES } from './pages.js';
import { readView, viewUrl } from './view.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {{page: string, params: Record<string, string>}} Match */

/**
 * The page a path means.
 * @param {string} path
 * @returns {Match}
 */
export function match(path) {
  const segments = path.split('/').filter(Boolean);
  for (const { path: pattern, name: page } of PAGES) {
    if (pattern === '') continue;
    const parts = pattern.split('/').filter(Boolean);
    if (parts.length !== segments.length) continue;
    /** @type {Record<string, string>} */
    const params = {};
    const fits = parts.every((part, i) => {
      if (!part.startsWith(':')) return part === segments[i];
      params[part.slice(1)] = decode(segments[i]);
      return true;
    });
    if (fits) return { page, params };
  }
  return { page: 'missing', params: {} };
}

/** @param {string} segment */
function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // a broken escape is shown as it came
  }
}

const href = signal(typeof location === 'undefined' ? 'http://page/' : location.href);
/** The URL on display. */
export const url = computed(() => new URL(href.value));
/** Its path, wherever the page is. */
export const path = computed(() => toPath(url.value.pathname));
/** The page on display. */
export const route = computed(() => match(path.value));
/** What the page is asked to show. */
export const view = computed(() => readView(url.value.searchParams));

/**
 * Shows another URL.
 * @param {string} to path and query
 * @param {{replace?: boolean}} [how] replace: this step is not worth a press of the back button
 */
export function navigate(to, { replace = false } = {}) {
  const target = new URL(toAddress(to), location.href);
  if (target.href === location.href) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', target);
  const isNewPage = target.pathname !== new URL(href.value).pathname;
  href.value = target.href;
  if (isNewPage) scrollTo(0, 0);
}

/**
 * Changes part of the view, on this page or on another one.
 * @param {Partial<View>} patch
 * @param {{replace?: boolean, path?: string}} [how]
 */
export function changeView(patch, { replace = false, path: to = path.value } = {}) {
  navigate(viewUrl(to, { ...view.value, ...patch }), { replace });
}

/** Lets links and the back button work without loading the page again. */
export function startRouter() {
  addEventListener('popstate', () => { href.value = location.href; });
  document.addEventListener('click', event => {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (toPath(link.pathname).startsWith('/api/') || link.getAttribute('href')?.startsWith('#')) return;
    event.preventDefault();
    navigate(link.href);
  });
}
