// Limits what one key from one address may ask: a token bucket each.
// Invariant: memory is bounded whatever addresses come; loopback is never limited.

import { isLoopback } from './caller.ts';

export interface RateLimit {
  /** Seconds to wait, or 0 when the request may go on. */
  take(key: string, address: string | null, now: number): number;
}

/** Requests a minute of one key and address: a busy page sends some ten. */
export const DEFAULT_REQUESTS_PER_MINUTE = 1_200;
/** Buckets remembered; past it the fullest half is forgotten, which costs nobody anything. */
const MAX_BUCKETS = 50_000;

interface Bucket {
  tokens: number;
  at: number;
}

export function createRateLimit(perMinute: number | 'off'): RateLimit {
  if (perMinute === 'off') return { take: () => 0 };
  const buckets = new Map<string, Bucket>();
  const perMs = perMinute / 60_000;
  return {
    take(key, address, now) {
      if (address === null || isLoopback(address)) return 0;
      const name = `${key} ${address}`;
      const bucket = buckets.get(name) ?? { tokens: perMinute, at: now };
      bucket.tokens = Math.min(perMinute, bucket.tokens + (now - bucket.at) * perMs);
      bucket.at = now;
      buckets.set(name, bucket);
      if (buckets.size > MAX_BUCKETS) forgetFullest(buckets);
      if (bucket.tokens >= 1) {
        bucket.tokens--;
        return 0;
      }
      return Math.max(1, Math.ceil((1 - bucket.tokens) / perMs / 1000));
    },
  };
}

function forgetFullest(buckets: Map<string, Bucket>): void {
  const fullest = [...buckets].sort(([, a], [, b]) => b.tokens - a.tokens).slice(0, MAX_BUCKETS / 2);
  for (const [name] of fullest) buckets.delete(name);
}
