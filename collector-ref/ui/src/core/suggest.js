// What can stand at the cursor of the filter: which word it is in, what fits, how it is put in.

import { words } from './filter.js';

/** @typedef {{text: string, hint: string}} Suggestion */
/** @typedef {{start: number, end: number, word: string}} Place */

/** Words of the language with what they mean. */
export const WORDS = /** @type {Suggestion[]} */ ([
  { text: 'err', hint: 'with an error' },
  { text: 'slow', hint: 'marked slow' },
  { text: 'service:', hint: 'route or name; * is any text' },
  { text: 'tenant:', hint: 'whose request' },
  { text: 'login:', hint: 'who was logged in' },
  { text: 'status:', hint: '500, 5xx' },
  { text: 'error:', hint: 'text of the first error' },
  { text: 'object:', hint: 'process that served it' },
  { text: 'ip:', hint: 'address of the client' },
  { text: 'ua:', hint: 'user agent' },
  { text: 'desc:', hint: 'description' },
  { text: 'elapsed>', hint: 'longer than 200ms, 1s' },
  { text: 'elapsed<', hint: 'shorter than' },
  { text: 'sql>', hint: 'more time in SQL than' },
  { text: 'api>', hint: 'more time in calls than' },
  { text: 'pool>', hint: 'longer wait for a connection than' },
]);

/** Which summary knows the values of a word. */
const DIMENSION = /** @type {Record<string, string>} */ ({
  service: 'service', tenant: 'tenant', login: 'login', status: 'status', error: 'error', object: 'object', ip: 'ip', ua: 'user_agent', desc: 'desc',
});

/**
 * The word the cursor stands in or behind; an empty one between spaces.
 * @param {string} text @param {number} caret
 * @returns {Place}
 */
export function placeAt(text, caret) {
  let at = 0;
  for (const word of words(text)) {
    const start = text.indexOf(word, at);
    const end = start + word.length;
    if (caret >= start && caret <= end) return { start, end, word };
    at = end;
  }
  return { start: caret, end: caret, word: '' };
}

/**
 * The dimension whose values can follow, and what is typed of one already; `null` before the colon.
 * @param {string} word
 */
export function valueOf(word) {
  const parts = /^-?([a-z]+):(.*)$/s.exec(word);
  if (!parts || !(parts[1] in DIMENSION)) return null;
  return { by: DIMENSION[parts[1]], typed: parts[2].replaceAll('"', '') };
}

/**
 * Words that begin so.
 * @param {string} word
 * @returns {Suggestion[]}
 */
export function wordsFor(word) {
  const sign = word.startsWith('-') ? '-' : '';
  const typed = word.slice(sign.length);
  return WORDS.filter(one => one.text.startsWith(typed) && one.text !== typed).map(one => ({ ...one, text: sign + one.text }));
}

/**
 * Values that contain what is typed, as whole words. A star typed so far means any text.
 * @param {string} word @param {{value: string, count: number}[]} groups
 */
export function valuesFor(word, groups) {
  const wanted = valueOf(word);
  if (!wanted) return [];
  const head = word.slice(0, word.indexOf(':') + 1);
  const typed = wanted.typed.replaceAll('*', '').toLowerCase();
  return groups.filter(group => group.value !== '' && group.value.toLowerCase().includes(typed))
    .map(group => ({ text: head + quoted(group.value), count: group.count }))
    .filter(one => one.text !== word);
}

/** @param {string} value */
function quoted(value) {
  const clean = value.replaceAll('"', '*');
  return /\s/.test(clean) ? `"${clean}"` : clean;
}

/**
 * The text with a word put in at a place, and where the cursor stands then. Behind a finished word comes a space.
 * @param {string} text @param {Place} place @param {string} word
 */
export function putIn(text, { start, end }, word) {
  const isOpen = /[:<>]$/.test(word);
  const rest = text.slice(end).trimStart();
  const before = text.slice(0, start) + word + (isOpen ? '' : ' ');
  return { text: before + (isOpen && rest ? ' ' : '') + rest, caret: before.length };
}
