// Keys and the source: who may do what.
// Invariant: only hashes of keys are stored; a presented key is compared with every stored one in
// constant time; the signing secret is the one secret kept readable.
import { hkdfSync, timingSafeEqual } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Core } from '../ingest/core.ts';
import {
  type FixedKeys,
  hashOf,
  KEY_BYTES,
  type KeyRecord,
  type KeyType,
  keyOf,
  newKey,
  newSecret,
  type PreviousSecret,
  type Role,
  readSource,
  recordOf,
  type Source,
  type StoredSource,
} from './key-record.ts';
import { isSignedBy } from './signature.ts';
import { type Start, startKeys } from './start-keys.ts';

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
  pageKey(pages?: OwnPages): Promise<string>;
  source(): Source;
  updateSource(change: Partial<Pick<Source, 'requireSignature' | 'allowedOrigins'>>): Promise<Source>;
  rotateSigningSecret(): Promise<Source>;
  /** The keys of the first run were announced: they stay from now on, and are shown no more. */
  rememberShown(): Promise<void>;
  /** The signing secrets that hold now: the present one, and those before it in their grace. */
  secrets(): string[];
  /** Whether the signature proves this user, with one of `secrets()`. */
  proves(userId: string, signature: string): boolean;
}

/** After a rotation the old secret holds this long, so that back ends can follow. */
export const ROTATION_GRACE_MS = 24 * 3_600_000;
/** Revoked keys that are known again where they are given at a start; older ones are forgotten. */
const MAX_REVOKED = 1_000;
/** Longest name of a key: it is there to tell keys apart. */
export const MAX_KEY_NAME_CHARS = 200;

/** Pages that the collector serves itself, by the names of their keys, to what these are derived with. */
const OWN_PAGES = {
  'survey pages': 'web key of our own pages',
  'demo shop': 'web key of the demo shop',
} as const;
export type OwnPages = keyof typeof OWN_PAGES;

/**
 * Opens what is stored, and takes what is given.
 * @param makesKeys random keys are made, and told as `firstRun`, until they were shown: only for whoever shows them
 */
export async function createAccess(
  core: Core,
  fixed: FixedKeys = {},
  { makesKeys = false } = {},
): Promise<{ access: Access } & Pick<Start, 'firstRun' | 'refused'>> {
  // Both written by `save` alone, of this version or one before.
  const storedKeys = (core.facts.get('keys') as KeyRecord[] | undefined) ?? [];
  const storedSource = core.facts.get('source') as StoredSource | undefined;
  const stored = { records: storedKeys, source: storedSource ? readSource(storedSource) : null };
  const start = startKeys(stored, fixed, { makesKeys, now: core.now() });
  let { records, source } = start;
  const createdAt = (): string => new Date(core.now()).toISOString();

  const save = (change: { keys?: KeyRecord[]; source?: Source }): Promise<void> => {
    records = change.keys ?? records;
    source = change.source ?? source;
    return core.facts.set(change);
  };
  const saveKeys = (keys: KeyRecord[]): Promise<void> => save({ keys });
  const saveSource = async (next: Source): Promise<Source> => {
    await save({ source: next });
    return next;
  };
  const inGrace = (): PreviousSecret[] => source.previous.filter(({ until }) => core.now() < until);

  // In one commit: which keys are unshown stands in the source.
  if (!isDeepStrictEqual(stored, { records, source })) await save({ keys: records, source });

  const access: Access = {
    find(key) {
      const presented = Buffer.from(hashOf(key), 'latin1');
      let found: KeyRecord | null = null;
      for (const held of records)
        if (timingSafeEqual(Buffer.from(held.hash, 'latin1'), presented)) found = held;
      return found;
    },
    keys: () => records,
    async create({ kind, role, name }) {
      const key = newKey(kind);
      const added = recordOf(kind, key, { createdAt: createdAt(), name, role });
      await saveKeys([...records, added]);
      return { record: added, key };
    },
    async revoke(id) {
      const gone = records.find((held) => held.id === id);
      if (!gone) return 'unknown';
      const admins = records.filter((held) => held.role === 'admin');
      if (gone.role === 'admin' && admins.length === 1) return 'last';
      const revoked = [gone.hash, ...source.revoked].slice(0, MAX_REVOKED);
      await save({ keys: records.filter((held) => held.id !== id), source: { ...source, revoked } });
      return 'revoked';
    },
    async pageKey(pages = 'survey pages') {
      const bytes = hkdfSync('sha256', source.signingSecret, '', OWN_PAGES[pages], KEY_BYTES);
      const key = keyOf('web', new Uint8Array(bytes));
      if (!records.some((held) => held.hash === hashOf(key)))
        await saveKeys([...records, recordOf('web', key, { createdAt: createdAt(), name: pages })]);
      return key;
    },
    source: () => source,
    updateSource: (change) => saveSource({ ...source, ...change }),
    rotateSigningSecret() {
      const last = { secret: source.signingSecret, until: core.now() + ROTATION_GRACE_MS };
      return saveSource({ ...source, signingSecret: newSecret(), previous: [last, ...inGrace()] });
    },
    rememberShown: () => save({ source: { ...source, unshown: null } }),
    secrets: () => [source.signingSecret, ...inGrace().map(({ secret }) => secret)],
    proves: (userId, signature) => isSignedBy(access.secrets(), userId, signature),
  };
  return { access, firstRun: start.firstRun, refused: start.refused };
}
