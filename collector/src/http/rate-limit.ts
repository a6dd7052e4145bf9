// Limits what one key from one address may ask: a token bucket each.
// Invariant: memory is bounded whatever addresses come; loopback is never limited.
import { isLoopback, networkOf } from './caller.ts';
import { ApiError } from './errors.ts';

export interface RateLimit {
  /** Takes one request of a key from an address. @throws ApiError 429 when there were too many */
  take(key: string, address: string | null, now: number): void;
  /** What `take` would throw, with nothing taken; null while there is something to take. */
  refusal(key: string, address: string | null, now: number): ApiError | null;
}

/** Requests a minute of one key and address: a busy page sends some ten, a company behind one address hundreds. */
export const DEFAULT_REQUESTS_PER_MINUTE = 1_200;
/** Whoever presents no right key: all such requests of one address together. */
export const WRONG_KEYS = 'wrong keys';
/** Small bodies read for their key all the same, once those have been too many. */
export const READ_ANYWAY = 'read anyway';
/** Buckets remembered, some 200 bytes each; past it the longest unused is forgotten, which has filled up the most. */
const MAX_BUCKETS = 50_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** @param perMinute also how many may come at once */
export function createRateLimit(perMinute: number | 'off', maxBuckets = MAX_BUCKETS): RateLimit {
  if (perMinute === 'off') return { take: () => {}, refusal: () => null };
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

  function refusalOf({ tokens }: Bucket): ApiError | null {
    if (tokens >= 1) return null;
    const retryAfterSeconds = Math.max(1, Math.ceil((1 - tokens) / perMs / 1_000));
    return new ApiError(429, 'rate_limited', 'too many requests from this address', { retryAfterSeconds });
  }

  return {
    take(key, address, now) {
      if (address === null || isLoopback(address)) return;
      const bucket = bucketOf(key, address, now);
      const refusal = refusalOf(bucket);
      if (refusal) throw refusal;
      bucket.tokens--;
    },
    refusal(key, address, now) {
      return address === null || isLoopback(address) ? null : refusalOf(bucketOf(key, address, now));
    },
  };
}
