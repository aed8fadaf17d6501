// Keys, and what the page costs.

import { html, useRef, useState } from '../../vendor/preact.js';
import { frameWork } from '../core/frames.js';
import { HELP } from '../core/keys.js';
import { count } from '../core/format.js';
import { feed, source } from '../data/hub.js';

let open = () => {};
/** Opens the help. */
export const openHelp = () => open();

export function HelpBox() {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [isOpen, setOpen] = useState(false);
  open = () => {
    setOpen(true);
    box.current?.showModal();
  };
  return html`<dialog ref=${box} class="box-dialog help" aria-labelledby="help-title" onClose=${() => setOpen(false)}>
    <h2 id="help-title">Keys</h2>
    ${isOpen && html`<div class="help-columns">${HELP.map(([title, keys]) => html`<section key=${title}><h3>${title}</h3>
      <dl>${keys.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl></section>`)}</div>
      <${Costs} />`}
    <button class="primary" onClick=${() => box.current?.close()}>Close</button>
  </dialog>`;
}

function Costs() {
  const { p50Ms, p99Ms, frames } = frameWork();
  return html`<p class="mut">${count(source().store.size)} points held; own work a frame ${p50Ms.toFixed(2)} ms (99 %: ${p99Ms.toFixed(2)} ms, ${count(frames)} frames); ${count(feed.totals.points)} points by ${count(feed.totals.connects)} connection(s), ${count(feed.totals.gaps)} gaps.</p>`;
}
