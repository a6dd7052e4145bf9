// Which part of a random sample an id falls into.
// Invariant: the same salt and id fall into the same place on every machine and in every version.
import { createHash } from 'node:crypto';

/** SHA-256(salt + ":" + id), first 6 bytes big-endian / 2^48 x 100: from 0 up to, not including, 100. */
export function bucketOf(salt: string, id: string): number {
  const digest = createHash('sha256').update(`${salt}:${id}`).digest();
  return (digest.readUIntBE(0, 6) / 2 ** 48) * 100;
}
