// Points for tests: a small deterministic generator and the encoder that mirrors the collector's.

/** Pseudo-random numbers in [0, 1) that are the same in every run. @param {number} seed */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * A block of `n` points within `spanMs` after `baseMs`; one in 50 is an error.
 * @param {() => number} next @param {number} baseMs @param {number} n @param {number} [spanMs]
 * @returns {import('../../src/data/points.js').Block}
 */
export function block(next, baseMs, n, spanMs = 1_000) {
  const dt = Uint16Array.from({ length: n }, () => Math.floor(next() * spanMs));
  const y = Uint16Array.from({ length: n }, () => Math.floor(13_000 + (next() + next() + next()) * 11_000));
  const attr = Uint16Array.from({ length: n }, () => (next() < 0.02 ? 1 : 0) | (Math.floor(next() * 256) << 8));
  return { baseMs, n, dt, y, attr };
}

/** @param {number} n */
const padded = n => (n * 2 + 3) & ~3;

/**
 * A frame as the collector writes it.
 * @param {number} type @param {bigint} cursor @param {Uint8Array} payload
 */
export function frame(type, cursor, payload) {
  const bytes = new Uint8Array(16 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, type);
  view.setUint8(1, 1);
  view.setUint32(4, payload.length, true);
  view.setBigUint64(8, cursor, true);
  bytes.set(payload, 16);
  return bytes;
}

/** @param {import('../../src/data/points.js').Block} block */
export function pointsPayload({ baseMs, n, dt, y, attr }) {
  const bytes = new Uint8Array(12 + padded(n) * 2 + n * 2);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(baseMs) * 1000n, true);
  view.setUint32(8, n, true);
  for (let i = 0; i < n; i++) {
    view.setUint16(12 + i * 2, dt[i], true);
    view.setUint16(12 + padded(n) + i * 2, y[i], true);
    view.setUint16(12 + padded(n) * 2 + i * 2, attr[i], true);
  }
  return bytes;
}

/** @param {unknown} value */
export const jsonPayload = value => new TextEncoder().encode(JSON.stringify(value));

/** @param {...Uint8Array} parts @returns {ArrayBuffer} */
export function join(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.buffer;
}

/** FNV-1a of the bytes of typed arrays: a short name for a whole grid. @param {...ArrayBufferView} arrays */
export function fingerprint(...arrays) {
  let hash = 0x811c9dc5;
  for (const array of arrays) {
    for (const byte of new Uint8Array(array.buffer, array.byteOffset, array.byteLength)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash.toString(16).padStart(8, '0');
}
