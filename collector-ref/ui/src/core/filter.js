// The filter language of the page and the collector: `service:/orders/* tenant:acme err slow>1s`.
//
// The page reads it for three things only: to say what is wrong with it before it is sent, to know
// which words it can decide itself (`err`, `slow`: switching them must not refetch anything), and to add or
// remove a word. What a word means is decided by the collector.

/** Longest filter that is sent; a longer one is refused with a message. */
export const MAX_FILTER_CHARS = 2_000;

const TEXT_KEYS = ['service', 'object', 'tenant', 'login', 'ip', 'ua', 'desc', 'error', 'status'];
const TIME_KEYS = ['slow', 'elapsed', 'sql', 'api', 'pool'];
const FLAGS = ['err', 'slow'];
const KNOWN = [...TEXT_KEYS.map(k => `${k}:`), ...TIME_KEYS.map(k => `${k}>`), ...FLAGS];

/** Bits of a point's attr. */
const ATTR_ERROR = 1;
const ATTR_SLOW = 2;
const LOCAL = /** @type {Record<string, number>} */ ({ err: ATTR_ERROR, slow: ATTR_SLOW });

/**
 * Splits at spaces outside double quotes.
 * @param {string} text
 * @returns {string[]}
 */
export function words(text) {
  return text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}

/**
 * Says what is wrong with a filter, or `null` when nothing is.
 * @param {string} text
 * @returns {string | null}
 */
export function problem(text) {
  if (text.length > MAX_FILTER_CHARS) {
    return `The filter has ${text.length} characters; ${MAX_FILTER_CHARS} are allowed. Shorten it.`;
  }
  for (const word of words(text)) {
    const wrong = problemOfWord(word.startsWith('-') ? word.slice(1) : word);
    if (wrong) return wrong;
  }
  return null;
}

/** @param {string} word */
function problemOfWord(word) {
  if (FLAGS.includes(word)) return null;
  if ((word.split('"').length - 1) % 2 === 1) return `“${word}” has a quote that does not close.`;
  const text = /^([a-z_]+):(.*)$/s.exec(word);
  if (text && TEXT_KEYS.includes(text[1])) {
    return text[2] === '' ? `“${text[1]}:” needs a value, for instance ${text[1]}:*` : null;
  }
  const time = /^([a-z_]+)([<>])(.*)$/s.exec(word);
  if (time && TIME_KEYS.includes(time[1])) {
    if (time[2] === '<' && time[1] !== 'elapsed') return `“${time[1]}” only knows “>”: write -${time[1]}>${time[3] || '1s'}`;
    return /^\d{1,15}(us|ms|s|m)?$/.test(time[3])
      ? null
      : `“${word}” needs a whole time with us, ms, s or m, for instance ${time[1]}${time[2]}20ms`;
  }
  return `Unknown word “${word}”. Did you mean ${nearest(word)}?`;
}

/** @param {string} word */
function nearest(word) {
  const key = word.split(/[:<>]/)[0];
  let best = KNOWN[0];
  let bestDistance = Infinity;
  for (const known of KNOWN) {
    const distance = editDistance(key, known.replace(/[:>]$/, ''));
    if (distance < bestDistance) [best, bestDistance] = [known, distance];
  }
  return best;
}

/** @param {string} a @param {string} b */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

/**
 * @typedef {object} Split
 * @property {string} remote what the collector must decide
 * @property {number} need attr bits a point must have
 * @property {number} forbid attr bits a point must not have
 */

/**
 * Separates what the page can decide on a point from what only the collector can.
 * @param {string} text
 * @returns {Split}
 */
export function split(text) {
  const split = { remote: '', need: 0, forbid: 0 };
  /** @type {string[]} */
  const rest = [];
  for (const word of words(text)) {
    if (Object.hasOwn(LOCAL, word)) split.need |= LOCAL[word];
    else if (word.startsWith('-') && Object.hasOwn(LOCAL, word.slice(1))) split.forbid |= LOCAL[word.slice(1)];
    else rest.push(word);
  }
  split.remote = rest.join(' ');
  return split;
}

/**
 * Adds a word, or takes it away when it is there.
 * @param {string} text
 * @param {string} word
 */
export function toggleWord(text, word) {
  const all = words(text);
  return (all.includes(word) ? all.filter(w => w !== word) : [...all, word]).join(' ');
}

/**
 * A word that matches exactly this value, quoted where it must be.
 * @param {string} key
 * @param {string} value
 */
export function exactWord(key, value) {
  const clean = value.replaceAll('"', '*');
  return /\s/.test(clean) ? `${key}:"${clean}"` : `${key}:${clean}`;
}
