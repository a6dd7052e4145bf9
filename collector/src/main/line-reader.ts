// A stream of bytes as lines of text, gzip or not.
// Invariant: bounded memory whatever comes: a line past the limit is told as such, not held.
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

/** Longest line: a file's definitions are one line; a message with its context is below 100 KB. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

const NEWLINE = 10;

/** A line, or null for one that is too long. */
export type Line = string | null;

/** @throws what the source throws, and zlib's error for gzip that is damaged or cut off */
export async function* readLines(source: Readable): AsyncGenerator<Line> {
  let held: Buffer[] = [];
  let bytes = 0;
  const take = (): Line => {
    const line = bytes > MAX_LINE_BYTES ? null : Buffer.concat(held).toString('utf8');
    held = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of inflated(source)) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      hold(chunk.subarray(start, end));
      yield take();
      start = end + 1;
    }
    hold(chunk.subarray(start));
  }
  if (bytes > 0) yield take();

  function hold(part: Buffer): void {
    bytes += part.length;
    if (bytes > MAX_LINE_BYTES) held = [];
    else if (part.length > 0) held.push(part);
  }
}

async function* inflated(source: Readable): AsyncGenerator<Buffer> {
  // No encoding is set: what comes are buffers, here and below.
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first: Buffer[] = [];
  let size = 0;
  while (size < 2) {
    const { done, value } = await chunks.next();
    if (done) break;
    first.push(value);
    size += value.length;
  }
  const head = Buffer.concat(first);
  const all = async function* (): AsyncGenerator<Buffer> {
    yield head;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  };
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* all();
    return;
  }
  const gunzip = createGunzip();
  // Its failure comes out of the loop as well.
  pipeline(all(), gunzip).catch(() => {});
  for await (const chunk of gunzip) yield chunk as Buffer; // likewise
}
