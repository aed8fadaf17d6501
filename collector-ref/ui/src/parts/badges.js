// Small words about a transaction: status, how it ended, its age. Words first, colour second.

import { html } from '../../vendor/preact.js';
import { duration } from '../core/format.js';

const ENDS = /** @type {Record<string, string>} */ ({
  cancelled_before_response: 'cancelled before response', aborted_in_body: 'aborted in body', body_error: 'body error',
  service_error: 'service error', panic: 'panic', upgraded: 'upgraded', forced_end: 'forced end',
});

const SHORT_ENDS = /** @type {Record<string, string>} */ ({ cancelled_before_response: 'cancelled', aborted_in_body: 'aborted' });

/** Whether a row is drawn as an error. @param {any} xlog */
export const isError = xlog => Boolean(xlog.error) || xlog.status >= 500 || xlog.end === 'panic';

/** @param {{xlog: any, isShort?: boolean}} props isShort: in a list only the first word of how it ended */
export function Status({ xlog, isShort = false }) {
  const end = ENDS[xlog.end];
  return html`<span class=${isError(xlog) ? 'err' : ''}>${xlog.status > 0 ? statusText(xlog.status) : end ? '' : '–'}${end ? html` <span class="tag" title=${end}>${isShort ? SHORT_ENDS[xlog.end] ?? end : end}</span>` : ''}</span>`;
}

/** HTTP status, or gRPC code (1,000 + code). @param {number} status */
export function statusText(status) {
  return status >= 1000 ? `gRPC ${status - 1000}` : String(status);
}

/** @param {number} ageUs */
export const ageBand = ageUs => (ageUs >= 8e6 ? 'old' : ageUs >= 3e6 ? 'aging' : 'young');

/** @param {{us: number}} props */
export function Age({ us }) {
  const band = ageBand(us);
  return html`<span class=${`age is-${band}`}>${duration(us)}<span class="hidden-text"> ${{ old: 'over 8 seconds', aging: '3 to 8 seconds', young: 'under 3 seconds' }[band]}</span></span>`;
}

/** Link to a transaction. @param {{gxid: string, txid: string}} xlog @param {string} [query] */
export const txHref = (xlog, query = '') => `/tx/${xlog.gxid}-${xlog.txid}${query}`;
