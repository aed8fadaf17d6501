// Nobody has sent anything yet: three steps to the first dot.

import { html, useState } from '../../vendor/preact.js';
import { DemoButton } from './demo.js';
import { useDocument } from './loaded.js';

const CARGO = `[dependencies]
scouter = "0.1"
sqlx = { package = "scouter-sqlx", version = "0.1" }   # instead of sqlx = "0.9"`;
const CODE = `let _scouter = scouter::init("orders")?;   // first line of main
let app = scouter::wrap(router);           // around your axum Router`;

/**
 * Until the first transaction ever: an agent may be there already, and then waits for its first request.
 * What the collector records of itself does not count.
 * @param {{objects: any[]}} props
 */
export function FirstRun({ objects }) {
  const { data } = useDocument('self', {}, 2_000);
  const agents = data?.listen?.agents;
  const names = objects.filter(object => !object.is_own).map(object => object.name).join(', ');
  return html`<section class="panel first-run" aria-labelledby="first-run-title">
    <h2 id="first-run-title">Three steps to the first dot</h2>
    <ol>
      <li class=${agents ? 'is-done' : ''}><h3><${Tick} isDone=${Boolean(agents)} />The collector listens</h3>
        <p>${agents ? html`Agents connect to <code>${agents}</code>; they look there by themselves.` : 'Asking the collector…'}</p></li>
      <li class=${names ? 'is-done' : ''}><h3><${Tick} isDone=${names !== ''} />Add three lines to your service</h3>
        ${names && html`<p>Connected: <code>${names}</code></p>`}
        <${Copy} label="Cargo.toml" text=${CARGO} /><${Copy} label="main.rs" text=${CODE} /></li>
      <li><h3><${Tick} isDone=${false} />Send it a request</h3>
        <p role="status">Waiting for the first transaction<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span></p>
        <p class="mut">It appears here by itself, about a second after its end.</p></li>
    </ol>
    <${DemoButton} /></section>`;
}

/** @param {{isDone: boolean}} props */
function Tick({ isDone }) {
  return html`<span class="tick">${isDone ? '✓' : ''}<span class="hidden-text">${isDone ? 'done:' : 'to do:'}</span></span>`;
}

/** @param {{label: string, text: string}} props */
function Copy({ label, text }) {
  const [said, say] = useState('Copy');
  const copy = () => navigator.clipboard?.writeText(text).then(() => say('Copied'), () => say('Select and copy by hand'));
  return html`<figure class="copy"><figcaption>${label}<button class="link" onClick=${copy}>${said}</button></figcaption><pre tabindex="0" aria-label=${label}>${text}</pre></figure>`;
}
