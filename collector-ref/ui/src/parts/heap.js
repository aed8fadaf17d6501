// The heap profile of a process: what was allocated at which line for which service, and what of it
// lives. All figures are estimates from samples.

import { html, useMemo, useState } from '../../vendor/preact.js';
import { apiUrl } from '../core/api.js';
import { bytes, count, plural } from '../core/format.js';
import { url } from '../core/router.js';
import { MEASURES, asStacks, nameOf, sortedSites, totalOf } from '../data/heap.js';
import { asSteps, treeOf } from '../data/stacks.js';
import { txHref } from './badges.js';
import { FlameView } from './flame_view.js';
import { useAsked } from './loaded.js';
import { Switches, choose } from './switches.js';
import { Awaited, Refusal } from './tool_tabs.js';
import { VTable } from './vtable.js';

const REFRESH_MS = 3_000;
const ROW_PX = 26;

const PANES = [['table', 'Places'], ['flame', 'Flame']];

/** A column that can be sorted by. @param {string} key @param {string} label @param {number | string} width @param {(x: any) => any} cell */
const column = (key, label, width, cell, isNumber = false) => ({ key, label, width, isNumber, cell, sort: (/** @type {any} */ x) => x[key] });

const COLUMNS = [
  column('live_bytes', 'Live', 88, x => html`<b>${bytes(x.live_bytes)}</b>`, true),
  column('live_blocks', 'Blocks', 84, x => count(x.live_blocks), true),
  column('allocated_bytes', 'Allocated', 92, x => bytes(x.allocated_bytes), true),
  column('allocated_blocks', 'Blocks', 92, x => count(x.allocated_blocks), true),
  column('name', 'Innermost function', 'auto', x => html`<span class=${x.name ? '' : 'mut'} title=${nameOf(x)}>${nameOf(x)}</span>`),
  column('place', 'Place', '22%', x => html`<code class="mut" title=${x.place}>${x.place}</code>`),
  column('service', 'Service', '18%', x => html`<span title=${x.service}>${x.service}</span>`),
  column('tenant', 'Tenant', 80, x => x.tenant),
  { key: 'last', label: 'Last sample', width: 92, cell: (/** @type {any} */ x) => (x.txid ? html`<a href=${txHref(x)} title="The transaction of the last sample">transaction</a>` : '') },
  column('samples', 'Samples', 80, x => html`<span class="mut">${count(x.samples)}</span>`, true),
];

/** @param {import('../pages/tool.js').ToolProps} props */
export function HeapTool({ path, query, onAmbiguous }) {
  const [isHeld, hold] = useState(false);
  const { data, error } = useAsked(`heap/${path}`, query, isHeld ? 0 : REFRESH_MS, onAmbiguous);
  const pane = url.value.searchParams.get('by') === 'flame' ? 'flame' : 'table';
  const measure = MEASURES.find(([name]) => name === url.value.searchParams.get('measure'))?.[0] ?? 'live_bytes';
  if (!data) return html`<${Awaited} error=${error} />`;
  const { sites } = data;
  return html`<section class="panel" aria-label="What is counted"><div class="panel-head"><p data-testid="heap-sum"><b>${bytes(totalOf(sites, 'live_bytes'))}</b> live of <b>${bytes(totalOf(sites, 'allocated_bytes'))}</b> allocated <span class="mut">since the start of the process, estimated from ${plural(totalOf(sites, 'samples'), 'sample')}, one in ${bytes(data.sample_bytes)}${data.resident_bytes ? `; ${bytes(data.resident_bytes)} are resident` : ''}.</span></p>
        <span class="spring"></span><button class="switch lone" aria-pressed=${isHeld ? 'true' : 'false'} onClick=${() => hold(!isHeld)}>Hold</button>
        <a class="button" href=${apiUrl(`heap/${path}`, { ...query, format: 'folded', measure })} target="_blank" rel="noopener" title="One line a place, for other flame graphs">Folded</a></div>
      ${data.unavailable && html`<p class="warn">No samples: ${data.unavailable}</p>`}
      ${data.samples_left_out > 0 && html`<p class="warn">${plural(data.samples_left_out, 'sample')} found no place and are in no figure.</p>`}
      <${Refusal} error=${error} /></section>
    ${sites.length === 0 ? html`<section class="panel calm"><h2>Nothing was sampled</h2><p>${data.unavailable ? 'The sentence above says what the program needs.' : 'It has allocated next to nothing since its start.'}</p></section>`
      : html`<section class="panel steps-panel stacks" aria-label="Places"><div class="profile-tabs panel-head"><${Switches} label="Places as" of=${PANES} value=${pane} choose=${(/** @type {string} */ name) => choose('by', name === 'flame' ? name : '')} />
          ${pane === 'flame' && html`<label>Width <select aria-label="Width" value=${measure} onChange=${(/** @type {any} */ e) => choose('measure', e.currentTarget.value)}>${MEASURES.map(([name, title]) => html`<option key=${name} value=${name}>${title}</option>`)}</select></label>`}
          ${data.total > sites.length && html`<span class="mut">${count(sites.length)} of ${count(data.total)} places listed</span>`}</div>
        ${pane === 'flame' ? html`<${Flame} sites=${sites} measure=${measure} />` : html`<${Places} sites=${sites} />`}</section>`}`;
}

/** @param {{sites: any[]}} props */
function Places({ sites }) {
  const [sorted, sort] = useState({ key: 'live_bytes', isDown: true });
  const [selected, select] = useState(-1);
  const rows = useMemo(() => sortedSites(sites, sorted), [sites, sorted]);
  const by = (/** @type {string} */ key) => sort(before => ({ key, isDown: before.key === key ? !before.isDown : true }));
  return html`<${VTable} columns=${COLUMNS} count=${rows.length} row=${(/** @type {number} */ i) => rows[i]} rowKey=${(/** @type {any} */ x) => `${x.name}\n${x.place}\n${x.service}\n${x.tenant}`} rowPx=${ROW_PX}
    caption="Places where memory was allocated" selected=${selected} select=${select} sorted=${sorted} sortBy=${by} testId="heap-places" />`;
}

/** @param {{sites: any[], measure: string}} props */
function Flame({ sites, measure }) {
  const { steps, whole } = useMemo(() => {
    const stacks = asStacks(sites, measure);
    return { steps: asSteps(treeOf(stacks, false)), whole: totalOf(sites, measure) };
  }, [sites, measure]);
  const [selected, select] = useState(-1);
  if (whole === 0) return html`<div class="calm"><h2>Nothing lives</h2><p>All that was sampled has been freed.</p></div>`;
  const say = measure.endsWith('bytes') ? bytes : (/** @type {number} */ n) => plural(Math.round(n), 'block');
  return html`<${FlameView} steps=${steps} elapsedUs=${whole} isHeavy=${true} selected=${selected} select=${select} say=${(/** @type {number} */ n) => say(Math.round(n))} twin="Places" />`;
}
