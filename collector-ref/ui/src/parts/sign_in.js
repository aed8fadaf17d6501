// The collector wants a token: it is posted once and becomes an HttpOnly cookie.

import { html, useRef, useState } from '../../vendor/preact.js';
import { ApiError, isSignInNeeded, postJson } from '../core/api.js';
import { feed } from '../data/hub.js';

export function SignIn() {
  const token = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [wrong, setWrong] = useState('');
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await postJson('session', { token: token.current?.value ?? '' });
      isSignInNeeded.value = false;
      setWrong('');
      feed.retryNow();
    } catch (error) {
      setWrong(error instanceof ApiError && error.status === 401 ? 'The collector does not know this token.' : String(error instanceof Error ? error.message : error));
    }
  };
  return html`<main class="page sign-in"><form class="panel" onSubmit=${submit}>
    <h1>Scouter</h1>
    <label>Token of this collector <input ref=${token} type="password" autocomplete="current-password" required /></label>
    <p class="err" role="alert">${wrong}</p>
    <button class="primary" type="submit">Sign in</button>
    <p class="mut">It is set where the collector is started.</p></form></main>`;
}
