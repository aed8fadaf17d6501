import assert from 'node:assert/strict';
import { test } from 'node:test';
import { busiest, graphOf, layersOf, placesOf, remembered, spread } from '../../src/data/topology.js';

/** @param {string} from @param {string} to @param {Record<string, any>} [more] */
const edge = (from, to, more = {}) => /** @type {any} */ ({ from, to, kind: to.split(':')[0], count: 1, errors: 0, elapsed_sum_us: 10, p95_us: 10, services: 1, is_lower_bound: false, ...more });
/** The answer of the collector with these edges. @param {any[]} edges */
const answer = edges => ({ edges, nodes: [...new Set(edges.flatMap(({ from, to }) => [from, to]))].map(id => ({ id, kind: id.split(':')[0], name: id.slice(id.indexOf(':') + 1) })) });
/** @param {any[]} edges @param {[string, string[]][]} [served] */
const graph = (edges, served = []) => graphOf(answer(edges), new Map(served));

test('an address where one object answers is that object, and its calls are added up', () => {
  const { nodes, edges } = graph(
    [edge('object:/a', 'api:1.2.3.4:1', { count: 3, errors: 1, p95_us: 7 }), edge('object:/a', 'api:1.2.3.4:2', { count: 4, p95_us: 9, is_lower_bound: true }), edge('object:/a', 'api:bank:443'), edge('object:/a', 'api:lb:80')],
    [['1.2.3.4:1', ['/b']], ['1.2.3.4:2', ['/b']], ['lb:80', ['/b', '/c']]],
  );
  assert.deepEqual(nodes.map(node => node.id).sort(), ['api:bank:443', 'api:lb:80', 'object:/a', 'object:/b']);
  assert.deepEqual(nodes.find(node => node.id === 'object:/b')?.addresses, ['1.2.3.4:1', '1.2.3.4:2']);
  const { count, errors, p95_us, is_lower_bound, kind } = edges[0];
  assert.deepEqual({ count, errors, p95_us, is_lower_bound, kind }, { count: 7, errors: 1, p95_us: 9, is_lower_bound: true, kind: 'api' });
});

test('pools that nobody knows are not one database of all', () => {
  const { nodes } = graph([edge('object:/a', 'sql:sql'), edge('object:/b', 'sql:sql'), edge('object:/a', 'sql:orders'), edge('object:/b', 'sql:orders')]);
  assert.deepEqual(nodes.filter(node => node.kind === 'sql').map(node => node.name).sort(), ['SQL of /a', 'SQL of /b', 'orders']);
});

test('callers stand left of those they call, also in circles and in long chains', () => {
  const layers = layersOf(graph([edge('object:/a', 'api:x'), edge('object:/b', 'api:y'), edge('object:/a', 'api:y'), edge('object:/c', 'sql:db')], [['x', ['/b']], ['y', ['/c']]]));
  assert.deepEqual([...layers].sort(), [['object:/a', 0], ['object:/b', 1], ['object:/c', 2], ['sql:db', 3]]);
  const circle = layersOf(graph([edge('object:/a', 'api:x'), edge('object:/b', 'api:y'), edge('object:/b', 'api:z')], [['x', ['/b']], ['y', ['/a']], ['z', ['/b']]]));
  assert.deepEqual([...circle].sort(), [['object:/a', 0], ['object:/b', 1]]);
  const nodes = Array.from({ length: 20_000 }, (_, i) => ({ id: `n${i}`, kind: 'object', name: '', addresses: [] }));
  const chain = { nodes, edges: nodes.slice(1).map((node, i) => edge(`n${i}`, node.id)) };
  assert.equal(layersOf(chain).get('n19999'), 19_999);
});

test('nobody moves when numbers change or the answer comes in another order, and no two stand at one place', () => {
  const edges = Array.from({ length: 30 }, (_, i) => edge(`object:/o${i % 7}`, i % 3 ? `api:h${i % 11}` : `sql:db${i % 5}`, { count: i + 1 }));
  const { places } = placesOf(graph(edges));
  const other = placesOf(graph(edges.slice().reverse().map(one => ({ ...one, count: 1_000 - one.count }))));
  assert.deepEqual([...other.places].sort(), [...places].sort());
  assert.equal(new Set([...places.values()].map(({ x, y }) => `${x} ${y}`)).size, places.size);
});

test('what is quiet keeps its place, until there is too much of it', () => {
  const [old, now] = [graph([edge('object:/a', 'sql:x'), edge('object:/a', 'sql:y')]), graph([edge('object:/a', 'sql:y')])];
  assert.deepEqual(placesOf(remembered(old, now, 10)).places.get('sql:y'), placesOf(old).places.get('sql:y'));
  assert.deepEqual(remembered(old, now, 2), now);
});

test('of too many nodes the busiest are drawn, with whom they call', () => {
  const whole = graph(Array.from({ length: 50 }, (_, i) => edge('object:/a', `sql:db${i}`, { count: i })));
  const { nodes, edges } = busiest(whole, 10);
  assert.equal(nodes.length, 10);
  assert.deepEqual(edges.map(one => one.count).sort((a, b) => a - b), [41, 42, 43, 44, 45, 46, 47, 48, 49]);
  assert.equal(busiest(whole, 51).nodes.length, 51);
});

test('labels do not lie over each other', () => {
  const labels = Array.from({ length: 40 }, (_, i) => ({ x: (i % 4) * 50, y: (i * 7) % 60 }));
  const placed = spread(labels, 60, 20);
  for (const [i, a] of placed.entries()) {
    for (const b of placed.slice(i + 1)) assert.ok(Math.abs(a.x - b.x) >= 60 || Math.abs(a.y - b.y) >= 20, `${JSON.stringify([a, b])}`);
  }
  assert.equal(placed.length, 40);
});
