// Who calls whom: objects, the pools they query and the hosts they call, from the totals of all calls.

import { html, useLayoutEffect, useRef, useState } from '../../vendor/preact.js';
import { count, duration, percent, plural, rate } from '../core/format.js';
import { exactWord } from '../core/filter.js';
import { measureOf } from '../core/measures.js';
import { view } from '../core/router.js';
import { viewUrl } from '../core/view.js';
import { busiest, graphOf, placesOf, remembered, spread } from '../data/topology.js';
import { ERRORS, GroupTable, time } from '../parts/groups.js';
import { useDocument } from '../parts/loaded.js';
import { Panel, rangeQuery, rangeSeconds, useRanged } from '../parts/ranged.js';

/** @typedef {import('../data/topology.js').Graph} Graph */
/** @typedef {import('../data/topology.js').Node} Node */
/** @typedef {import('../data/topology.js').Edge} Edge */

/** Most nodes drawn, the busiest; the table has all. */
const DRAWN = 80;
/** With more calls than this only those of the node under the pointer or the focus have labels. */
const LABELLED = 30;
/** Who answers at an address is asked again so often. */
const SERVED_EVERY_MS = 10_000;
const [NODE_WIDTH, NODE_HEIGHT, ROW, LABEL_WIDTH, LABEL_HEIGHT, LEAST_GAP, MARGIN] = [204, 50, 92, 128, 34, 156, 14];

/** What was on the map of this tab before: it keeps its place while it is quiet. */
let before = /** @type {Graph} */ ({ nodes: [], edges: [] });

const KINDS = /** @type {Record<string, string>} */ ({ object: 'object', sql: 'SQL', api: 'host', other: 'other' });

export function MapPage() {
  const { range, f } = view.value;
  const loaded = useRanged('topology', {}, false);
  const served = useDocument('topology', { served: 1 }, range.live ? SERVED_EVERY_MS : 0, JSON.stringify(range), rangeQuery);
  const objects = useRanged('summary', { by: 'object', limit: 1_000 }, false);
  // Drawn first without, everything would move when it comes; if it cannot be had, addresses do.
  const isReady = served.data || served.error;
  return html`<${Panel} id="map-title" title="Map" loaded=${isReady ? loaded : { ...loaded, data: null }} head=${html`<span class="mut">who calls whom${f && '; the filter does not apply here'}</span>`}>${(/** @type {any} */ data) => {
    if (data.edges.length === 0) return html`<${NoCalls} />`;
    const by = new Map((served.data?.nodes ?? []).filter((/** @type {any} */ n) => n.served_by).map((/** @type {any} */ n) => [n.name, n.served_by]));
    const graph = graphOf(data, by);
    const figures = new Map((objects.data?.groups ?? []).map((/** @type {any} */ g) => [`object:${g.value}`, g]));
    return html`<${Drawing} graph=${graph} figures=${figures} />
      ${data.edge_count > data.edges.length && html`<p class="mut">The ${plural(data.edges.length, 'call')} made most often of ${count(data.edge_count)}.</p>`}
      <${Calls} graph=${graph} />`;
  }}<//>`;
}

function NoCalls() {
  return html`<div class="calm"><h2>Nobody called anybody in this range</h2><p>Statements are recorded by <code>scouter-sqlx</code> in place of <code>sqlx</code>, calls by <code>scouter::tower::ClientLayer</code> or <code>.send_scouted()</code>: one line each. Calls appear here within ten seconds.</p></div>`;
}

/** Where a node leads. @param {Node} node */
function nodeHref({ kind, name }) {
  const at = { ...view.value, box: null };
  if (kind === 'object') return viewUrl('/services', { ...at, f: exactWord('object', name) });
  return viewUrl(kind === 'sql' ? '/sql' : '/calls', { ...at, f: '' });
}

/** Transactions that make the calls of an edge, by their time in them. @param {Edge} edge @param {string} object */
function edgeHref(edge, object) {
  const measure = edge.kind === 'sql' ? 'sql' : 'api';
  return viewUrl('/xlog', { ...view.value, f: `${exactWord('object', object)} ${measure}>0us`, measure, axis: measureOf(measure).axis, box: null });
}

/** @param {{graph: Graph, figures: Map<string, any>}} props */
function Drawing({ graph, figures }) {
  const host = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [hostWidth, setWidth] = useState(0);
  const [focus, setFocus] = useState('');
  useLayoutEffect(() => {
    const element = /** @type {HTMLDivElement} */ (host.current);
    const measure = () => setWidth(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const drawn = busiest(graph, DRAWN);
  before = remembered(before, drawn, DRAWN);
  const { places, columns, rows } = placesOf(before);
  const gap = Math.max(LEAST_GAP, Math.min(330, (hostWidth - 2 * MARGIN - columns * NODE_WIDTH) / Math.max(1, columns - 1)));
  const width = columns * NODE_WIDTH + (columns - 1) * gap + 2 * MARGIN;
  const left = Math.max(0, (hostWidth - width) / 2);
  const at = (/** @type {string} */ id) => {
    const { x, y } = places.get(id) ?? { x: 0, y: 0 };
    return { x: left + MARGIN + x * (NODE_WIDTH + gap), y: MARGIN + y * ROW + (ROW - NODE_HEIGHT) / 2 };
  };
  const most = Math.max(...drawn.edges.map(edge => edge.count));
  const lines = drawn.edges.map(edge => lineOf(edge, at, most));
  const isNear = (/** @type {Edge} */ edge) => focus === '' || edge.from === focus || edge.to === focus;
  const labels = spread(lines.filter(line => (focus ? isNear(line.edge) : lines.length <= LABELLED)), LABEL_WIDTH, LABEL_HEIGHT);
  const height = Math.max(MARGIN * 2 + rows * ROW, ...labels.map(label => label.y + LABEL_HEIGHT));
  const nodes = drawn.nodes.slice().sort((a, b) => at(a.id).x - at(b.id).x || at(a.id).y - at(b.id).y);
  return html`<div class="scroll map-scroll" ref=${host} tabindex="0" role="region" aria-label="Drawing of the map; the table below has the same numbers">
    ${hostWidth > 0 && html`<div class="map" data-testid="map" style=${{ width: `${Math.max(hostWidth, width)}px`, height: `${height}px` }}>
      <svg aria-hidden="true" width=${Math.max(hostWidth, width)} height=${height}>${lines.map(({ edge, path, head, thickness }) => html`<g key=${`${edge.from} ${edge.to}`} class=${`map-edge${edge.errors > 0 ? ' is-err' : ''}${isNear(edge) ? '' : ' is-far'}`}>
        <path d=${path} style=${{ strokeWidth: `${thickness}px` }} /><path class="head" d=${head} /></g>`)}</svg>
      ${labels.map(({ edge, x, y }) => html`<${EdgeLabel} key=${`${edge.from} ${edge.to}`} edge=${edge} x=${x} y=${y} />`)}
      ${nodes.map(node => html`<${NodeBox} key=${node.id} node=${node} place=${at(node.id)} figures=${figures.get(node.id)} focus=${setFocus}
        isFar=${focus !== '' && node.id !== focus && !drawn.edges.some(edge => isNear(edge) && (edge.from === node.id || edge.to === node.id))} />`)}</div>`}
    ${drawn.nodes.length < graph.nodes.length && html`<p class="mut">Drawn are the ${count(drawn.nodes.length)} busiest of ${count(graph.nodes.length)}; the table has all.</p>`}</div>`;
}

/** The line of an edge and the middle of it. @param {Edge} edge @param {(id: string) => {x: number, y: number}} at @param {number} most */
function lineOf(edge, at, most) {
  const [from, to] = [at(edge.from), at(edge.to)];
  const thickness = 1.2 + 3.8 * Math.sqrt(edge.count / most);
  const [y0, y1] = [from.y + NODE_HEIGHT / 2, to.y + NODE_HEIGHT / 2];
  if (to.x > from.x) {
    const [x0, x1] = [from.x + NODE_WIDTH, to.x];
    // Beyond the next layer a line runs straight in at its end, so that its label is beside it.
    const bend = Math.min(110, (x1 - x0) / 2);
    return { edge, thickness, path: `M${x0} ${y0}C${x0 + bend} ${y0} ${x1 - bend} ${y1} ${x1} ${y1}`, head: `M${x1 - 9} ${y1 - 5}L${x1} ${y1}L${x1 - 9} ${y1 + 5}z`, x: (x0 + x1) / 2, y: (y0 + y1) / 2 };
  }
  // Back to a caller, or to itself: around below.
  const [x0, x1] = [from.x + NODE_WIDTH / 2 + 40, to.x + NODE_WIDTH / 2 - 40];
  const [b0, b1] = [from.y + NODE_HEIGHT, to.y + NODE_HEIGHT];
  const low = Math.max(b0, b1) + 40;
  return { edge, thickness, path: `M${x0} ${b0}C${x0} ${low} ${x1} ${low} ${x1} ${b1}`, head: `M${x1 - 5} ${b1 + 9}L${x1} ${b1}L${x1 + 5} ${b1 + 9}z`, x: (x0 + x1) / 2, y: low - 8 };
}

/** @param {{edge: Edge, x: number, y: number}} props */
function EdgeLabel({ edge, x, y }) {
  return html`<span class="map-label" aria-hidden="true" style=${{ left: `${x}px`, top: `${y}px` }}><span>${edge.is_lower_bound ? '≥ ' : ''}${rate(edge.count / rangeSeconds())}/s · p95 ${duration(edge.p95_us)}</span>
    ${edge.errors > 0 && html`<b class="err">${plural(edge.errors, 'error')}</b>`}</span>`;
}

/** @param {{node: Node, place: {x: number, y: number}, figures: any, focus: (id: string) => void, isFar: boolean}} props */
function NodeBox({ node, place, figures, focus, isFar }) {
  const note = node.kind !== 'object' ? KINDS[node.kind] ?? node.kind
    : figures ? html`${rate(figures.count / rangeSeconds())}/s · p95 ${duration(figures.p95_us)}${figures.errors > 0 ? html` · <span class="err">${percent(figures.errors, figures.count)}</span>` : ''}` : node.addresses[0] ?? 'object';
  return html`<a class=${`map-node is-${node.kind}${isFar ? ' is-far' : ''}`} href=${nodeHref(node)} title=${[node.name, ...node.addresses].join(' · ')} style=${{ left: `${place.x}px`, top: `${place.y}px` }}
    onMouseEnter=${() => focus(node.id)} onMouseLeave=${() => focus('')} onFocus=${() => focus(node.id)} onBlur=${() => focus('')}><b>${node.name}</b><span class="mut">${note}</span></a>`;
}

/** The same as a table. @param {{graph: Graph}} props */
function Calls({ graph }) {
  const names = new Map(graph.nodes.map(node => [node.id, node.name]));
  const groups = graph.edges.map(edge => ({ ...edge, value: `${names.get(edge.from)} → ${names.get(edge.to)}`, object: edge.kind }));
  const columns = [
    { key: 'kind', label: 'By', isText: true, value: (/** @type {any} */ g) => g.kind, cell: (/** @type {any} */ g) => html`<span class="mut">${g.kind === 'sql' ? 'SQL' : g.kind === 'api' ? 'call' : g.kind}</span>` },
    { key: 'count', label: 'Calls', value: (/** @type {any} */ g) => g.count, isBar: true, cell: (/** @type {any} */ g) => `${g.is_lower_bound ? '≥ ' : ''}${count(g.count)}` },
    { key: 'rate', label: 'Rate /s', value: (/** @type {any} */ g) => g.count, cell: (/** @type {any} */ g) => rate(g.count / rangeSeconds()) },
    ERRORS, time('mean', 'Mean', g => g.elapsed_sum_us / Math.max(1, g.count)), time('p95', 'p95', g => g.p95_us), time('sum', 'Total time', g => g.elapsed_sum_us, true),
    { key: 'services', label: 'Services', value: (/** @type {any} */ g) => g.services },
  ];
  return html`<h3 class="hidden-text">Calls</h3><${GroupTable} by="edge" groups=${groups} columns=${columns} head="Caller → callee" caption="Calls by caller and callee" testId="calls"
      href=${(/** @type {any} */ g) => edgeHref(g, /** @type {string} */ (names.get(g.from)))} />
    ${graph.edges.some(edge => edge.is_lower_bound) && html`<p class="mut">≥: calls are counted in profiles, and some of those were sampled out or dropped.</p>`}`;
}
