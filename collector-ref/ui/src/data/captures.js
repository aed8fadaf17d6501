// Which callsites a pattern means, and what a viewer of captured values looks for. Pure.

/** Whether a text fits a pattern in which `*` is any run of characters. @param {string} pattern @param {string} text */
export function fits(pattern, text) {
  const [first, ...rest] = pattern.split('*');
  if (rest.length === 0) return first === text;
  if (!text.startsWith(first)) return false;
  const last = /** @type {string} */ (rest.pop());
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - at >= last.length && text.endsWith(last);
}

/** @typedef {{id: number, name: string, place: string, arguments: string[], flags: string[]}} Callsite */

/** Whether it captures for as long as the process runs. @param {Callsite} site */
export const isForGood = site => site.flags.includes('args') || site.flags.includes('ret');

/** Callsites that a pattern means, those that list arguments first. @param {Callsite[]} callsites @param {string} pattern */
export function meant(callsites, pattern) {
  if (pattern === '') return [];
  return callsites.filter(site => fits(pattern, site.name) || fits(pattern, site.place))
    .sort((a, b) => b.arguments.length - a.arguments.length || (a.name < b.name ? -1 : 1));
}

/**
 * The filter that finds the transactions whose values are captured. What it cannot say, a text with a
 * quote, it leaves out, and so finds more.
 * @param {{service: string, tenant: string}} of @param {string} object
 */
export function filterOf({ service, tenant }, object) {
  const words = Object.entries({ object, service, tenant }).filter(([, text]) => text && !text.includes('"'));
  return words.map(([key, text]) => `${key}:${/\s/.test(text) ? `"${text}"` : text}`).join(' ');
}
