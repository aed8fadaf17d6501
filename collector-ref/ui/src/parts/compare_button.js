// Comparing takes two: the first press keeps one, the second on another leads to the comparison.

import { html, signal, useLayoutEffect } from '../../vendor/preact.js';
import { addKeys } from '../core/keys.js';
import { navigate, view } from '../core/router.js';
import { measureParam } from '../core/measures.js';

/** What was kept to be compared, for as long as the tab lives. */
const kept = signal(/** @type {{what: string, value: string} | null} */ (null));

/** The address of a comparison. @param {string} a @param {string} b */
function compareUrl(a, b) {
  const { f, measure } = view.peek();
  const params = new URLSearchParams({ a, b });
  if (f) params.set('f', f);
  const m = measureParam(measure);
  if (m) params.set('m', m);
  return `/compare?${params.toString().replaceAll('%2C', ',')}`;
}

/** @param {{what: 'box' | 'tx', value: string}} props */
export function CompareButton({ what, value }) {
  const other = kept.value?.what === what && kept.value.value !== value ? kept.value.value : null;
  const press = () => {
    if (other === null) {
      kept.value = kept.value?.value === value ? null : { what, value };
      return;
    }
    kept.value = null;
    navigate(compareUrl(other, value));
  };
  // Before the next frame: whoever reads the button may press its key at once.
  useLayoutEffect(() => addKeys({ c: press }), [what, value, other]);
  const isKept = kept.value?.value === value;
  return html`<button class="switch lone" aria-pressed=${isKept ? 'true' : 'false'} title=${`Key: c. ${isKept ? 'Now choose another and press Compare there' : ''}`} onClick=${press}>${other ? 'Compare with the kept one' : isKept ? 'Kept to compare' : 'Compare'}</button>`;
}
