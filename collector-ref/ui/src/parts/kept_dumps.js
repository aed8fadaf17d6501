// Dumps of a process that the collector took by itself when it looked bad.

import { html } from '../../vendor/preact.js';
import { dateTime } from '../core/format.js';
import { useDocument } from './loaded.js';

const REFRESH_MS = 10_000;

/** @param {{object: string, shown: string, show: (kept: any) => void}} props `shown`: the id of the one that is seen */
export function KeptDumps({ object, shown, show }) {
  const { data } = useDocument('dumps', { object }, REFRESH_MS);
  const dumps = data?.dumps ?? [];
  if (dumps.length === 0) return null;
  return html`<section class="panel" aria-labelledby="kept-title"><h2 id="kept-title">Taken by itself <span class="count">${dumps.length}</span></h2>
    <ul class="kept-dumps" data-testid="kept-dumps">${dumps.map((/** @type {any} */ one) => html`<li key=${one.id}><button class="link" aria-pressed=${one.id === shown ? 'true' : 'false'} onClick=${() => show(one)}>${dateTime(one.unix_us / 1000, false)}</button> <span class="mut">${one.why}</span></li>`)}</ul></section>`;
}
