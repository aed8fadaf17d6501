// The colours of the scatter. Density is one blue ramp; red is only for errors.

/**
 * @typedef {object} Palette colours as 0xAABBGGRR
 * @property {number} background
 * @property {number} lane
 * @property {number} line
 * @property {number} hatch
 * @property {Uint32Array} ramp 256 tones
 * @property {Uint32Array} errorRamp 256 tones
 */

/**
 * A ramp of 256 tones through these colours.
 * @param {[number, number, number][]} stops red, green, blue
 */
function makeRamp(stops) {
  const ramp = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * (stops.length - 1);
    const k = Math.min(stops.length - 2, Math.floor(place));
    const share = place - k;
    const [r, g, b] = [0, 1, 2].map(c => Math.round(stops[k][c] * (1 - share) + stops[k + 1][c] * share));
    ramp[i] = rgb(r, g, b);
  }
  return ramp;
}

/** @param {number} r @param {number} g @param {number} b */
export function rgb(r, g, b) {
  return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
}

/** @type {Record<string, Palette>} */
export const PALETTES = {
  dark: {
    background: rgb(13, 17, 23), lane: rgb(22, 27, 34), line: rgb(48, 54, 61), hatch: rgb(45, 52, 62),
    ramp: makeRamp([[18, 52, 88], [31, 111, 180], [88, 183, 232], [240, 250, 255]]),
    errorRamp: makeRamp([[190, 45, 45], [255, 86, 80], [255, 205, 180]]),
  },
  light: {
    background: rgb(255, 255, 255), lane: rgb(244, 246, 249), line: rgb(216, 222, 228), hatch: rgb(218, 224, 232),
    ramp: makeRamp([[176, 208, 236], [66, 140, 205], [16, 78, 146], [4, 22, 58]]),
    errorRamp: makeRamp([[232, 96, 88], [214, 20, 28], [110, 0, 8]]),
  },
};
