// The one error of the HTTP layer and the one place that turns failures into answers.
// Invariant: an answer never says more than the caller may know; unknown failures say nothing of inside.
import { BadCursor, BrokenFile, Damaged, NotStored, Overloaded } from '../ingest/core.ts';

export type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 422 | 429 | 500 | 503;

export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly status: ErrorStatus,
    readonly code: string,
    message: string,
    readonly options: { details?: unknown; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
  }
}

/** How long a client should wait when the database does not take messages, seconds. */
const STORE_RETRY_SECONDS = 5;
/** The same when too much is waiting: the queue is worked off in about so long. */
const OVERLOAD_RETRY_SECONDS = 2;
/** The same where somebody has to restore a backup first. */
const DAMAGED_RETRY_SECONDS = 60;

export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof Overloaded) return overloaded();
  if (error instanceof BadCursor) return new ApiError(400, 'invalid_cursor', error.message);
  if (error instanceof Damaged || error instanceof BrokenFile) {
    const message = 'The database is damaged and takes nothing any more; send again once it is restored';
    const retryAfterSeconds = DAMAGED_RETRY_SECONDS;
    return new ApiError(503, 'database_damaged', message, { retryAfterSeconds, cause: error });
  }
  if (error instanceof NotStored) {
    const message = 'The collector cannot store messages right now; send them again later';
    return new ApiError(503, 'not_stored', message, { retryAfterSeconds: STORE_RETRY_SECONDS, cause: error });
  }
  return new ApiError(500, 'internal', 'Something went wrong inside the collector', { cause: error });
}

export function overloaded(): ApiError {
  const message = 'The collector has more to do than it can at this moment; nothing of this was stored';
  return new ApiError(429, 'overloaded', message, { retryAfterSeconds: OVERLOAD_RETRY_SECONDS });
}

export function errorResponse({ status, code, message, options }: ApiError): Response {
  const { details, retryAfterSeconds } = options;
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (retryAfterSeconds !== undefined)
    headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterSeconds)));
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="tidemark"';
  const error = details === undefined ? { code, message } : { code, message, details };
  return new Response(JSON.stringify({ error }), { status, headers });
}
