// The pages: address, name, key, and whether they follow filter and time range of the bar.

/**
 * @typedef {object} Page
 * @property {string} name
 * @property {string} path pattern; `:name` is one segment
 * @property {string} title
 * @property {string} [key] second key after `g`
 * @property {boolean} [isRanged] its content follows filter and range
 * @property {'bar' | 'more'} [nav] where the bar links it
 */

/** @type {Page[]} */
export const PAGES = [
  { name: 'live', path: '/', title: 'Live', key: 'l', isRanged: true, nav: 'bar' },
  { name: 'xlog', path: '/xlog', title: 'XLog', key: 'x', isRanged: true, nav: 'bar' },
  { name: 'active', path: '/active', title: 'Active', key: 'a', nav: 'bar' },
  { name: 'objects', path: '/objects', title: 'Objects', key: 'o', nav: 'more' },
  { name: 'tx', path: '/tx/:id', title: 'Transaction' },
  { name: 'trace', path: '/trace/:gxid', title: 'Trace' },
  { name: 'missing', path: '', title: 'No such page' },
];

/** The page of a name. @param {string} name */
export const pageOf = name => /** @type {Page} */ (PAGES.find(page => page.name === name) ?? PAGES[PAGES.length - 1]);
