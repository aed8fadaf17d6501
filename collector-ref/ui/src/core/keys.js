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
