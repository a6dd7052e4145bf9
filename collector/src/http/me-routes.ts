// The caller's own exposed view.
// Invariant: nothing beyond `expose` leaves; an unknown id looks like a person who has done nothing.
import type { Hono } from 'hono';
import type { Moment } from '../features/surveys/decide.ts';
import { offersFor } from '../features/surveys/offers.ts';
import type { KeyKind } from '../wire/accepted.ts';
import { isBlockedId, readId } from '../wire/ids.ts';
import type { JsonObject, JsonValue, Me } from '../wire/message.ts';
import { MAX_URL_CHARS } from '../wire/url-pattern.ts';
import { admitWithFields, admitWriter } from './admission.ts';
import { ApiError } from './errors.ts';
import type { HttpParts } from './parts.ts';

const FIELDS = ['userId', 'anonymousId', 'userSignature', 'url'] as const;

export function addMeRoutes(app: Hono, parts: HttpParts): void {
  app.get('/v1/me', async (c) => {
    const fields = c.req.query();
    const { kind } = admitWriter(parts, c.req.raw, c.env, fields.writeKey);
    return c.json(await answerMe(parts, c.req.raw, kind, fields));
  });
  app.post('/v1/me', async (c) => {
    const { fields, writer } = await admitWithFields(parts, c.req.raw, c.env, FIELDS);
    return c.json(await answerMe(parts, c.req.raw, writer.kind, fields));
  });
}

async function answerMe(parts: HttpParts, request: Request, kind: KeyKind, fields: JsonObject): Promise<Me> {
  const userId = idOf(fields.userId, 'userId');
  const anonymousId = idOf(fields.anonymousId, 'anonymousId');
  const signature = request.headers.get('x-tidemark-signature') ?? textOf(fields.userSignature);
  const isProven = userId !== null && signature !== null && parts.access.proves(userId, signature);
  if (signature !== null && !isProven)
    throw new ApiError(401, 'invalid_signature', 'userSignature does not prove this userId');
  const verified = isProven || (kind === 'server' && userId !== null);
  return readMe(parts, { userId, anonymousId, verified }, { url: urlOf(fields.url), messages: null });
}

export async function readMe(
  { core }: HttpParts,
  who: { userId: string | null; anonymousId: string | null; verified: boolean },
  moment: Moment,
): Promise<Me> {
  const { segments, computed, surveys: standings, person } = await core.me(who);
  return { segments, computed, surveys: await offersFor(core, { standings, person }, moment) };
}

/** The page the caller is on, for surveys that are for some pages only. */
function urlOf(value: JsonValue | undefined): string | null {
  const url = textOf(value);
  // As if it had not been said: a page goes on having its segments and traits.
  if (url !== null && url.length > MAX_URL_CHARS) return null;
  if (url !== null && !URL.canParse(url))
    throw new ApiError(
      400,
      'invalid_field',
      'url must be a whole address, such as https://shop.example/cart',
    );
  return url;
}

function idOf(value: JsonValue | undefined, field: string): string | null {
  if (value === undefined || value === null || value === '') return null;
  const id = readId(value);
  if (id === undefined || id === null)
    throw new ApiError(400, 'invalid_field', `${field} must be text of 1 to 512 characters`);
  return isBlockedId(id) ? null : id;
}

const textOf = (value: JsonValue | undefined): string | null =>
  typeof value === 'string' && value !== '' ? value : null;
