// Sends one batch over fetch.
// Invariant: never rejects, and answers within its time limit whatever fetch does; the write key travels
// in the Authorization header, never in the address.
import type { IngestAnswer } from '../../collector/src/wire/message.ts';
import type { Answer } from '../../sdk-web/src/core/queue.ts';
import type { Message } from './params.ts';

export interface SenderParts {
  url: string;
  writeKey: string;
  /** How long one request may take, ms. */
  limitMs: number;
  fetch: typeof fetch;
  now(): number;
  /** Calls back after `ms`; the answer cancels. */
  after(ms: number, callback: () => void): () => void;
}

export interface Sender {
  send(batch: Message[]): Promise<Answer>;
  /** Gives up the requests under way: each is answered as if the network had failed. */
  abort(): void;
}

const NO_ANSWER: Answer = { status: 0 };

export function createSender({ url, writeKey, limitMs, fetch, now, after }: SenderParts): Sender {
  const authorization = `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`;
  const underWay = new Set<() => void>();

  async function request(batch: Message[], signal: AbortSignal): Promise<Answer> {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ batch, sentAt: new Date(now()).toISOString() }),
      signal,
    });
    const retryAfter = answer.headers.get('retry-after');
    // Reading the body to its end frees the connection for the next batch.
    const text = await answer.text();
    return { status: answer.status, retryAfter, body: answer.ok ? parsed(text) : null };
  }

  return {
    async send(batch) {
      const abort = new AbortController();
      let giveUp = (): void => {};
      const givenUp = new Promise<Answer>((resolve) => {
        giveUp = () => {
          resolve(NO_ANSWER);
          abort.abort();
        };
      });
      underWay.add(giveUp);
      const cancel = after(limitMs, giveUp);
      try {
        return await Promise.race([request(batch, abort.signal).catch(() => NO_ANSWER), givenUp]);
      } finally {
        cancel();
        underWay.delete(giveUp);
      }
    },
    abort() {
      for (const giveUp of underWay) giveUp();
    },
  };
}

function parsed(text: string): Partial<IngestAnswer> | null {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null) return null;
    const { rejected } = body as { rejected?: unknown };
    // Something between may answer 200 in words of its own; the queue reads a list or nothing.
    return rejected === undefined || Array.isArray(rejected) ? body : null;
  } catch {
    return null;
  }
}
