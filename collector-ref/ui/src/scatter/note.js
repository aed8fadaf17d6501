// Why the plot is empty, when it is, and the ways out.

import { html } from '../../vendor/preact.js';
import { clock, dateTime } from '../core/format.js';
import { changeView, view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { historyState, isCaughtUp, pointsVersion, source, sourceVersion } from '../data/hub.js';
import { useDocument } from '../parts/loaded.js';

export function PlotNote() {
  void pointsVersion.value;
  void sourceVersion.value;
  const state = historyState.value;
  if (state === 'loading') return html`<p class="plot-note" role="status">Loading…</p>`;
  if (state) return html`<p class="plot-note" role="alert">${state}</p>`;
  const { range, f } = view.value;
  if (source().isCounted || source().store.size > 0) return null;
  // Before the first points have come nobody knows that there are none.
  if (range.live && !isCaughtUp.value) return null;
  const what = range.live ? `No transaction in this window${f ? ' fits the filter' : ''}` : `No transactions between ${clock(range.fromMs)} and ${clock(range.toMs)}${f ? ' fit the filter' : ''}`;
  return html`<${QuietNote} what=${what} untilMs=${range.live ? null : range.toMs} />`;
}

/** It may be the filter that keeps the plot empty. */
function RemoveFilter() {
  return view.value.f ? html`<button class="link" onClick=${() => changeView({ f: '' })}>Show all</button>` : null;
}

/** Half a view around the last transaction. */
const AROUND_LAST_MS = 60_000;

/** A view without a point: when was the last one? @param {{what: string, untilMs: number | null}} props */
function QuietNote({ what, untilMs }) {
  const { f } = view.value;
  const { data } = useDocument('xlogs', { from_unix_us: 0, to_unix_us: untilMs === null ? 4_102_444_800_000_000 : untilMs * 1000, f, limit: 1 });
  const last = data?.rows?.[0];
  if (!last) return html`<p class="plot-note">${what}${f || untilMs !== null ? '' : ' yet'}. <${RemoveFilter} /></p>`;
  const atMs = Math.floor(last.end_unix_us / 1000);
  const there = viewUrl('/xlog', { ...view.value, range: { live: false, fromMs: atMs - AROUND_LAST_MS, toMs: atMs + AROUND_LAST_MS }, box: null });
  return html`<p class="plot-note">${what}; the last one was at ${dateTime(atMs, false)}. <a href=${there}>Jump there</a> <${RemoveFilter} /></p>`;
}
