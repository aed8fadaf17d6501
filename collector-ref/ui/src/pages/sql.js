// Where the time goes that is spent in SQL, and in calls to others: by statement or destination, and
// by service.

import { html } from '../../vendor/preact.js';
import { duration, percent } from '../core/format.js';
import { measureOf } from '../core/measures.js';
import { view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { COUNT, ERRORS, GroupTable, time } from '../parts/groups.js';
import { Panel, useRanged } from '../parts/ranged.js';
import { OneText, Texts, askedText } from '../parts/spent.js';
import { NothingHere } from './services.js';

/** Most services listed. */
const LISTED = 500;

/**
 * @typedef {object} What
 * @property {string} title
 * @property {'sql' | 'api'} measure
 * @property {string} what
 * @property {any} hint what to do when nothing is recorded
 */

export const SqlPage = () => html`<${SpentPage} title="SQL" measure="sql" what="SQL" hint=${html`Statements are recorded by <code>scouter-sqlx</code> in place of <code>sqlx</code>: one line in Cargo.toml.`} />`;
export const CallsPage = () => html`<${SpentPage} title="API calls" measure="api" what="calls" hint=${html`Calls are recorded by <code>scouter::tower::ClientLayer</code>, or <code>.send_scouted()</code> of a reqwest client.`} />`;

/** @param {What} props */
function SpentPage(props) {
  const text = askedText();
  if (text !== null) return html`<${OneText} key=${text} kind=${props.measure} text=${text} />`;
  return html`<${Texts} kind=${props.measure} hint=${props.hint} /><${ByService} ...${props} />`;
}

/** @param {What} props */
function ByService({ title, measure, what }) {
  const { f } = view.value;
  const loaded = useRanged('summary', { by: 'service', f: `${f} ${measure}>0us`.trim(), limit: LISTED }, false);
  const spent = (/** @type {any} */ g) => g[`${measure}_sum_us`];
  return html`<${Panel} id="spent-title" title=${`${title} by service`} loaded=${loaded} head=${html`<span class="mut">of the services that did any</span><span class="spring"></span>
      <a class="button" href=${viewUrl('/xlog', { ...view.value, measure, axis: measureOf(measure).axis, box: null })}>XLog by time in ${what}</a>`}>${(/** @type {any} */ data) => {
    if (data.total === 0) return f ? html`<${NothingHere} />` : html`<p class="mut">No transaction with ${what} in this range.</p>`;
    const whole = data.groups.reduce((/** @type {number} */ sum, /** @type {any} */ g) => sum + spent(g), 0);
    const columns = [time('spent', `Time in ${what}`, spent, true), { key: 'share', label: 'Of all', value: spent, cell: (/** @type {any} */ g) => percent(spent(g), whole) },
      time('mean', 'Each', g => spent(g) / g.count), { key: 'part', label: 'Of its elapsed', value: (/** @type {any} */ g) => spent(g) / g.elapsed_sum_us, cell: (/** @type {any} */ g) => percent(spent(g), g.elapsed_sum_us) },
      COUNT, ERRORS, time('p95', 'p95', g => g.p95_us), time('p99', 'p99', g => g.p99_us)];
    return html`<p class="summary-line"><span class="sum"><span>Time in ${what}</span><b>${duration(whole)}</b></span></p>
      <${GroupTable} by="service" groups=${data.groups} columns=${columns} sortedBy="spent" caption=${`Time in ${what} by service`} />`;
  }}<//>`;
}
