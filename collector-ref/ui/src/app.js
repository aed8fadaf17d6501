// The frame of every page: the bar on top, the page below it, the boxes over it.

import { html, signal, useEffect, useLayoutEffect, useRef, useState } from '../vendor/preact.js';
import { Bar, focusFilter } from './parts/bar.js';
import { isSignInNeeded } from './core/api.js';
import { BASE } from './core/base.js';
import { addKeys } from './core/keys.js';
import { lazy, needStyle } from './core/lazy.js';
import { PAGES, pageOf } from './core/pages.js';
import { navigate, route, view } from './core/router.js';
import { isHelpOpen, toggleTheme } from './core/theme.js';
import { viewUrl } from './core/view.js';
import { LivePage } from './pages/live.js';

/** @typedef {(params: any) => any} View */

const HelpBox = lazy(async () => {
  await needStyle('more');
  return (await import('./parts/help.js')).HelpBox;
});
const DemoNote = lazy(async () => {
  await needStyle('more');
  return (await import('./parts/demo.js')).DemoNote;
});
const SignIn = lazy(async () => {
  await needStyle('more');
  return (await import('./parts/sign_in.js')).SignIn;
});

/** Pages that are here; the others are loaded when they are first wanted. */
const views = signal(/** @type {Record<string, View>} */ ({
  live: () => html`<${LivePage} />`,
  missing: () => html`<${MissingPage} />`,
}));

const LOADERS = /** @type {Record<string, () => Promise<any>>} */ ({
  xlog: async () => (await import('./pages/xlog.js')).XLogPage,
  tx: async () => (await import('./pages/tx.js')).TxPage,
  trace: async () => (await import('./pages/trace.js')).TracePage,
  active: async () => (await import('./pages/active.js')).ActivePage,
  objects: async () => (await import('./pages/objects.js')).ObjectsPage,
  services: async () => (await import('./pages/services.js')).ServicesPage,
  service: async () => (await import('./pages/service.js')).ServicePage,
  errors: async () => (await import('./pages/errors.js')).ErrorsPage,
  sql: async () => (await import('./pages/sql.js')).SqlPage,
  calls: async () => (await import('./pages/sql.js')).CallsPage,
  map: async () => (await import('./pages/map.js')).MapPage,
  users: async () => (await import('./pages/users.js')).UsersPage,
  counters: async () => (await import('./pages/counters.js')).CountersPage,
  alerts: async () => (await import('./pages/alerts.js')).AlertsPage,
  leaks: async () => (await import('./pages/alerts.js')).LeaksPage,
  compare: async () => (await import('./pages/compare.js')).ComparePage,
  self: async () => (await import('./pages/self.js')).SelfPage,
  config: async () => (await import('./pages/config.js')).ConfigPage,
  tool: async () => (await import('./pages/tool.js')).ToolPage,
});

/** A page with its style; it begins anew when its parameters change. @param {string} name @returns {Promise<View>} */
async function load(name) {
  const [part] = await Promise.all([LOADERS[name](), needStyle('more')]);
  return params => html`<${part} key=${JSON.stringify(params)} ...${params} />`;
}

/** The page of the address, or the one before it until that is loaded. */
function useLoadedPage() {
  const shown = useRef(/** @type {import('./core/router.js').Match | null} */ (null));
  const [problem, setProblem] = useState('');
  const { page } = route.value;
  useEffect(() => {
    setProblem('');
    if (views.value[page]) return;
    load(page).then(
      view => { views.value = { ...views.value, [page]: view }; },
      () => setProblem('This page could not be loaded. Is the collector running? Reload to try again.'),
    );
  }, [page]);
  if (views.value[page]) shown.current = route.value;
  return { shown: shown.current, problem };
}

export function App() {
  const { shown, problem } = useLoadedPage();
  const { title } = pageOf(route.value.page);
  useEffect(() => { document.title = `${title} · Scouter`; }, [title]);
  useLayoutEffect(() => addKeys({
    '/': focusFilter,
    t: toggleTheme,
    '?': () => { isHelpOpen.value = true; },
    ...Object.fromEntries(PAGES.filter(page => page.key).map(page => [`g ${page.key}`, () => navigate(page.isRanged ? viewUrl(page.path, { ...view.value, box: null }) : page.path)])),
  }), []);
  if (isSignInNeeded.value) return html`<${SignIn} />`;
  return html`<a class="skip" href="#main">Skip to content</a>
    <${Bar} />
    ${BASE && html`<${DemoNote} />`}
    <main id="main" class=${`page page-${shown?.page ?? ''}`} tabindex="-1"><h1 class="hidden-text">${title}</h1>
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
      ${shown && views.value[shown.page](shown.params)}</main>
    ${isHelpOpen.value && html`<${HelpBox} />`}`;
}

function MissingPage() {
  return html`<section class="panel calm"><h2>There is no page at this address</h2>
    <p>The address may have been cut off. <a href="/">Go to Live</a></p></section>`;
}
