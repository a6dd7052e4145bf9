// Which key a request presents, and whether it may come in with it.
// Invariant: the first key present decides; a later one never rescues a wrong one.
import type { Sender } from '../ingest/core.ts';
import type { KeyKind } from '../wire/accepted.ts';
import type { JsonObject } from '../wire/message.ts';
import { announcedBytes, parseJson, readBody, requireObject } from './body.ts';
import { networkOf } from './caller.ts';
import { LARGE_BODY_BYTES } from './decoder.ts';
import { ApiError, toApiError } from './errors.ts';
import type { HttpParts } from './parts.ts';
import { READ_ANYWAY, WRONG_KEYS } from './rate-limit.ts';

/** Whoever was let in. */
export interface Writer {
  kind: KeyKind;
  /** Whose turn it is where messages wait. */
  sender: Sender;
}

/** The door of one request. */
export interface Gate {
  address: string | null;
  /** As far as it is known before the body is read. */
  sender: Sender;
  /** The bytes of the body, inflated. @throws ApiError 400, 413 or 429 */
  read(): Promise<Buffer>;
  /** @param bodyKey the key in the body, if any. @throws ApiError 401, 403 or 429 */
  admit(bodyKey: unknown): Writer;
}

/**
 * A body up to this size is read for its key even after too many wrong ones: behind one address (an office, a
 * provider's customers) a neighbour's stale key must not silence pages with a right one. Browsers send no more at once
 * while a page goes, and our web SDK's batches have 50 KB. So many a minute as of any key: whoever sends more of them
 * is not read again.
 */
const MAX_BYTES_READ_ANYWAY = 64 * 1024;

/**
 * A key in the header or the address decides before the body is read; else the body's does.
 * @throws ApiError 401, 403 or 429
 */
export function gateFor(parts: HttpParts, request: Request, env: unknown): Gate {
  const address = parts.addressOf(request, env);
  const key = presentedKey(request);
  if (key !== null) {
    const writer = letIn(parts, request, address, key);
    const read = (): Promise<Buffer> => readBody(request, parts.room, address);
    return { address, sender: writer.sender, read, admit: () => writer };
  }
  const refusal = parts.limit.refusal(WRONG_KEYS, address, parts.core.now());
  if (refusal) {
    if ((announcedBytes(request) ?? Number.POSITIVE_INFINITY) > MAX_BYTES_READ_ANYWAY) throw refusal;
    parts.limit.take(READ_ANYWAY, address, parts.core.now());
  }
  return {
    address,
    sender: { key: '', address: networkOf(address) },
    read: () =>
      refusal ? readLittle(parts, request, address, refusal) : readBody(request, parts.room, address),
    admit: (bodyKey) => letIn(parts, request, address, keyOf(bodyKey)),
  };
}

/** A small body that inflates to a large one costs as much as that: it is refused as if it had not been read. */
async function readLittle(
  { room }: HttpParts,
  request: Request,
  address: string | null,
  refusal: ApiError,
): Promise<Buffer> {
  try {
    return await readBody(request, room, address, MAX_BYTES_READ_ANYWAY);
  } catch (error) {
    throw toApiError(error).status === 413 ? refusal : error;
  }
}

/** The fields a body holds, of which a large one is read on the decoder's thread, and who sent it. */
export async function admitWithFields(
  parts: HttpParts,
  request: Request,
  env: unknown,
  names: readonly string[],
): Promise<{ fields: JsonObject; writer: Writer }> {
  const gate = gateFor(parts, request, env);
  const bytes = await gate.read();
  const fields =
    bytes.length > LARGE_BODY_BYTES
      ? await parts.decoder.pick(bytes, gate.sender, [...names, 'writeKey'])
      : requireObject(parseJson(bytes));
  return { fields, writer: gate.admit(fields.writeKey) };
}

/** Lets the write key in that a request presents, by key, origin and rate. @throws ApiError 401, 403 or 429. */
export function admitWriter(parts: HttpParts, request: Request, env: unknown, bodyKey: unknown): Writer {
  return letIn(parts, request, parts.addressOf(request, env), presentedKey(request, bodyKey));
}

function letIn(
  { access, core, limit, onSecretInPage, originOf }: HttpParts,
  request: Request,
  address: string | null,
  key: string | null,
): Writer {
  const record = key === null ? null : access.find(key);
  if (!record || record.kind === 'admin') {
    limit.take(WRONG_KEYS, address, core.now());
    throw unknownKey(key, record !== null);
  }
  const origin = request.headers.get('origin');
  if (origin !== null) {
    if (record.kind === 'web') requireAllowed(origin, access.source().allowedOrigins, originOf, request);
    else onSecretInPage(record.id);
  }
  limit.take(record.id, address, core.now());
  return { kind: record.kind, sender: { key: record.id, address: networkOf(address) } };
}

/** The key a request presents: Basic user name, then `?writeKey=`, then the body's; the first present decides. */
export function presentedKey(request: Request, bodyKey?: unknown): string | null {
  const authorization = request.headers.get('authorization');
  if (authorization && /^basic /i.test(authorization)) {
    const [name = ''] = Buffer.from(authorization.slice(6), 'base64').toString().split(':');
    if (name !== '') return name;
  }
  return queryOf(request, 'writeKey') || keyOf(bodyKey);
}

const keyOf = (bodyKey: unknown): string | null =>
  typeof bodyKey === 'string' && bodyKey !== '' ? bodyKey : null;

/** A parameter of the request's address; null without it. An address is only taken apart where it has any. */
export function queryOf({ url }: Request, name: string): string | null {
  return url.includes('?') ? new URL(url).searchParams.get(name) : null;
}

export function bearerKey(request: Request): string | null {
  const authorization = request.headers.get('authorization');
  return authorization && /^bearer /i.test(authorization) ? authorization.slice(7).trim() : null;
}

const HOW_TO_WRITE = 'as the Basic user name, as ?writeKey= or as "writeKey" in the body';

/** Whoever presents a right admin key may know that it is one. */
function unknownKey(key: string | null, isAdmin: boolean): ApiError {
  if (isAdmin)
    return new ApiError(
      401,
      'invalid_key',
      `this is an admin key; messages take a write key, ${HOW_TO_WRITE}`,
    );
  const message =
    key === null
      ? `a write key is required: ${HOW_TO_WRITE}`
      : 'this write key is unknown or was revoked; `tidemark keys` lists those there are';
  return new ApiError(401, 'invalid_key', message);
}

function requireAllowed(
  origin: string,
  allowed: readonly string[],
  originOf: HttpParts['originOf'],
  request: Request,
): void {
  if (allowed.length === 0 || allowed.includes(origin)) return;
  // Our own pages may always send.
  if (origin === originOf(request).origin) return;
  throw new ApiError(403, 'origin_not_allowed', 'pages of this origin may not send with this key');
}
