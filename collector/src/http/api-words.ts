// Words that the routes under /api share: pages, limits, parameters, and what is not there.
// Invariant: a mistyped parameter is never passed over where these are used.
import type { Context } from 'hono';
import { BadCursor, type Page } from '../ingest/core.ts';
import { ApiError } from './errors.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;

/** What an unknown address may want. */
const ADVICE: Readonly<Record<string, string>> = {
  profile: '; an id is user:<userId>, anon:<anonymousId> or the profile’s own',
};
export const notFound = (what: string): ApiError =>
  new ApiError(404, 'not_found', `there is no such ${what}${ADVICE[what] ?? ''}`);

export function pageOf(c: Context): { limit: number; cursor: string | null } {
  return { limit: limitOf(c), cursor: c.req.query('cursor') || null };
}

/** One page of rows held in memory, ordered by `nameOf`; the cursor is the last row's name. */
export function pageOfRows<T>(c: Context, rows: readonly T[], nameOf: (row: T) => string): Page<T> {
  const { limit, cursor } = pageOf(c);
  const after = cursor === null ? '' : Buffer.from(cursor, 'base64url').toString();
  if (cursor !== null && (after === '' || Buffer.from(after).toString('base64url') !== cursor))
    throw new BadCursor('This cursor is not one of ours; pass `next` of the previous page unchanged');
  const rest = rows.filter((row) => nameOf(row) > after).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const data = rest.slice(0, limit);
  const last = data[data.length - 1];
  const more = last !== undefined && rest.length > limit;
  return { data, next: more ? Buffer.from(nameOf(last)).toString('base64url') : null };
}

export function limitOf(c: Context, byDefault = DEFAULT_LIMIT): number {
  const text = c.req.query('limit');
  if (text === undefined) return byDefault;
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LIMIT)
    throw new ApiError(400, 'invalid_limit', `limit must be a whole number from 1 to ${MAX_LIMIT}`);
  return limit;
}

export function invalidField(pointer: string, message: string): ApiError {
  return new ApiError(422, 'invalid', `${pointer} ${message}`, { details: [{ pointer, message }] });
}

/** The query's parameters, none but these. */
export function adminQuery<K extends string>(c: Context, names: readonly K[]): Partial<Record<K, string>> {
  const query = c.req.query();
  // A list of K is one of texts; `includes` would take a K alone.
  const unknown = Object.keys(query).find((name) => !(names as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new ApiError(
      400,
      'invalid_parameter',
      `there is no parameter "${unknown}"; there is ${names.join(', ')}`,
    );
  return query as Partial<Record<K, string>>; // no other names
}
