// What a box has in it: totals by any dimension, and what sets it apart from the rest of its range.

import { html, useMemo } from '../../vendor/preact.js';
import { count, percent } from '../core/format.js';
import { changeView, view } from '../core/router.js';
import { DIMENSIONS, viewUrl } from '../core/view.js';
import { feed } from '../data/hub.js';
import { edges } from '../core/range.js';
import { GroupTable, USUAL, dimensionText, narrowed, valueText } from './groups.js';
import { LoadState, useDocument } from './loaded.js';

/** Most groups and differences asked for. */
const GROUPS = 500;
const DIFFERENCES = 60;

/** @param {{query: Record<string, any>}} props */
export function BoxSummary({ query }) {
  const { by } = view.value;
  const loaded = useDocument('summary', { ...query, by, limit: GROUPS });
  const { data } = loaded;
  return html`<div class="pane" data-testid="box-summary">
    <div class="tabs" role="group" aria-label="Sum up by">${DIMENSIONS.map(name => html`<button key=${name} class="switch" aria-pressed=${by === name ? 'true' : 'false'} onClick=${() => changeView({ by: name }, { replace: true })}>${dimensionText(name)}</button>`)}</div>
    ${data && data.by === by ? html`<${GroupTable} key=${by} by=${by} groups=${data.groups} columns=${USUAL} caption=${`The box by ${by}`} />
      ${data.group_count > data.groups.length && html`<p class="foot mut">The ${count(data.groups.length)} most frequent of ${count(data.group_count)}</p>`}` : html`<${LoadState} loaded=${loaded} what="the summary" />`}</div>`;
}

/** The range in which a box is compared with the rest: the view's, stretched so that it holds the box. @param {{t0_ms: number, t1_ms: number}} box */
function rangeAround({ t0_ms, t1_ms }) {
  const { fromMs, toMs } = edges(view.peek().range, feed.serverNow());
  return { from_unix_us: Math.min(Math.floor(fromMs), t0_ms) * 1000, to_unix_us: (Math.max(Math.ceil(toMs), t1_ms) + 1) * 1000 - 1 };
}

/** @param {{query: any}} props */
export function WhyDifferent({ query }) {
  // The range slides while it is live: it is taken once for each box.
  const range = useMemo(() => rangeAround(query), [JSON.stringify(query), view.value.range]);
  const loaded = useDocument('differences', { ...query, ...range, limit: DIFFERENCES });
  const { data } = loaded;
  if (!data) return html`<div class="pane"><${LoadState} loaded=${loaded} what="what is different" /></div>`;
  if (data.values.length === 0) {
    return html`<div class="pane calm"><h2>Nothing sets this box apart</h2><p>${data.rest === 0 ? 'It holds everything of the range: draw a smaller one.' : `By no dimension does it differ from the other ${count(data.rest)} transactions by more than chance.`}</p></div>`;
  }
  return html`<div class="pane"><${Differences} data=${data} a="in the box" b="in the rest" /></div>`;
}

/** What is more frequent in the first comes first: it is what one looks for. @param {{data: any, a: string, b: string}} props */
export function Differences({ data, a, b }) {
  const isMore = (/** @type {any} */ v) => v.selected_share > v.rest_share;
  const values = [...data.values.filter(isMore), ...data.values.filter((/** @type {any} */ v) => !isMore(v))];
  return html`<div class="scroll" tabindex="0" role="region" aria-label="What is different"><table class="data why" data-testid="why">
    <caption>${count(data.selected)} ${a} against ${count(data.rest)} ${b}. What is more frequent ${a} comes first, then what is rarer, by how much it differs; what may be chance is left out.</caption>
    <colgroup><col style=${{ width: '110px' }} /><col style=${{ width: '34%' }} /><col /><col style=${{ width: '96px' }} /><col style=${{ width: '96px' }} /></colgroup>
    <thead><tr><th scope="col">Dimension</th><th scope="col">Value</th><th scope="col">Share</th><th scope="col" class="num">${a}</th><th scope="col" class="num">${b}</th></tr></thead>
    <tbody>${values.map((/** @type {any} */ v) => {
      const f = narrowed(view.value.f, v.dimension, v.value);
      const text = valueText(v.dimension, v.value);
      return html`<tr key=${`${v.dimension} ${v.value}`}><th scope="row">${dimensionText(v.dimension)}</th>
        <td title=${text}>${f === null ? text : html`<a href=${viewUrl('/xlog', { ...view.value, f, box: null, pane: 'list' })}>${text}</a>`}</td>
        <td><span class="pair" aria-hidden="true"><i class="is-selected" style=${{ width: `${v.selected_share * 100}%` }}></i><i style=${{ width: `${v.rest_share * 100}%` }}></i></span></td>
        <td class="num"><b>${percent(v.selected, data.selected)}</b></td><td class="num">${percent(v.rest, data.rest)}</td></tr>`;
    })}</tbody></table></div>`;
}
