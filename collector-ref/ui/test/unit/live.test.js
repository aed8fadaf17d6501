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
const hello = (/** @type {bigint} */ cursor) => frame(HELLO, cursor, jsonPayload({ cursor: String(cursor), topic: 'points' }));
const points = (/** @type {bigint} */ cursor, n = 3) => frame(POINTS, cursor, pointsPayload(block(random(1), BASE_MS, n)));
const wish = () => world.socket.sent.find((/** @type {any} */ m) => m.op === 'subscribe' && m.topic === 'points');
const gap = (/** @type {bigint} */ from, /** @type {bigint} */ to) => {
  const payload = new Uint8Array(16);
  new DataView(payload.buffer).setBigUint64(0, from, true);
  new DataView(payload.buffer).setBigUint64(8, to, true);
  return frame(GAP, to, payload);
};
/** Opens and takes a snapshot up to cursor 40. */
const caughtUp = () => {
  opened();
  send(points(40n), hello(40n));
  heard.length = 0;
};
/** The connection breaks and comes again. */
const broken = () => {
  world.socket.onclose({});
  world.pass(MAX_RETRY_MS);
  world.socket.onopen({});
};

test('the first subscription asks for the window from nothing', () => {
  opened();
  assert.deepEqual(wish(), { op: 'subscribe', topic: 'points', cursor: '0', window_us: 300_000_000, f: 'tenant:a' });
  assert.ok(world.socket.sent.some((/** @type {any} */ m) => m.topic === 'pulse'));
  send(frame(HELLO, 39n, jsonPayload({ topic: null })), points(40n), hello(40n), points(43n, 2), frame(PULSE, 0n, jsonPayload({ rate: 7 })));
  assert.deepEqual(heard, ['clear', 'points 3', 'caught up', 'points 2', 'pulse 7']);
  assert.equal(feed.state.value, 'live');
});

test('after a loss it asks for what comes after its cursor, and gets no point twice', () => {
  caughtUp();
  send(points(50n));
  world.socket.onclose({});
  assert.equal(feed.state.value, 'lost');
  world.pass(FIRST_RETRY_MS);
  world.socket.onopen({});
  assert.equal(wish().cursor, '50');
  heard.length = 0;
  send(hello(50n), points(55n, 5));
  assert.deepEqual(heard, ['caught up', 'points 5'], 'no clear: what is held stays');
});

test('a loss in the middle of a snapshot begins the snapshot anew', () => {
  opened();
  send(points(40n));
  broken();
  assert.equal(wish().cursor, '0');
});

test('a collector that cannot go on makes the page start anew', () => {
  caughtUp();
  broken();
  send(gap(40n, 900n), hello(900n));
  assert.deepEqual(heard, ['gap'], 'nothing behind the gap is heard');
  world.socket.onopen({});
  assert.equal(wish().cursor, '0');
  send(points(3n), hello(3n));
  assert.deepEqual(heard, ['gap', 'clear', 'points 3', 'caught up']);
  assert.equal(feed.cursor, 3n);
});

test('another filter is another connection, and nothing of the former one is heard', () => {
  caughtUp();
  const old = world.socket;
  feed.want({ windowMs: 60_000, filter: '' });
  assert.ok(old.isClosed);
  old.onmessage({ data: join(points(41n)) });
  old.onclose({});
  assert.deepEqual(heard, []);
  assert.equal(feed.totals.losses, 0);
  world.socket.onopen({});
  assert.deepEqual([wish().cursor, wish().window_us], ['0', 60_000_000]);
});

test('a gap is told and then closed from the cursor where it began', () => {
  caughtUp();
  send(gap(44n, 90n), points(95n));
  assert.deepEqual(heard, ['gap'], 'points behind the gap would come twice');
  world.pass(300);
  world.socket.onopen({});
  assert.equal(wish().cursor, '44');
  send(hello(44n), points(95n, 55));
  assert.deepEqual(heard, ['gap', 'caught up', 'points 55']);
});

test('gaps that keep coming are closed ever more slowly', () => {
  caughtUp();
  const pauses = [];
  for (let i = 0; i < 7; i++) {
    send(gap(44n, 90n));
    pauses.push(world.timers[0].at - world.nowMs);
    world.pass(8_000);
    world.socket.onopen({});
    send(hello(44n));
  }
  assert.deepEqual(pauses, [250, 500, 1000, 2000, 4000, 8000, 8000]);
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
  caughtUp();
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
  caughtUp();
  const old = world.socket;
  feed.setHidden(true);
  assert.ok(old.isClosed);
  assert.equal(feed.state.value, 'hidden');
  world.pass(100_000);
  feed.open();
  assert.equal(world.sockets.length, 1, 'nothing connects while it is hidden');
  feed.setHidden(false);
  world.socket.onopen({});
  assert.equal(wish().cursor, '40');
});

test('unreadable bytes end the connection with a word, and the page starts anew', () => {
  caughtUp();
  send(points(41n).slice(0, 20));
  assert.equal(feed.state.value, 'lost');
  assert.match(feed.error.value, /unreadable/);
  assert.equal(feed.totals.malformed, 1);
  world.pass(FIRST_RETRY_MS);
  world.socket.onopen({});
  assert.equal(wish().cursor, '0');
});

test('a refused filter is told in the words of the collector', () => {
  opened();
  world.socket.onmessage({ data: '{"error":{"code":"bad_filter","message":"unknown word x"}}' });
  assert.equal(feed.error.value, 'unknown word x');
  send(hello(0n));
  assert.equal(feed.error.value, '');
});

test('time is the time of the collector', () => {
  opened();
  send(frame(PULSE, 0n, jsonPayload({ unix_us: (BASE_MS + 5_000) * 1000 })));
  assert.equal(feed.serverNow(), BASE_MS + 5_000);
});
