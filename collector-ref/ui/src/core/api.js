// Asks the collector. Errors become an ApiError that says what happened and what to do.

import { signal } from '../../vendor/preact.js';
import { toAddress } from './base.js';

/** Grows when the collector answered 401: the page shows the sign-in box. */
export const isSignInNeeded = signal(false);

/** An answer that is not the one asked for. */
export class ApiError extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {any} [body] */
  constructor(status, code, message, body) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.body = body;
  }
}

/** What is about the collector itself wherever the page is: who is logged in, and the demo load. */
const OUTSIDE = ['session', 'demo'];

/**
 * @param {string} path
 * @param {Record<string, string | number | undefined | null>} [query]
 */
export function apiUrl(path, query = {}) {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') params.set(key, String(value));
  }
  const text = params.toString();
  const address = OUTSIDE.includes(path) ? `/api/v1/${path}` : toAddress(`/api/v1/${path}`);
  return text ? `${address}?${text}` : address;
}

/**
 * @param {string} target
 * @param {RequestInit} init
 */
async function request(target, init) {
  let response;
  try {
    response = await fetch(target, { credentials: 'same-origin', ...init });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'unreachable', 'The collector does not answer. Is it running? This page tries again by itself.');
  }
  if (response.ok) return response;
  if (response.status === 401) isSignInNeeded.value = true;
  const body = await response.json().catch(() => null);
  const error = body?.error ?? {};
  throw new ApiError(response.status, error.code ?? 'http', error.message ?? `The collector answered ${response.status}.`, body);
}

/**
 * GET of a JSON document.
 * @param {string} path below /api/v1/
 * @param {Record<string, string | number | undefined | null>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function getJson(path, query, signal) {
  const response = await request(apiUrl(path, query), { headers: { accept: 'application/json' }, signal });
  return response.json();
}

/**
 * GET of bytes; also gives the exact number of points the collector says are in them.
 * @param {string} path
 * @param {Record<string, string | number | undefined | null>} [query]
 * @param {AbortSignal} [signal]
 */
export async function getBytes(path, query, signal) {
  const response = await request(apiUrl(path, query), { signal });
  return { bytes: await response.arrayBuffer(), total: Number(response.headers.get('x-scouter-total') ?? NaN) };
}

/** Ends the session of this browser. */
export const endSession = () => request(apiUrl('session'), { method: 'DELETE' });

/** Removes the demo load with all its data. */
export const removeDemo = () => request(apiUrl('demo'), { method: 'DELETE' });

/**
 * POST of a JSON document.
 * @param {string} path
 * @param {unknown} body
 * @param {Record<string, string | undefined | null>} [query]
 * @returns {Promise<any>}
 */
export async function postJson(path, body, query) {
  const response = await request(apiUrl(path, query), {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  return response.status === 204 ? null : response.json().catch(() => null);
}
