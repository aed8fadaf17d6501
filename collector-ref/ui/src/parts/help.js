// Keys, and what the page costs.

import { html, useLayoutEffect, useRef } from '../../vendor/preact.js';
import { frameWork } from '../core/frames.js';
import { PAGES } from '../core/pages.js';
import { isHelpOpen } from '../core/theme.js';
import { count, plural } from '../core/format.js';
import { feed, source } from '../data/hub.js';

/** What the help box lists. */
const HELP = /** @type {[string, [string, string][]][]} */ ([
  ['Scatter', [
    ['Drag', 'select a box: its transactions are listed'],
    ['Shift + drag', 'zoom into the box'],
    ['Click', 'the dot under the pointer'],
    ['Wheel', 'time zoom, when the chart has the focus'],
    ['← →', 'move by 10 seconds, or a thirtieth'],
    ['+ −', 'one minute less or more'],
    ['↑ ↓', 'top of the axis'],
    ['y', 'next measure for the height'],
    ['l', 'log or linear axis'],
    ['Space', 'pause or go on'],
    ['e', 'errors only'],
    ['b', 'box by keyboard: arrows move, Shift + arrows size, Enter selects'],
    ['z', 'zoom into the box'],
    ['Esc', 'drop the box'],
  ]],
  ['Lists and profiles', [
    ['j k', 'next, previous row'],
    ['Enter', 'open the row'],
    ['[ ]', 'previous, next transaction of the box'],
    ['f', 'steps, flame, and so on'],
    ['w a s d', 'zoom and move in the flame'],
    ['c', 'compare: keep this one, then press it on another'],
  ]],
  ['Pages', PAGES.filter(page => page.key).map(page => /** @type {[string, string]} */ ([`g ${page.key}`, page.title]))],
  ['Everywhere', [
    ['/', 'filter'],
    ['t', 'dark or light'],
    ['?', 'this help'],
  ]],
]);

export function HelpBox() {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => { box.current?.showModal(); }, []);
  return html`<dialog ref=${box} class="box-dialog help" aria-labelledby="help-title" onClose=${() => { isHelpOpen.value = false; }}>
    <h2 id="help-title">Keys</h2>
    <div class="help-columns">${HELP.map(([title, keys]) => html`<section key=${title}><h3>${title}</h3>
      <dl>${keys.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl></section>`)}</div>
    <${Costs} />
    <button class="primary" onClick=${() => box.current?.close()}>Close</button>
  </dialog>`;
}

function Costs() {
  const { p50Ms, p99Ms, frames } = frameWork();
  return html`<p class="mut">${count(source().store.size)} points held; own work a frame ${p50Ms.toFixed(2)} ms (99 %: ${p99Ms.toFixed(2)} ms, ${count(frames)} frames); ${count(feed.totals.points)} points by ${plural(feed.totals.connects, 'connection')}, ${plural(feed.totals.gaps, 'gap')}.</p>`;
}
