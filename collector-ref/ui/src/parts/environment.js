// What a process runs in: arguments, variables, limits, sockets. The agent hides what may be secret.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { getJson } from '../core/api.js';
import { count } from '../core/format.js';
import { Awaited } from './tool_tabs.js';

/** Sections first in this order, others as they come. */
const ORDER = ['process', 'arguments', 'variables', 'limits', 'sockets'];

/** @param {import('../pages/tool.js').ToolProps} props */
export function EnvironmentTool({ path, query, mayAct, onAmbiguous }) {
  const [entries, setEntries] = useState(/** @type {any[] | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [wanted, want] = useState('');
  useEffect(() => {
    if (!mayAct) return undefined;
    const abort = new AbortController();
    getJson(`env/${path}`, query, abort.signal).then(answer => setEntries(answer.environment), said => {
      if (abort.signal.aborted) return;
      if (said.code === 'ambiguous') onAmbiguous(said);
      else setError(said);
    });
    return () => abort.abort();
  }, []);
  if (!mayAct) return html`<section class="panel calm"><h2>Only for operators</h2><p>Arguments and variables may say more than a viewer should know. Sign in with a token or an account of an operator.</p></section>`;
  if (!entries) return html`<${Awaited} error=${error} />`;
  const sections = [...new Set(entries.map(entry => entry.section))].sort((a, b) => (ORDER.indexOf(a) + 1 || 99) - (ORDER.indexOf(b) + 1 || 99));
  const hidden = entries.filter(entry => entry.value === null).length;
  const fits = (/** @type {any} */ entry) => `${entry.name} ${entry.value ?? ''}`.toLowerCase().includes(wanted.toLowerCase());
  return html`<section class="panel" aria-label="Search"><div class="inline-form"><input type="search" aria-label="Search names and values" placeholder="Search" value=${wanted} onInput=${(/** @type {any} */ e) => want(e.currentTarget.value)} />
      <span class="mut">${hidden > 0 && `${count(hidden)} values are hidden: the option environment_shown lists the variables whose values may be seen, secrets never. `}That you looked is in the collector's audit file.</span></div></section>
    <div class="two env" data-testid="environment">${sections.map(section => {
      const rows = entries.filter(entry => entry.section === section && fits(entry));
      return rows.length > 0 && html`<section class="panel" key=${section} aria-labelledby=${`env-${section}`}><h2 id=${`env-${section}`}>${section.replaceAll('_', ' ')} <span class="count">${count(rows.length)}</span></h2>
        <dl>${rows.map((entry, i) => html`<div key=${i}><dt>${entry.name}</dt><dd>${entry.value === null ? html`<span class="mut">hidden</span>` : html`<code>${entry.value}</code>`}</dd></div>`)}</dl></section>`;
    })}</div>`;
}
