// What time is shown: live for the last minutes, or from–to; any timestamp may be pasted.

import { html, useRef, useState } from '../../vendor/preact.js';
import { clock } from '../core/format.js';
import { lazy } from '../core/lazy.js';
import { LIVE_SPANS, formatSpan, parseSpan } from '../core/range.js';
import { changeView, view } from '../core/router.js';
import { pausedAtMs } from '../data/hub.js';

const RangeForm = lazy(async () => (await import('./range_form.js')).RangeForm);

export function RangeControl() {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [isOpen, setOpen] = useState(false);
  const { range } = view.value;
  const show = () => {
    setOpen(true);
    box.current?.showModal();
  };
  const setLive = (/** @type {string} */ span) => {
    pausedAtMs.value = null;
    changeView({ range: { live: true, spanMs: /** @type {number} */ (parseSpan(span)) } });
  };
  const title = range.live ? 'History' : `${clock(range.fromMs, false)} – ${clock(range.toMs, false)}`;
  return html`<div class="range" role="group" aria-label="Time range">
    ${LIVE_SPANS.map(span => html`<button key=${span} class="switch" aria-pressed=${range.live && formatSpan(range.spanMs) === span ? 'true' : 'false'} onClick=${() => setLive(span)}>${span}</button>`)}
    <button class="switch" aria-pressed=${range.live ? 'false' : 'true'} aria-haspopup="dialog" onClick=${show}>${title}</button>
    <dialog ref=${box} class="box-dialog" aria-labelledby="range-title" onClose=${() => setOpen(false)}>${isOpen && html`<${RangeForm} close=${() => box.current?.close()} />`}</dialog>
  </div>`;
}
