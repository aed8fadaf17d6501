// Several processes share a name: nothing must happen to one that nobody chose.

import { html } from '../../vendor/preact.js';
import { dateTime, plural } from '../core/format.js';
import { useDocument } from './loaded.js';

/** @param {{object: string, hrefOf: (instance: string) => string}} props */
export function Instances({ object, hrefOf }) {
  const { data, error } = useDocument('objects', {}, 5_000);
  const same = (data?.objects ?? []).filter((/** @type {any} */ o) => o.name === object && o.alive);
  return html`<section class="panel" aria-labelledby="instances-title"><header class="panel-head"><h2 id="instances-title">Which ${object}?</h2><span class="mut">${plural(same.length, 'process', 'processes')} share this name: choose one. Better give each a name of its own.</span></header>
    ${error && html`<p class="problem" role="alert">${error.message}</p>`}
    <div class="scroll" tabindex="0" role="region" aria-label="Processes of this name"><table class="data roomy" data-testid="instances"><thead><tr><th scope="col">Process</th><th scope="col">Address</th><th scope="col">Started</th><th scope="col">Agent</th><th scope="col">Instance</th></tr></thead>
      <tbody>${same.map((/** @type {any} */ o) => html`<tr key=${o.instance}><th scope="row"><a href=${hrefOf(o.instance)}>process ${o.pid}</a></th><td>${o.address}</td><td>${dateTime(o.started_unix_us / 1000, false)}</td><td>${o.agent_version}</td><td><code class="mut">${o.instance}</code></td></tr>`)}</tbody></table></div></section>`;
}
