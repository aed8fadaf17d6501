// Threads of a dump: what they do in words, and which come first. Pure.

/** States as the kernel names them. @type {Record<string, string>} */
const STATES = { R: 'running', S: 'sleeping', D: 'waits for a disk', T: 'stopped', t: 'traced', Z: 'dead', I: 'idle' };

/** @param {string} state */
export const stateText = state => STATES[state] ?? state;

/** Functions of a thread's stack, the innermost first. @param {any} thread @returns {{name: string, place: string, inlined: boolean, missing: string | null}[]} */
export const functionsOf = thread => (thread.frames ?? []).flatMap((/** @type {any} */ frame) => frame.functions.map((/** @type {any} */ one) => ({ ...one, missing: frame.missing ?? null })));

/** Code that every program has: the standard library, crates from a registry, the agent wherever it comes from. */
const FOREIGN = /^\/rustc\/|\/scouter(?:-(?:core|exporter|sqlx|tower|tracing))?(?:-\d[^/]*)?\/src\/|\/\.cargo\/(?:registry|git)\/|^\.\/|\/sysdeps\//;
/** Plumbing by its name, for what has no place, and the agent itself: a stack that it takes begins with it. */
const FOREIGN_NAME = /^<?(?:std|core|alloc|scouter(?:_(?:core|exporter|sqlx|tower|tracing))?|tokio|futures_util|hyper|mio|parking_lot)::|^(?:syscall|__|_start|start_thread|clone)/;

/** Where the standard library was built, and where cargo unpacks crates. */
const ROOT = /^\/rustc\/[0-9a-f]+\/|^.*\/\.cargo\/(?:registry\/src|git\/checkouts)\/[^/]+\//;

/** A place without what all places of its crate begin with: file and line are at its end. @param {string} place */
export const placeText = place => place.replace(ROOT, '');

/** Whether a function is the application's own, as far as its name and place say. @param {{name: string, place: string}} one */
export const isOwn = one => one.place !== '' && !FOREIGN.test(one.place) && !FOREIGN_NAME.test(one.name);

/** Where a thread is: the innermost function of the application, else of a library, else of all. @param {any} thread */
export function whereOf(thread) {
  const functions = functionsOf(thread);
  return functions.find(isOwn) ?? functions.find(one => !FOREIGN_NAME.test(one.name)) ?? functions[0] ?? null;
}

/** Threads that poll a transaction first, the longest poll on top; then who runs, then by CPU time. @param {any[]} threads */
export function sortedThreads(threads) {
  const poll = (/** @type {any} */ one) => (one.txid === null ? -1 : one.poll_us);
  return [...threads].sort((a, b) => poll(b) - poll(a) || Number(b.state === 'R') - Number(a.state === 'R') || b.cpu_ms - a.cpu_ms || a.tid - b.tid);
}
