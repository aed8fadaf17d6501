// Parts that are loaded when they are first shown, with the style that belongs to them.

import { html, useEffect, useState } from '../../vendor/preact.js';

/** The collector may be starting anew: what could not be loaded is asked for again after so long. */
const RETRY_MS = 2_000;

/**
 * A component that is loaded when it is first drawn; until then there is nothing in its place.
 * @param {() => Promise<(props: any) => any>} load
 */
export function lazy(load) {
  /** @type {((props: any) => any) | null} */
  let part = null;
  return (/** @type {Record<string, any>} */ props) => {
    const [, again] = useState(0);
    useEffect(() => {
      let timer = /** @type {any} */ (0);
      const go = () => load().then(loaded => { part = loaded; again(1); }, () => { timer = setTimeout(go, RETRY_MS); });
      if (!part) void go();
      return () => clearTimeout(timer);
    }, []);
    return part ? html`<${part} ...${props} />` : null;
  };
}

/** @type {Map<string, Promise<void>>} */
const styles = new Map();

/** Adds a style sheet of ours once; fulfilled when it holds. @param {string} name */
export function needStyle(name) {
  const known = styles.get(name);
  if (known) return known;
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = `/assets/pack/${name}.css`;
  const made = new Promise((/** @type {(done: void) => void} */ done) => {
    link.onload = link.onerror = () => done();
  });
  styles.set(name, made);
  document.head.append(link);
  return made;
}
