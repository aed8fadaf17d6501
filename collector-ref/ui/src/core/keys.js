// The keyboard: one listener, a table of what is pressed to what happens. Parts of the page add
// their keys while they are on screen; the newest wins. Nothing is taken while a person types.

/** @typedef {(event: KeyboardEvent) => void | boolean} Handler returns false when it did not want the key */

/** @type {Map<string, Handler>[]} */
const layers = [];
/** First key of a pair (`g` then a letter), and until when the second one counts. */
let prefix = { key: '', untilMs: 0 };
const PAIR_MS = 1_200;

/** @param {KeyboardEvent} event */
function nameOf(event) {
  const key = event.key === ' ' ? 'Space' : event.key;
  return event.shiftKey && key.startsWith('Arrow') ? `Shift+${key}` : key;
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector('dialog[open]')) return;
  const onControl = event.target instanceof Element && event.target.closest('button, a, summary, [role=button]');
  if (onControl && (event.key === ' ' || event.key === 'Enter')) return;
  let name = nameOf(event);
  if (prefix.key && performance.now() < prefix.untilMs) name = `${prefix.key} ${name}`;
  prefix = { key: '', untilMs: 0 };
  if (name === 'g') {
    prefix = { key: 'g', untilMs: performance.now() + PAIR_MS };
    return;
  }
  for (let i = layers.length - 1; i >= 0; i--) {
    const handler = layers[i].get(name);
    if (handler && handler(event) !== false) {
      event.preventDefault();
      return;
    }
  }
}

/** Starts to listen. */
export function startKeys() {
  document.addEventListener('keydown', onKey);
}

/**
 * Adds keys until the returned function is called.
 * @param {Record<string, Handler>} table
 * @returns {() => void}
 */
export function addKeys(table) {
  const layer = new Map(Object.entries(table));
  layers.push(layer);
  return () => {
    const at = layers.indexOf(layer);
    if (at >= 0) layers.splice(at, 1);
  };
}

/** What the help box lists. */
export const HELP = /** @type {[string, [string, string][]][]} */ ([
  ['Scatter', [
    ['Drag', 'select a box: its transactions are listed'],
    ['Shift + drag', 'zoom into the box'],
    ['Click', 'the dot under the pointer'],
    ['Wheel', 'time zoom, when the chart has the focus'],
    ['← →', 'move by 10 seconds'],
    ['+ −', 'one minute less or more'],
    ['↑ ↓', 'top of the axis'],
    ['l', 'log or linear axis'],
    ['Space', 'pause or go on'],
    ['e', 'errors only'],
    ['b', 'box by keyboard: arrows move, Shift + arrows size, Enter selects'],
    ['z', 'zoom into the box'],
    ['Esc', 'drop the box'],
  ]],
  ['Lists and profiles', [
    ['j k', 'next, previous row'],
    ['Enter', 'open the row'],
    ['[ ]', 'previous, next transaction of the box'],
  ]],
  ['Everywhere', [
    ['/', 'filter'],
    ['g l', 'Live'], ['g x', 'XLog'], ['g a', 'Active'], ['g o', 'Objects'],
    ['t', 'dark or light'],
    ['?', 'this help'],
  ]],
]);
