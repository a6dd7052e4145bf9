// Ids that order by time: UUID version 7 (RFC 9562, section 5.7), counting within a millisecond.
// Invariant: each is greater than the one before it, so messages of one instant keep the order of their
// calls; never throws.

/** Ids a millisecond, before the next one's are used: one byte of them. */
const PER_MS = 256;
let last = 0;

/** @param fill puts random bytes into the array; Math.random stands in where crypto is missing. */
export function uuidv7(now: number, fill: (bytes: Uint8Array<ArrayBuffer>) => void): string {
  const bytes = new Uint8Array(16);
  fill(bytes);
  last = Math.max(now * PER_MS, last + 1);
  let time = last / PER_MS;
  // The array itself takes each number's whole part modulo 256.
  for (let i = 5; i >= 0; i--) {
    bytes[i] = time;
    time /= 256;
  }
  bytes[6] = 0x70;
  bytes[7] = last;
  bytes[8] = 0x80 | ((bytes[8] as number) & 63);
  const hex = Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('');
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
