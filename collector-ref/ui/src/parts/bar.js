// The bar on top of every page: where you are, what is shown, whether it is live.

import { html, useEffect, useRef, useState } from '../../vendor/preact.js';
import { problem } from '../core/filter.js';
import { lazy, needStyle } from '../core/lazy.js';
import { PAGES, pageOf } from '../core/pages.js';
import { changeView, route, view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { isHelpOpen, theme, toggleTheme } from '../core/theme.js';
import { duration } from '../core/format.js';
import { feed, pausedAtMs, source, togglePause } from '../data/hub.js';
import { RangeControl } from './range_control.js';


/** Puts the cursor into the filter. */
export function focusFilter() {
  const input = document.querySelector('#filter');
  if (input instanceof HTMLInputElement) input.select();
}

export function Bar() {
  const { page } = route.value;
  return html`<header class="bar">
    <a class="brand" href="/"><svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="4" cy="17" r="1.700"/><circle cx="9" cy="14" r="2"/><circle cx="14" cy="18" r="1.700"/><circle cx="18.500" cy="12.500" r="2.200"/><circle cx="8" cy="8.500" r="1.500"/><circle class="hot" cx="14" cy="5.500" r="2.600"/></svg>Scouter</a>
    <nav aria-label="Main">${PAGES.filter(one => one.nav === 'bar').map(one => html`<${PageLink} key=${one.name} of=${one} />`)}<${More} key=${page} /></nav>
    ${pageOf(page).isRanged ? html`<${FilterBox} /><${RangeControl} />` : html`<span class="spring"></span>`}
    <${LiveState} />
    <${Views} />
    <button class="icon" onClick=${toggleTheme} aria-label=${theme.value === 'dark' ? 'Light theme' : 'Dark theme'} title="Key: t">
      <svg viewBox="0 0 16 16" aria-hidden="true">${theme.value === 'dark'
        ? html`<circle cx="8" cy="8" r="3.200"/><path d="M8 .800v2M8 13.200v2M.800 8h2M13.200 8h2M2.900 2.900l1.400 1.400M11.700 11.700l1.400 1.400M2.900 13.100l1.400-1.400M11.700 4.300l1.400-1.400"/>`
        : html`<path d="M13.500 9.800A6 6 0 0 1 6.200 2.500a6 6 0 1 0 7.300 7.300z"/>`}</svg></button>
    <button class="icon" onClick=${() => { isHelpOpen.value = true; }} aria-label="Keys and help" title="Key: ?">?</button>
  </header>`;
}

/** @param {{of: import('../core/pages.js').Page}} props */
function PageLink({ of: { name, path, title, key, isRanged } }) {
  return html`<a href=${isRanged ? viewUrl(path, { ...view.value, box: null }) : path} title=${key && `Keys: g ${key}`} aria-current=${route.value.page === name ? 'page' : undefined}>${title}</a>`;
}

/** The other pages; it closes when one of them is shown or when the focus leaves it. */
function More() {
  const pages = PAGES.filter(one => one.nav === 'more');
  const here = pages.find(one => one.name === route.value.page);
  const close = (/** @type {any} */ event) => { if (!event.currentTarget.contains(event.relatedTarget)) event.currentTarget.open = false; };
  const onKeyDown = (/** @type {any} */ event) => {
    if (event.key !== 'Escape') return;
    event.currentTarget.open = false;
    event.currentTarget.querySelector('summary').focus();
  };
  return html`<details class=${here ? 'more is-here' : 'more'} onFocusOut=${close} onKeyDown=${onKeyDown}><summary>${here ? here.title : 'More'}</summary>
    <div class="more-list">${pages.map(one => html`<${PageLink} key=${one.name} of=${one} />`)}</div></details>`;
}

const ViewsMenu = lazy(async () => {
  await needStyle('more');
  return (await import('./views.js')).ViewsMenu;
});

/** Links to what is shown, and views kept under a name. */
function Views() {
  const [isOpen, setOpen] = useState(false);
  const onKeyDown = (/** @type {any} */ event) => {
    if (event.key !== 'Escape') return;
    setOpen(false);
    event.currentTarget.querySelector('button').focus();
  };
  return html`<div class="views-button" onKeyDown=${onKeyDown}><button class="icon" aria-label="Views and links" aria-expanded=${isOpen ? 'true' : 'false'} onClick=${() => setOpen(!isOpen)}>
      <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 2.500h8v11l-4-3-4 3z"/></svg></button>
    ${isOpen && html`<${ViewsMenu} close=${() => setOpen(false)} />`}</div>`;
}

const Suggestions = lazy(async () => (await import('./suggest.js')).Suggestions);

function FilterBox() {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [wrong, setWrong] = useState(/** @type {string | null} */ (null));
  const [isUsed, setUsed] = useState(false);
  const { f } = view.value;
  useEffect(() => {
    if (input.current) input.current.value = f;
    setWrong(problem(f));
  }, [f]);
  const commit = () => {
    const text = input.current?.value.trim() ?? '';
    const fault = problem(text);
    setWrong(fault);
    if (!fault) changeView({ f: text });
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.defaultPrevented) return;
    if (event.key === 'Enter') commit();
    if (event.key === 'Escape') {
      if (input.current) input.current.value = f;
      setWrong(problem(f));
      input.current?.blur();
    }
  };
  return html`<div class=${f ? 'filter is-on' : 'filter'}>
    <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M1.500 3h13l-5 6v4.500l-3-1.500V9z"/></svg>
    <input id="filter" ref=${input} type="text" autocomplete="off" spellcheck=${false} maxlength="2000"
      aria-label="Filter" aria-invalid=${wrong ? 'true' : 'false'} aria-describedby="filter-problem"
      placeholder="Filter: service:/orders/* tenant:acme err slow>1s" onKeyDown=${onKeyDown} onBlur=${commit} onFocus=${() => setUsed(true)} />
    ${isUsed && html`<${Suggestions} input=${input} />`}
    ${f && html`<button class="icon small" aria-label="Remove the filter" onClick=${() => changeView({ f: '' })}>×</button>`}
    <p id="filter-problem" class="filter-problem" role="alert">${wrong ?? (source().isCounted ? '' : feed.error.value)}</p>
  </div>`;
}

/** Live, paused, behind, or lost: a word, never only a colour. */
function LiveState() {
  const { range } = view.value;
  const state = feed.state.value;
  if (!range.live && route.value.page !== 'active' && state !== 'lost' && pageOf(route.value.page).isRanged) {
    return html`<span class="state" data-testid="live-state"><i class="lamp"></i>history</span>`;
  }
  const isPaused = pausedAtMs.value !== null && range.live;
  const [name, text] = state === 'lost' ? ['lost', 'lost'] : isPaused ? ['paused', 'paused']
    : state === 'behind' ? ['behind', `behind ${duration(feed.behindMs.value * 1000)}`] : [state, state];
  return html`<span class="state-group"><span class=${`state is-${name}`} role="status" data-testid="live-state"><i class="lamp"></i>${text}</span>
    ${state === 'lost' && html`<button class="link" onClick=${() => feed.retryNow()}>retry</button>`}
    ${isPaused && html`<button class="link" onClick=${togglePause}>go on</button>`}</span>`;
}
