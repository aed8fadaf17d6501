// Choices of which one holds; what is chosen is a word of the address.

import { html } from '../../vendor/preact.js';
import { navigate, url } from '../core/router.js';

/** Sets one word of the address, or takes it out. @param {string} key @param {string} value */
export function choose(key, value) {
  const to = new URL(url.value);
  if (value) to.searchParams.set(key, value);
  else to.searchParams.delete(key);
  navigate(to.href, { replace: true });
}

/** @param {{label: string, of: string[][], value: string, choose: (name: string) => void}} props */
export const Switches = ({ label, of, value, choose: pick }) => html`<div class="tabs" role="group" aria-label=${label}>${of.map(([name, title, help]) => html`<button key=${name} class="switch" title=${help} aria-pressed=${name === value ? 'true' : 'false'} onClick=${() => pick(name)}>${title}</button>`)}</div>`;
