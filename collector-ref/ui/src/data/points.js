// Decodes what the collector sends: binary frames, the same on the live socket and in /points.
//
// frame = u8 type, u8 version, u16 reserved, u32 payload length, u64 cursor, payload; little endian.
// POINTS payload = u64 base_unix_us, u32 n, then dt u16[n] (ms since base), y u16[n], attr u16[n],
// dt and y padded to four bytes. Anything malformed is refused as a whole with a FrameError.

/** Frame types. */
export const POINTS = 1;
export const GAP = 2;
export const PULSE = 3;
export const HELLO = 4;

const HEADER_BYTES = 16;
const VERSION = 1;
/** Largest payload that is believed: 2 M points are 12 MB. Above it the frame is refused. */
export const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;
/** Most points in one block. */
export const MAX_BLOCK_POINTS = 4_000_000;

/** The bytes are not what they claim to be. */
export class FrameError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'FrameError';
  }
}

/**
 * @typedef {object} Block points of at most 60 s, columns side by side
 * @property {number} baseMs unix ms of dt = 0
 * @property {number} n
 * @property {Uint16Array} dt ms since baseMs
 * @property {Uint16Array} y quantised elapsed
 * @property {Uint16Array} attr bit 0 error, 1 slow, 2 has profile, 8-15 hash of the service
 */
/** @typedef {{type: number, cursor: bigint, block?: Block, from?: bigint, to?: bigint, json?: any}} Frame */

/**
 * Splits bytes into frames. Frames of an unknown type are skipped: a newer collector may send them.
 * @param {ArrayBuffer} buffer
 * @returns {Frame[]}
 */
export function decodeFrames(buffer) {
  const bytes = new DataView(buffer);
  /** @type {Frame[]} */
  const frames = [];
  let at = 0;
  while (at < buffer.byteLength) {
    if (buffer.byteLength - at < HEADER_BYTES) throw new FrameError(`frame header cut off at byte ${at}`);
    const type = bytes.getUint8(at);
    const version = bytes.getUint8(at + 1);
    const length = bytes.getUint32(at + 4, true);
    const cursor = bytes.getBigUint64(at + 8, true);
    if (version !== VERSION) throw new FrameError(`frame version ${version} at byte ${at}; this page reads ${VERSION}. Reload it`);
    if (length > MAX_PAYLOAD_BYTES) throw new FrameError(`frame of ${length} bytes is over the limit of ${MAX_PAYLOAD_BYTES}`);
    const start = at + HEADER_BYTES;
    if (buffer.byteLength - start < length) {
      throw new FrameError(`frame at byte ${at} claims ${length} bytes, ${buffer.byteLength - start} are there`);
    }
    const frame = decodePayload(type, cursor, buffer, start, length);
    if (frame) frames.push(frame);
    at = start + length;
  }
  return frames;
}

/**
 * @param {number} type @param {bigint} cursor @param {ArrayBuffer} buffer
 * @param {number} start @param {number} length
 * @returns {Frame | null}
 */
function decodePayload(type, cursor, buffer, start, length) {
  switch (type) {
    case POINTS:
      return { type, cursor, block: decodeBlock(buffer, start, length) };
    case GAP: {
      if (length !== 16) throw new FrameError(`gap frame has ${length} bytes, not 16`);
      const bytes = new DataView(buffer, start, length);
      return { type, cursor, from: bytes.getBigUint64(0, true), to: bytes.getBigUint64(8, true) };
    }
    case PULSE:
    case HELLO:
      return { type, cursor, json: decodeJson(buffer, start, length) };
    default:
      return null;
  }
}

/** @param {ArrayBuffer} buffer @param {number} start @param {number} length */
function decodeJson(buffer, start, length) {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(buffer, start, length)));
  } catch {
    throw new FrameError('frame with JSON that cannot be read');
  }
}

/** @param {number} n bytes of a u16 column with its padding */
const padded = n => (n * 2 + 3) & ~3;

/**
 * @param {ArrayBuffer} buffer @param {number} start @param {number} length
 * @returns {Block}
 */
function decodeBlock(buffer, start, length) {
  if (length < 12) throw new FrameError(`points frame has ${length} bytes, at least 12 are needed`);
  const bytes = new DataView(buffer, start, length);
  const baseUs = bytes.getBigUint64(0, true);
  const n = bytes.getUint32(8, true);
  if (n > MAX_BLOCK_POINTS) throw new FrameError(`points frame with ${n} points is over the limit of ${MAX_BLOCK_POINTS}`);
  const needed = 12 + padded(n) * 2 + n * 2;
  if (length !== needed && length !== 12 + padded(n) * 3) {
    throw new FrameError(`points frame with ${n} points has ${length} bytes, not ${needed}`);
  }
  const baseMs = Number(baseUs / 1000n);
  if (!Number.isSafeInteger(baseMs)) throw new FrameError('points frame with a time out of range');
  const dt = column(buffer, start + 12, n);
  const y = column(buffer, start + 12 + padded(n), n);
  const attr = column(buffer, start + 12 + padded(n) * 2, n);
  return { baseMs, n, dt, y, attr };
}

/**
 * A view where the bytes are aligned, else a copy. All browsers run on little-endian machines.
 * @param {ArrayBuffer} buffer @param {number} at @param {number} n
 */
function column(buffer, at, n) {
  return at % 2 === 0 ? new Uint16Array(buffer, at, n) : new Uint16Array(buffer.slice(at, at + n * 2));
}
