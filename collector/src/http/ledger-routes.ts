// The loss ledger over HTTP: which messages arrived, for SDKs; how complete the days are, for admins.
// Invariant: nothing is stored; a client that asks before it sends again sends nothing twice.
import type { Hono } from 'hono';
import type { JsonValue } from '../wire/message.ts';
import { admitWithFields } from './admission.ts';
import { notFound } from './api-words.ts';
import { ApiError } from './errors.ts';
import type { HttpParts } from './parts.ts';

/** Ids in one question: twice what the web SDK's queue holds. */
const MAX_IDS = 10_000;
const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 7;
/** Days in one question: every message of the file is looked at, however few. */
const MAX_DAYS = 31;

export function addLedgerRoutes(app: Hono, parts: HttpParts): void {
  const { access, core } = parts;
  app.post('/v1/seen', async (c) => {
    const { fields, writer } = await admitWithFields(parts, c.req.raw, c.env, ['messageIds']);
    return c.json({ seen: await core.seen(idsOf(fields.messageIds), writer.kind) });
  });

  app.get('/api/sources/:id/completeness', async (c) => {
    if (c.req.param('id') !== access.source().id) throw notFound('source');
    const today = Math.floor(core.now() / DAY_MS) * DAY_MS;
    const last = dayOf(c.req.query('to'), 'to') ?? today;
    const first = dayOf(c.req.query('from'), 'from') ?? last - (DEFAULT_DAYS - 1) * DAY_MS;
    const count = (last - first) / DAY_MS + 1;
    if (count < 1 || count > MAX_DAYS)
      throw new ApiError(400, 'invalid_range', `from and to must span 1 to ${MAX_DAYS} days`);
    const days = await core.completeness({ from: first, to: last + DAY_MS });
    if (!days)
      throw new ApiError(
        400,
        'too_many_instances',
        'too many page loads to count at once; ask for fewer days',
      );
    const data = days.map(({ day, expected, received, reported, doubtful }) => ({
      day: new Date(day).toISOString().slice(0, 10),
      expected,
      received,
      reported,
      doubtful,
      completeness: expected === 0 ? null : received / expected,
    }));
    return c.json({ data, next: null });
  });
}

function idsOf(value: JsonValue | undefined): string[] {
  if (!Array.isArray(value) || value.length > MAX_IDS || !value.every((id) => typeof id === 'string'))
    throw new ApiError(400, 'invalid_body', `messageIds must be a list of at most ${MAX_IDS} texts`);
  return value as string[]; // each was checked
}

function dayOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  // The 31st of February is read as a day of March.
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(text))
    throw new ApiError(400, 'invalid_range', `${name} must be a day like 2026-06-10`);
  return time;
}
