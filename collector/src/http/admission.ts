// Which key a request presents, and whether it may come in with it.
// Invariant: the first key present decides; a later one never rescues a wrong one.
import type { KeyRecord } from './access.ts';
import { ApiError } from './errors.ts';

/** The key a request presents: Basic user name, then `?writeKey=`, then the body's; the first present decides. */
export function presentedKey(request: Request, url: URL, bodyKey: unknown): string | null {
  const authorization = request.headers.get('authorization');
  if (authorization && /^basic /i.test(authorization)) {
    const [name = ''] = Buffer.from(authorization.slice(6), 'base64').toString().split(':');
    if (name !== '') return name;
  }
  const query = url.searchParams.get('writeKey');
  if (query) return query;
  return typeof bodyKey === 'string' && bodyKey !== '' ? bodyKey : null;
}

export function bearerKey(request: Request): string | null {
  const authorization = request.headers.get('authorization');
  return authorization && /^bearer /i.test(authorization) ? authorization.slice(7).trim() : null;
}

export function unknownKey(key: string | null): ApiError {
  const message =
    key === null
      ? 'a write key is required: as the Basic user name, as ?writeKey= or as "writeKey" in the body'
      : 'this write key is unknown or was revoked';
  return new ApiError(401, 'invalid_key', message);
}

export function checkOrigin(record: KeyRecord, origin: string | null, allowed: readonly string[]): void {
  if (record.kind !== 'web' || origin === null || allowed.length === 0 || allowed.includes(origin)) return;
  throw new ApiError(403, 'origin_not_allowed', 'pages of this origin may not send with this key');
}
