// The frame of every page: the bar on top, the page below it, the boxes over it.

import { html, signal, useEffect, useRef, useState } from '../vendor/preact.js';
import { Bar, focusFilter } from './parts/bar.js';
import { HelpBox, openHelp } from './parts/help.js';
import { SignIn } from './parts/sign_in.js';
import { isSignInNeeded } from './core/api.js';
import { addKeys } from './core/keys.js';
import { navigate, route, view } from './core/router.js';
import { toggleTheme } from './core/theme.js';
import { viewUrl } from './core/view.js';
import { LivePage } from './pages/live.js';

/** @typedef {(params: any) => any} View */

const TITLES = /** @type {Record<string, string>} */ ({
  live: 'Live', xlog: 'XLog', tx: 'Transaction', trace: 'Trace', active: 'Active services', objects: 'Objects', missing: 'No such page',
});

/** Pages that are here; the others are loaded when they are first wanted. */
const views = signal(/** @type {Record<string, View>} */ ({
  live: () => html`<${LivePage} />`,
  missing: () => html`<${MissingPage} />`,
}));

const LOADERS = /** @type {Record<string, () => Promise<View>>} */ ({
  xlog: async () => {
    const { XLogPage } = await import('./pages/xlog.js');
    return () => html`<${XLogPage} />`;
  },
  tx: async () => {
    const { TxPage } = await import('./pages/tx.js');
    return params => html`<${TxPage} id=${params.id} key=${params.id} />`;
  },
  trace: async () => {
    const { TracePage } = await import('./pages/trace.js');
    return params => html`<${TracePage} gxid=${params.gxid} key=${params.gxid} />`;
  },
  active: async () => {
    const { ActivePage } = await import('./pages/active.js');
    return () => html`<${ActivePage} />`;
  },
  objects: async () => {
    const { ObjectsPage } = await import('./pages/objects.js');
    return () => html`<${ObjectsPage} />`;
  },
});

/** The page of the address, or the one before it until that is loaded. */
function useLoadedPage() {
  const shown = useRef(/** @type {import('./core/router.js').Match | null} */ (null));
  const [problem, setProblem] = useState('');
  const { page } = route.value;
  useEffect(() => {
    setProblem('');
    if (views.value[page]) return;
    LOADERS[page]().then(
      view => { views.value = { ...views.value, [page]: view }; },
      () => setProblem('This page could not be loaded. Is the collector running? Reload to try again.'),
    );
  }, [page]);
  if (views.value[page]) shown.current = route.value;
  return { shown: shown.current, problem };
}

export function App() {
  const { shown, problem } = useLoadedPage();
  const title = TITLES[route.value.page];
  useEffect(() => { document.title = `${title} · Scouter`; }, [title]);
  useEffect(() => addKeys({
    '/': focusFilter,
    t: toggleTheme,
    '?': openHelp,
    'g l': () => navigate(viewUrl('/', { ...view.value, box: null })),
    'g x': () => navigate(viewUrl('/xlog', { ...view.value, box: null })),
    'g a': () => navigate('/active'),
    'g o': () => navigate('/objects'),
  }), []);
  if (isSignInNeeded.value) return html`<${SignIn} />`;
  return html`<a class="skip" href="#main">Skip to content</a>
    <${Bar} />
    <main id="main" class=${`page page-${shown?.page ?? ''}`} tabindex="-1"><h1 class="hidden-text">${title}</h1>
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
      ${shown && views.value[shown.page](shown.params)}</main>
    <${HelpBox} />`;
}

function MissingPage() {
  return html`<section class="panel calm"><h2>There is no page at this address</h2>
    <p>The address may have been cut off. <a href="/">Go to Live</a></p></section>`;
}
