// The collector wants to know who this is: a token, or a name and a password, is posted once and
// becomes an HttpOnly cookie.

import { html, useRef, useState } from '../../vendor/preact.js';
import { ApiError, isSignInNeeded, postJson } from '../core/api.js';
import { feed } from '../data/hub.js';

export function SignIn() {
  const name = useRef(/** @type {HTMLInputElement | null} */ (null));
  const secret = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [wrong, setWrong] = useState('');
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      const said = secret.current?.value ?? '';
      const account = name.current?.value ?? '';
      await postJson('session', account === '' ? { token: said } : { name: account, password: said });
      isSignInNeeded.value = false;
      setWrong('');
      feed.retryNow();
    } catch (error) {
      setWrong(error instanceof ApiError && error.status === 401 ? 'The collector does not know this name with this password, or this token.' : String(error instanceof Error ? error.message : error));
    }
  };
  return html`<main class="page sign-in"><form class="panel" onSubmit=${submit}>
    <h1>Scouter</h1>
    <label>Name, if you have an account <input ref=${name} type="text" autocomplete="username" autocapitalize="none" spellcheck=${false} /></label>
    <label>Password, or token of this collector <input ref=${secret} type="password" autocomplete="current-password" required /></label>
    <p class="err" role="alert">${wrong}</p>
    <button class="primary" type="submit">Sign in</button>
    <p class="mut">Accounts and tokens are set in the configuration of the collector.</p></form></main>`;
}
