// Starts the page.

import { html, render } from '../vendor/preact.js';
import { App } from './app.js';
import { keepLinksHere } from './core/base.js';
import { frameWork, resetFrames } from './core/frames.js';
import { startKeys } from './core/keys.js';
import { startRouter } from './core/router.js';
import { startTheme } from './core/theme.js';
import { feed, source, startHub } from './data/hub.js';

keepLinksHere();
startTheme();
startRouter();
startKeys();

/** Puts the page in the place of the shell. */
function start() {
  startHub();
  const app = /** @type {HTMLElement} */ (document.getElementById('app'));
  app.replaceChildren();
  render(html`<${App} />`, app);
}

// The shell is painted first: something is seen sooner, and the page is not later for it.
requestAnimationFrame(() => setTimeout(start));

// What tests and the curious read in the console; nothing here is used by the page.
Object.assign(globalThis, {
  scouter: { frameWork, resetFrames, totals: feed.totals, feedState: () => feed.state.value, points: () => source().store.size, source },
});
