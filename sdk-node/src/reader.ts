// Reads people back: with an admin key all of a profile, with the write key what is exposed.
// Invariant: a failure is a ReadError that says what to do; an answer is the caller's own copy; a key goes to
// the collector's address and nowhere else.
import type { JsonObject, JsonValue, Me } from '../../collector/src/wire/message.ts';
import { createCache } from './cache.ts';
import type { Host } from './host.ts';
import type { Settings } from './options.ts';
import { ADVICE, faultOf, ReadError } from './read-error.ts';
import { base64 } from './sender.ts';
import { wordsOf } from './words.ts';

/** A person: an address (`user:<userId>`, `anon:<anonymousId>` or the profile's own id), or one of the two ids. */
export type ProfileId = string | { userId: string | number } | { anonymousId: string | number };

export interface SegmentEntry {
  key: string;
  /** ISO 8601. */
  since: string;
}

export interface Profile {
  /** The profile's own id. */
  id: string;
  userId: string | null;
  anonymousIds: string[];
  traits: JsonObject;
  computed: Record<string, JsonValue>;
  segments: SegmentEntry[];
  groups: { id: string; traits: JsonObject }[];
  /** ISO 8601, or null before the first message. */
  firstSeenAt: string | null;
  lastSeenAt: string | null;
  eventCount: number;
  flags: JsonValue;
}

export interface MeQuery {
  userId?: string | number | undefined;
  anonymousId?: string | number | undefined;
  /** Proves the userId where the write key is a web key. */
  userSignature?: string | undefined;
}

export interface ReadOptions {
  /** Ask the collector, whatever the cache holds. Default false. */
  fresh?: boolean | undefined;
}

export interface Reader {
  profile(id: ProfileId, options?: ReadOptions): Promise<Profile>;
  segments(id: ProfileId, options?: ReadOptions): Promise<SegmentEntry[]>;
  isIn(id: ProfileId, segment: string, options?: ReadOptions): Promise<boolean>;
  me(query: MeQuery, options?: ReadOptions): Promise<Me>;
}

export function createReader(settings: Settings, host: Host): Reader {
  const { origin, adminKey } = settings;
  const cache = createCache(settings.cacheSize, settings.cacheTtlMs, host.elapsed);
  const writer = { authorization: `Basic ${base64(`${settings.writeKey}:`)}` };

  /** The answer's text, so that each caller gets an object of its own. */
  async function ask(url: string, init: RequestInit, advice: Record<number, string>): Promise<string> {
    const abort = new AbortController();
    const release = host.keepAlive();
    const cancel = host.after(settings.requestLimitMs, () => abort.abort());
    try {
      // Followed, a redirect would take the key to whoever it names.
      const answer = await settings.fetch(url, { ...init, signal: abort.signal, redirect: 'manual' });
      const text = await answer.text();
      const fault = faultOf(answer, text, origin, advice);
      if (fault) throw fault;
      return text;
    } catch (error) {
      if (error instanceof ReadError) throw error;
      throw new ReadError(0, 'no_answer', `no answer from ${origin}: ${wordsOf(error)}`, { cause: error });
    } finally {
      cancel();
      release();
    }
  }

  async function read<T>(
    key: string,
    load: () => Promise<string>,
    options: ReadOptions | undefined,
  ): Promise<T> {
    if (options?.fresh) cache.forget(key);
    return JSON.parse(await cache.read(key, load)) as T; // the collector's own shapes
  }

  async function readAdmin<T>(path: string, options: ReadOptions | undefined): Promise<T> {
    if (adminKey === undefined)
      throw new ReadError(
        0,
        'no_admin_key',
        'reading profiles needs the option adminKey (role read is enough)',
      );
    const init = { headers: { authorization: `Bearer ${adminKey}` } };
    return read<T>(path, () => ask(`${origin}${path}`, init, ADVICE), options);
  }

  const profile = async (id: ProfileId, options?: ReadOptions): Promise<Profile> =>
    readAdmin<Profile>(`/api/profiles/${encodedAddress(id)}`, options);

  return {
    profile,
    segments: async (id, options) => (await profile(id, options)).segments,
    async isIn(id, segment, options) {
      const path = `/api/segments/${encodedSegment(segment)}`;
      const { segments } = await profile(id, options);
      if (segments.some(({ key }) => key === segment)) return true;
      // A name that was mistyped is told, not taken for "no".
      await readAdmin(path, undefined);
      return false;
    },
    async me(query, options) {
      const { userId, anonymousId, userSignature } = fieldsOf(query);
      if (!isId(userId) && !isId(anonymousId)) throw invalidId('me() needs a userId or an anonymousId');
      const body = JSON.stringify({
        userId: isId(userId) ? userId : undefined,
        anonymousId: isId(anonymousId) ? anonymousId : undefined,
        userSignature: typeof userSignature === 'string' ? userSignature : undefined,
      });
      const init = { method: 'POST', headers: { ...writer, 'content-type': 'application/json' }, body };
      const advice = {
        ...ADVICE,
        401:
          userSignature === undefined
            ? 'the write key was refused'
            : 'the write key or userSignature was refused',
      };
      return read<Me>(`me ${body}`, () => ask(`${origin}/v1/me`, init, advice), options);
    },
  };
}

function encodedAddress(id: ProfileId): string {
  const address = addressOf(id);
  const encoded = address && encode(address);
  if (encoded) return encoded;
  throw invalidId(
    'a profile is named by "user:<userId>", "anon:<anonymousId>", { userId } or { anonymousId }, of whole characters',
  );
}

function addressOf(id: ProfileId): string | null {
  if (typeof id === 'string') return id;
  const { userId, anonymousId } = fieldsOf(id);
  if (isId(userId)) return `user:${userId}`;
  return isId(anonymousId) ? `anon:${anonymousId}` : null;
}

/** What is asked for, read once: a getter may throw, and then nobody is named. */
function fieldsOf(given: unknown): MeQuery {
  try {
    const { userId, anonymousId, userSignature } = Object(given) as MeQuery;
    return { userId, anonymousId, userSignature };
  } catch {
    return {};
  }
}

function encodedSegment(segment: string): string {
  const encoded = typeof segment === 'string' && encode(segment);
  if (encoded) return encoded;
  throw new ReadError(0, 'invalid_segment', 'a segment is named by its key, such as "buyers"');
}

/** Null for half a character, which no address can hold. */
function encode(text: string): string | null {
  try {
    return encodeURIComponent(text);
  } catch {
    return null;
  }
}

const invalidId = (message: string): ReadError => new ReadError(0, 'invalid_id', message);

const isId = (id: unknown): boolean => typeof id === 'number' || (typeof id === 'string' && id !== '');
