// From and to: any timestamp may be typed or pasted.

import { html, useRef, useState } from '../../vendor/preact.js';
import { dateTime } from '../core/format.js';
import { MIN_SPAN_MS, parseSpan, parseTimestamp } from '../core/range.js';
import { changeView, view } from '../core/router.js';
import { feed, pausedAtMs } from '../data/hub.js';

const PAST = ['15m', '1h', '6h', '24h'];
/** Around a single pasted time. */
const AROUND_MS = 60_000;

/** @param {{close: () => void}} props */
export function RangeForm({ close }) {
  const [wrong, setWrong] = useState('');
  const from = useRef(/** @type {HTMLInputElement | null} */ (null));
  const to = useRef(/** @type {HTMLInputElement | null} */ (null));
  const { range } = view.value;
  const now = feed.serverNow();
  const edges = range.live ? { fromMs: now - range.spanMs, toMs: now } : range;
  const show = (/** @type {number} */ fromMs, /** @type {number} */ toMs) => {
    pausedAtMs.value = null;
    setWrong('');
    changeView({ range: { live: false, fromMs: Math.floor(fromMs), toMs: Math.ceil(Math.max(toMs, fromMs + MIN_SPAN_MS)) }, box: null });
    close();
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const a = parseTimestamp(from.current?.value ?? '', now);
    const typedTo = to.current?.value.trim() ?? '';
    const b = typedTo === '' && a !== null ? a + AROUND_MS : parseTimestamp(typedTo, now);
    if (a === null) setWrong('“From” is not a time. Try 10:22:31, 2026-11-22 10:22, now-15m or a Unix time.');
    else if (b === null) setWrong('“To” is not a time. Leave it empty for the minute around “From”.');
    else if (b <= a) setWrong('“To” is not after “From”.');
    else show(typedTo === '' ? a - AROUND_MS : a, b);
  };
  return html`<form onSubmit=${submit}>
    <h2 id="range-title">Time range</h2>
    <div class="row">${PAST.map(span => html`<button type="button" class="switch" key=${span} onClick=${() => show(now - /** @type {number} */ (parseSpan(span)), now)}>last ${span}</button>`)}</div>
    <label>From <input ref=${from} type="text" value=${dateTime(edges.fromMs, false)} autocomplete="off" spellcheck=${false} /></label>
    <label>To <input ref=${to} type="text" value=${dateTime(edges.toMs, false)} autocomplete="off" spellcheck=${false} /></label>
    <p class="mut">Paste any timestamp: Unix s, ms, µs; ISO; 10:22:31; now-15m.</p>
    <p class="err" role="alert">${wrong}</p>
    <div class="row"><button class="primary" type="submit">Show</button>
      <button type="button" onClick=${close}>Close</button></div>
  </form>`;
}
