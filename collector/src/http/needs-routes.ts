// GET /api/needs: the needs board.
// Invariant: reads only; a mistyped parameter is never passed over.
import type { Hono } from 'hono';
import type { NeedsFailure } from '../features/surveys/needs/index.ts';
import { readDuration } from '../wire/duration.ts';
import { adminQuery, notFound } from './api-words.ts';
import { ApiError } from './errors.ts';
import type { HttpParts } from './parts.ts';

/** Lets the process answer others between two pieces of long work. */
const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function addNeedsRoutes(app: Hono, { core }: HttpParts): void {
  app.get('/api/needs', async (c) => {
    const query = adminQuery(c, ['survey', 'segment', 'within']);
    // Loaded when it is asked for, like the survey results it rests on.
    const { DEFAULT_WITHIN, readNeeds } = await import('../features/surveys/needs/index.ts');
    const { segment = null, within = DEFAULT_WITHIN } = query;
    const surveys = c.req.queries('survey') ?? null;
    if (readDuration(within) === undefined)
      throw new ApiError(400, 'invalid_parameter', 'within must be a duration such as "30d" (s m h d w)');
    const { signal } = c.req.raw;
    const found = await readNeeds(core, { surveys, segment, within, signal }, pause);
    if (found === 'building')
      throw new ApiError(409, 'building', `the segment "${segment}" is still being built; ask again then`);
    if ('features' in found) return c.json(found);
    throw failureOf(found);
  });
}

function failureOf(failure: NeedsFailure): ApiError {
  if ('unknown' in failure) return notFound(failure.unknown);
  return new ApiError(
    400,
    'invalid_parameter',
    `the survey "${failure.noFeatures}" maps no features; add "features" to its definition`,
  );
}
