import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignSteps, differencesOf, leastDifference } from '../../src/data/compare.js';
import { narrowed, valueText } from '../../src/parts/groups.js';
import { problem } from '../../src/core/filter.js';
import { readMetrics } from '../../src/pages/self.js';

test('a difference that may be chance is none, and certainty grows with numbers', () => {
  assert.equal(leastDifference(1, 3, 0, 5), 0);
  assert.equal(leastDifference(5, 0, 5, 10), 0);
  const [few, many] = [leastDifference(8, 10, 20, 100), leastDifference(800, 1_000, 2_000, 10_000)];
  assert.ok(few > 0 && many > few && many < 0.6, `${few} ${many}`);
  assert.ok(leastDifference(2_000, 10_000, 800, 1_000) < 0);
});

test('two selections differ by the values whose shares do, also those of one side only', () => {
  const a = [{ by: 'service', total: 100, groups: [{ value: '/a', count: 90 }, { value: '/b', count: 10 }] }, { by: 'tenant', total: 100, groups: [{ value: 'x', count: 100 }] }];
  const b = [{ by: 'service', total: 200, groups: [{ value: '/b', count: 190 }, { value: '/c', count: 10 }] }, { by: 'tenant', total: 200, groups: [{ value: 'x', count: 200 }] }];
  const { selected, rest, values } = differencesOf(a, b);
  assert.deepEqual([selected, rest], [100, 200]);
  assert.deepEqual(values.map(v => [v.dimension, v.value, v.selected, v.rest]), [['service', '/a', 90, 0], ['service', '/b', 10, 190], ['service', '/c', 0, 10]]);
});

test('the same steps are put together and those that differ most come first', () => {
  const step = (/** @type {string} */ name, /** @type {number} */ elapsed_us, count = 1) => ({ kind: 'sql', name, elapsed_us, count });
  assert.deepEqual(alignSteps([step('a', 10), step('a', 20, 3), step('b', 5)], [step('a', 35), step('c', 90)]), [
    { kind: 'sql', name: 'c', us: [0, 90], times: [0, 1] }, { kind: 'sql', name: 'a', us: [30, 35], times: [4, 1] }, { kind: 'sql', name: 'b', us: [5, 0], times: [1, 0] },
  ]);
});

test('a value narrows the filter once, and by a word that can be read', () => {
  assert.equal(narrowed('err', 'service', 'GET /a b'), 'err service:"GET /a b"');
  assert.equal(narrowed('tenant:acme', 'tenant', 'acme'), 'tenant:acme');
  assert.equal(narrowed('service:"GET /a b" err', 'service', 'GET /a b'), 'service:"GET /a b" err');
  assert.equal(narrowed('', 'user_agent', 'curl/8'), 'ua:curl/8');
  assert.equal(narrowed('', 'error', ''), '-err');
  assert.equal(narrowed('', 'tenant', ''), null, 'there is no word for what is absent');
  assert.equal(narrowed('', 'kind', 'request'), null);
  assert.equal(narrowed('', 'service', '(other)'), null);
  for (const f of [narrowed('', 'error', 'say "hi": <b>'), narrowed('', 'status', '500')]) assert.equal(problem(/** @type {string} */ (f)), null);
  assert.deepEqual([valueText('tenant', ''), valueText('status', '0'), valueText('status', '1005'), valueText('end', 'aborted_in_body')], ['no tenant', 'none', 'gRPC 5', 'aborted in body']);
});

test('metrics are read with their labels and their help', () => {
  const text = '# HELP scouter_collector_a_total Of a.\n# TYPE scouter_collector_a_total counter\nscouter_collector_a_total 7\nscouter_collector_b{object="/vm/x y",why="\\"q\\""} 1.5\n\nnonsense\n';
  assert.deepEqual(readMetrics(text), [{ name: 'scouter_collector_a_total', labels: '', value: 7, help: 'Of a.' }, { name: 'scouter_collector_b', labels: 'object="/vm/x y",why="\\"q\\""', value: 1.5, help: '' }]);
});
