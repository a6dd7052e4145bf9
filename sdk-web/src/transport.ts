// Sends one text over fetch.
// Invariant: never rejects; requests that may outlive the page share what browsers give all of them together.
import type { Answer, Queued } from './core/queue.ts';

/** Browsers let all requests that outlive a page have 64 KiB together; some is left to the host. */
const KEEPALIVE_BYTES = 60_000;
/** From this on compressing is worth its wait, bytes. */
const GZIP_BYTES = 10_000;
/** A request that hangs is given up after this, ms. */
const REQUEST_LIMIT_MS = 20_000;

/** What is being compressed can go as it is. */
const compressing = new Set<() => void>();
/** Of the page, whoever sends. */
let room = KEEPALIVE_BYTES;

/** The page may be gone next: nothing is waited for any more. */
export function hurry(): void {
  for (const go of compressing) go();
}

/** What requests under way leave of the bytes that may outlive the page. */
export const roomLeft = (): number => room;

/** A Blob would tell too, after asking another process: twenty times slower. */
export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** A message's own part of its context travels with it, the rest once a batch. */
export function bodyOf(batch: Queued[], rest: object): string {
  const messages = batch.map(({ context: _shared, tm, ...message }) => ({ ...message, context: { tm } }));
  return JSON.stringify({ ...rest, context: batch[0]?.context, batch: messages });
}

/**
 * @param signal gives the request up, also while it is still being compressed
 * @param gzip compresses a large text; left out while the page is leaving
 */
export async function post(
  url: string,
  text: string,
  signal: AbortSignal,
  gzip?: (text: string) => Promise<Blob | string>,
): Promise<Answer> {
  let size = bytesOf(text);
  const isLarge = size > GZIP_BYTES;
  const keepalive = size <= room;
  if (!keepalive) size = 0;
  room -= size;
  try {
    // Known to be offline: no need to find out.
    if (navigator.onLine === false) throw 0;
    const answer = await fetch(url, {
      method: 'POST',
      // A text goes as text/plain, which needs no preflight; the collector reads bytes, not labels.
      body: isLarge && gzip ? await compressed(text, gzip) : text,
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

/** Or the text itself, once there is no time. */
const compressed = (text: string, gzip: (text: string) => Promise<Blob | string>): Promise<Blob | string> =>
  new Promise((resolve) => {
    const end = (body: Blob | string = text): void => {
      compressing.delete(end);
      resolve(body);
    };
    compressing.add(end);
    void gzip(text).then(end);
  });
