import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problem } from '../../src/core/filter.js';
import { WORDS, placeAt, putIn, valueOf, valuesFor, wordsFor } from '../../src/core/suggest.js';

test('the word at the cursor is the one it stands in or behind', () => {
  const text = 'err service:"GET /a b" te';
  assert.deepEqual(placeAt(text, 2), { start: 0, end: 3, word: 'err' });
  assert.deepEqual(placeAt(text, 15), { start: 4, end: 22, word: 'service:"GET /a b"' });
  assert.deepEqual(placeAt(text, text.length), { start: 23, end: 25, word: 'te' });
  assert.deepEqual(placeAt('err  slow', 4), { start: 4, end: 4, word: '' });
  assert.deepEqual(placeAt('', 0), { start: 0, end: 0, word: '' });
});

test('words are offered by their beginning, also negated, and a whole one is not', () => {
  assert.deepEqual(wordsFor('serv').map(w => w.text), ['service:']);
  assert.deepEqual(wordsFor('-el').map(w => w.text), ['-elapsed>', '-elapsed<']);
  assert.deepEqual(wordsFor('err').map(w => w.text), ['error:']);
  assert.equal(wordsFor('').length, WORDS.length);
});

test('values are those that contain what is typed, quoted where they must be', () => {
  const groups = [{ value: 'GET /orders/{id}', count: 9 }, { value: 'say "hi"', count: 2 }, { value: '', count: 5 }, { value: 'checkout', count: 1 }];
  assert.deepEqual(valueOf('-tenant:ac'), { by: 'tenant', typed: 'ac' });
  assert.deepEqual([valueOf('err'), valueOf('elapsed>1s'), valueOf('colour:x')], [null, null, null]);
  assert.deepEqual(valuesFor('service:ORD', groups), [{ text: 'service:"GET /orders/{id}"', count: 9 }]);
  assert.deepEqual(valuesFor('-service:*hi', groups), [{ text: '-service:"say *hi*"', count: 2 }]);
  assert.deepEqual(valuesFor('service:', groups).map(v => v.count), [9, 2, 1]);
  assert.deepEqual(valuesFor('service:checkout', groups), [], 'it is there already');
});

test('what is put in leaves the rest as it was, and can be read', () => {
  const put = putIn('err serv tenant:a', placeAt('err serv tenant:a', 7), 'service:');
  assert.deepEqual(put, { text: 'err service: tenant:a', caret: 12 });
  const whole = putIn(put.text, placeAt(put.text, put.caret), 'service:"GET /x"');
  assert.deepEqual(whole, { text: 'err service:"GET /x" tenant:a', caret: 21 });
  assert.equal(problem(whole.text.trim()), null);
  assert.deepEqual(putIn('', placeAt('', 0), 'err'), { text: 'err ', caret: 4 });
});

test('every word that is offered belongs to the language', () => {
  for (const { text } of WORDS) {
    const whole = /[<>]$/.test(text) ? `${text}1s` : text.endsWith(':') ? `${text}500` : text;
    assert.equal(problem(whole), null, whole);
  }
});
