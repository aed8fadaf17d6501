// The frame of every page: the bar on top, the page below it, the boxes over it.

import { html, useEffect } from '../vendor/preact.js';
import { Bar, focusFilter } from './parts/bar.js';
import { HelpBox, openHelp } from './parts/help.js';
import { SignIn } from './parts/sign_in.js';
import { isSignInNeeded } from './core/api.js';
import { addKeys } from './core/keys.js';
import { navigate, route, view } from './core/router.js';
import { toggleTheme } from './core/theme.js';
import { viewUrl } from './core/view.js';
import { ActivePage } from './pages/active.js';
import { LivePage } from './pages/live.js';
import { ObjectsPage } from './pages/objects.js';
import { TracePage } from './pages/trace.js';
import { TxPage } from './pages/tx.js';
import { XLogPage } from './pages/xlog.js';

const PAGES = /** @type {Record<string, {title: string, show: (params: any) => any}>} */ ({
  live: { title: 'Live', show: () => html`<${LivePage} />` },
  xlog: { title: 'XLog', show: () => html`<${XLogPage} />` },
  tx: { title: 'Transaction', show: params => html`<${TxPage} id=${params.id} key=${params.id} />` },
  trace: { title: 'Trace', show: params => html`<${TracePage} gxid=${params.gxid} key=${params.gxid} />` },
  active: { title: 'Active services', show: () => html`<${ActivePage} />` },
  objects: { title: 'Objects', show: () => html`<${ObjectsPage} />` },
  missing: { title: 'No such page', show: () => html`<${MissingPage} />` },
});

export function App() {
  const { page, params } = route.value;
  const { title, show } = PAGES[page];
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
    <main id="main" class=${`page page-${page}`} tabindex="-1"><h1 class="hidden-text">${title}</h1>${show(params)}</main>
    <${HelpBox} />`;
}

function MissingPage() {
  return html`<section class="panel calm"><h2>There is no page at this address</h2>
    <p>The address may have been cut off. <a href="/">Go to Live</a></p></section>`;
}
