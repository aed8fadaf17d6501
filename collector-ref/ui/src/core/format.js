// How numbers are written, everywhere the same: short, right-aligned, honest about their unit.

/** @param {number} value @param {number} digits */
const fixed = (value, digits) => value.toFixed(digits);
/** Thin space: keeps a number and its unit together. */
const THIN = ' ';

/**
 * Three significant digits with a unit that fits: `870 µs`, `12.4 ms`, `1.06 s`, `2 m 05 s`.
 * @param {number | null | undefined} us
 * @returns {string}
 */
export function duration(us) {
  if (us === null || us === undefined || !Number.isFinite(us)) return '–';
  if (us < 0) return `−${duration(-us)}`;
  if (us < 999.5) return `${Math.round(us)}${THIN}µs`;
  if (us < 999_500) return `${three(us / 1e3)}${THIN}ms`;
  if (us < 59_995_000) return `${three(us / 1e6)}${THIN}s`;
  const seconds = Math.round(us / 1e6);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${THIN}m ${two(seconds % 60)}${THIN}s`;
  const minutes = Math.round(us / 6e7);
  if (minutes < 2880) return `${Math.floor(minutes / 60)}${THIN}h ${two(minutes % 60)}${THIN}m`;
  return `${Math.floor(minutes / 1440)}${THIN}d ${Math.floor((minutes % 1440) / 60)}${THIN}h`;
}

/** Three significant digits. @param {number} value */
export function three(value) {
  if (value < 9.995) return fixed(value, 2);
  if (value < 99.95) return fixed(value, 1);
  return fixed(value, 0);
}

/** @param {number} value */
const two = value => String(value).padStart(2, '0');

const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/**
 * Exact whole number with group separators: `1,234,567`.
 * @param {number | null | undefined} value
 */
export function count(value) {
  return value === null || value === undefined || !Number.isFinite(value) ? '–' : GROUPED.format(value);
}

/**
 * Rate per second: small ones keep a digit, large ones get a letter.
 * @param {number | null | undefined} value
 */
export function rate(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  if (value < 9.95) return fixed(value, 1);
  if (value < 9_999.5) return count(value);
  if (value < 999_500) return `${three(value / 1e3)}${THIN}k`;
  return `${three(value / 1e6)}${THIN}M`;
}

/**
 * Bytes in powers of 1,024.
 * @param {number | null | undefined} value
 */
export function bytes(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value < 1024) return `${value}${THIN}B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let scaled = value / 1024;
  let unit = 0;
  while (scaled >= 1023.5 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${three(scaled)}${THIN}${units[unit]}`;
}

/**
 * Time of day in the viewer's zone: `10:22:31.204` (without ms on request).
 * @param {number} unixMs
 * @param {boolean} [withMs]
 */
export function clock(unixMs, withMs = true) {
  const d = new Date(unixMs);
  const base = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return withMs ? `${base}.${String(d.getMilliseconds()).padStart(3, '0')}` : base;
}

/**
 * Day and time in the viewer's zone: `2026-11-22 10:22:31.204`.
 * @param {number} unixMs
 * @param {boolean} [withMs]
 */
export function dateTime(unixMs, withMs = true) {
  const d = new Date(unixMs);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock(unixMs, withMs)}`;
}

/**
 * `1 error`, `2 errors`.
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/**
 * Share of a whole in percent, never more digits than it deserves.
 * @param {number} part
 * @param {number} whole
 */
export function percent(part, whole) {
  if (whole <= 0) return '–';
  const p = (part / whole) * 100;
  if (p === 0) return '0 %';
  if (p < 0.1) return '<0.1 %';
  return `${p < 9.95 ? fixed(p, 1) : fixed(p, 0)} %`;
}
