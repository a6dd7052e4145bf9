// A collector in one's own process: the library entry.
// Invariant: resolves when the builds of its `config` are ready; after `close` the file is free.
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { createApp, type RequestTold } from '../app.ts';
import type { FirstRun } from '../http/start-keys.ts';
import type { Applied, Core } from '../ingest/core.ts';
import { createCore } from '../ingest/create-core.ts';
import { type DefinitionFile, parseDefinitionFile } from '../wire/definitions.ts';
import { readModules, readScript } from './script-file.ts';

export interface CollectorOptions {
  /** A file path or `:memory:`. */
  database: string;
  /** Of a new file without it no web key is made. One that was revoked is not taken until another one is given. */
  writeKey?: string;
  /** Likewise. */
  serverKey?: string;
  /** Likewise. */
  adminKey?: string;
  /** Made for a new file without it. One that was rotated away is not taken until another one is given. */
  signingSecret?: string;
  /** IANA name of the time zone that days are counted in. Default UTC. */
  timezone?: string;
  /** Definitions, as in the definitions file. */
  config?: unknown;
  /** Epoch milliseconds; the only clock the collector reads. Default Date.now. */
  now?: () => number;
  /** The address clients reach this collector at, for the settings it hands out. */
  publicUrl?: string;
  /** Proxies whose X-Forwarded-For is believed. Default 0. */
  trustProxy?: number;
  /** Requests a minute of one key and address, or `off`. */
  rateLimit?: number | 'off';
  /**
   * What is kept of the addresses of web keys' senders, as `context.ip` where a message has none: nothing, the first
   * 24 bits of IPv4 and 48 of IPv6, or all. Default `none`.
   */
  ip?: 'none' | 'truncated' | 'full';
  /**
   * Ids of users and devices seen so far, from which on a new definition is built with the help of threads, which
   * read the messages. They take some 40 MiB while the build runs. Default 2,000; 0 is always, Infinity never. In
   * memory there are none.
   */
  threadFromPeople?: number;
  /**
   * Messages from which on people whom a link or an alias joins or parts are folded anew before their message is put
   * through, so that nobody else waits for it. Default 500; 0 is always, Infinity never. No result depends on it.
   */
  foldBesideFromMessages?: number;
  /** Hears of failures answered with 500 or 503, and of a thread that failed and that the collector does without. */
  onError?: (error: unknown) => void;
  /** Hears of what the operator should mend, in words and without a secret: each matter once. */
  onWarning?: (what: string) => void;
  /** Hears of each request once it is answered: what may be logged of it. */
  onRequest?: (told: RequestTold) => void;
  /** Delay of the event loop since last asked, seconds, for /metrics; left out there unless given. */
  loopDelay?: () => { p50: number; p99: number; max: number };
  /** Hears of long work while opening: people computed anew after an update, or a repair or an erasure that was cut off. */
  onProgress?: (done: number, total: number) => void;
}

export interface Collector {
  fetch(request: Request, env?: unknown): Promise<Response>;
  /**
   * Settles everything due at `now()`, finishes the builds under way and goes on with letting go of messages that are
   * kept no longer, some thousands at a time.
   */
  tick(): Promise<void>;
  close(): Promise<void>;
}

/** What `serve` and the commands need beyond the library. */
export interface InnerCollector extends Collector {
  core: Core;
  app: Awaited<ReturnType<typeof createApp>>;
  firstRun: FirstRun | null;
  /** What the definitions file changed; null without one. */
  applied: Applied | null;
}

/** The definitions in `config` are wrong; `faults` name each place. */
export class InvalidConfig extends Error {
  override readonly name = 'InvalidConfig';
  constructor(readonly faults: readonly { pointer: string; message: string }[]) {
    super(
      `The definitions are invalid:\n${faults.map(({ pointer, message }) => `  ${pointer || '/'} ${message}`).join('\n')}`,
    );
  }
}

/**
 * @throws InvalidConfig, ClockBehind, NewerFile, ForeignFile, RangeError for an unknown time zone, or the database's
 * error for a file that is no database.
 */
export async function createCollector(options: CollectorOptions): Promise<Collector> {
  const { fetch, tick, close } = await openCollector(options);
  return { fetch, tick, close };
}

export interface InnerOptions extends CollectorOptions {
  /** For a new file, in place of the one that follows from the signing secret. */
  idKey?: string;
  /** Random keys are made until some were shown. Default false: nobody would learn them. */
  makesKeys?: boolean;
}

export async function openCollector(options: InnerOptions): Promise<InnerCollector> {
  const {
    database,
    writeKey,
    serverKey,
    adminKey,
    signingSecret,
    timezone,
    config,
    publicUrl,
    trustProxy,
    rateLimit,
    ip,
    onError,
    onWarning,
    onRequest,
    loopDelay,
    onProgress,
    threadFromPeople,
    foldBesideFromMessages,
    makesKeys = false,
  } = options;
  if (typeof database !== 'string' || database === '')
    throw new TypeError('database is required: a file path or ":memory:"');
  if (timezone !== undefined) requireTimezone(timezone);
  const idKey =
    options.idKey ??
    (signingSecret && createHash('sha256').update(`profile ids ${signingSecret}`).digest('base64url'));
  const file = config === undefined ? null : parseConfig(config);
  const core = await createCore({
    database,
    now: options.now ?? Date.now,
    ...(timezone === undefined ? {} : { timezone }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(threadFromPeople === undefined ? {} : { threadFromPeople }),
    ...(foldBesideFromMessages === undefined ? {} : { foldBesideFromMessages }),
    ...(onError === undefined ? {} : { onTrouble: onError }),
    // The same secret gives the same opaque ids in two files, a random one none that can be guessed.
    ...(idKey === undefined ? {} : { idKey }),
  });
  try {
    const app = await createApp({
      core,
      keys: { writeKey, serverKey, adminKey, signingSecret },
      makesKeys,
      script: readScript(),
      modules: readModules(),
      ...(publicUrl === undefined ? {} : { publicUrl }),
      ...(trustProxy === undefined ? {} : { trustProxyHops: trustProxy }),
      ...(rateLimit === undefined ? {} : { rateLimit }),
      ...(ip === undefined ? {} : { ip }),
      ...(onError === undefined ? {} : { onError }),
      ...(onWarning === undefined ? {} : { onWarning }),
      ...(onRequest === undefined ? {} : { onRequest }),
      gauges: {
        ...(database === ':memory:' ? {} : { logBytes: () => logBytes(database) }),
        ...(loopDelay === undefined ? {} : { loopDelay }),
      },
    });
    let applied: Applied | null = null;
    if (file) {
      const result = await core.applyFile(file);
      if (!result.ok) throw new InvalidConfig(result.faults);
      applied = result;
      await core.tick();
    }
    return {
      fetch: app.fetch,
      tick: () => core.tick(),
      async close() {
        await app.close();
        await core.close();
      },
      core,
      app,
      firstRun: app.firstRun,
      applied,
    };
  } catch (error) {
    await core.close();
    throw error;
  }
}

/** None while there is no log: before the first write, and after an orderly end. */
function logBytes(database: string): number {
  return statSync(`${database}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/** @throws RangeError for a name that is none */
export function requireTimezone(name: string): void {
  // Its rules take 8 MB of memory, which only other zones need.
  if (name === 'UTC') return;
  // The result is looked at because the bundler drops a constructor of Intl that nothing comes of.
  const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
  if (timeZone === '') throw new RangeError(`"${name}" is no time zone`);
}

/** @throws InvalidConfig */
export function parseConfig(config: unknown): DefinitionFile {
  const parsed = parseDefinitionFile(config);
  if (!parsed.ok) throw new InvalidConfig(parsed.faults);
  return parsed.value;
}
