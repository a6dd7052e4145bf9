// Sends one batch over fetch, or over a client in the shape of Segment's `httpClient`.
// Invariant: never rejects, and answers within its time limit whatever fetch does; the write key travels
// in the Authorization header, never in the address, and is shown to no listener.
import type { IngestAnswer } from '../../collector/src/wire/message.ts';
import type { Answer } from '../../sdk-web/src/core/queue.ts';
import type { Host } from './host.ts';
import type { HttpClient, HttpRequestEvent, HttpResponseEvent } from './http-client.ts';

export interface SenderParts {
  url: string;
  writeKey: string;
  /** How long one request may take, ms. */
  limitMs: number;
  gzip: boolean;
  fetch: typeof fetch;
  /** Used instead of `fetch`, with bodies as text. */
  httpClient?: HttpClient | undefined;
  host: Pick<Host, 'now' | 'after' | 'gzip'>;
  /** Null when nobody listens. */
  onRequest(tell: () => HttpRequestEvent): void;
  onResponse(tell: () => HttpResponseEvent): void;
}

export interface Sender {
  /** @param texts UTF-8 of the messages' JSON */
  send(texts: Uint8Array[]): Promise<Answer>;
  /** Gives up the requests under way: each is answered as if the network had failed. */
  abort(): void;
  /** What is wrong, with the collector's address, for people to read; null after an answer that took messages. */
  lastFault(): string | null;
}

interface Reply {
  status: number;
  statusText: string;
  retryAfter: string | null;
  /** Null from a client of the host's own that shows no bodies. */
  text: string | null;
  headers: Record<string, string>;
}

const NO_ANSWER: Answer = { status: 0 };
/** Smaller bodies fit one packet or nearly so: packing them costs more than it saves. */
const MIN_GZIP_BYTES = 2_048;
/** So that the next body, a little larger, fits where this one was. */
const SPARE_BYTES = 64 * 1024;
const UNSUPPORTED_MEDIA_TYPE = 415;
/** Node's codes in words; others are told as they are. */
const FAULTS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host not found',
  ETIMEDOUT: 'connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
};
const COMMA = 44;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function createSender(parts: SenderParts): Sender {
  const { url, limitMs, fetch, httpClient, host } = parts;
  const authorization = `Basic ${base64(`${parts.writeKey}:`)}`;
  const { origin } = new URL(url);
  const underWay = new Set<() => void>();
  let fault: string | null = null;
  /** One for each request under way, at most: each takes one and puts it back. */
  const scratch: Uint8Array<ArrayBuffer>[] = [];
  let gzips = parts.gzip && !httpClient;

  async function request(texts: Uint8Array[], signal: AbortSignal): Promise<Answer> {
    const body = describe(texts, new Date(host.now()).toISOString());
    const headers = { 'content-type': 'application/json' };
    parts.onRequest(() => ({ url, method: 'POST', headers, body: decoder.decode(fill(body)) }));
    const packed = await pack(body);
    let reply = await post(packed ?? fill(body), packed !== null, headers, signal);
    if (reply.status === UNSUPPORTED_MEDIA_TYPE && packed) {
      // Something between does not take gzip; the collector does.
      gzips = false;
      reply = await post(fill(body), false, headers, signal);
    }
    const { status, statusText, text } = reply;
    parts.onResponse(() => ({ status, statusText, url, body: text ?? '', headers: reply.headers }));
    const answer = judge(reply);
    if (!signal.aborted) fault = faultOf(reply, answer);
    return answer;
  }

  function fail(error: unknown, signal: AbortSignal): Answer {
    // Of a request that was given up its limit is the fault, not that it was cut off.
    if (!signal.aborted) fault = wordsOf(error);
    return NO_ANSWER;
  }

  /** Null where the body travels as it is: it is small, or this runtime cannot pack. */
  async function pack(body: Body): Promise<Uint8Array<ArrayBuffer> | null> {
    if (!gzips || body.size < MIN_GZIP_BYTES) return null;
    // What is packed is needed no more: bodies of a long queue would be garbage of its own size.
    const spare = scratch.pop();
    const room = spare && spare.length >= body.size ? spare : new Uint8Array(body.size + SPARE_BYTES);
    try {
      return await host.gzip(fill(body, room));
    } catch {
      gzips = false;
      return null;
    } finally {
      scratch.push(room);
    }
  }

  async function post(
    body: Uint8Array<ArrayBuffer>,
    isPacked: boolean,
    plainHeaders: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Reply> {
    const headers = { ...plainHeaders, authorization };
    if (httpClient) {
      const text = decoder.decode(body);
      return readReply(
        await httpClient.makeRequest({
          url,
          method: 'POST',
          headers,
          body: text,
          httpRequestTimeout: limitMs,
        }),
      );
    }
    const coding: Record<string, string> = isPacked ? { 'content-encoding': 'gzip' } : {};
    return readReply(
      await fetch(url, {
        method: 'POST',
        headers: { ...headers, ...coding },
        body,
        signal,
        // Following a 301 makes the POST a GET. Not 'error': workers at the edge do not take that word.
        redirect: 'manual',
      }),
    );
  }

  return {
    async send(texts) {
      const abort = new AbortController();
      let giveUp = (): void => {};
      const givenUp = new Promise<Answer>((resolve) => {
        giveUp = () => {
          resolve(NO_ANSWER);
          abort.abort();
        };
      });
      underWay.add(giveUp);
      const cancel = host.after(limitMs, () => {
        fault = `no answer within ${limitMs} ms`;
        giveUp();
      });
      const { signal } = abort;
      try {
        return await Promise.race([request(texts, signal).catch((error) => fail(error, signal)), givenUp]);
      } finally {
        cancel();
        underWay.delete(giveUp);
      }
    },
    abort() {
      for (const giveUp of underWay) giveUp();
    },
    lastFault() {
      const words = fault ?? (underWay.size > 0 ? 'no answer yet' : null);
      return words && `${words} (${origin})`;
    },
  };
}

/** What fetch answers, and what clients of Segment's shape may answer with less in it. */
interface AnyResponse {
  status: number;
  statusText?: string | undefined;
  headers?: unknown;
  text?: (() => Promise<string>) | undefined;
}

async function readReply(response: AnyResponse): Promise<Reply> {
  const headers = headersOf(response.headers);
  return {
    status: response.status,
    statusText: response.statusText ?? '',
    retryAfter: headers['retry-after'] ?? null,
    headers,
    // Reading the body to its end frees the connection for the next batch.
    text: (await response.text?.()) ?? null,
  };
}

function headersOf(headers: unknown): Record<string, string> {
  const entries =
    headers && typeof (headers as Headers).entries === 'function'
      ? [...(headers as Headers).entries()]
      : Object.entries(headers ?? {});
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), String(value)]));
}

interface Body {
  head: Uint8Array;
  texts: Uint8Array[];
  tail: Uint8Array;
  /** Bytes. */
  size: number;
}

function describe(texts: Uint8Array[], sentAt: string): Body {
  const head = encoder.encode('{"batch":[');
  const tail = encoder.encode(`],"sentAt":"${sentAt}"}`);
  const size = texts.reduce((sum, text) => sum + text.length + 1, head.length + tail.length - 1);
  return { head, texts, tail, size };
}

function fill({ head, texts, tail, size }: Body, room = new Uint8Array(size)): Uint8Array<ArrayBuffer> {
  room.set(head);
  let at = head.length;
  for (const text of texts) {
    room.set(text, at);
    at += text.length + 1;
    // The last one's is overwritten by the tail.
    room[at - 1] = COMMA;
  }
  room.set(tail, at - 1);
  return room.subarray(0, size);
}

/**
 * What came back, if the collector said it. A redirect, and a 2xx in other words than the collector's, are of
 * something between (a proxy, a sign-in page): it has kept nothing, so they count as no answer.
 */
function judge({ status, retryAfter, text }: Reply): Answer {
  if (status >= 300 && status < 400) return NO_ANSWER;
  if (status < 200 || status > 299) return { status, retryAfter, body: null };
  // Without a body to look at the status is all there is.
  if (text === null) return { status, retryAfter, body: { success: true } };
  const body = parsed(text);
  return body ? { status, retryAfter, body } : NO_ANSWER;
}

function faultOf({ status }: Reply, answer: Answer): string | null {
  if (answer.status !== status) return `HTTP ${status}, which is no answer of a collector`;
  return status < 300 ? null : `HTTP ${status}`;
}

/** By its code alone: what a client of the host's own says may hold its headers, and so the key. */
function wordsOf(error: unknown): string {
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown };
  const told = code ?? (Object(cause) as { code?: unknown }).code;
  return typeof told === 'string' ? (FAULTS[told] ?? told) : 'no answer';
}

function parsed(text: string): Partial<IngestAnswer> | null {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null) return null;
    const { success, rejected } = body as { success?: unknown; rejected?: unknown };
    if (success !== true) return null;
    // The queue reads a list or nothing.
    return rejected === undefined || Array.isArray(rejected) ? (body as Partial<IngestAnswer>) : { success };
  } catch {
    return null;
  }
}

/** Of the text's UTF-8, as RFC 7617 has it; `btoa` takes bytes only. */
export const base64 = (text: string): string =>
  btoa(Array.from(encoder.encode(text), (byte) => String.fromCharCode(byte)).join(''));
