// Sends one text over fetch.
// Invariant: never rejects; requests that may outlive the page share what browsers give all of them together.
import type { Answer, Queued } from './core/queue.ts';

/** Browsers let all requests that outlive a page have 64 KiB together; some is left to the host. */
const KEEPALIVE_BYTES = 60_000;
/** From this on compressing is worth its wait, bytes. */
export const GZIP_BYTES = 10_000;
/** A request that hangs is given up after this, ms. */
export const REQUEST_LIMIT_MS = 20_000;

/** Of the page, whoever sends. */
let room = KEEPALIVE_BYTES;

/** What requests under way leave of the bytes that may outlive the page. */
export const roomLeft = (): number => room;

/** A Blob would tell too, after asking another process: twenty times slower. */
export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** A message's own part of its context travels with it, the rest once a batch. */
export function bodyOf(batch: Queued[], rest: object): string {
  return JSON.stringify({
    ...rest,
    context: batch[0]?.context,
    batch: batch.map(({ tm, ...message }) => ({ ...message, context: { tm } })),
  });
}

/**
 * @param signal gives the request up, also while it is still being compressed
 * @param body the text, or what is being made of it
 */
export async function post(
  url: string,
  text: string,
  signal: AbortSignal,
  body: Blob | string | Promise<Blob | string>,
): Promise<Answer> {
  const bytes = bytesOf(text);
  const keepalive = bytes <= room;
  const size = keepalive ? bytes : 0;
  room -= size;
  try {
    const answer = await fetch(url, {
      method: 'POST',
      // A text goes as text/plain, which needs no preflight; the collector reads bytes, not labels.
      body: await body,
      keepalive,
      // A page to sign in at, say: the messages are not for it.
      redirect: 'error',
      // Browsers before 2024 have no time-out besides another signal: their own, of minutes, must do.
      signal: AbortSignal.any?.([signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]) ?? signal,
    });
    return {
      status: answer.status,
      retryAfter: answer.headers.get('retry-after'),
      body: await answer.json().catch(() => null),
    };
  } catch {
    return { status: 0 };
  } finally {
    room += size;
  }
}
