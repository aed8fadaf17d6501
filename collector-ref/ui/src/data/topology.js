// The map: who calls whom, and where each of them stands. Pure.
//
// Where a node stands follows from the names and the calls alone, never from their numbers, so that
// the picture is the same for everybody and does not move while traffic changes. What once was on
// the map of this tab keeps its place while it is quiet, see `remembered`.

/**
 * @typedef {object} Node
 * @property {string} id
 * @property {string} kind `object`, `sql`, `api`, `other`
 * @property {string} name
 * @property {string[]} addresses where it is called, when that is not its name
 * @typedef {object} Edge
 * @property {string} from
 * @property {string} to
 * @property {string} kind of the calls: `sql`, `api`, `other`
 * @property {number} count
 * @property {number} errors
 * @property {number} elapsed_sum_us
 * @property {number} p95_us
 * @property {number} services
 * @property {boolean} is_lower_bound
 * @typedef {{nodes: Node[], edges: Edge[]}} Graph
 * @typedef {{x: number, y: number}} Place
 */

/** How the agent calls a pool that it does not know; those of two objects are not the same one. */
const UNKNOWN_POOL = 'sql:sql';

/**
 * The graph of an answer. An address where exactly one object answers is that object.
 * @param {any} answer of `/api/v1/topology` @param {Map<string, string[]>} served address to objects
 * @returns {Graph}
 */
export function graphOf(answer, served) {
  /** @type {Map<string, Node>} */
  const nodes = new Map();
  const known = new Map(answer.nodes.map((/** @type {any} */ node) => [node.id, node]));
  const node = (/** @type {string} */ id, /** @type {string} */ kind, /** @type {string} */ name) => {
    if (!nodes.has(id)) nodes.set(id, { id, kind, name, addresses: [] });
    return /** @type {Node} */ (nodes.get(id));
  };
  const calleeOf = (/** @type {any} */ edge) => {
    const { kind, name } = known.get(edge.to);
    if (edge.to === UNKNOWN_POOL) return node(`${edge.to} ${edge.from}`, kind, `SQL of ${known.get(edge.from).name}`);
    const objects = kind === 'api' ? served.get(name) ?? [] : [];
    if (objects.length !== 1) return node(edge.to, kind, name);
    const object = node(`object:${objects[0]}`, 'object', objects[0]);
    if (!object.addresses.includes(name)) object.addresses.push(name);
    return object;
  };
  /** @type {Map<string, Edge>} */
  const edges = new Map();
  for (const edge of answer.edges) {
    const from = node(edge.from, 'object', known.get(edge.from).name);
    const to = calleeOf(edge);
    const key = `${from.id} ${to.id}`;
    const one = edges.get(key);
    if (!one) edges.set(key, { ...edge, from: from.id, to: to.id, kind: known.get(edge.to).kind });
    else {
      // Two addresses of one object; of their p95 the larger one is told.
      one.count += edge.count;
      one.errors += edge.errors;
      one.elapsed_sum_us += edge.elapsed_sum_us;
      one.p95_us = Math.max(one.p95_us, edge.p95_us);
      one.services = Math.max(one.services, edge.services);
      one.is_lower_bound ||= edge.is_lower_bound;
    }
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

/**
 * The busiest part of a graph, for a drawing that can still be read.
 * @param {Graph} graph @param {number} limit nodes
 * @returns {Graph}
 */
export function busiest({ nodes, edges }, limit) {
  if (nodes.length <= limit) return { nodes, edges };
  /** @type {Set<string>} */
  const kept = new Set();
  for (const { from, to } of edges.slice().sort((a, b) => b.count - a.count)) {
    if (new Set([...kept, from, to]).size <= limit) kept.add(from).add(to);
  }
  return { nodes: nodes.filter(node => kept.has(node.id)), edges: edges.filter(edge => kept.has(edge.from) && kept.has(edge.to)) };
}

/**
 * What stands on the map: the graph and what was there before. Past `limit` the past is forgotten.
 * @param {Graph} before @param {Graph} now @param {number} limit nodes
 * @returns {Graph}
 */
export function remembered(before, now, limit) {
  const nodes = new Map([...before.nodes, ...now.nodes].map(node => [node.id, node]));
  if (nodes.size > limit) return now;
  const edges = new Map([...before.edges, ...now.edges].map(edge => [`${edge.from} ${edge.to}`, edge]));
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

const byText = (/** @type {string} */ a, /** @type {string} */ b) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Node to layer: callers stand left of those they call; a call that would close a circle does not count.
 * @param {Graph} graph
 */
export function layersOf({ nodes, edges }) {
  /** @type {Map<string, string[]>} */
  const callees = new Map(nodes.map(({ id }) => [id, []]));
  for (const { from, to } of edges) callees.get(from)?.push(to);
  for (const list of callees.values()) list.sort(byText);
  const called = new Set(edges.filter(({ from, to }) => from !== to).map(({ to }) => to));
  const ids = [...callees.keys()].sort((a, b) => Number(called.has(a)) - Number(called.has(b)) || byText(a, b));
  /** @type {string[]} */
  const order = [];
  /** @type {Set<string>} */
  const closing = new Set();
  /** @type {Map<string, 'open' | 'done'>} */
  const state = new Map();
  for (const root of ids) {
    // A stack of its own: a chain may be as long as the answer.
    const stack = state.has(root) ? [] : [{ id: root, next: 0 }];
    if (stack.length > 0) state.set(root, 'open');
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const to = /** @type {string[]} */ (callees.get(top.id))[top.next++];
      if (to === undefined) {
        state.set(top.id, 'done');
        order.push(top.id);
        stack.pop();
      } else if (state.get(to) === 'open') closing.add(`${top.id} ${to}`);
      else if (!state.has(to)) {
        state.set(to, 'open');
        stack.push({ id: to, next: 0 });
      }
    }
  }
  const layer = new Map(ids.map(id => [id, 0]));
  for (const id of order.reverse()) {
    for (const to of callees.get(id) ?? []) {
      if (!closing.has(`${id} ${to}`)) layer.set(to, Math.max(/** @type {number} */ (layer.get(to)), /** @type {number} */ (layer.get(id)) + 1));
    }
  }
  return layer;
}

/**
 * Where each node stands: its centre, in layers across and rows down, rows beginning at 0.
 * @param {Graph} graph
 * @returns {{places: Map<string, Place>, columns: number, rows: number}}
 */
export function placesOf(graph) {
  const layer = layersOf(graph);
  /** @type {string[][]} */
  const columns = [];
  for (const { id } of graph.nodes.slice().sort((a, b) => byText(a.id, b.id))) (columns[layer.get(id) ?? 0] ??= []).push(id);
  const rows = Math.max(1, ...columns.map(column => column.length));
  /** @type {Map<string, Place>} */
  const places = new Map();
  for (const [x, column] of columns.entries()) {
    // Near their callers, which stand already.
    const wanted = new Map(column.map(id => {
      const ys = graph.edges.filter(edge => edge.to === id && edge.from !== id).map(edge => places.get(edge.from)?.y).filter(y => y !== undefined);
      return [id, ys.length > 0 ? ys.reduce((sum, y) => sum + y, 0) / ys.length : rows / 2];
    }));
    column.sort((a, b) => /** @type {number} */ (wanted.get(a)) - /** @type {number} */ (wanted.get(b)) || byText(a, b));
    for (const [i, id] of column.entries()) places.set(id, { x, y: i + (rows - column.length) / 2 });
  }
  return { places, columns: Math.max(1, columns.length), rows };
}

/**
 * Moves labels down until none lies over another one.
 * @template {{x: number, y: number}} T
 * @param {T[]} labels centres @param {number} width @param {number} height
 * @returns {T[]}
 */
export function spread(labels, width, height) {
  /** @type {T[]} */
  const placed = [];
  for (const label of labels.slice().sort((a, b) => a.y - b.y || a.x - b.x)) {
    let { y } = label;
    for (const other of placed) {
      if (Math.abs(other.x - label.x) < width && y < other.y + height && y > other.y - height) y = other.y + height;
    }
    placed.push({ ...label, y });
    placed.sort((a, b) => a.y - b.y);
  }
  return placed;
}
