// Ids that order by time: UUID version 7 (RFC 9562, section 5.7), counting within a millisecond.
// Invariant: each is greater than the one before it, so messages of one instant keep the order of their
// calls; never throws.

/** Ids a millisecond, before the next one's are used: two hexadecimal digits of them. */
const PER_MS = 256;
let last = 0;

/** @param random answers the end of a random UUID, from its third dash on. */
export function uuidv7(now: number, random: () => string): string {
  last = Math.max(now * PER_MS, last + 1);
  // Until the year 2527 a time has eleven digits; here it is 12 of time, `70`, 2 that count.
  return `0${last.toString(16)}`.replace(/(.{8})(.{4})/, '$1-$2-70') + random();
}
