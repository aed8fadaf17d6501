// How slow a transaction is among those of its service: exact, counted by the collector.

import { html, useEffect, useState } from '../../vendor/preact.js';
import { getJson } from '../core/api.js';
import { exactWord } from '../core/filter.js';
import { count } from '../core/format.js';
import { quantiseElapsed } from '../core/quantiser.js';

/** Those that ended so long before and after are compared with. */
const AROUND_MS = 15 * 60_000;
/** With fewer than this nothing is said. */
const LEAST = 20;

/** @param {{xlog: any}} props */
export function Standing({ xlog }) {
  const [found, setFound] = useState(/** @type {{below: number, total: number} | null} */ (null));
  useEffect(() => {
    const abort = new AbortController();
    const endMs = Math.floor(xlog.end_unix_us / 1000);
    const query = { t0_ms: endMs - AROUND_MS, t1_ms: endMs + AROUND_MS, f: exactWord('service', xlog.service), count_only: 1 };
    const q = quantiseElapsed(xlog.elapsed_us);
    Promise.all([getJson('xlogs', query, abort.signal), q > 0 ? getJson('xlogs', { ...query, y1q: q - 1 }, abort.signal) : { total: 0 }])
      .then(([all, faster]) => setFound({ below: faster.total, total: all.total }), () => { /* it is beside the point of the page */ });
    return () => abort.abort();
  }, [xlog.txid]);
  if (!found || found.total < LEAST) return null;
  const share = Math.min(99.9, (found.below / found.total) * 100);
  const text = share >= 99 ? share.toFixed(1) : share.toFixed(0);
  return html`<span class="standing" data-testid="standing" title=${`Of ${count(found.total)} of this service within 15 minutes, ${count(found.below)} were faster`}>
    <span class="standing-bar" aria-hidden="true"><i style=${{ left: `${share * 0.97}%` }}></i></span>slower than <b>${text} %</b> of its service</span>`;
}
