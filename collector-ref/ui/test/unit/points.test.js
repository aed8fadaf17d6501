import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameError, GAP, HELLO, MAX_PAYLOAD_BYTES, POINTS, PULSE, decodeFrames } from '../../src/data/points.js';
import { block, frame, join, jsonPayload, pointsPayload, random } from '../support/points.js';

const BASE_MS = 1_795_343_597_000;

test('blocks of any size come back as they were written', () => {
  const next = random(3);
  const blocks = [0, 1, 2, 3, 1000, 65_535].map(n => block(next, BASE_MS, n, 60_000));
  const frames = decodeFrames(join(...blocks.map((b, i) => frame(POINTS, BigInt(i + 1), pointsPayload(b)))));
  assert.equal(frames.length, blocks.length);
  blocks.forEach((wanted, i) => {
    const got = frames[i].block;
    assert.equal(frames[i].cursor, BigInt(i + 1));
    assert.equal(got?.baseMs, BASE_MS);
    assert.equal(got?.n, wanted.n);
    assert.deepEqual([...(got?.dt ?? [])], [...wanted.dt]);
    assert.deepEqual([...(got?.y ?? [])], [...wanted.y]);
    assert.deepEqual([...(got?.attr ?? [])], [...wanted.attr]);
  });
});

test('a block behind an odd number of bytes is read too', () => {
  const wanted = block(random(4), BASE_MS, 5);
  const odd = frame(PULSE, 0n, jsonPayload({ a: 12 })); // 8 bytes of JSON
  const odder = frame(PULSE, 0n, jsonPayload({ a: 1 })); // 7 bytes
  for (const before of [odd, odder]) {
    const frames = decodeFrames(join(before, frame(POINTS, 1n, pointsPayload(wanted))));
    assert.deepEqual([...(frames[1].block?.attr ?? [])], [...wanted.attr]);
  }
});

test('gap, pulse and hello carry what they say', () => {
  const gap = new Uint8Array(16);
  new DataView(gap.buffer).setBigUint64(0, 7n, true);
  new DataView(gap.buffer).setBigUint64(8, 2n ** 60n, true);
  const frames = decodeFrames(join(frame(GAP, 9n, gap), frame(PULSE, 1n, jsonPayload({ rate: 3 })), frame(HELLO, 2n, jsonPayload({ topic: 'points' }))));
  assert.equal(frames[0].from, 7n);
  assert.equal(frames[0].to, 2n ** 60n);
  assert.equal(frames[1].json.rate, 3);
  assert.equal(frames[2].json.topic, 'points');
});

test('a frame of an unknown type is skipped', () => {
  const frames = decodeFrames(join(frame(99, 1n, new Uint8Array(33)), frame(PULSE, 2n, jsonPayload({}))));
  assert.deepEqual(frames.map(f => f.type), [PULSE]);
});

test('nothing at all is no frame', () => {
  assert.deepEqual(decodeFrames(new ArrayBuffer(0)), []);
});

const whole = frame(POINTS, 1n, pointsPayload(block(random(5), BASE_MS, 7)));

/** @param {(view: DataView) => void} change */
function spoiled(change) {
  const copy = whole.slice();
  change(new DataView(copy.buffer));
  return copy;
}

const MALFORMED = /** @type {[string, Uint8Array][]} */ ([
  ['a header cut off', whole.slice(0, 15)],
  ['another version', spoiled(v => v.setUint8(1, 2))],
  ['a length over the limit', spoiled(v => v.setUint32(4, MAX_PAYLOAD_BYTES + 1, true))],
  ['a length past the end', spoiled(v => v.setUint32(4, 10_000, true))],
  ['a length that leaves a rest', spoiled(v => v.setUint32(4, 20, true))],
  ['more points than bytes', spoiled(v => v.setUint32(24, 8, true))],
  ['fewer points than bytes', spoiled(v => v.setUint32(24, 1, true))],
  ['four billion points', spoiled(v => v.setUint32(24, 0xffffffff, true))],
  ['a time out of range', spoiled(v => v.setBigUint64(16, 2n ** 64n - 1n, true))],
  ['a points frame without a header', frame(POINTS, 1n, new Uint8Array(11))],
  ['a gap of the wrong length', frame(GAP, 1n, new Uint8Array(15))],
  ['JSON that is none', frame(PULSE, 1n, new TextEncoder().encode('{"rate":'))],
  ['JSON that is not UTF-8', frame(HELLO, 1n, Uint8Array.of(34, 0xff, 34))],
]);

for (const [what, bytes] of MALFORMED) {
  test(`${what} is refused`, () => {
    assert.throws(() => decodeFrames(join(bytes)), FrameError);
  });
}

test('every cut of a good message is refused or empty, never misread', () => {
  for (let length = 1; length < whole.length; length++) {
    assert.throws(() => decodeFrames(join(whole.slice(0, length))), FrameError, `cut at ${length}`);
  }
});

test('random bytes are refused without any other error', () => {
  const next = random(6);
  for (let round = 0; round < 5_000; round++) {
    const bytes = Uint8Array.from({ length: Math.floor(next() * 80) }, () => Math.floor(next() * 256));
    if (bytes.length > 1) bytes[1] = 1;
    if (bytes.length > 7) bytes.set([Math.floor(next() * 64), 0, 0, 0], 4);
    try {
      decodeFrames(join(bytes));
    } catch (error) {
      assert.ok(error instanceof FrameError, String(error));
    }
  }
});
