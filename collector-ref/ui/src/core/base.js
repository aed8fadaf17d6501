// Where this page is: at the top of the collector's addresses, or in the demo load's world below `/demo`,
// which has the same pages over data of its own.

import { options } from '../../vendor/preact.js';

const DEMO = '/demo';

/** Whether a path is one of the demo load's. @param {string} path */
const isInDemo = path => path === DEMO || path.startsWith(`${DEMO}/`);

/** What the addresses of this page begin with. */
export const BASE = typeof location !== 'undefined' && isInDemo(location.pathname) ? DEMO : '';

/** Of the demo load's world, for links from outside. */
export const DEMO_HOME = `${DEMO}/`;

/** A path of a page or of the API as an address; one that is an address already stays. @param {string} path */
export const toAddress = path => (BASE && path.startsWith('/') && !isInDemo(path) ? BASE + path : path);

/** The path of a page or of the API that an address is. @param {string} address */
export const toPath = address => (BASE && isInDemo(address) ? address.slice(BASE.length) || '/' : address);

/** Makes every link of the page lead to where the page is. */
export function keepLinksHere() {
  if (!BASE) return;
  const before = options.vnode;
  options.vnode = node => {
    const props = /** @type {Record<string, unknown>} */ (node.props);
    if (node.type === 'a' && typeof props.href === 'string' && !props.target) props.href = toAddress(props.href);
    before?.(node);
  };
}
