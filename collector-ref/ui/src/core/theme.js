// Dark or light: the system decides until the viewer does.

import { computed, signal } from '../../vendor/preact.js';

const KEY = 'scouter.theme';
const chosen = signal(/** @type {string | null} */ (null));
const systemIsLight = signal(false);
/** `dark` or `light`. */
export const theme = computed(() => chosen.value ?? (systemIsLight.value ? 'light' : 'dark'));
/** The viewer asked for less movement. */
export const isMotionReduced = signal(false);

/** Whether the list of keys lies over the page. */
export const isHelpOpen = signal(false);

/** Reads the choice and follows the system. */
export function startTheme() {
  const light = matchMedia('(prefers-color-scheme: light)');
  systemIsLight.value = light.matches;
  light.addEventListener('change', () => { systemIsLight.value = light.matches; });
  const motion = matchMedia('(prefers-reduced-motion: reduce)');
  isMotionReduced.value = motion.matches;
  motion.addEventListener('change', () => { isMotionReduced.value = motion.matches; });
  try {
    const stored = localStorage.getItem(KEY);
    if (stored === 'dark' || stored === 'light') chosen.value = stored;
  } catch { /* storage is switched off: the choice lasts as long as the tab */ }
  theme.subscribe(value => { document.documentElement.dataset.theme = value; });
}

/** Switches to the other one and remembers it. */
export function toggleTheme() {
  chosen.value = theme.value === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem(KEY, chosen.value);
  } catch { /* as above */ }
}
