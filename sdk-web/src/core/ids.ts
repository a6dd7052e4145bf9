// Ids that order by time: UUID version 7 (RFC 9562, section 5.7).
// Invariant: 48 bits of milliseconds, then randomness; never throws.

/** @param fill puts random bytes into the array; Math.random stands in where crypto is missing. */
export function uuidv7(now: number, fill: (bytes: Uint8Array<ArrayBuffer>) => void): string {
  const bytes = new Uint8Array(16);
  fill(bytes);
  let time = now;
  for (let i = 5; i >= 0; i--) {
    bytes[i] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes[6] = 0x70 | ((bytes[6] as number) & 15);
  bytes[8] = 0x80 | ((bytes[8] as number) & 63);
  const hex = Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('');
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
