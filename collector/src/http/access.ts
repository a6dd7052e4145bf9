// Keys and the source: who may do what.
// Invariant: only hashes of keys are stored; a presented key is compared with every stored one in
// constant time; the signing secret is the one secret kept readable.
import { hash as hashOnce, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Core } from '../ingest/core.ts';
import { isSignedBy } from './signature.ts';

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

export type Source = {
  id: string;
  name: string;
  signingSecret: string;
  /** The secret before the last rotation and until when it holds, epoch ms. */
  previous: { secret: string; until: number } | null;
  requireSignature: boolean;
  /** Origins pages may send from; empty is any. */
  allowedOrigins: string[];
  createdAt: string;
};

export interface FixedKeys {
  writeKey?: string | undefined;
  serverKey?: string | undefined;
  adminKey?: string | undefined;
  signingSecret?: string | undefined;
}

/** What a first start made, to be shown once. */
export interface FirstRun {
  writeKey: string;
  serverKey: string;
  adminKey: string;
  signingSecret: string;
}

export interface Access {
  /** The record of a presented key, or null. */
  find(key: string): KeyRecord | null;
  keys(): readonly KeyRecord[];
  create(wanted: {
    kind: KeyType;
    role?: Role | undefined;
    name?: string | undefined;
  }): Promise<{ record: KeyRecord; key: string }>;
  /** `last` when it is the last admin key, which stays. */
  revoke(id: string): Promise<'revoked' | 'unknown' | 'last'>;
  /**
   * The web key of the pages that this collector serves itself. It follows from the signing secret, so that
   * only its hash is stored, as of every key, and a page outlives a restart.
   */
  pageKey(): Promise<string>;
  source(): Source;
  updateSource(change: Partial<Pick<Source, 'requireSignature' | 'allowedOrigins'>>): Promise<Source>;
  rotateSigningSecret(): Promise<Source>;
  /** The signing secrets that hold now: the present one, and the last one in its grace. */
  secrets(): string[];
  /** Whether the signature proves this user, with one of `secrets()`. */
  proves(userId: string, signature: string): boolean;
}

/** After a rotation the old secret holds this long, so that back ends can follow. */
export const ROTATION_GRACE_MS = 24 * 3_600_000;
/** Longest name of a key: it is there to tell keys apart. */
export const MAX_KEY_NAME_CHARS = 200;
/** As many random bytes as other keys have. */
const PAGE_KEY_BYTES = 24;

const hash = (text: string): string => hashOnce('sha256', text, 'hex');
const PREFIXES: Record<KeyType, string> = { web: 'wk', server: 'sk', admin: 'ak' };
export const newKey = (kind: KeyType): string => `${PREFIXES[kind]}_${randomBytes(24).toString('base64url')}`;
const newSecret = (): string => randomBytes(32).toString('hex');

/** Opens what is stored; makes what a new file lacks and says so in `firstRun`. */
export async function createAccess(
  core: Core,
  fixed: FixedKeys = {},
): Promise<{ access: Access; firstRun: FirstRun | null }> {
  let records = (core.facts.get('keys') as KeyRecord[] | undefined) ?? []; // written by `saveKeys` alone
  let source = core.facts.get('source') as Source | undefined; // written by `saveSource` alone
  const now = (): string => new Date(core.now()).toISOString();
  const isNew = source === undefined;
  const record = (kind: KeyType, key: string, more: Partial<KeyRecord> = {}): KeyRecord => ({
    id: `key_${randomBytes(8).toString('hex')}`,
    kind,
    role: kind === 'admin' ? 'admin' : null,
    name: null,
    hash: hash(key),
    createdAt: now(),
    fixed: false,
    ...more,
  });

  const saveKeys = (next: KeyRecord[]): Promise<void> => {
    records = next;
    return core.facts.set('keys', next);
  };
  const saveSource = async (next: Source): Promise<Source> => {
    source = next;
    await core.facts.set('source', next);
    return next;
  };

  const made: FirstRun = {
    writeKey: fixed.writeKey ?? newKey('web'),
    serverKey: fixed.serverKey ?? newKey('server'),
    adminKey: fixed.adminKey ?? newKey('admin'),
    signingSecret: fixed.signingSecret ?? newSecret(),
  };
  const given: [KeyType, string | undefined, string][] = [
    ['web', isNew ? made.writeKey : fixed.writeKey, 'first'],
    ['server', isNew ? made.serverKey : fixed.serverKey, 'first'],
    ['admin', isNew ? made.adminKey : fixed.adminKey, 'first'],
  ];
  let next = records;
  for (const [kind, key, name] of given) {
    if (key === undefined || next.some((held) => held.kind === kind && held.hash === hash(key))) continue;
    const isFixed = key === fixed[kind === 'web' ? 'writeKey' : kind === 'server' ? 'serverKey' : 'adminKey'];
    next = next.filter((held) => !(isFixed && held.fixed && held.kind === kind));
    next = [...next, record(kind, key, { name: isFixed ? 'given at start' : name, fixed: isFixed })];
  }
  if (next !== records) await saveKeys(next);
  if (source === undefined) {
    await saveSource({
      id: 'src_1',
      name: 'default',
      signingSecret: made.signingSecret,
      previous: null,
      requireSignature: false,
      allowedOrigins: [],
      createdAt: now(),
    });
  } else if (fixed.signingSecret !== undefined && fixed.signingSecret !== source.signingSecret) {
    await saveSource({ ...source, signingSecret: fixed.signingSecret });
  }

  const present = (): Source => source as Source; // set above, never unset
  const access: Access = {
    find(key) {
      const presented = Buffer.from(hash(key), 'latin1');
      let found: KeyRecord | null = null;
      for (const held of records)
        if (timingSafeEqual(Buffer.from(held.hash, 'latin1'), presented)) found = held;
      return found;
    },
    keys: () => records,
    async create({ kind, role, name }) {
      const key = newKey(kind);
      const added = record(kind, key, {
        name: name ?? null,
        role: kind === 'admin' ? (role ?? 'admin') : null,
      });
      await saveKeys([...records, added]);
      return { record: added, key };
    },
    async revoke(id) {
      const gone = records.find((held) => held.id === id);
      if (!gone) return 'unknown';
      const admins = records.filter((held) => held.role === 'admin');
      if (gone.role === 'admin' && admins.length === 1) return 'last';
      await saveKeys(records.filter((held) => held.id !== id));
      return 'revoked';
    },
    async pageKey() {
      const bytes = hkdfSync(
        'sha256',
        present().signingSecret,
        '',
        'web key of our own pages',
        PAGE_KEY_BYTES,
      );
      const key = `wk_${Buffer.from(bytes).toString('base64url')}`;
      if (!records.some((held) => held.hash === hash(key)))
        await saveKeys([...records, record('web', key, { name: 'survey pages' })]);
      return key;
    },
    source: present,
    updateSource: (change) => saveSource({ ...present(), ...change }),
    rotateSigningSecret() {
      const previous = { secret: present().signingSecret, until: core.now() + ROTATION_GRACE_MS };
      return saveSource({ ...present(), signingSecret: newSecret(), previous });
    },
    secrets() {
      const { signingSecret, previous } = present();
      return previous !== null && core.now() < previous.until
        ? [signingSecret, previous.secret]
        : [signingSecret];
    },
    proves: (userId, signature) => isSignedBy(access.secrets(), userId, signature),
  };
  return { access, firstRun: isNew ? made : null };
}
