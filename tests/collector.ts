// Sets up a collector for tests of the public contract: fixed keys, a clock in the test's hand, temporary files.
// Invariant: talks to the collector only as a user could: by requests, `tick()`, `close()` and `tidemark verify`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCollector } from '@tidemark/collector';
import { createCore } from '../collector/src/ingest/create-core.ts';
import type { Difference } from '../collector/src/ingest/difference.ts';
import type { JsonObject, JsonValue } from '../collector/src/wire/message.ts';

export const WEB_KEY = 'wk_web_for_tests';
export const SERVER_KEY = 'sk_server_for_tests';
export const ADMIN_KEY = 'ak_admin_for_tests';
export const SIGNING_SECRET = 'signing_secret_for_tests';

/** 2026-06-10T12:00:00Z, where most scripts begin. */
export const T0 = Date.parse('2026-06-10T12:00:00Z');

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The parsed body, or null when it is no JSON. */
  json: JsonObject;
}

export interface IngestResult {
  success: boolean;
  accepted: number;
  duplicates: number;
  rejected: { index: number; messageId: string | null; code: string; message: string }[];
  me?: JsonObject;
}

export interface ApiProfile {
  id: string;
  userId: string | null;
  anonymousIds: string[];
  traits: JsonObject;
  computed: JsonObject;
  segments: { key: string; since: string }[];
  groups: { id: string; traits: JsonObject }[];
  firstSeenAt: string | null;
  lastSeenAt: string | null;
  eventCount: number;
  flags: string[];
}

export interface ApiTransition {
  seq: number;
  segment: string;
  profileId: string;
  userId: string | null;
  change: 'entered' | 'left';
  at: string;
  cause: JsonObject;
}

export interface TestOptions {
  /** Keep it in a file, so that it can be reopened; in memory otherwise. */
  file?: boolean;
  /** The clock to begin with, epoch milliseconds. */
  now?: number;
  config?: unknown;
  /** Requests a minute of one key and address. */
  rateLimit?: number;
  /** What is kept of visitors' addresses. */
  ip?: 'none' | 'truncated' | 'full';
  /** Whose days `active_days` counts; UTC unless given. */
  timezone?: string;
  /** Builds with the help of threads, however few people there are. */
  threads?: boolean;
  /** Folds whoever a message parts or joins beside the lane, however short their histories are. */
  beside?: boolean;
}

type Handle = Awaited<ReturnType<typeof createCollector>>;

export interface TestCollector {
  /** The file it is kept in; undefined in memory. */
  readonly database: string | undefined;
  /** The clock; only ever moved by the test. */
  readonly clock: { now: number };
  fetch(path: string, init?: RequestInit): Promise<Answer>;
  /** What a request handler would call. */
  handle(request: Request, env?: unknown): Promise<Response>;
  /** `POST /v1/batch` with the web or server key; fails unless answered 200. */
  send(
    key: 'web' | 'server',
    messages: readonly JsonValue[],
    more?: JsonObject,
    query?: string,
  ): Promise<IngestResult>;
  /** A request to /api with the admin key. */
  api(method: string, path: string, body?: unknown): Promise<Answer>;
  profile(address: string): Promise<ApiProfile | undefined>;
  /** All rows of a list, following `next`. */
  all<T>(path: string, limit?: number): Promise<T[]>;
  transitions(segment: string): Promise<ApiTransition[]>;
  put(kind: 'traits' | 'segments' | 'surveys', key: string, definition: unknown): Promise<Answer>;
  /** Puts definitions and waits until all are ready. */
  define(definitions: {
    traits?: Record<string, unknown>;
    segments?: Record<string, unknown>;
    surveys?: Record<string, unknown>;
  }): Promise<void>;
  /** userIds (or anonymousIds, for people without one) of a segment, sorted. */
  members(segment: string): Promise<string[]>;
  advance(ms: number): void;
  tick(): Promise<void>;
  /** Closes it and opens it again, with other definitions in its file where they are given. */
  reopen(config?: unknown): Promise<void>;
  /** What `tidemark verify` says of the file while it is open. */
  verify(): Promise<Difference[]>;
  dispose(): Promise<void>;
}

function refuse(error: unknown): never {
  throw error;
}

export const basic = (key: string) => `Basic ${Buffer.from(`${key}:`).toString('base64')}`;

export async function openCollector(given: TestOptions = {}): Promise<TestCollector> {
  const options = { ...given };
  const folder = options.file ? mkdtempSync(join(tmpdir(), 'tidemark-test-')) : undefined;
  const clock = { now: options.now ?? T0 };
  const open = (): Promise<Handle> =>
    createCollector({
      database: folder ? join(folder, 'tidemark.db') : ':memory:',
      writeKey: WEB_KEY,
      serverKey: SERVER_KEY,
      adminKey: ADMIN_KEY,
      signingSecret: SIGNING_SECRET,
      now: () => clock.now,
      ...(options.ip === undefined ? {} : { ip: options.ip }),
      ...(options.rateLimit === undefined ? {} : { rateLimit: options.rateLimit }),
      ...(options.timezone === undefined ? {} : { timezone: options.timezone }),
      // That a thread failed, and the collector did without, fails the test.
      ...(options.threads ? { threadFromPeople: 0, onError: refuse } : {}),
      ...(options.beside ? { foldBesideFromMessages: 0 } : {}),
      ...(options.config === undefined ? {} : { config: options.config as never }), // tests also pass bad ones
    });
  let collector = await open();

  async function fetch(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await collector.fetch(new Request(`http://localhost${path}`, init));
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  }

  async function api(method: string, path: string, body?: unknown): Promise<Answer> {
    return fetch(path, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async function all<T>(path: string, limit = 1_000): Promise<T[]> {
    const rows: T[] = [];
    let next: JsonValue | undefined = null;
    do {
      const query = new URLSearchParams({ limit: String(limit) });
      const feed = path.endsWith('/transitions') && path.startsWith('/api/segments/');
      if (next !== null && next !== undefined) query.set(feed ? 'after' : 'cursor', String(next));
      const answer = await api('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`);
      if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text}`);
      // The feed's `next` stands still at its end in no version: a repeated value would loop for ever.
      if (answer.json.next !== null && answer.json.next === next)
        throw new Error(`${path}: next repeats ${next}`);
      rows.push(...(answer.json.data as unknown as T[]));
      next = answer.json.next;
    } while (next !== null && next !== undefined);
    return rows;
  }

  async function put(
    kind: 'traits' | 'segments' | 'surveys',
    key: string,
    definition: unknown,
  ): Promise<Answer> {
    return api('PUT', `/api/${kind}/${key}`, definition);
  }

  const test: TestCollector = {
    database: folder && join(folder, 'tidemark.db'),
    clock,
    fetch,
    handle: (request, env) => collector.fetch(request, env),
    async send(key, messages, more = {}, query = '') {
      const answer = await fetch(`/v1/batch${query}`, {
        method: 'POST',
        headers: { authorization: basic(key === 'web' ? WEB_KEY : SERVER_KEY) },
        body: JSON.stringify({ batch: messages, ...more }),
      });
      if (answer.status !== 200) throw new Error(`POST /v1/batch: ${answer.status} ${answer.text}`);
      return answer.json as unknown as IngestResult;
    },
    api,
    async profile(address) {
      const answer = await api('GET', `/api/profiles/${encodeURIComponent(address)}`);
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw new Error(`GET profile ${address}: ${answer.status} ${answer.text}`);
      return answer.json as unknown as ApiProfile;
    },
    all,
    transitions: (segment) => all<ApiTransition>(`/api/segments/${segment}/transitions`),
    put,
    async define({ traits = {}, segments = {}, surveys = {} }) {
      const keys: string[] = [];
      for (const [kind, definitions] of [
        ['traits', traits],
        ['segments', segments],
        ['surveys', surveys],
      ] as const) {
        for (const [key, definition] of Object.entries(definitions)) {
          const answer = await put(kind, key, definition);
          if (answer.status > 201) throw new Error(`PUT ${kind} ${key}: ${answer.status} ${answer.text}`);
          keys.push(`/api/${kind}/${key}`);
        }
      }
      await collector.tick();
      for (const path of keys) {
        const { json } = await api('GET', path);
        if (json.status !== 'ready') throw new Error(`${path} is ${json.status} after a tick`);
      }
    },
    async members(segment) {
      type Member = Pick<ApiProfile, 'userId' | 'anonymousIds'>;
      const rows = await all<Member>(`/api/segments/${segment}/profiles`);
      return rows.map((row) => row.userId ?? row.anonymousIds.join('+')).sort();
    },
    advance(ms) {
      clock.now += ms;
    },
    tick: () => collector.tick(),
    async reopen(config = options.config) {
      if (!folder) throw new Error('only a collector on a file can be reopened');
      await collector.close();
      options.config = config;
      collector = await open();
    },
    async verify() {
      if (!folder) throw new Error('only a collector on a file can be verified');
      const database = join(folder, 'tidemark.db');
      const core = await createCore({ database, now: () => clock.now, readOnly: true });
      const { differences } = await core.verify({});
      await core.close();
      return differences;
    },
    async dispose() {
      await collector.close();
      if (folder) rmSync(folder, { recursive: true, force: true });
    },
  };
  return test;
}

function parsed(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return {};
  }
}

/** Runs a test body with a collector that is closed whatever happens. */
export async function withCollector(
  options: TestOptions,
  body: (collector: TestCollector) => Promise<void>,
): Promise<void> {
  const collector = await openCollector(options);
  try {
    await body(collector);
  } finally {
    await collector.dispose();
  }
}
