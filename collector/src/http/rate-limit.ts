// Limits what one key from one address may ask: a token bucket each.
// Invariant: memory is bounded whatever addresses come; loopback is never limited.
import { isLoopback, networkOf } from './caller.ts';
import { ApiError } from './errors.ts';

export interface RateLimit {
  /** Takes one request of a key from an address. @throws ApiError 429 when there were too many */
  take(key: string, address: string | null, now: number): void;
  /** Takes none, but refuses all the same. @throws ApiError 429 */
  check(key: string, address: string | null, now: number): void;
}

/** Requests a minute of one key and address: a busy page sends some ten, a company behind one address hundreds. */
export const DEFAULT_REQUESTS_PER_MINUTE = 1_200;
/** Whoever presents no right key: all such requests of one address together. */
export const WRONG_KEYS = 'wrong keys';
/** Buckets remembered, some 200 bytes each; past it the longest unused is forgotten, which has filled up the most. */
const MAX_BUCKETS = 50_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** @param perMinute also how many may come at once */
export function createRateLimit(perMinute: number | 'off', maxBuckets = MAX_BUCKETS): RateLimit {
  if (perMinute === 'off') return { take: () => {}, check: () => {} };
  /** The longest unused first. */
  const buckets = new Map<string, Bucket>();
  const full = perMinute;
  const perMs = full / 60_000;

  function bucketOf(key: string, address: string, now: number): Bucket {
    // One customer of a provider has 2^64 addresses of IPv6.
    const name = `${key} ${networkOf(address)}`;
    const { tokens, at } = buckets.get(name) ?? { tokens: full, at: now };
    const bucket = { tokens: Math.min(full, tokens + (now - at) * perMs), at: now };
    buckets.delete(name);
    buckets.set(name, bucket);
    if (buckets.size > maxBuckets) buckets.delete(buckets.keys().next().value ?? name);
    return bucket;
  }

  function requireToken({ tokens }: Bucket): void {
    if (tokens >= 1) return;
    const retryAfterSeconds = Math.max(1, Math.ceil((1 - tokens) / perMs / 1_000));
    throw new ApiError(429, 'rate_limited', 'too many requests from this address', { retryAfterSeconds });
  }

  return {
    take(key, address, now) {
      if (address === null || isLoopback(address)) return;
      const bucket = bucketOf(key, address, now);
      requireToken(bucket);
      bucket.tokens--;
    },
    check(key, address, now) {
      if (address !== null && !isLoopback(address)) requireToken(bucketOf(key, address, now));
    },
  };
}
