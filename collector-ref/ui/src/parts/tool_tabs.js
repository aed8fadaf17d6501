// The ways to look into one running process, and what is said when it does not let one.

import { html } from '../../vendor/preact.js';
import { configHref, toolHref } from '../core/links.js';
import { useDocument } from './loaded.js';

/** Tools by the last part of their address. @type {[string, string][]} */
export const TOOLS = [['threads', 'Threads'], ['tasks', 'Tasks'], ['sfa', 'Hot stacks'], ['heap', 'Heap'], ['capture', 'Values'], ['env', 'Environment']];

/** @param {{object: string, instance?: string, current: string}} props */
export function ToolTabs({ object, instance, current }) {
  const link = (/** @type {string} */ name, /** @type {string} */ title, /** @type {string} */ href) => html`<a key=${name} class="button" href=${href} aria-current=${name === current ? 'page' : undefined}>${title}</a>`;
  return html`<nav class="tabs tools" aria-label=${`Tools for ${object}`}>${TOOLS.map(([name, title]) => link(name, title, toolHref(object, name, instance)))}
    ${link('config', 'Configuration', configHref(object, instance))}<span class="spring"></span><a class="button" href="/objects">All objects</a></nav>`;
}

/** Whether this viewer may do more than look; `undefined` until that is known. */
export function useMayAct() {
  const { data } = useDocument('session');
  return data ? data.role !== 'viewer' : undefined;
}

/** Said to a viewer in the place of a button. @param {{but: string}} props what only an operator may do */
export const OnlyLook = ({ but }) => html`<p class="warn">Your role may look but not ${but}: sign in with a token or an account of an operator.</p>`;

/** What to do about a refusal, by its code; the message says what happened. @type {Record<string, string>} */
const ADVICE = {
  not_connected: 'It has ended, or does not reach the collector now. What it sent before is stored: see its alerts and transactions.',
  gone: 'It ended or lost its connection while it was asked. If it died, the next process of this name says how in an alert.',
  timed_out: 'Its exporter thread did not come to it: the machine may be out of CPU, or the process is stopped.',
  busy: 'Others ask the same process. Try again in a moment.',
  forbidden: 'Sign in with a token or an account of an operator.',
};

/** @param {{error: (Error & {code?: string}) | null}} props */
export function Refusal({ error }) {
  if (!error) return null;
  const advice = ADVICE[error.code ?? ''];
  return html`<div class="refusal" data-testid="refusal"><p class="problem" role="alert">${error.message}</p>${advice && html`<p class="mut">${advice}</p>`}</div>`;
}

export const Asking = () => html`<p class="mut" role="status">Asking the agent…</p>`;

/** Stands where a tool will stand: the agent is being asked, or has refused. @param {{error: (Error & {code?: string}) | null}} props */
export const Awaited = ({ error }) => html`<section class="panel calm">${error ? html`<${Refusal} error=${error} />` : html`<${Asking} />`}</section>`;
