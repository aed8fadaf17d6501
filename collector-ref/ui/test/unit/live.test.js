import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { BEHIND_MS, FIRST_RETRY_MS, LiveFeed, MAX_RETRY_MS, SILENCE_LIMIT_MS } from '../../src/data/live.js';
import { GAP, HELLO, POINTS, PULSE } from '../../src/data/points.js';
import { block, frame, join, jsonPayload, pointsPayload, random } from '../support/points.js';

const BASE_MS = 1_795_343_597_000;

/** A machine without a network: sockets are kept, time moves by hand. */
class FakeWorld {
  constructor() {
    this.sockets = /** @type {any[]} */ ([]);
    this.nowMs = BASE_MS;
    this.timers = /** @type {{at: number, run: () => void}[]} */ ([]);
  }
  connect() {
    const socket = { sent: /** @type {any[]} */ ([]), isClosed: false, binaryType: '', onopen: null, onmessage: null, onclose: null,
      send(/** @type {string} */ text) { this.sent.push(JSON.parse(text)); }, close() { this.isClosed = true; } };
    this.sockets.push(socket);
    return socket;
  }
  now() { return this.nowMs; }
  random() { return 0.5; }
  after(/** @type {() => void} */ run, /** @type {number} */ ms) {
    const timer = { at: this.nowMs + ms, run };
    this.timers.push(timer);
    return timer;
  }
  cancel(/** @type {any} */ timer) { this.timers = this.timers.filter(t => t !== timer); }
  pass(/** @type {number} */ ms) {
    this.nowMs += ms;
    for (const timer of this.timers.filter(t => t.at <= this.nowMs)) {
      this.cancel(timer);
      timer.run();
    }
  }
  get socket() { return this.sockets[this.sockets.length - 1]; }
}

let world = new FakeWorld();
let heard = /** @type {string[]} */ ([]);
let feed = /** @type {LiveFeed} */ (/** @type {unknown} */ (null));

beforeEach(() => {
  world = new FakeWorld();
  heard = [];
  feed = new LiveFeed({
    clear: () => heard.push('clear'), points: b => heard.push(`points ${b.n}`), pulse: p => heard.push(`pulse ${p.rate}`),
    caughtUp: () => heard.push('caught up'), gap: () => heard.push('gap'),
  }, world);
});

const opened = () => {
  feed.want({ windowMs: 300_000, filter: 'tenant:a' });
  feed.open();
  world.socket.onopen({});
};
const send = (/** @type {Uint8Array[]} */ ...frames) => world.socket.onmessage({ data: join(...frames) });
const hello = (/** @type {object} */ json, cursor = 0n) => frame(HELLO, cursor, jsonPayload({ topic: 'points', ...json }));
const points = (/** @type {bigint} */ cursor, n = 3) => frame(POINTS, cursor, pointsPayload(block(random(1), BASE_MS, n)));
const lastSubscribe = () => world.socket.sent.filter((/** @type {any} */ m) => m.op === 'subscribe' && m.topic === 'points').at(-1);

test('the first subscription asks for the window from nothing', () => {
  opened();
  assert.deepEqual(lastSubscribe(), { op: 'subscribe', topic: 'points', id: 1, cursor: '0', window_us: 300_000_000, f: 'tenant:a' });
  assert.ok(world.socket.sent.some((/** @type {any} */ m) => m.topic === 'pulse'));
  send(hello({ id: 1, phase: 'begin', resumed: false }), points(40n), hello({ id: 1, phase: 'live' }, 40n), points(43n, 2), frame(PULSE, 0n, jsonPayload({ rate: 7 })));
  assert.deepEqual(heard, ['clear', 'points 3', 'caught up', 'points 2', 'pulse 7']);
  assert.equal(feed.state.value, 'live');
});

test('after a loss it asks for what comes after its cursor, and gets no point twice', () => {
  opened();
  send(hello({ id: 1, phase: 'begin', resumed: false }), points(40n), hello({ id: 1, phase: 'live' }, 40n), points(50n));
  world.socket.onclose({});
  assert.equal(feed.state.value, 'lost');
  world.pass(FIRST_RETRY_MS);
  world.socket.onopen({});
  assert.equal(lastSubscribe().cursor, '50');
  heard.length = 0;
  send(hello({ id: lastSubscribe().id, phase: 'begin', resumed: true }), points(55n, 5), hello({ id: lastSubscribe().id, phase: 'live' }, 55n));
  assert.deepEqual(heard, ['points 5', 'caught up'], 'no clear: what is held stays');
});

test('a collector that cannot go on makes the page start anew', () => {
  opened();
  send(hello({ id: 1, phase: 'begin', resumed: false }), points(40n));
  world.socket.onclose({});
  world.pass(FIRST_RETRY_MS);
  world.socket.onopen({});
  heard.length = 0;
  send(hello({ id: 2, phase: 'begin', resumed: false }), points(3n));
  assert.deepEqual(heard, ['clear', 'points 3']);
  assert.equal(feed.cursor, 3n);
});

test('points of the former subscription are thrown away', () => {
  opened();
  send(hello({ id: 1, phase: 'begin', resumed: false }), points(40n));
  feed.want({ windowMs: 60_000, filter: '' });
  heard.length = 0;
  send(points(41n), hello({ id: 1, phase: 'live' }, 41n), points(42n));
  assert.deepEqual(heard, []);
  assert.equal(feed.totals.discarded, 2);
  send(hello({ id: 2, phase: 'begin', resumed: false }), points(42n, 1));
  assert.deepEqual(heard, ['clear', 'points 1']);
});

test('a gap is told and then closed from the cursor where it began', () => {
  opened();
  send(hello({ id: 1, phase: 'begin', resumed: false }), points(40n));
  const gap = new Uint8Array(16);
  new DataView(gap.buffer).setBigUint64(0, 40n, true);
  new DataView(gap.buffer).setBigUint64(8, 90n, true);
  heard.length = 0;
  send(frame(GAP, 90n, gap), points(95n));
  assert.deepEqual(heard, ['gap'], 'points behind the gap would come twice');
  world.pass(300);
  assert.equal(lastSubscribe().cursor, '40');
  send(hello({ id: lastSubscribe().id, phase: 'begin', resumed: true }), points(95n, 55), hello({ id: lastSubscribe().id, phase: 'live' }, 95n));
  assert.deepEqual(heard, ['gap', 'points 55', 'caught up']);
});

test('tries come ever more slowly, and at once when asked', () => {
  feed.want({ windowMs: 1, filter: '' });
  feed.open();
  const pauses = [];
  for (let i = 0; i < 8; i++) {
    world.socket.onclose({});
    const [timer] = world.timers;
    pauses.push(timer.at - world.nowMs);
    world.pass(timer.at - world.nowMs);
  }
  assert.deepEqual(pauses, [500, 1000, 2000, 4000, 8000, MAX_RETRY_MS, MAX_RETRY_MS, MAX_RETRY_MS]);
  world.socket.onclose({});
  const before = world.sockets.length;
  feed.retryNow();
  assert.equal(world.sockets.length, before + 1);
  assert.equal(world.timers.length, 0, 'no second try is left waiting');
});

test('silence is first behind, then lost', () => {
  opened();
  send(hello({ id: 1, phase: 'begin', resumed: false }), hello({ id: 1, phase: 'live' }));
  world.pass(BEHIND_MS + 1);
  feed.tick();
  assert.equal(feed.state.value, 'behind');
  send(frame(PULSE, 0n, jsonPayload({ rate: 1 })));
  feed.tick();
  assert.equal(feed.state.value, 'live');
  world.pass(SILENCE_LIMIT_MS + 1);
  feed.tick();
  assert.equal(feed.state.value, 'lost');
  assert.ok(world.socket.isClosed);
});

test('a hidden tab takes nothing and catches up from its cursor', () => {
  opened();
  send(hello({ id: 1, phase: 'begin', resumed: false }), points(40n), hello({ id: 1, phase: 'live' }, 40n));
  feed.setHidden(true);
  assert.deepEqual(world.socket.sent.at(-1), { op: 'unsubscribe', topic: 'points' });
  heard.length = 0;
  send(points(41n));
  assert.deepEqual(heard, []);
  feed.setHidden(false);
  assert.equal(lastSubscribe().cursor, '40');
});

test('unreadable bytes end the connection with a word, and the page starts anew', () => {
  opened();
  send(hello({ id: 1, phase: 'begin', resumed: false }), points(40n));
  send(points(41n).slice(0, 20));
  assert.equal(feed.state.value, 'lost');
  assert.match(feed.error.value, /unreadable/);
  assert.equal(feed.totals.malformed, 1);
  world.pass(FIRST_RETRY_MS);
  world.socket.onopen({});
  assert.equal(lastSubscribe().cursor, '0');
});

test('a refused filter is told in the words of the collector', () => {
  opened();
  world.socket.onmessage({ data: '{"error":{"code":"bad_filter","message":"unknown word x"}}' });
  assert.equal(feed.error.value, 'unknown word x');
  send(hello({ id: 1, phase: 'begin', resumed: false }));
  assert.equal(feed.error.value, '');
});

test('time is the time of the collector', () => {
  opened();
  send(frame(PULSE, 0n, jsonPayload({ unix_us: (BASE_MS + 5_000) * 1000 })));
  assert.equal(feed.serverNow(), BASE_MS + 5_000);
});
