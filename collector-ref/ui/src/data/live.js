// The live socket: one binary WebSocket per tab carries points and pulses.
//
// Points have a cursor (the collector's arrival number). After a loss, a hidden tab or a GAP frame
// the page asks for everything after its cursor, so there is no gap and no duplicate. When the
// collector cannot go on from there it says so (a GAP before its HELLO), and the page takes the
// window anew. A connection carries one subscription: another window or filter is another
// connection, so that nothing of the former one can be under way behind the new one.

import { signal } from '../../vendor/preact.js';
import { apiUrl } from '../core/api.js';
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
/** Points of a gap may have ended so long before it was told. */
const GAP_MARGIN_MS = 2_000;

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
    /** Code of the collector's refusal of the last subscription, or ''. */
    this.refused = signal('');
    /** Collector's clock minus this machine's clock, ms. */
    this.clockOffsetMs = 0;
    /** @type {Socket | null} */
    this.socket = null;
    this.isOpen = false;
    this.isHidden = false;
    this.cursor = 0n;
    this.windowMs = 0;
    this.filter = '';
    this.measure = /** @type {string | undefined} */ (undefined);
    /** Whether the snapshot of this connection is complete. */
    this.isCaughtUp = false;
    /** Whether this connection went on from a cursor. */
    this.isResumed = false;
    this.retryMs = FIRST_RETRY_MS;
    this.catchUpMs = FIRST_CATCH_UP_MS;
    this.lastFrameMs = 0;
    /** @type {any} */
    this.retryTimer = null;
    /** @type {any} */
    this.catchUpTimer = null;
    /** Numbers for tests and for the help box. */
    this.totals = { frames: 0, blocks: 0, points: 0, gaps: 0, connects: 0, losses: 0, malformed: 0 };
  }

  /**
   * Says what is wanted. Another window or filter means a new snapshot.
   * @param {{windowMs: number, filter: string, measure?: string}} wanted
   */
  want({ windowMs, filter, measure }) {
    if (windowMs === this.windowMs && filter === this.filter && measure === this.measure) return;
    this.windowMs = windowMs;
    this.filter = filter;
    this.measure = measure;
    this.cursor = 0n;
    this.error.value = this.refused.value = '';
    if (this.isOpen) this.restart();
  }

  /** Opens the socket; called again after a loss. */
  open() {
    this.world.cancel(this.retryTimer);
    this.retryTimer = null;
    if (this.socket || this.isHidden) return;
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
    if (this.windowMs === 0) return;
    this.isCaughtUp = false;
    this.isResumed = this.cursor > 0n;
    if (!this.isResumed) this.startAnew();
    this.send({
      op: 'subscribe', topic: 'points', cursor: String(this.cursor),
      window_us: Math.round(this.windowMs * 1000), measure: this.measure, f: this.filter,
    });
  }

  /** What is held is void: the window comes anew. */
  startAnew() {
    this.cursor = 0n;
    this.isResumed = false;
    this.receiver.clear();
  }

  /** Takes the socket away; what it still delivers is not heard. */
  drop() {
    const socket = this.socket;
    this.socket = null;
    this.isOpen = false;
    socket?.close();
  }

  /** A new connection for a new subscription. */
  restart() {
    this.world.cancel(this.catchUpTimer);
    this.drop();
    this.open();
  }

  /** The connection is gone: say so and try again, ever more slowly. */
  lose() {
    this.totals.losses += 1;
    this.world.cancel(this.catchUpTimer);
    this.drop();
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
      this.world.cancel(this.retryTimer);
      this.world.cancel(this.catchUpTimer);
      this.drop();
      this.state.value = 'hidden';
    } else {
      this.state.value = 'connecting';
      this.retryNow();
    }
  }

  /** @param {ArrayBuffer | string} data */
  receive(data) {
    this.lastFrameMs = this.world.now();
    if (typeof data === 'string') {
      const { code, message } = errorOf(data);
      this.error.value = message;
      this.refused.value = code;
      return;
    }
    try {
      const { socket } = this;
      for (const frame of decodeFrames(data)) {
        // A gap ends the connection; what stands behind it in this message comes again.
        if (this.socket !== socket) break;
        this.take(frame);
      }
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
        // Blocks of a snapshot all carry its end: they count only once it is complete.
        if (this.isResumed || this.isCaughtUp) this.cursor = frame.cursor;
        this.totals.blocks += 1;
        this.totals.points += frame.block?.n ?? 0;
        if (frame.block) this.receiver.points(frame.block);
        break;
      case GAP:
        this.takeGap(frame.from ?? this.cursor);
        break;
      case PULSE:
        this.noteTime(frame.json?.unix_us);
        if ((this.windowMs === 0 || this.refused.value !== '') && this.state.value === 'connecting') this.state.value = 'live';
        this.receiver.pulse(frame.json);
        break;
    }
  }

  /** @param {Frame} frame */
  takeHello(frame) {
    const hello = frame.json ?? {};
    this.noteTime(hello.now_unix_us);
    if (hello.topic !== 'points') return;
    if (frame.cursor > this.cursor) this.cursor = frame.cursor;
    this.isCaughtUp = true;
    this.error.value = '';
    this.retryMs = FIRST_RETRY_MS;
    this.state.value = 'live';
    this.receiver.caughtUp();
  }

  /** @param {unknown} unixUs */
  noteTime(unixUs) {
    if (typeof unixUs === 'number') this.clockOffsetMs = unixUs / 1000 - this.world.now();
  }

  /**
   * Points were skipped: this viewer was slow, or was away for too long. The rest of this connection
   * is not wanted, since what follows the gap comes again.
   * @param {bigint} from
   */
  takeGap(from) {
    this.totals.gaps += 1;
    this.drop();
    this.receiver.gap(this.lastFrameMs + this.clockOffsetMs - GAP_MARGIN_MS);
    if (!this.isCaughtUp && this.isResumed) {
      this.cursor = 0n;
      this.open();
      return;
    }
    // Everything before the gap is here; a point in front of it that came late must not come twice.
    this.cursor = from > this.cursor ? from : this.cursor;
    this.state.value = 'behind';
    this.catchUpTimer = this.world.after(() => this.open(), this.catchUpMs);
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
function errorOf(text) {
  try {
    const { code = '', message = text } = JSON.parse(text)?.error ?? {};
    return { code: String(code), message: String(message).slice(0, 500) };
  } catch {
    return { code: '', message: text.slice(0, 500) };
  }
}

/** @returns {World} */
export function browserWorld() {
  return {
    connect: () => {
      const target = new URL(apiUrl('live'), location.href);
      target.protocol = target.protocol === 'https:' ? 'wss:' : 'ws:';
      return /** @type {any} */ (new WebSocket(target));
    },
    now: () => Date.now(),
    after: (run, ms) => setTimeout(run, ms),
    cancel: timer => clearTimeout(timer),
    random: () => Math.random(),
  };
}
