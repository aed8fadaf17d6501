// The demo load: the button that starts it, and what stands above its pages.

import { html, useState } from '../../vendor/preact.js';
import { postJson, removeDemo } from '../core/api.js';
import { DEMO_HOME } from '../core/base.js';
import { duration } from '../core/format.js';
import { useDocument } from './loaded.js';

/** How often it is asked whether there is one, ms. */
const REFRESH_MS = 5_000;

/** @param {unknown} error */
const said = error => (error instanceof Error ? error.message : String(error));

/** Something that is done once, and says what went wrong. @param {() => Promise<unknown>} act @param {string} then where to go */
function useDeed(act, then) {
  const [state, setState] = useState({ isBusy: false, problem: '' });
  const run = () => {
    setState({ isBusy: true, problem: '' });
    act().then(() => location.assign(then), error => setState({ isBusy: false, problem: said(error) }));
  };
  return { ...state, run };
}

/** Starts it, or leads to the one that is there. */
export function DemoButton() {
  const { data } = useDocument('demo', {}, REFRESH_MS);
  const { isBusy, problem, run } = useDeed(() => postJson('demo', {}), DEMO_HOME);
  if (!data) return null;
  if (!data.is_offered) return html`<p class="mut">No service at hand? <code>cargo demo</code> starts a small shop with traffic.</p>`;
  return html`<div class="demo-offer"><div>No service at hand? See it with made-up traffic of a small shop: ten minutes of it, apart from your data, removed with one click.
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}</div>
    ${data.started_unix_us === null
      ? html`<button class="button" disabled=${isBusy} onClick=${run}>${isBusy ? 'Starting…' : 'Run demo load'}</button>`
      : html`<a class="button" href=${DEMO_HOME} target="_self">Show the demo load</a>`}</div>`;
}

/** Says on each page of it that nothing here is real. */
export function DemoNote() {
  const { data } = useDocument('demo', {}, REFRESH_MS);
  const { isBusy, problem, run } = useDeed(removeDemo, '/');
  const isGone = data?.started_unix_us === null;
  const leftUs = (data?.ends_unix_us ?? 0) - Date.now() * 1000;
  return html`<aside class="demo-note" aria-label="Demo load"><b>Demo load</b>
    <span>${isGone ? 'It has been removed.' : 'Made-up traffic of a small shop. Your own data are not touched by it, nor shown here.'}</span>
    ${data && !isGone && html`<span class="mut">${leftUs > 0 ? `${duration(leftUs)} left` : 'it has ended'}</span>`}
    ${problem && html`<span class="problem" role="alert">${problem}</span>`}
    <span class="spring"></span><a class="button" href="/" target="_self">Leave</a>
    ${!isGone && html`<button class="button" disabled=${isBusy} onClick=${run}>Remove it</button>`}</aside>`;
}
