// The options of one running object: what each does, what it is, and how to change it while it runs.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { getJson, postJson } from '../core/api.js';
import { plural } from '../core/format.js';
import { url } from '../core/router.js';
import { Instances } from '../parts/instances.js';
import { Asking, OnlyLook, ToolTabs } from '../parts/tool_tabs.js';
import { configHref } from '../core/links.js';

/** @param {{object: string}} props */
export function ConfigPage({ object }) {
  const [options, setOptions] = useState(/** @type {any[] | null} */ (null));
  const [mayChange, setMayChange] = useState(false);
  const [problem, setProblem] = useState('');
  const [isAmbiguous, setAmbiguous] = useState(false);
  const path = `options/${encodeURIComponent(object)}`;
  const instance = url.value.searchParams.get('instance');
  useEffect(() => {
    const abort = new AbortController();
    setOptions(null);
    setProblem('');
    setAmbiguous(false);
    getJson(path, { instance }, abort.signal).then(answer => setOptions(answer.options), error => {
      if (abort.signal.aborted) return;
      if (error.code === 'ambiguous') setAmbiguous(true);
      else setProblem(error.message);
    });
    getJson('session', {}, abort.signal).then(({ role }) => setMayChange(role !== 'viewer'), () => {});
    return () => abort.abort();
  }, [object, instance]);
  const set = async (/** @type {string} */ name, /** @type {string} */ value) => {
    const answer = await postJson(path, { name, value }, { instance });
    setOptions(answer.options);
  };
  if (isAmbiguous) return html`<${Instances} object=${object} hrefOf=${(/** @type {string} */ one) => configHref(object, one)} />`;
  const changed = (options ?? []).filter(option => option.value !== option.default).length;
  return html`<section class="panel" aria-labelledby="config-title"><header class="panel-head"><h2 id="config-title">Configuration of ${object}</h2>${instance && html`<code class="mut" title="Instance">${instance.slice(0, 8)}…</code>`}
      ${options && html`<span class="mut">${plural(options.length, 'option')}, ${changed} not at ${changed === 1 ? 'its' : 'their'} default. A change holds until the process ends, and is noted in the collector's audit file.</span>`}</header>
    <${ToolTabs} object=${object} instance=${instance ?? undefined} current="config" />
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${options && !mayChange && html`<${OnlyLook} but="change" />`}
    ${options ? html`<div class="scroll" tabindex="0" role="region" aria-label="Options"><table class="data options roomy" data-testid="options">
      <colgroup><col style=${{ width: '25%' }} /><col style=${{ width: '250px' }} /><col style=${{ width: '110px' }} /><col /></colgroup>
      <thead><tr><th scope="col">Option</th><th scope="col">Value</th><th scope="col">Default</th><th scope="col">What it does</th></tr></thead>
      <tbody>${options.map(option => html`<${Option} key=${option.name} option=${option} set=${set} mayChange=${mayChange} />`)}</tbody></table></div>` : !problem && html`<${Asking} />`}</section>`;
}

/** @param {{option: any, set: (name: string, value: string) => Promise<void>, mayChange: boolean}} props */
function Option({ option, set, mayChange }) {
  const { name, value, unit, help, live: isLive } = option;
  const [typed, setTyped] = useState(value);
  const [said, say] = useState({ text: '', isWrong: false });
  useEffect(() => setTyped(value), [value]);
  const apply = async (/** @type {string} */ wanted) => {
    say({ text: 'asking…', isWrong: false });
    try {
      await set(name, wanted);
      say({ text: 'changed', isWrong: false });
    } catch (error) {
      say({ text: error instanceof Error ? error.message : String(error), isWrong: true });
    }
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (typed !== value) void apply(typed);
  };
  return html`<tr class=${value !== option.default ? 'is-changed' : ''}><th scope="row"><code>${name}</code></th>
    <td>${isLive ? html`<form class="inline-form" onSubmit=${submit}><input aria-label=${name} value=${typed} disabled=${!mayChange} autocomplete="off" spellcheck=${false} onInput=${(/** @type {any} */ e) => setTyped(e.currentTarget.value)} />
        ${typed !== value && html`<button class="primary" type="submit">Set</button><button type="button" onClick=${() => setTyped(value)}>Undo</button>`}
        ${typed === value && value !== option.default && mayChange && html`<button type="button" onClick=${() => apply(option.default)}>Set to default</button>`}</form>`
      : html`<code>${value === '' ? '–' : value}</code> <span class="mut">set at start</span>`}
      <p role="status" class=${said.isWrong ? 'err' : 'mut'}>${said.text}</p></td>
    <td><code>${option.default === '' ? 'empty' : option.default}</code> <span class="mut">${unit}</span></td><td>${help.split('`').map((/** @type {string} */ part, /** @type {number} */ i) => (i % 2 === 1 ? html`<code key=${i}>${part}</code>` : part))}</td></tr>`;
}
