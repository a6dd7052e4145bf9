// The client's options, their defaults and what makes them unusable.
// Invariant: a client that was constructed has usable settings; nothing is found wrong later.
import type { Loss } from '../../sdk-web/src/core/queue.ts';
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
  /** How long one request may take, ms. Default 10,000. */
  httpRequestTimeout?: number | undefined;
  /** Hears of every message that is lost, with its code. */
  onError?: ((error: Loss, messages: Message[]) => void) | undefined;
  /** On SIGTERM and SIGINT: flush, close, then end as the signal would have. Default false. */
  handleSignals?: boolean | undefined;
  /** Take calls and send nothing. Default false. */
  disable?: boolean | undefined;
  /** For proxies and other runtimes. Default: the global fetch. */
  fetch?: typeof fetch | undefined;
}

/** Clock, chance and timers; passed in by tests. */
export interface Platform {
  /** Epoch ms. */
  now(): number;
  /** 0 up to 1. */
  random(): number;
  fill(bytes: Uint8Array<ArrayBuffer>): void;
  /** Calls back after `ms`; the answer cancels. */
  after(ms: number, callback: () => void): () => void;
}

export interface Settings {
  url: string;
  writeKey: string;
  flushAt: number;
  flushIntervalMs: number;
  maxRetries: number;
  maxQueue: number;
  requestLimitMs: number;
  fetch: typeof fetch;
}

const DEFAULT_HOST = 'http://127.0.0.1:4700';
const DEFAULT_PATH = '/v1/batch';
const DEFAULT_FLUSH_AT = 15;
const DEFAULT_FLUSH_INTERVAL_MS = 10_000;
const DEFAULT_MAX_QUEUE = 100_000;
const DEFAULT_REQUEST_LIMIT_MS = 10_000;
/** Node fires a timer of more than 31 bits at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws TypeError for a missing writeKey, a host that is no http address, or a number out of range. */
export function readOptions(options: AnalyticsOptions): Settings {
  const { writeKey, host = DEFAULT_HOST, path = DEFAULT_PATH } = options ?? {};
  if (typeof writeKey !== 'string' || writeKey.trim() === '')
    throw new TypeError('writeKey is required: a server write key');
  const url = new URL(path, host);
  if (!/^https?:$/.test(url.protocol)) throw new TypeError(`host must be an http or https address: ${host}`);
  if (url.username || url.password) throw new TypeError('host must not hold a user name or password');
  return {
    url: url.href,
    writeKey,
    flushAt: number('flushAt', options.flushAt ?? options.maxEventsInBatch, DEFAULT_FLUSH_AT, 1),
    flushIntervalMs: number('flushInterval', options.flushInterval, DEFAULT_FLUSH_INTERVAL_MS, 0),
    maxRetries: number('maxRetries', options.maxRetries, Number.POSITIVE_INFINITY, 0),
    maxQueue: number('maxQueue', options.maxQueue, DEFAULT_MAX_QUEUE, 1),
    requestLimitMs: number('httpRequestTimeout', options.httpRequestTimeout, DEFAULT_REQUEST_LIMIT_MS, 1),
    fetch: options.fetch ?? globalThis.fetch,
  };
}

function number(name: string, value: number | undefined, fallback: number, least: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !(value >= least))
    throw new TypeError(`${name} must be a number of at least ${least}`);
  return value;
}

export const nodePlatform: Platform = {
  now: Date.now,
  random: Math.random,
  fill: (bytes) => void crypto.getRandomValues(bytes),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, MAX_TIMER_MS));
    // Waiting messages alone do not keep the process: `beforeExit` flushes them.
    timer.unref();
    return () => clearTimeout(timer);
  },
};
