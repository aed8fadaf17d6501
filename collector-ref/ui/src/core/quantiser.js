// The quantiser of the scatter: elapsed time as a small integer. End times come as whole milliseconds.
//
// The collector has the same formula in Rust; `test/golden/quantiser.json` holds both equal. No
// floating point logarithm, so a box drawn here selects exactly the rows that are counted there.

/** Steps per octave of elapsed time: 1/2,048 of an octave is 0.03 %. */
const OCTAVE_BITS = 11;
/** Largest quantised elapsed time (71 minutes); everything longer is counted here. */
export const MAX_Q = 65_535;

/**
 * Quantises an elapsed time: 0 stays 0, else 1 + 2048·log2 by linear steps inside each octave.
 * @param {number} elapsedUs whole µs, not negative
 */
export function quantiseElapsed(elapsedUs) {
  if (elapsedUs < 1) return 0;
  if (elapsedUs >= 4_294_967_296) return MAX_Q;
  const exponent = 31 - Math.clz32(elapsedUs);
  const above = elapsedUs - 2 ** exponent;
  const step = exponent <= OCTAVE_BITS
    ? above * 2 ** (OCTAVE_BITS - exponent)
    : Math.floor(above / 2 ** (exponent - OCTAVE_BITS));
  return Math.min(MAX_Q, 1 + exponent * 2048 + step);
}

/**
 * The shortest elapsed time in µs (not rounded) that is quantised to `q`.
 * @param {number} q
 */
export function elapsedOf(q) {
  if (q <= 0) return 0;
  const exponent = (q - 1) >> OCTAVE_BITS;
  const step = (q - 1) & 2047;
  return 2 ** exponent * (1 + step / 2048);
}
