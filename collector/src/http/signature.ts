// Proof of a user: the hex HMAC-SHA256 of the userId with a signing secret.
// Invariant: compared in constant time.
import { createHmac, timingSafeEqual } from 'node:crypto';

const SIGNATURE_HEX_CHARS = 64;

/** Whether one of the secrets made the signature for this user. */
export function isSignedBy(secrets: readonly string[], userId: string, signature: string): boolean {
  if (signature.length !== SIGNATURE_HEX_CHARS || !/^[0-9a-f]+$/i.test(signature)) return false;
  const bytes = Buffer.from(signature, 'hex');
  return secrets.some((secret) =>
    timingSafeEqual(createHmac('sha256', secret).update(userId).digest(), bytes),
  );
}
