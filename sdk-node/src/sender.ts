// Sends one batch over fetch.
// Invariant: never rejects; the write key travels in the Authorization header, never in the address.
import type { IngestAnswer } from '../../collector/src/wire/message.ts';
import type { Answer, Queued } from '../../sdk-web/src/core/queue.ts';

export interface SenderParts {
  url: string;
  writeKey: string;
  /** How long one request may take, ms. */
  limitMs: number;
  fetch: typeof fetch;
}

export function createSender({
  url,
  writeKey,
  limitMs,
  fetch,
}: SenderParts): (batch: Queued[]) => Promise<Answer> {
  const authorization = `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`;
  return async (batch) => {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ batch, sentAt: new Date().toISOString() }),
        signal: AbortSignal.timeout(limitMs),
      });
      const retryAfter = answer.headers.get('retry-after');
      // Reading the body to its end frees the connection for the next batch.
      const text = await answer.text();
      return { status: answer.status, retryAfter, body: answer.ok ? parsed(text) : null };
    } catch {
      return { status: 0 };
    }
  };
}

function parsed(text: string): Partial<IngestAnswer> | null {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' ? body : null;
  } catch {
    return null;
  }
}
