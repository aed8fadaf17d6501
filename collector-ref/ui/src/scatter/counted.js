// Keeps the counted picture of a plot: asks for it when the view changes, and again while it is live.

import { ApiError, getBytes } from '../core/api.js';
import { measureParam } from '../core/measures.js';
import { view } from '../core/router.js';
import { decodeCounted, fillRaster, gridQuery } from '../data/counted.js';
import { historyState, pointsVersion } from '../data/hub.js';

let abort = new AbortController();

/**
 * Asks for the counts of a plot up to its right edge, or to a later one, and draws them unless the
 * view has moved on. Until they are there the former ones stay.
 * @param {import('./plot.js').Plot} plot @param {number} toMs @param {() => void} drawn
 */
export async function loadCounted(plot, toMs, drawn) {
  abort.abort();
  abort = new AbortController();
  const { signal } = abort;
  const { raster } = plot;
  const { measure, f } = view.peek();
  const shape = { ...gridQuery(raster, plot.scale.axis), first_column: Math.floor(toMs / raster.columnMs) - raster.width + 1 };
  try {
    const { bytes } = await getBytes('grid', { ...shape, measure: measureParam(measure), f }, signal);
    if (signal.aborted) return;
    const counted = decodeCounted(bytes);
    raster.clearCounts();
    raster.first = shape.first_column;
    fillRaster(raster, counted);
    historyState.value = '';
    drawn();
    pointsVersion.value += 1;
  } catch (error) {
    if (signal.aborted) return;
    historyState.value = error instanceof Error ? error.message : String(error);
    if (!(error instanceof ApiError) && !(error instanceof Error && error.name === 'FrameError')) throw error;
  }
}
