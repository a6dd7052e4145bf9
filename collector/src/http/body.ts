// From a request's bytes to JSON: judged by the bytes, not by what the headers say.
// Invariant: at most MAX_BODY_BYTES are held, before and after inflation, whatever is sent.
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type JsonObject, type JsonValue, MAX_BODY_BYTES } from '../wire/message.ts';
import type { BodyRoom } from './body-room.ts';
import { ApiError } from './errors.ts';

const inflate = promisify(gunzip);

/** Bodies under /api are parsed on the main thread: the largest definitions have some 100 KiB. */
export const MAX_ADMIN_BODY_BYTES = 1024 * 1024;

/**
 * Bodies up to this size, nearly all (a hundred messages have some 80 KiB), are read in one go and counted by the
 * length they announce: as a stream the same body costs a tenth more CPU.
 */
const SMALL_BODY_BYTES = 128 * 1024;

const tooLarge = (maxBytes: number): ApiError =>
  new ApiError(413, 'body_too_large', `a body may have at most ${maxBytes} bytes here, also after inflation`);

/** The body as an object, of a request that an admin key let in. @throws ApiError 400 or 413. */
export async function readJsonObject(request: Request): Promise<JsonObject> {
  return requireObject(await readJson(request));
}

/** The body of a request that an admin key let in: parsed where it is. @throws ApiError 400 or 413. */
export async function readJson(request: Request): Promise<JsonValue> {
  const bytes = await readBytes(request, MAX_ADMIN_BODY_BYTES, () => {});
  return parseJson(isGzip(bytes) ? await inflateBounded(bytes, MAX_ADMIN_BODY_BYTES) : bytes);
}

/**
 * The bytes of anybody's body, inflated as far as `maxBytes`.
 * @throws ApiError 400, 413, or 429 when too much is being read already.
 */
export async function readBody(
  request: Request,
  room: BodyRoom,
  address: string | null,
  maxBytes = MAX_BODY_BYTES,
): Promise<Buffer> {
  const place = room.enter(address);
  try {
    const bytes = await readBytes(request, maxBytes, place.take);
    return isGzip(bytes) ? await room.inflate(() => inflateBounded(bytes, maxBytes)) : bytes;
  } finally {
    place.leave();
  }
}

const isGzip = (bytes: Buffer): boolean => bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;

/** @throws ApiError 400 */
export function parseJson(bytes: Buffer): JsonValue {
  const hasMark = bytes.length > 2 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  try {
    return JSON.parse(bytes.toString('utf8', hasMark ? 3 : 0)) as JsonValue; // JSON.parse gives nothing else
  } catch {
    throw new ApiError(400, 'invalid_json', 'the body is not valid JSON');
  }
}

/** @throws ApiError 400 */
export function requireObject(value: JsonValue): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ApiError(400, 'invalid_body', 'the body must be a JSON object');
  return value;
}

/** Off the main thread, and no further than what may be kept. */
async function inflateBounded(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await inflate(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if (error instanceof RangeError || codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new ApiError(400, 'invalid_gzip', 'the body begins like gzip but does not inflate');
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

/** @param take hears of bytes before they are kept, and may refuse them */
async function readBytes(request: Request, maxBytes: number, take: (bytes: number) => void): Promise<Buffer> {
  const length = announcedBytes(request);
  if (length !== null && length > maxBytes) throw tooLarge(maxBytes);
  if (length === null || length > SMALL_BODY_BYTES) return readChunks(request, maxBytes, take);
  // Node's HTTP parser holds the sender to this length.
  take(length);
  const bytes = Buffer.from(await request.arrayBuffer().catch(refuseIncomplete));
  if (bytes.length > maxBytes) throw tooLarge(maxBytes);
  return bytes;
}

/** How long the body says it is; null where it does not. */
export function announcedBytes(request: Request): number | null {
  const header = request.headers.get('content-length');
  // Whoever calls `fetch` without an HTTP parser of their own may pass on what is no length.
  return header !== null && /^\d+$/.test(header) ? Number(header) : null;
}

/** Announcing much must not take room: what counts is what has come. */
async function readChunks(
  request: Request,
  maxBytes: number,
  take: (bytes: number) => void,
): Promise<Buffer> {
  if (!request.body) return Buffer.alloc(0);
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(refuseIncomplete);
      if (done) return Buffer.concat(chunks);
      size += value.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      take(value.length);
      chunks.push(value);
    }
  } catch (error) {
    await reader.cancel().catch(() => {}); // it may have ended by itself
    throw error;
  }
}

function refuseIncomplete(cause: unknown): never {
  throw new ApiError(400, 'incomplete_body', 'the body ended before its announced length', { cause });
}
