// What a heap profile says of a process, summed for the page. Pure.

import { NO_SERVICE } from './stacks.js';

/** What belongs to no step. */
const NOWHERE = '(outside of any step)';

/** What a flame shows, by its name in the answer. @type {[string, string][]} */
export const MEASURES = [['live_bytes', 'Live bytes'], ['live_blocks', 'Live blocks'], ['allocated_bytes', 'Allocated bytes'], ['allocated_blocks', 'Allocated blocks']];

/** @param {any} site */
export const nameOf = site => site.name || NOWHERE;

/** Sites, the largest by one of their columns first, or last. @param {any[]} sites @param {{key: string, isDown: boolean}} by */
export function sortedSites(sites, { key, isDown }) {
  const sign = isDown ? -1 : 1;
  return [...sites].sort((a, b) => {
    const [x, y] = [a[key], b[key]];
    return (x < y ? -sign : x > y ? sign : 0) || b.live_bytes - a.live_bytes || b.allocated_bytes - a.allocated_bytes;
  });
}

/** @param {any[]} sites @param {string} measure */
export const totalOf = (sites, measure) => sites.reduce((sum, site) => sum + site[measure], 0);

/** Sites as stacks of one frame below their service, as counted stacks are. @param {any[]} sites @param {string} measure @returns {import('./stacks.js').Stack[]} */
export const asStacks = (sites, measure) => sites.filter(site => site[measure] > 0).map(site => ({
  service: site.service || NO_SERVICE, isRunning: false, count: site[measure],
  frames: [{ name: nameOf(site), place: site.place, key: `${nameOf(site)} @ ${site.place}` }],
}));
