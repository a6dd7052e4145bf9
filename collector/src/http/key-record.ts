// Keys and the source as they are stored, and how new ones are made.
// Invariant: a record holds a key's hash, never the key; the signing secret is the one secret kept readable.
import { hash as hashOnce, randomBytes } from 'node:crypto';

export type KeyType = 'web' | 'server' | 'admin';
export type Role = 'admin' | 'read';

export type KeyRecord = {
  id: string;
  kind: KeyType;
  /** Admin keys only. */
  role: Role | null;
  name: string | null;
  /** SHA-256, hex. */
  hash: string;
  createdAt: string;
  /** Given by the environment or the library's options; replaced when they change. */
  fixed: boolean;
};

export interface FixedKeys {
  writeKey?: string | undefined;
  serverKey?: string | undefined;
  adminKey?: string | undefined;
  signingSecret?: string | undefined;
}

/** A signing secret that was rotated away, and until when it holds, epoch ms. */
export type PreviousSecret = { secret: string; until: number };

export type Source = {
  id: string;
  name: string;
  signingSecret: string;
  /** The latest first. */
  previous: PreviousSecret[];
  requireSignature: boolean;
  /** Origins pages may send from; empty is any. */
  allowedOrigins: string[];
  createdAt: string;
  /** Ids of random first keys that nobody has been shown yet; null once there is nothing to be shown. */
  unshown: string[] | null;
  /** SHA-256, hex, of what was last given by the environment or the options: a later start knows it again by it. */
  given: { [name in keyof FixedKeys]?: string };
  /** SHA-256, hex, of keys that were revoked, the latest first: given again, they are not taken. */
  revoked: string[];
};

/** As versions before wrote it, too: of one earlier secret only, and without what was shown or given. */
export type StoredSource = Omit<Source, 'previous' | 'unshown' | 'given' | 'revoked'> & {
  previous: PreviousSecret[] | PreviousSecret | null;
} & Partial<Pick<Source, 'unshown' | 'given' | 'revoked'>>;

/** The keys of those versions count as shown. */
export function readSource({ previous, ...stored }: StoredSource): Source {
  const known = { unshown: null, given: {}, revoked: [] };
  return { ...known, ...stored, previous: previous === null ? [] : [previous].flat() };
}

/** As many random bytes as a key has. */
export const KEY_BYTES = 24;
const PREFIXES: Record<KeyType, string> = { web: 'wk', server: 'sk', admin: 'ak' };

export const hashOf = (text: string): string => hashOnce('sha256', text, 'hex');
export const keyOf = (kind: KeyType, bytes: Uint8Array): string =>
  `${PREFIXES[kind]}_${Buffer.from(bytes).toString('base64url')}`;
export const newKey = (kind: KeyType): string => keyOf(kind, randomBytes(KEY_BYTES));
export const newSecret = (): string => randomBytes(32).toString('hex');

export function recordOf(
  kind: KeyType,
  key: string,
  { createdAt, name, role, fixed }: RecordMore,
): KeyRecord {
  return {
    id: `key_${randomBytes(8).toString('hex')}`,
    kind,
    role: role ?? (kind === 'admin' ? 'admin' : null),
    name: name ?? null,
    hash: hashOf(key),
    createdAt,
    fixed: fixed ?? false,
  };
}

interface RecordMore {
  createdAt: string;
  name?: string | undefined;
  /** Default `admin`, of an admin key. */
  role?: Role | undefined;
  fixed?: boolean;
}
