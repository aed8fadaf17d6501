// The menu of views: a link to what is shown, and views kept under a name.

import { html, useState } from '../../vendor/preact.js';
import { pageOf } from '../core/pages.js';
import { path, route, url } from '../core/router.js';
import { MAX_NAME_CHARS, frozen, removeView, saveView, savedViews } from '../core/saved.js';
import { rightEdgeMs } from '../data/hub.js';

/** @param {{close: () => void}} props */
export function ViewsMenu({ close }) {
  const [name, setName] = useState('');
  const [said, say] = useState('');
  const [link, showLink] = useState('');
  const [views, setViews] = useState(() => savedViews(localStorage));
  const copy = async () => {
    const { href } = pageOf(route.value.page).isRanged ? frozen(url.value, rightEdgeMs()) : url.value;
    try {
      await navigator.clipboard.writeText(href);
      say('Copied: it shows this very time to whoever opens it.');
    } catch {
      // Without TLS a browser lets no page write there.
      showLink(href);
    }
  };
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    const problem = saveView(localStorage, name, path.value + url.value.search);
    say(problem || 'Saved in this browser.');
    if (!problem) setName('');
    setViews(savedViews(localStorage));
  };
  const remove = (/** @type {any} */ event, /** @type {string} */ of) => {
    // Its button goes with it: the keyboard must not fall out of the menu.
    event.currentTarget.closest('.views').querySelector('button').focus();
    say(removeView(localStorage, of));
    setViews(savedViews(localStorage));
  };
  return html`<div class="more-list views" role="group" aria-label="Views">
    <button onClick=${copy}>Copy link to this time</button>
    ${link && html`<input aria-label="Link to this time" readonly value=${link} ref=${(/** @type {HTMLInputElement | null} */ input) => input?.select()} />`}
    <form class="inline-form" onSubmit=${save}><input aria-label="Name of the view" placeholder="Save this view as" maxlength=${MAX_NAME_CHARS} value=${name} onInput=${(/** @type {any} */ e) => setName(e.currentTarget.value)} /><button type="submit">Save</button></form>
    <p class="mut" role="status">${said}</p>
    ${views.length > 0 && html`<ul class="plain" aria-label="Saved views">${views.map(one => html`<li key=${one.name}><a href=${one.to} onClick=${close}>${one.name}</a><button class="icon small" aria-label=${`Remove ${one.name}`} onClick=${(/** @type {Event} */ e) => remove(e, one.name)}>×</button></li>`)}</ul>`}</div>`;
}
