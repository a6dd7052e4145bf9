// From a request's bytes to JSON: judged by the bytes, not by what the headers say.
// Invariant: at most MAX_BODY_BYTES are held, before and after inflation, whatever is sent.
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type JsonObject, type JsonValue, MAX_BODY_BYTES } from '../wire/message.ts';
import { ApiError } from './errors.ts';

const inflate = promisify(gunzip);

const tooLarge = (): ApiError =>
  new ApiError(
    413,
    'body_too_large',
    `a body may have at most ${MAX_BODY_BYTES} bytes, also after inflation`,
  );

/** The body as an object. @throws ApiError 400 or 413. */
export async function readJsonObject(request: Request): Promise<JsonObject> {
  const value = await readJson(request);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ApiError(400, 'invalid_body', 'the body must be a JSON object');
  return value;
}

export async function readJson(request: Request): Promise<JsonValue> {
  const text = await decode(await readBytes(request));
  try {
    return JSON.parse(text) as JsonValue; // JSON.parse gives nothing else
  } catch {
    throw new ApiError(400, 'invalid_json', 'the body is not valid JSON');
  }
}

/** An asynchronous seam: inflation already leaves the thread, large bodies may follow. */
async function decode(bytes: Buffer): Promise<string> {
  const isGzip = bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
  const plain = isGzip ? await inflateBounded(bytes) : bytes;
  const hasMark = plain.length > 2 && plain[0] === 0xef && plain[1] === 0xbb && plain[2] === 0xbf;
  return plain.toString('utf8', hasMark ? 3 : 0);
}

async function inflateBounded(bytes: Buffer): Promise<Buffer> {
  try {
    return await inflate(bytes, { maxOutputLength: MAX_BODY_BYTES });
  } catch (error) {
    if (error instanceof RangeError || codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw new ApiError(400, 'invalid_gzip', 'the body begins like gzip but does not inflate');
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

async function readBytes(request: Request): Promise<Buffer> {
  const length = request.headers.get('content-length');
  if (length !== null) {
    if (Number(length) > MAX_BODY_BYTES) throw tooLarge();
    // Node's HTTP parser holds the sender to this length.
    const bytes = Buffer.from(await readAll(request));
    if (bytes.length > MAX_BODY_BYTES) throw tooLarge();
    return bytes;
  }
  if (!request.body) return Buffer.alloc(0);
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks);
    size += value.length;
    if (size > MAX_BODY_BYTES) {
      await reader.cancel();
      throw tooLarge();
    }
    chunks.push(value);
  }
}

async function readAll(request: Request): Promise<ArrayBuffer> {
  try {
    return await request.arrayBuffer();
  } catch (error) {
    throw new ApiError(400, 'incomplete_body', 'the body ended before its announced length', {
      cause: error,
    });
  }
}
