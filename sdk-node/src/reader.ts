// Reads people back: with an admin key all of a profile, with the write key what is exposed.
// Invariant: a failure is a ReadError that says what to do; an answer is the caller's own copy.
import type { JsonObject, JsonValue, Me } from '../../collector/src/wire/message.ts';
import { createCache } from './cache.ts';
import type { Host } from './host.ts';
import type { Settings } from './options.ts';
import { base64 } from './sender.ts';

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

/** What a read rejects with. */
export class ReadError extends Error {
  override readonly name = 'ReadError';
  /** The HTTP status; 0: no answer, or nothing was asked. */
  readonly status: number;
  /** The collector's code, or `no_answer`, `no_admin_key`, `invalid_id`. */
  readonly code: string;
  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}

export interface Reader {
  profile(id: ProfileId, options?: ReadOptions): Promise<Profile>;
  segments(id: ProfileId, options?: ReadOptions): Promise<SegmentEntry[]>;
  isIn(id: ProfileId, segment: string, options?: ReadOptions): Promise<boolean>;
  me(query: MeQuery, options?: ReadOptions): Promise<Me>;
}

const ADVICE: Record<number, string> = {
  401: 'the key was refused: is it an admin key of this collector, and not revoked?',
  403: 'the key may not do this',
  404: 'there is no such profile or segment',
  429: 'too many requests',
};

export function createReader(settings: Settings, host: Host): Reader {
  const { origin, adminKey } = settings;
  const cache = createCache(settings.cacheSize, settings.cacheTtlMs, host.now);
  const writer = { authorization: `Basic ${base64(`${settings.writeKey}:`)}` };

  /** The answer's text, so that each caller gets an object of its own. */
  async function ask(url: string, init: RequestInit, advice: Record<number, string>): Promise<string> {
    const abort = new AbortController();
    const release = host.keepAlive();
    const cancel = host.after(settings.requestLimitMs, () => abort.abort());
    try {
      const answer = await settings.fetch(url, { ...init, signal: abort.signal });
      const text = await answer.text();
      if (!answer.ok) throw errorOf(answer.status, text, advice);
      return text;
    } catch (error) {
      if (error instanceof ReadError) throw error;
      throw new ReadError(0, 'no_answer', `no answer from ${origin}: ${String(error)}`, { cause: error });
    } finally {
      cancel();
      release();
    }
  }

  async function read<T>(key: string, load: () => Promise<string>, options: ReadOptions = {}): Promise<T> {
    if (options.fresh) cache.forget(key);
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
    readAdmin<Profile>(`/api/profiles/${encodeURIComponent(addressOf(id))}`, options);

  return {
    profile,
    segments: async (id, options) => (await profile(id, options)).segments,
    async isIn(id, segment, options) {
      const { segments } = await profile(id, options);
      if (segments.some(({ key }) => key === segment)) return true;
      // A name that was mistyped is told, not taken for "no".
      await readAdmin(`/api/segments/${encodeURIComponent(segment)}`, undefined);
      return false;
    },
    async me({ userId, anonymousId, userSignature }, options) {
      const body = JSON.stringify({ userId, anonymousId, userSignature });
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

function addressOf(id: ProfileId): string {
  if (typeof id === 'string' && id !== '') return id;
  const { userId, anonymousId } = (typeof id === 'object' && id ? id : {}) as {
    userId?: string | number;
    anonymousId?: string | number;
  };
  if (isId(userId)) return `user:${userId}`;
  if (isId(anonymousId)) return `anon:${anonymousId}`;
  throw new ReadError(
    0,
    'invalid_id',
    'a profile is named by "user:<userId>", "anon:<anonymousId>", { userId } or { anonymousId }',
  );
}

const isId = (id: unknown): boolean => typeof id === 'number' || (typeof id === 'string' && id !== '');

function errorOf(status: number, text: string, advice: Record<number, string>): ReadError {
  const { code, message } = readFault(text);
  const hint = advice[status];
  return new ReadError(
    status,
    code ?? `http_${status}`,
    [`HTTP ${status}`, hint, message].filter(Boolean).join(': '),
  );
}

function readFault(text: string): { code?: string; message?: string } {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: string; message?: string } };
    return error ?? {};
  } catch {
    return {};
  }
}
