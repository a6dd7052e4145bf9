// HTTP to a collector that may be killed at any moment: an answer, or the knowledge that there was none.
// Invariant: nothing here tries again; whoever asks decides.
import { ADMIN_KEY, basic, SERVER_KEY, WEB_KEY } from '../collector.ts';

/** No answer came: what was asked may have been done or not. */
export class CutOff extends Error {
  override readonly name = 'CutOff';
}

export interface Answered {
  status: number;
  retryAfter: string | null;
  /** The body's object, if it is one. */
  json: Record<string, unknown>;
  text: string;
}

export interface Client {
  post(batch: readonly object[], key?: 'web' | 'server'): Promise<Answered>;
  api(method: string, path: string, body?: unknown): Promise<Answered>;
  /** Which of the ids arrived under the server's keys. */
  seen(messageIds: readonly string[]): Promise<Set<string>>;
  get(path: string): Promise<Answered>;
}

/** A collector that does not answer at all is a fault of its own. */
const ANSWER_LIMIT_MS = 60_000;

/** @param ask `fetch`, or what answers in its place */
export function createClient(url: string, ask: (request: Request) => Promise<Response> = fetch): Client {
  async function send(path: string, init: RequestInit): Promise<Answered> {
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
    try {
      const answer = await ask(new Request(`${url}${path}`, { ...init, signal }));
      const text = await answer.text();
      const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}; // an object, then
      return { status: answer.status, retryAfter: answer.headers.get('retry-after'), json, text };
    } catch (error) {
      if (signal.aborted) throw new Error(`no answer to ${path} within ${ANSWER_LIMIT_MS} ms`);
      throw new CutOff(path, { cause: error });
    }
  }
  const api: Client['api'] = (method, path, body) =>
    send(`/api${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    post: (batch, key = 'server') =>
      send('/v1/batch', {
        method: 'POST',
        headers: { authorization: basic(key === 'web' ? WEB_KEY : SERVER_KEY) },
        body: JSON.stringify({ batch }),
      }),
    api,
    async seen(messageIds) {
      const headers = { authorization: basic(SERVER_KEY) };
      const { status, json } = await send('/v1/seen', {
        method: 'POST',
        headers,
        body: JSON.stringify({ messageIds }),
      });
      if (status !== 200) throw new Error(`POST /v1/seen answered ${status}`);
      return new Set(json.seen as string[]); // ids, as they were asked
    },
    get: (path) => send(path, {}),
  };
}

/** What `work` gives, or undefined if it was cut off. */
export async function unlessCutOff<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CutOff) return undefined;
    throw error;
  }
}
