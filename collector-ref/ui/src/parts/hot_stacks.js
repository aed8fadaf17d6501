// The stack frequency analyzer: what transactions did or awaited (always on), and samples of CPU time
// (on demand), by function, from the top, from the bottom, and as a flame.

import { html, useEffect, useMemo, useState } from '../../vendor/preact.js';
import { apiUrl, getJson, postJson } from '../core/api.js';
import { count, duration, percent, plural } from '../core/format.js';
import { url } from '../core/router.js';
import { asSteps, heaviestPath, rooted, serviceCounts, shownRows, sumOf, topFrames, treeOf } from '../data/stacks.js';
import { placeText } from '../data/threads.js';
import { Reloader } from '../data/reloader.js';
import { FlameView } from './flame_view.js';
import { Switches, choose } from './switches.js';
import { Awaited, OnlyLook, Refusal } from './tool_tabs.js';
import { VTable } from './vtable.js';

const REFRESH_MS = 3_000;
const ROW_PX = 26;
/** What the agent takes at most: `Hz` and seconds of one run. */
const DEFAULT_HZ = 99;
const DEFAULT_SECONDS = 30;

const PANES = /** @type {[string, string][]} */ ([['top', 'Top functions'], ['down', 'Top down'], ['up', 'Bottom up'], ['flame', 'Flame']]);
const MODES = /** @type {[string, string, string][]} */ ([
  ['logical', 'Done and awaited', 'What transactions did or waited for, looked at some times a second. Always on, and costs next to nothing.'],
  ['cpu', 'CPU time', 'Where the process burns CPU: native stacks, taken by a timer of CPU time. Idle threads are not seen.'],
]);

/** @param {import('../pages/tool.js').ToolProps} props */
export function StacksTool({ path, query, mayAct, onAmbiguous }) {
  const asked = url.value.searchParams;
  const mode = asked.get('mode') === 'cpu' ? 'cpu' : 'logical';
  const pane = PANES.find(([name]) => name === asked.get('by'))?.[0] ?? 'top';
  const service = asked.get('of') ?? '';
  const [{ data, error, of }, setLoaded] = useState(/** @type {{data: any, error: any, of: string}} */ ({ data: null, error: null, of: '' }));
  const [isHeld, hold] = useState(false);
  const fail = (/** @type {any} */ said) => {
    if (said.code === 'ambiguous') onAmbiguous(said);
    else setLoaded(before => ({ data: before.of === mode ? before.data : null, error: said, of: mode }));
  };
  useEffect(() => {
    const abort = new AbortController();
    const reloader = new Reloader(async () => {
      if (document.hidden) return;
      try {
        const answer = await getJson(`sfa/${path}`, { ...query, mode }, abort.signal);
        setLoaded({ data: answer, error: null, of: mode });
      } catch (said) {
        if (!abort.signal.aborted) fail(said);
      }
    }, isHeld ? 0 : REFRESH_MS);
    if (!isHeld || of !== mode) reloader.now();
    return () => {
      reloader.stop();
      abort.abort();
    };
  }, [mode, isHeld]);
  const change = (/** @type {any} */ what) => postJson(`sfa/${path}`, what, query).then(answer => setLoaded({ data: answer, error: null, of: mode }), fail);
  const shown = of === mode ? data : null;
  const help = MODES.find(([name]) => name === mode)?.[2];
  return html`<section class="panel" aria-label="What is counted"><div class="panel-head"><${Switches} label="Counted" of=${MODES} value=${mode} choose=${(/** @type {string} */ name) => choose('mode', name === 'cpu' ? 'cpu' : '')} />
        <span class="mut">${help}</span><span class="spring"></span><button class="switch lone" aria-pressed=${isHeld ? 'true' : 'false'} onClick=${() => hold(!isHeld)}>Hold</button>
        <a class="button" href=${apiUrl(`sfa/${path}`, { ...query, mode, format: 'folded' })} target="_blank" rel="noopener" title="One line a stack, for other flame graphs">Folded</a></div>
      ${mode === 'cpu' && html`<${Sampler} isRunning=${shown?.running === true} mayAct=${mayAct} change=${change} />`}
      <${Refusal} error=${error} />
      ${shown && (shown.running || shown.covers_ms > 0) && html`<p class="mut" data-testid="covers">${plural(shown.samples, 'sample')} in ${duration(shown.covers_ms * 1000)}${shown.rate_hz > 0 ? `, ${shown.rate_hz.toFixed(1)} a second` : ''}${shown.running ? '' : '; not counting now'}${shown.dropped > 0 ? html`. <span class="warn">${count(shown.dropped)} found no room and are in no figure below.</span>` : '.'}</p>`}</section>
    ${shown ? html`<${Counted} profile=${shown} pane=${pane} service=${service} />` : !error && html`<${Awaited} error=${null} />`}`;
}

/** @param {{isRunning: boolean, mayAct: boolean, change: (what: any) => Promise<void>}} props */
function Sampler({ isRunning, mayAct, change }) {
  const [hz, setHz] = useState(String(DEFAULT_HZ));
  const [seconds, setSeconds] = useState(String(DEFAULT_SECONDS));
  if (!mayAct) return html`<${OnlyLook} but="start sampling" />`;
  const start = (/** @type {Event} */ event) => {
    event.preventDefault();
    void change({ action: 'start', hz: Number(hz), seconds: Number(seconds) });
  };
  return html`<form class="inline-form sampler" onSubmit=${start}>
    <label>Samples a second of CPU time <input type="number" min="1" required value=${hz} onInput=${(/** @type {any} */ e) => setHz(e.currentTarget.value)} /></label>
    <label>for seconds <input type="number" min="1" required value=${seconds} onInput=${(/** @type {any} */ e) => setSeconds(e.currentTarget.value)} /></label>
    ${isRunning ? html`<button type="button" onClick=${() => change({ action: 'stop' })}>Stop</button><span class="running" role="status">sampling…</span>` : html`<button class="primary" type="submit">Start</button><span class="mut">Noted in the audit file.</span>`}</form>`;
}

/** @param {{profile: any, pane: string, service: string}} props */
function Counted({ profile, pane, service }) {
  const all = useMemo(() => rooted(profile), [profile]);
  const services = useMemo(() => serviceCounts(all), [all]);
  const stacks = useMemo(() => (service ? all.filter(stack => stack.service === service) : all), [all, service]);
  const whole = sumOf(stacks);
  return html`<section class="panel steps-panel stacks" aria-label="Stacks"><div class="profile-tabs panel-head"><${Switches} label="Stacks as" of=${PANES} value=${pane} choose=${(/** @type {string} */ name) => choose('by', name === 'top' ? '' : name)} />
      <label>Service <select aria-label="Service" value=${service} onChange=${(/** @type {any} */ e) => choose('of', e.currentTarget.value)}><option value="">all</option>${service && !services.some(([name]) => name === service) && html`<option value=${service}>${service} (0 %)</option>`}
        ${services.map(([name, n]) => html`<option key=${name} value=${name}>${name} (${percent(n, sumOf(all))})</option>`)}</select></label></div>
    ${whole === 0 ? html`<div class="calm"><h2>Nothing was counted</h2><p>${profile.mode === 'cpu' ? (profile.running ? 'No thread has used CPU time yet.' : 'Start sampling to see where CPU time goes.') : service ? 'No transaction of this service was there when the analyzer looked.' : 'No transaction was running when the analyzer looked.'}</p></div>`
      : pane === 'top' ? html`<${Top} stacks=${stacks} whole=${whole} isLogical=${profile.mode === 'logical'} />`
      : pane === 'flame' ? html`<${Flame} stacks=${stacks} whole=${whole} />`
      : html`<${Tree} key=${`${pane} ${service}`} stacks=${stacks} whole=${whole} isBottomUp=${pane === 'up'} />`}</section>`;
}

/** A count and its share. @param {number} n @param {number} whole */
const share = (n, whole) => html`<b>${percent(n, whole)}</b><span class="mut aside">${count(n)}</span>`;
const place = (/** @type {{place: string}} */ x) => html`<code class="mut" title=${x.place}>${placeText(x.place)}</code>`;

/** @param {{stacks: import('../data/stacks.js').Stack[], whole: number, isLogical: boolean}} props */
function Top({ stacks, whole, isLogical }) {
  const rows = useMemo(() => topFrames(stacks), [stacks]);
  const [selected, select] = useState(-1);
  const columns = useMemo(() => [
    { key: 'self', label: 'Ends here', width: 118, isNumber: true, cell: (/** @type {any} */ x) => (x.self > 0 ? share(x.self, whole) : '') },
    ...(isLogical ? [{ key: 'waits', label: 'Waiting', width: 76, isNumber: true, cell: (/** @type {any} */ x) => (x.self > 0 ? percent(x.waiting, x.self) : '') }] : []),
    { key: 'total', label: 'In the stack', width: 118, isNumber: true, cell: (/** @type {any} */ x) => share(x.total, whole) },
    { key: 'name', label: isLogical ? 'Step' : 'Function', width: 'auto', cell: (/** @type {any} */ x) => html`<span title=${x.name}>${x.name}</span>` },
    { key: 'place', label: 'Place', width: '34%', cell: place },
  ], [whole, isLogical]);
  return html`<${VTable} columns=${columns} count=${rows.length} row=${(/** @type {number} */ i) => rows[i]} rowKey=${(/** @type {any} */ x) => x.name + x.place} rowPx=${ROW_PX}
    caption="Functions, those that most stacks end in first" selected=${selected} select=${select} testId="top-frames" />`;
}

/** @param {{stacks: import('../data/stacks.js').Stack[], whole: number, isBottomUp: boolean}} props */
function Tree({ stacks, whole, isBottomUp }) {
  const root = useMemo(() => treeOf(stacks, isBottomUp), [stacks, isBottomUp]);
  // What is open is known by its path: the tree is a new one every few seconds.
  const [toggled, setToggled] = useState(/** @type {Set<string>} */ (new Set()));
  const first = useMemo(() => heaviestPath(root), [root]);
  const [selected, select] = useState(-1);
  const rows = useMemo(() => {
    const open = /** @type {Set<any>} */ (new Set());
    const paths = new Map();
    const visit = (/** @type {import('../data/stacks.js').Node} */ of, /** @type {string} */ path) => {
      for (const [key, next] of of.below) {
        const mine = `${path}\n${key}`;
        paths.set(next, mine);
        if (first.has(next) === toggled.has(mine)) continue;
        open.add(next);
        visit(next, mine);
      }
    };
    visit(root, '');
    return shownRows(root, open).map(at => ({ at, path: paths.get(at), isOpen: open.has(at) }));
  }, [root, toggled]);
  const toggle = (/** @type {string} */ path) => setToggled(before => {
    const after = new Set(before);
    if (!after.delete(path)) after.add(path);
    return after;
  });
  const columns = [
    { key: 'total', label: 'In the stack', width: 118, isNumber: true, cell: (/** @type {any} */ x) => share(x.at.total, whole) },
    { key: 'self', label: 'Ends here', width: 84, isNumber: true, cell: (/** @type {any} */ x) => (x.at.self > 0 ? percent(x.at.self, whole) : '') },
    { key: 'name', label: isBottomUp ? 'Where stacks end, and who called it' : 'Service, and what it did', width: 'auto', cell: (/** @type {any} */ x) => html`<span class="step-name" style=${{ paddingLeft: `${Math.min(x.at.depth, 60) * 12}px` }}>
      ${x.at.below.size > 0 ? html`<button class="fold" aria-expanded=${x.isOpen ? 'true' : 'false'} aria-label=${`${x.isOpen ? 'Close' : 'Open'} ${x.at.name}`} onClick=${(/** @type {Event} */ e) => { e.stopPropagation(); toggle(x.path); }}>${x.isOpen ? '▾' : '▸'}</button>` : html`<span class="fold"></span>`}<span class="text" title=${x.at.name}>${x.at.name}</span></span>` },
    { key: 'place', label: 'Place', width: '30%', cell: (/** @type {any} */ x) => place(x.at) },
  ];
  const open = (/** @type {number} */ i) => toggle(rows[i].path);
  return html`<${VTable} columns=${columns} count=${rows.length} row=${(/** @type {number} */ i) => rows[i]} rowKey=${(/** @type {any} */ x) => x.path} rowPx=${ROW_PX}
    caption=${isBottomUp ? 'Stacks from their ends; Enter opens a row' : 'Stacks from their services; Enter opens a row'} selected=${selected} select=${select} open=${open} testId="stack-tree" />`;
}

/** @param {{stacks: import('../data/stacks.js').Stack[], whole: number}} props */
function Flame({ stacks, whole }) {
  const steps = useMemo(() => asSteps(treeOf(stacks, false)), [stacks]);
  const [selected, select] = useState(-1);
  return html`<${FlameView} steps=${steps} elapsedUs=${whole} isHeavy=${true} selected=${selected} select=${select} say=${(/** @type {number} */ n) => plural(Math.round(n), 'sample')} twin="Top down" />`;
}
