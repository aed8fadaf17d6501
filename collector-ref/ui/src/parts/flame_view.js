// The flame on a canvas: only what is in sight is drawn. The table of steps is its twin.

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../../vendor/preact.js';
import { count, duration, percent } from '../core/format.js';
import { addKeys } from '../core/keys.js';
import { theme } from '../core/theme.js';
import { barAt, inTime, leftHeavy } from '../data/flame.js';
import { StepTree } from '../data/profile.js';

/** @typedef {import('../data/flame.js').Flame} Flame */

const ROW_PX = 19;
const LEAST_SPAN_US = 5;
/** So narrow a bar has no text. */
const TEXT_PX = 34;

/** Colours of the theme by kind. @param {Element} element */
function paletteOf(element) {
  const style = getComputedStyle(element);
  const of = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const kinds = /** @type {Record<string, string>} */ ({ method: of('kind-method'), sql: of('kind-sql'), sql_transaction: of('kind-sql'), api: of('kind-api'), spawn: of('kind-api'), pool_wait: of('kind-wait'), wait: of('kind-wait') });
  return { kinds, other: of('kind-wait'), panel: of('panel'), text: of('text'), accent: of('accent'), err: of('err-strong'), line: of('line') };
}

/**
 * @param {object} props
 * @param {Record<string, any>[]} props.steps
 * @param {number} props.elapsedUs
 * @param {boolean} props.isHeavy the heaviest on the left instead of the order of time
 * @param {number} props.selected
 * @param {(step: number) => void} props.select
 * @param {(length: number) => string} [props.say] what a length is, if no time
 * @param {string} [props.twin] the tab that has the same as a table
 */
export function FlameView({ steps, elapsedUs, isHeavy, selected, select, say = duration, twin = 'Steps' }) {
  const host = useRef(/** @type {HTMLDivElement | null} */ (null));
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const flame = useMemo(() => {
    const tree = new StepTree(steps);
    return isHeavy ? leftHeavy(tree) : inTime(tree, elapsedUs);
  }, [steps, elapsedUs, isHeavy]);
  const [span, setSpan] = useState({ from: 0, to: flame.totalUs });
  const [size, setSize] = useState({ width: 0, height: 0, top: 0 });
  const [hover, setHover] = useState(/** @type {{bar: number, x: number, y: number} | null} */ (null));
  useEffect(() => setSpan({ from: 0, to: flame.totalUs }), [flame]);
  useLayoutEffect(() => {
    const element = /** @type {HTMLDivElement} */ (host.current);
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight, top: element.scrollTop });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);
  const shownTheme = theme.value;
  useLayoutEffect(() => {
    if (canvas.current && size.width > 0) draw(canvas.current, flame, steps, span, size, selected);
  }, [flame, span, size, selected, shownTheme]);

  const zoom = (/** @type {number} */ factor, /** @type {number} */ share = 0.5) => setSpan(({ from, to }) => {
    const length = Math.min(flame.totalUs, Math.max(LEAST_SPAN_US, (to - from) * factor));
    return within(from + (to - from - length) * share, length, flame.totalUs);
  });
  const move = (/** @type {number} */ share) => setSpan(({ from, to }) => within(from + (to - from) * share, to - from, flame.totalUs));
  const reset = () => setSpan({ from: 0, to: flame.totalUs });
  const isWhole = span.to - span.from >= flame.totalUs;
  useLayoutEffect(() => addKeys({ w: () => zoom(0.7), s: () => zoom(1 / 0.7), a: () => move(-0.2), d: () => move(0.2), Escape: () => (isWhole ? false : reset()) }), [flame, isWhole]);
  useEffect(() => {
    const element = /** @type {HTMLDivElement} */ (host.current);
    const onWheel = (/** @type {WheelEvent} */ event) => {
      if (!event.ctrlKey && !event.shiftKey && document.activeElement !== element) return;
      event.preventDefault();
      const bounds = element.getBoundingClientRect();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, (event.clientX - bounds.left) / bounds.width);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [flame]);

  const find = (/** @type {MouseEvent} */ event) => {
    const bounds = /** @type {HTMLElement} */ (host.current).getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const perPx = (span.to - span.from) / Math.max(1, size.width);
    return { x, y: y + size.top, bar: barAt(flame, span.from + x * perPx, Math.floor((y + size.top) / ROW_PX), perPx) };
  };
  const onMove = (/** @type {MouseEvent} */ event) => {
    const at = find(event);
    setHover(at.bar >= 0 ? at : null);
  };
  const onDouble = (/** @type {MouseEvent} */ event) => {
    const { bar } = find(event);
    if (bar >= 0) setSpan(within(flame.start[bar], Math.max(LEAST_SPAN_US, flame.length[bar]), flame.totalUs));
  };
  return html`<div class="flame-head"><span>${say(span.from)}</span><span>${isWhole ? `${count(flame.n)} bars; double click a bar or press w to zoom` : html`<button class="link" onClick=${reset}>show all</button>`}</span><span>${say(span.to)}</span></div>
    <div class="flame" ref=${host} tabindex="0" role="group" data-testid="flame" data-bars=${flame.n} data-rows=${flame.rows}
      aria-label=${`Flame of ${count(steps.length)} steps, ${isHeavy ? 'the heaviest on the left' : 'in the order of time'}. The tab ${twin} has the same as a table.`}
      onMouseMove=${onMove} onMouseLeave=${() => setHover(null)} onClick=${(/** @type {MouseEvent} */ event) => { const { bar } = find(event); select(bar >= 0 ? flame.step[bar] : -1); }} onDblClick=${onDouble}>
      <div style=${{ height: `${flame.rows * ROW_PX}px` }}><canvas ref=${canvas} aria-hidden="true"></canvas></div>
      ${hover && html`<${Tip} flame=${flame} steps=${steps} bar=${hover.bar} x=${hover.x} y=${hover.y} width=${size.width} say=${say} />`}
    </div>`;
}

/** A span of this length that stays inside. @param {number} from @param {number} length @param {number} total */
function within(from, length, total) {
  const start = Math.max(0, Math.min(total - length, from));
  return { from: start, to: start + length };
}

/** @param {{flame: Flame, steps: Record<string, any>[], bar: number, x: number, y: number, width: number, say: (length: number) => string}} props */
function Tip({ flame, steps, bar, x, y, width, say }) {
  const step = steps[flame.step[bar]];
  const times = flame.times[bar];
  return html`<div class="flame-tip" style=${{ left: `${Math.max(0, Math.min(x + 12, width - 320))}px`, top: `${y + 16}px` }}><b>${say(flame.length[bar])}</b> <span class="mut">${percent(flame.length[bar], flame.totalUs)}${times > 1 ? `, ${count(times)} times` : ''}</span><br />${step.name || step.text}${step.place && html`<br /><code class="mut">${step.place}</code>`}</div>`;
}

/**
 * @param {HTMLCanvasElement} canvas @param {Flame} flame @param {Record<string, any>[]} steps
 * @param {{from: number, to: number}} span @param {{width: number, height: number, top: number}} size @param {number} selected
 */
function draw(canvas, flame, steps, span, size, selected) {
  const ratio = Math.min(3, devicePixelRatio || 1);
  const height = Math.max(1, Math.min(size.height, flame.rows * ROW_PX));
  canvas.width = Math.round(size.width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${size.width}px`;
  canvas.style.height = `${height}px`;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const palette = paletteOf(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  const scale = size.width / (span.to - span.from);
  /** Right edge of what is drawn in each row: what would fall into the same pixel is left out. */
  const drawn = new Float64Array(flame.rows).fill(-1);
  for (let i = 0; i < flame.n; i++) {
    const left = Math.max(-1, (flame.start[i] - span.from) * scale);
    const right = Math.min(size.width + 1, (flame.start[i] + flame.length[i] - span.from) * scale);
    const y = flame.row[i] * ROW_PX - size.top;
    if (right < 0 || left > size.width || y < -ROW_PX || y > height) continue;
    if (right <= drawn[flame.row[i]]) continue;
    const wide = Math.max(1, right - left);
    drawn[flame.row[i]] = left + wide;
    const step = steps[flame.step[i]];
    const isBad = step.outcome === 'error' || step.outcome === 'panic';
    context.fillStyle = isBad ? palette.err : palette.kinds[step.kind] ?? palette.other;
    context.globalAlpha = 0.42;
    context.fillRect(left, y + 1, wide - (wide > 3 ? 0.75 : 0), ROW_PX - 2);
    context.globalAlpha = 1;
    context.fillRect(left, y + 1, Math.min(2, wide), ROW_PX - 2);
    if (flame.step[i] === selected) {
      context.strokeStyle = palette.accent;
      context.lineWidth = 1.5;
      context.strokeRect(left + 0.75, y + 1.75, Math.max(1, wide - 2), ROW_PX - 3.5);
    }
    if (wide < TEXT_PX) continue;
    context.save();
    context.beginPath();
    context.rect(Math.max(0, left) + 5, y, wide - 8 + Math.min(0, left), ROW_PX);
    context.clip();
    context.fillStyle = palette.text;
    context.fillText(`${flame.times[i] > 1 ? `×${flame.times[i]} ` : ''}${step.name || step.text}`, Math.max(0, left) + 6, y + ROW_PX / 2 + 0.5);
    context.restore();
  }
}
