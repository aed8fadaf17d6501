// A box without a mouse: arrows move it, Shift + arrows size it, Enter selects, Esc drops it.

/** @typedef {{left: number, top: number, right: number, bottom: number}} Rectangle CSS pixels */

const STEP_PX = 12;
const MIN_PX = 8;

/**
 * A box in the middle of the plot to begin with.
 * @param {number} width @param {number} height
 * @returns {Rectangle}
 */
export function firstBox(width, height) {
  return { left: width * 0.4, right: width * 0.6, top: height * 0.35, bottom: height * 0.65 };
}

/**
 * The box after a key, or `null` when the key means nothing here.
 * @param {Rectangle} box @param {string} key @param {boolean} isSizing
 * @param {number} width @param {number} height
 * @returns {Rectangle | null}
 */
export function afterKey(box, key, isSizing, width, height) {
  const [dx, dy] = { ArrowLeft: [-STEP_PX, 0], ArrowRight: [STEP_PX, 0], ArrowUp: [0, -STEP_PX], ArrowDown: [0, STEP_PX] }[key] ?? [0, 0];
  if (dx === 0 && dy === 0) return null;
  if (isSizing) {
    // Right and up make it larger: the right and the top edge move.
    const right = Math.min(width, Math.max(box.left + MIN_PX, box.right + dx));
    const top = Math.max(0, Math.min(box.bottom - MIN_PX, box.top + dy));
    return { ...box, right, top };
  }
  const moveX = Math.max(-box.left, Math.min(width - box.right, dx));
  const moveY = Math.max(-box.top, Math.min(height - box.bottom, dy));
  return { left: box.left + moveX, right: box.right + moveX, top: box.top + moveY, bottom: box.bottom + moveY };
}
