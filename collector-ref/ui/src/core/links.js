// Addresses of what belongs to one process; `instance` tells those apart that share a name.

const query = (/** @type {string | undefined} */ instance) => (instance ? `?instance=${instance}` : '');

/** The options of a process. @param {string} object @param {string} [instance] */
export const configHref = (object, instance) => `/config/${encodeURIComponent(object)}${query(instance)}`;

/** One of the tools that look into a process. @param {string} object @param {string} tool @param {string} [instance] */
export const toolHref = (object, tool, instance) => `/objects/${encodeURIComponent(object)}/${tool}${query(instance)}`;
