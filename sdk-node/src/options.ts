// The client's options, their defaults and what makes them unusable.
// Invariant: a client that was constructed has usable settings; nothing is found wrong later.
import type { Loss } from '../../sdk-web/src/core/queue.ts';
import { type HttpClient, type HttpFetch, toHttpClient } from './http-client.ts';
import type { Message } from './params.ts';

export interface AnalyticsOptions {
  /** A server write key (secret), or a web key. */
  writeKey: string;
  /** The collector's address. Default `http://127.0.0.1:4700`. */
  host?: string | undefined;
  /** Default `/v1/batch`. */
  path?: string | undefined;
  /** Messages at which a batch leaves at once. Default 15. */
  flushAt?: number | undefined;
  /** Segment's older name for `flushAt`. */
  maxEventsInBatch?: number | undefined;
  /** How long a message waits for company, ms. Default 10,000. */
  flushInterval?: number | undefined;
  /** Tries of a message after the first. Default: until it is answered. */
  maxRetries?: number | undefined;
  /** Messages held at most. Default 100,000; past it the newest is refused and reported. */
  maxQueue?: number | undefined;
  /** UTF-8 bytes of messages held at most. Default 128 MiB; past it the newest is refused and reported. */
  maxQueueBytes?: number | undefined;
  /** How long one request may take, ms. Default 10,000. */
  httpRequestTimeout?: number | undefined;
  /** Pack bodies of more than 2,048 characters. Default true. */
  gzip?: boolean | undefined;
  /** Hears of every message that is lost, with its code; with no messages, of what went wrong without a loss. */
  onError?: ((error: Loss, messages: Message[]) => void) | undefined;
  /** On SIGTERM and SIGINT: flush, close, then end as the signal would have. Default false. */
  handleSignals?: boolean | undefined;
  /** A folder where messages are kept until they are answered for, also when the process is killed. */
  spoolDir?: string | undefined;
  /** Bytes of messages in `spoolDir` at most. Default 1 GiB; past it messages are in memory only. */
  maxSpoolBytes?: number | undefined;
  /**
   * Serverless: given a promise that resolves when what was called is answered for, so that the platform
   * keeps the function until then. Messages then leave at once instead of after `flushInterval`.
   */
  waitUntil?: ((promise: Promise<unknown>) => void) | undefined;
  /** Take calls and send nothing. Default false. */
  disable?: boolean | undefined;
  /** For proxies and other runtimes. Default: the global fetch. */
  fetch?: typeof fetch | undefined;
  /** Segment's way to bring a client of one's own: used for sending instead of `fetch`, without gzip. */
  httpClient?: HttpClient | HttpFetch | undefined;
  /** An admin key, role `read` is enough: for `profile`, `segments` and `isIn`. */
  adminKey?: string | undefined;
  /** How long an answer to a read is used again, ms. Default 5,000; 0: never. */
  cacheTtl?: number | undefined;
  /** Answers kept at most. Default 1,000. */
  cacheSize?: number | undefined;
  /** Segment's; without effect: messages are retried until they are answered, and the queue is bounded. */
  maxTotalBackoffDuration?: number | undefined;
  /** Segment's; without effect, as `maxTotalBackoffDuration`. */
  maxRateLimitDuration?: number | undefined;
}

export interface Settings {
  url: string;
  /** The collector, for reads. */
  origin: string;
  writeKey: string;
  adminKey: string | undefined;
  flushAt: number;
  flushIntervalMs: number;
  maxRetries: number;
  maxQueue: number;
  maxQueueBytes: number;
  requestLimitMs: number;
  gzip: boolean;
  fetch: typeof fetch;
  httpClient: HttpClient | undefined;
  spoolDir: string | undefined;
  maxSpoolBytes: number;
  cacheTtlMs: number;
  cacheSize: number;
}

const DEFAULT_HOST = 'http://127.0.0.1:4700';
const DEFAULT_PATH = '/v1/batch';
/** As the collector makes keys: `sk_` for servers, `wk_` for the web, `ak_` for admins. */
const WRITE_KEY_PREFIX = /^[sw]k_/;
/** Segment's defaults: what was tuned for them behaves the same. */
const DEFAULT_FLUSH_AT = 15;
const DEFAULT_FLUSH_INTERVAL_MS = 10_000;
const DEFAULT_REQUEST_LIMIT_MS = 10_000;
/** A minute and more of a busy back end, while the collector is restarted. */
const DEFAULT_MAX_QUEUE = 100_000;
/** Messages of 1.3 KB on average reach both bounds at once; ordinary ones have 300 to 800 bytes. */
const DEFAULT_MAX_QUEUE_BYTES = 128 * 1024 * 1024;
/** Eight full queues: of processes that died one after the other while the collector was away. */
const DEFAULT_MAX_SPOOL_BYTES = 1024 * 1024 * 1024;
/** Many reads of one request share an answer; a person's next click sees what the last one changed. */
const DEFAULT_CACHE_TTL_MS = 5_000;
const DEFAULT_CACHE_SIZE = 1_000;

/** @throws TypeError for a missing writeKey, a host that is no http address, a write key as adminKey, or a number out of range. */
export function readOptions(options: AnalyticsOptions): Settings {
  const { writeKey, adminKey, spoolDir, host = DEFAULT_HOST, path = DEFAULT_PATH } = options ?? {};
  if (typeof writeKey !== 'string' || writeKey.trim() === '')
    throw new TypeError('writeKey is required: a server write key');
  if (adminKey !== undefined && (typeof adminKey !== 'string' || !/^[\x21-\x7e]+$/.test(adminKey)))
    throw new TypeError('adminKey must be an admin key');
  if (adminKey !== undefined && WRITE_KEY_PREFIX.test(adminKey))
    throw new TypeError('adminKey must be an admin key (ak_...), not a write key (sk_..., wk_...)');
  if (spoolDir !== undefined && (typeof spoolDir !== 'string' || spoolDir === ''))
    throw new TypeError('spoolDir must be the path of a folder');
  const url = addressOf(host, path);
  if (url.username || url.password) throw new TypeError('host must not hold a user name or password');
  const { httpClient } = options;
  return {
    url: url.href,
    origin: url.origin,
    writeKey,
    adminKey,
    flushAt: number('flushAt', options.flushAt ?? options.maxEventsInBatch, DEFAULT_FLUSH_AT, 1),
    flushIntervalMs: number('flushInterval', options.flushInterval, DEFAULT_FLUSH_INTERVAL_MS, 0),
    maxRetries: number('maxRetries', options.maxRetries, Number.POSITIVE_INFINITY, 0),
    maxQueue: number('maxQueue', options.maxQueue, DEFAULT_MAX_QUEUE, 1),
    maxQueueBytes: number('maxQueueBytes', options.maxQueueBytes, DEFAULT_MAX_QUEUE_BYTES, 1),
    requestLimitMs: number('httpRequestTimeout', options.httpRequestTimeout, DEFAULT_REQUEST_LIMIT_MS, 1),
    gzip: options.gzip ?? true,
    fetch: options.fetch ?? globalThis.fetch,
    httpClient: httpClient && toHttpClient(httpClient),
    spoolDir,
    maxSpoolBytes: number('maxSpoolBytes', options.maxSpoolBytes, DEFAULT_MAX_SPOOL_BYTES, 1),
    cacheTtlMs: number('cacheTtl', options.cacheTtl, DEFAULT_CACHE_TTL_MS, 0),
    cacheSize: number('cacheSize', options.cacheSize, DEFAULT_CACHE_SIZE, 0),
  };
}

function addressOf(host: string, path: string): URL {
  // Without the value: what is no address may hold a password.
  const fault = `host must be an address that begins with http:// or https://, as ${DEFAULT_HOST} does`;
  let url: URL;
  try {
    url = new URL(path, host);
  } catch (cause) {
    throw new TypeError(fault, { cause });
  }
  if (!/^https?:$/.test(url.protocol)) throw new TypeError(fault);
  return url;
}

function number(name: string, value: number | undefined, fallback: number, least: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !(value >= least))
    throw new TypeError(`${name} must be a number of at least ${least}`);
  return value;
}
