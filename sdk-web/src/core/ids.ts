// Ids that order by time: UUID version 7 (RFC 9562, section 5.7), counting within a millisecond.
// Invariant: each is greater than the one before it, so messages of one instant keep the order of their
// calls; never throws.

/** Ids a millisecond, before the next one's are used: two hexadecimal digits of them. */
const PER_MS = 256;
let last = 0;

/** @param fill puts random bytes into the array; Math.random stands in where crypto is missing. */
export function uuidv7(now: number, fill: (bytes: Uint8Array<ArrayBuffer>) => void): string {
  const bytes = new Uint8Array(8);
  fill(bytes);
  last = Math.max(now * PER_MS, last + 1);
  const random = Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('');
  // Until the year 2527 a time has eleven digits; here it is 12 of time, `70`, 2 that count. `a` is the variant.
  return `0${last.toString(16)}${random}`.replace(/(.{8})(.{4})(..)(.{3})./, '$1-$2-70$3-a$4-');
}
