import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reloader } from '../../src/data/reloader.js';

/** A reloader whose loads end and whose timers fire by hand. */
function byHand(everyMs = 5_000) {
  const loads = /** @type {(() => void)[]} */ ([]);
  const timers = /** @type {{run: () => void, ms: number}[]} */ ([]);
  const reloader = new Reloader(() => new Promise(done => { loads.push(() => done()); }), everyMs, {
    after: (run, ms) => {
      const timer = { run, ms };
      timers.push(timer);
      return timer;
    },
    cancel: timer => { if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1); },
  });
  const end = async () => {
    loads[loads.length - 1]();
    await new Promise(done => { setImmediate(done); });
  };
  return { reloader, loads, timers, end };
}

test('it loads at once and then after each pause', async () => {
  const { reloader, loads, timers, end } = byHand();
  reloader.now();
  assert.equal(loads.length, 1);
  assert.equal(timers.length, 0, 'the pause begins when the load has ended');
  await end();
  assert.equal(timers[0].ms, 5_000);
  timers[0].run();
  assert.equal(loads.length, 2);
});

test('news does not wait for the end of the pause', async () => {
  const { reloader, loads, timers, end } = byHand();
  reloader.now();
  await end();
  reloader.now();
  assert.equal(loads.length, 2);
  assert.equal(timers.length, 0, 'the pause is over');
  await end();
  assert.equal(timers.length, 1);
});

test('news during a load is loaded after it, once, and never ends it', async () => {
  const { reloader, loads, timers, end } = byHand();
  for (let i = 0; i < 5; i++) reloader.now();
  assert.equal(loads.length, 1);
  await end();
  assert.equal(loads.length, 2);
  await end();
  assert.equal(loads.length, 2);
  assert.equal(timers.length, 1);
});

test('after the end nothing is loaded', async () => {
  const { reloader, loads, timers, end } = byHand();
  reloader.now();
  reloader.now();
  reloader.stop();
  await end();
  assert.equal(loads.length, 1);
  assert.equal(timers.length, 0);
});

test('without a pause it loads only when told', async () => {
  const { reloader, loads, timers, end } = byHand(0);
  reloader.now();
  await end();
  assert.equal(loads.length, 1);
  assert.equal(timers.length, 0);
});
