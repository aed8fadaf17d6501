// All services of the range: how many, how slow, how often wrong, and which of them the time goes to.

import { html } from '../../vendor/preact.js';
import { exactWord } from '../core/filter.js';
import { count, duration, percent, plural, rate } from '../core/format.js';
import { view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { COUNT, ERRORS, GroupTable, TIMES } from '../parts/groups.js';
import { Panel, rangeSeconds, useRanged } from '../parts/ranged.js';

export function ServicesPage() {
  const loaded = useRanged('services');
  const seconds = rangeSeconds();
  return html`<${Panel} id="services-title" title="Services" loaded=${loaded}>${(/** @type {any} */ data) => {
    const groups = data.services.map((/** @type {any} */ s) => ({ ...s, value: s.service }));
    if (groups.length === 0) return html`<${NothingHere} />`;
    const sum = (/** @type {string} */ key) => groups.reduce((/** @type {number} */ all, /** @type {any} */ g) => all + g[key], 0);
    const whole = sum('elapsed_sum_us');
    const columns = [{ key: 'object', label: 'Object', isText: true, value: (/** @type {any} */ g) => g.object, cell: (/** @type {any} */ g) => html`<span class="mut">${g.object}</span>` }, { key: 'rate', label: 'Rate /s', value: (/** @type {any} */ g) => g.count, cell: (/** @type {any} */ g) => rate(g.count / seconds) }, COUNT, ERRORS, ...TIMES,
      { key: 'share', label: 'Share of time', value: (/** @type {any} */ g) => g.elapsed_sum_us, cell: (/** @type {any} */ g) => percent(g.elapsed_sum_us, whole) },
      { key: 'xlog', label: 'Dots', value: (/** @type {any} */ g) => g.count, cell: (/** @type {any} */ g) => html`<a href=${viewUrl('/xlog', { ...view.value, f: `${exactWord('service', g.service)} ${exactWord('object', g.object)}`, box: null })} aria-label=${`${g.service} of ${g.object} in the XLog`}>XLog</a>` }];
    return html`<p class="summary-line"><span class="sum"><span>Services</span><b>${count(groups.length)}</b></span><span class="sum"><span>Transactions</span><b>${count(sum('count'))}</b></span>
      <span class="sum"><span>Errors</span><b class=${sum('errors') > 0 ? 'err' : ''}>${count(sum('errors'))}</b></span><span class="sum"><span>Time in all of them</span><b>${duration(whole)}</b></span></p>
      <${GroupTable} by="service" groups=${groups} columns=${columns} sortedBy="sum" caption=${`${plural(groups.length, 'service')}, by object`}
        href=${(/** @type {any} */ g) => serviceHref(g.service)} />`;
  }}<//>`;
}

/** The page of one service, in the range and filter of the bar. @param {string} name */
const serviceHref = name => viewUrl(`/services/${encodeURIComponent(name)}`, { ...view.value, box: null });

/** An empty range, and the ways out. */
export function NothingHere() {
  const { f } = view.value;
  return html`<div class="calm"><h2>No transaction in this range${f ? ' fits the filter' : ''}</h2><p>${f ? html`<a href=${viewUrl(location.pathname, { ...view.value, f: '' })}>Remove the filter</a> or choose` : 'Choose'} a longer range in the bar. <a href="/xlog">The XLog</a> says when the last one was.</p></div>`;
}
