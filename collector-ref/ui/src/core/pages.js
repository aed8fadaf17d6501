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
  { name: 'services', path: '/services', title: 'Services', key: 's', isRanged: true, nav: 'bar' },
  { name: 'errors', path: '/errors', title: 'Errors', key: 'e', isRanged: true, nav: 'bar' },
  { name: 'sql', path: '/sql', title: 'SQL', key: 'q', isRanged: true, nav: 'more' },
  { name: 'calls', path: '/calls', title: 'API calls', key: 'p', isRanged: true, nav: 'more' },
  { name: 'map', path: '/map', title: 'Map', key: 't', isRanged: true, nav: 'more' },
  { name: 'users', path: '/users', title: 'Users and tenants', key: 'u', isRanged: true, nav: 'more' },
  { name: 'counters', path: '/counters', title: 'Counters', key: 'c', isRanged: true, nav: 'more' },
  { name: 'alerts', path: '/alerts', title: 'Alerts', key: 'w', isRanged: true, nav: 'more' },
  { name: 'leaks', path: '/leaks', title: 'Leaks', key: 'k', isRanged: true, nav: 'more' },
  { name: 'objects', path: '/objects', title: 'Objects', key: 'o', nav: 'more' },
  { name: 'compare', path: '/compare', title: 'Compare', nav: undefined },
  { name: 'self', path: '/self', title: 'Collector', key: 'm', nav: 'more' },
  { name: 'service', path: '/services/:name', title: 'Service', isRanged: true },
  { name: 'config', path: '/config/:object', title: 'Configuration' },
  { name: 'tool', path: '/objects/:object/:tool', title: 'Process' },
  { name: 'tx', path: '/tx/:id', title: 'Transaction' },
  { name: 'trace', path: '/trace/:gxid', title: 'Trace' },
  { name: 'missing', path: '', title: 'No such page' },
];

/** The page of a name. @param {string} name */
export const pageOf = name => /** @type {Page} */ (PAGES.find(page => page.name === name) ?? PAGES[PAGES.length - 1]);
