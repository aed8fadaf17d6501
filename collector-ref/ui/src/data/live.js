// The live socket: one binary WebSocket per tab carries points and pulses.
//
// Points have a cursor (the collector's arrival number). After a loss, a hidden tab or a GAP frame
// the page asks for everything after its cursor, so there is no gap and no duplicate. The collector
// answers each subscription with a HELLO `begin` that repeats its id: what comes before it belongs
// to the former subscription and is thrown away. When it cannot go on from the cursor it says
// `resumed: false` and sends the window anew.

import { signal } from '../../vendor/preact.js';
import { GAP, HELLO, POINTS, PULSE, FrameError, decodeFrames } from './points.js';

/** @typedef {import('./points.js').Block} Block */
/** @typedef {import('./points.js').Frame} Frame */
/**
 * @typedef {object} Socket what the page needs of a WebSocket
 * @property {string} binaryType
 * @property {(text: string) => void} send
 * @property {() => void} close
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onclose
 */
/**
 * @typedef {object} World what a test replaces
 * @property {() => Socket} connect
 * @property {() => number} now unix ms of this machine
 * @property {(run: () => void, ms: number) => any} after
 * @property {(timer: any) => void} cancel
 * @property {() => number} random
 */
/**
 * @typedef {object} Receiver
 * @property {() => void} clear all points held are void: a new snapshot follows
 * @property {(block: Block) => void} points
 * @property {(pulse: any) => void} pulse
 * @property {() => void} caughtUp the snapshot is complete
 * @property {(fromMs: number) => void} gap points since then are missing until `caughtUp`
 */

/** First pause before connecting again; it doubles up to the maximum, with ±25 % of chance. */
export const FIRST_RETRY_MS = 500;
export const MAX_RETRY_MS = 10_000;
/** A pulse comes every second: after so long without any frame the connection counts as dead. */
export const SILENCE_LIMIT_MS = 10_000;
/** Later than this, the state says how far behind. */
export const BEHIND_MS = 3_000;
/** At least so long between two catch-ups after GAP frames; it doubles while they keep coming. */
export const FIRST_CATCH_UP_MS = 250;
const MAX_CATCH_UP_MS = 8_000;

/** @typedef {'connecting' | 'live' | 'behind' | 'lost' | 'hidden'} FeedState */

export class LiveFeed {
  /** @param {Receiver} receiver @param {World} world */
  constructor(receiver, world) {
    this.receiver = receiver;
    this.world = world;
    /** What the connection is doing, for the state badge. */
    this.state = signal(/** @type {FeedState} */ ('connecting'));
    /** How far behind, in ms, while `behind`. */
    this.behindMs = signal(0);
    /** What the collector said about the last subscription, or ''. */
    this.error = signal('');
    /** Collector's clock minus this machine's clock, ms. */
    this.clockOffsetMs = 0;
    /** @type {Socket | null} */
    this.socket = null;
    this.isOpen = false;
    this.isHidden = false;
    this.cursor = 0n;
    this.windowMs = 0;
    this.filter = '';
    /** Id of the newest subscription; points are believed from its `begin` on. */
    this.id = 0;
    this.hasBegun = false;
    this.retryMs = FIRST_RETRY_MS;
    this.catchUpMs = FIRST_CATCH_UP_MS;
    this.lastFrameMs = 0;
    /** @type {any} */
    this.retryTimer = null;
    /** @type {any} */
    this.catchUpTimer = null;
    /** Numbers for tests and for the help box. */
    this.totals = { frames: 0, blocks: 0, points: 0, gaps: 0, connects: 0, losses: 0, discarded: 0, malformed: 0 };
  }

  /**
   * Says what is wanted. Another window or filter means a new snapshot.
   * @param {{windowMs: number, filter: string}} wanted
   */
  want({ windowMs, filter }) {
    if (windowMs === this.windowMs && filter === this.filter) return;
    this.windowMs = windowMs;
    this.filter = filter;
    this.cursor = 0n;
    this.error.value = '';
    this.subscribe();
  }

  /** Opens the socket; called again after a loss. */
  open() {
    this.world.cancel(this.retryTimer);
    this.retryTimer = null;
    if (this.socket) return;
    this.totals.connects += 1;
    const socket = this.world.connect();
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      if (socket !== this.socket) return;
      this.isOpen = true;
      this.lastFrameMs = this.world.now();
      this.send({ op: 'subscribe', topic: 'pulse' });
      this.subscribe();
    };
    socket.onmessage = event => {
      if (socket === this.socket) this.receive(event.data);
    };
    socket.onclose = () => {
      if (socket === this.socket) this.lose();
    };
  }

  /** @param {object} message */
  send(message) {
    if (this.isOpen) this.socket?.send(JSON.stringify(message));
  }

  subscribe() {
    if (!this.isOpen || this.isHidden || this.windowMs === 0) return;
    this.id += 1;
    this.hasBegun = false;
    this.send({
      op: 'subscribe', topic: 'points', id: this.id, cursor: String(this.cursor),
      window_us: Math.round(this.windowMs * 1000), f: this.filter,
    });
  }

  /** The connection is gone: say so and try again, ever more slowly. */
  lose() {
    this.totals.losses += 1;
    const socket = this.socket;
    this.socket = null;
    this.isOpen = false;
    this.hasBegun = false;
    socket?.close();
    this.state.value = 'lost';
    const pause = this.retryMs * (0.75 + this.world.random() * 0.5);
    this.retryMs = Math.min(MAX_RETRY_MS, this.retryMs * 2);
    this.retryTimer = this.world.after(() => this.open(), pause);
  }

  /** Tries at once instead of waiting for the next try. */
  retryNow() {
    this.retryMs = FIRST_RETRY_MS;
    if (!this.socket) this.open();
  }

  /**
   * A hidden tab takes nothing, and catches up when it is shown again.
   * @param {boolean} isHidden
   */
  setHidden(isHidden) {
    if (isHidden === this.isHidden) return;
    this.isHidden = isHidden;
    if (isHidden) {
      this.hasBegun = false;
      this.id += 1;
      this.send({ op: 'unsubscribe', topic: 'points' });
      if (this.isOpen) this.state.value = 'hidden';
    } else if (this.isOpen) {
      this.state.value = 'connecting';
      this.subscribe();
    } else {
      this.retryNow();
    }
  }

  /** @param {ArrayBuffer | string} data */
  receive(data) {
    this.lastFrameMs = this.world.now();
    if (typeof data === 'string') {
      this.error.value = messageOf(data);
      return;
    }
    try {
      for (const frame of decodeFrames(data)) this.take(frame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.totals.malformed += 1;
      this.error.value = `The collector sent something unreadable (${error.message}). Connecting again.`;
      this.cursor = 0n;
      this.lose();
    }
  }

  /** @param {Frame} frame */
  take(frame) {
    this.totals.frames += 1;
    switch (frame.type) {
      case HELLO:
        this.takeHello(frame);
        break;
      case POINTS:
        if (!this.hasBegun) {
          this.totals.discarded += 1;
          break;
        }
        this.cursor = frame.cursor;
        this.totals.blocks += 1;
        this.totals.points += frame.block?.n ?? 0;
        if (frame.block) this.receiver.points(frame.block);
        break;
      case GAP:
        if (this.hasBegun) this.catchUpAfter(frame.from ?? this.cursor);
        break;
      case PULSE:
        this.noteTime(frame.json?.unix_us);
        this.receiver.pulse(frame.json);
        break;
    }
  }

  /** @param {Frame} frame */
  takeHello(frame) {
    const hello = frame.json ?? {};
    this.noteTime(hello.now_unix_us);
    if (hello.topic !== 'points' || hello.id !== this.id) return;
    if (hello.phase === 'begin') {
      this.hasBegun = true;
      this.error.value = '';
      if (hello.resumed !== true) {
        this.cursor = 0n;
        this.receiver.clear();
      }
      return;
    }
    if (frame.cursor > this.cursor) this.cursor = frame.cursor;
    this.retryMs = FIRST_RETRY_MS;
    this.state.value = 'live';
    this.receiver.caughtUp();
  }

  /** @param {unknown} unixUs */
  noteTime(unixUs) {
    if (typeof unixUs === 'number') this.clockOffsetMs = unixUs / 1000 - this.world.now();
  }

  /**
   * Points were skipped because this viewer was slow: ask for them, but not in a tight loop.
   * @param {bigint} from
   */
  catchUpAfter(from) {
    this.totals.gaps += 1;
    this.cursor = from < this.cursor ? this.cursor : from;
    this.hasBegun = false;
    this.id += 1;
    this.receiver.gap(this.serverNow() - 2_000);
    this.world.cancel(this.catchUpTimer);
    this.catchUpTimer = this.world.after(() => this.subscribe(), this.catchUpMs);
    this.catchUpMs = Math.min(MAX_CATCH_UP_MS, this.catchUpMs * 2);
  }

  /** Once a second: is it still alive, and how far behind? */
  tick() {
    if (!this.isOpen) return;
    const silentMs = this.world.now() - this.lastFrameMs;
    if (silentMs > SILENCE_LIMIT_MS) {
      this.lose();
      return;
    }
    if (this.isHidden) return;
    if (silentMs > BEHIND_MS) {
      this.state.value = 'behind';
      this.behindMs.value = silentMs;
    } else if (this.state.value === 'behind') {
      this.state.value = 'live';
    }
    this.catchUpMs = Math.max(FIRST_CATCH_UP_MS, this.catchUpMs * 0.98);
  }

  /** Unix ms by the collector's clock. */
  serverNow() {
    return this.world.now() + this.clockOffsetMs;
  }
}

/** @param {string} text */
function messageOf(text) {
  try {
    return String(JSON.parse(text)?.error?.message ?? text).slice(0, 500);
  } catch {
    return text.slice(0, 500);
  }
}

/** @returns {World} */
export function browserWorld() {
  return {
    connect: () => {
      const target = new URL('/api/v1/live', location.href);
      target.protocol = target.protocol === 'https:' ? 'wss:' : 'ws:';
      return /** @type {any} */ (new WebSocket(target));
    },
    now: () => Date.now(),
    after: (run, ms) => setTimeout(run, ms),
    cancel: timer => clearTimeout(timer),
    random: () => Math.random(),
  };
}
