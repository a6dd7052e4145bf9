// The Node client in the shapes of @segment/analytics-node: one object a call.
// Invariant: after construction nothing throws into the host; every message is delivered, held, or told
// to `onError` once.

import type { SurveyAnswer, SurveyStatus } from '../../collector/src/wire/message.ts';
import { uuidv7 } from '../../sdk-web/src/core/ids.ts';
import {
  createQueue,
  type FlushResult,
  type Loss,
  type Queue,
  type Queued,
} from '../../sdk-web/src/core/queue.ts';
import { LIBRARY_VERSION } from '../../sdk-web/src/version.ts';
import { createSender } from './sender.ts';
import { snapshot } from './snapshot.ts';

type Fields = Record<string, unknown>;
type Id = string | number;

/** Whom a message is about: one of the two, or both. */
export type Identity = { userId: Id; anonymousId?: Id } | { userId?: Id; anonymousId: Id };

interface Common {
  timestamp?: Date | string | number;
  messageId?: string;
  context?: Fields;
  integrations?: Fields;
}

export type IdentifyParams = Identity & Common & { traits?: Fields };
export type TrackParams = Identity & Common & { event: string; properties?: Fields };
export type PageParams = Identity & Common & { name?: string; category?: string; properties?: Fields };
export type GroupParams = Identity & Common & { groupId: Id; traits?: Fields };
export type AliasParams = Common & { userId: Id; previousId: Id };
export type SurveyParams = Identity &
  Common & {
    surveyId: string;
    answers: Record<string, SurveyAnswer>;
    submissionId?: string;
    status?: SurveyStatus;
    version?: Id;
    language?: string;
  };

/** Called once the message is answered for: without an error when the collector has it. */
export type Callback = (error?: Loss | undefined, message?: Queued) => void;

export interface AnalyticsOptions {
  /** A server write key (secret), or a web key. */
  writeKey: string;
  /** The collector's address. Default `http://127.0.0.1:4700`. */
  host?: string;
  /** Default `/v1/batch`. */
  path?: string;
  /** Messages at which a batch leaves at once. Default 15. `maxEventsInBatch` is Segment's newer name for it. */
  flushAt?: number;
  maxEventsInBatch?: number;
  /** How long a message waits for company, ms. Default 10,000. */
  flushInterval?: number;
  /** Tries of a message after the first. Default: until it is answered. */
  maxRetries?: number;
  /** Messages held at most. Default 100,000; past it the newest is refused and reported. */
  maxQueue?: number;
  /** How long one request may take, ms. Default 10,000. */
  httpRequestTimeout?: number;
  /** Hears of every message that is lost, with its code. */
  onError?: (error: Loss, messages: Queued[]) => void;
  /** Flush on SIGTERM and SIGINT before the process ends. Default false. */
  handleSignals?: boolean;
  /** Take calls and send nothing. Default false. */
  disable?: boolean;
  /** For tests and other runtimes. Default: the global fetch. */
  fetch?: typeof fetch;
}

export interface ClosedResult extends FlushResult {}

type Events = { error: (error: Loss, messages: Queued[]) => void };

const DEFAULT_HOST = 'http://127.0.0.1:4700';
const DEFAULT_FLUSH_AT = 15;
const DEFAULT_FLUSH_INTERVAL_MS = 10_000;
const DEFAULT_MAX_QUEUE = 100_000;
const DEFAULT_REQUEST_LIMIT_MS = 10_000;
/** JSON characters held at most: with the newest refused past it, memory stays bounded. */
const MAX_CHARS = 512 * 1024 * 1024;
/** JSON characters of a request: within the collector's 4 MiB whatever UTF-8 makes of them. */
const MAX_BATCH_CHARS = 1_000_000;
const MAX_IN_FLIGHT = 4;

export class Analytics {
  readonly #queue: Queue;
  readonly #options: AnalyticsOptions;
  readonly #listeners: { [E in keyof Events]: Set<Events[E]> } = { error: new Set() };
  readonly #callbacks = new Map<Queued, Callback>();
  readonly #lost = new Map<Queued, Loss>();
  readonly #unhook: (() => void)[] = [];
  #closed = false;

  /** @throws TypeError for a missing writeKey, a host that is no URL, or a number that is none. */
  constructor(options: AnalyticsOptions) {
    const { writeKey, host = DEFAULT_HOST, path = '/v1/batch' } = options;
    if (typeof writeKey !== 'string' || writeKey === '')
      throw new TypeError('writeKey is required: a server write key');
    for (const name of [
      'flushAt',
      'maxEventsInBatch',
      'flushInterval',
      'maxRetries',
      'maxQueue',
      'httpRequestTimeout',
    ] as const) {
      const value = options[name];
      if (value !== undefined && !(typeof value === 'number' && value >= 0))
        throw new TypeError(`${name} must be a number of 0 or more`);
    }
    this.#options = options;
    const send = createSender({
      url: new URL(path, host).href,
      writeKey,
      limitMs: options.httpRequestTimeout ?? DEFAULT_REQUEST_LIMIT_MS,
      fetch: options.fetch ?? globalThis.fetch,
    });
    this.#queue = createQueue({
      send,
      now: Date.now,
      random: Math.random,
      after: (ms, callback) => {
        const timer = setTimeout(callback, ms);
        // Waiting messages alone do not keep the process: `beforeExit` flushes them.
        timer.unref?.();
        return () => clearTimeout(timer);
      },
      onLost: (loss, messages) => this.#report(loss, messages),
      onSettled: (messages) => this.#settled(messages),
      flushAt: Math.max(1, options.flushAt ?? options.maxEventsInBatch ?? DEFAULT_FLUSH_AT),
      flushIntervalMs: options.flushInterval ?? DEFAULT_FLUSH_INTERVAL_MS,
      maxMessages: options.maxQueue ?? DEFAULT_MAX_QUEUE,
      maxChars: MAX_CHARS,
      maxBatchChars: MAX_BATCH_CHARS,
      maxInFlight: MAX_IN_FLIGHT,
      maxRetries: options.maxRetries ?? Number.POSITIVE_INFINITY,
    });
    this.#hook();
  }

  /** Says who a person is. */
  identify(params: IdentifyParams, callback?: Callback): boolean {
    return this.#enqueue('identify', params, callback, { traits: {} });
  }

  /** Says what a person did. False if the message was refused (and reported). */
  track(params: TrackParams, callback?: Callback): boolean {
    return this.#enqueue('track', params, callback, { properties: {} });
  }

  page(params: PageParams, callback?: Callback): boolean {
    return this.#enqueue('page', params, callback, { properties: {} });
  }

  screen(params: PageParams, callback?: Callback): boolean {
    return this.#enqueue('screen', params, callback, { properties: {} });
  }

  /** Makes a person a member of a group and sets the group's traits. */
  group(params: GroupParams, callback?: Callback): boolean {
    return this.#enqueue('group', params, callback, { traits: {} });
  }

  /** Links the device `previousId`, and with a server key merges the user of that name, into `userId`. */
  alias(params: AliasParams, callback?: Callback): boolean {
    return this.#enqueue('alias', params, callback);
  }

  survey(params: SurveyParams, callback?: Callback): boolean {
    return this.#enqueue('survey', params, callback);
  }

  /** Resolves when all queued now is answered or lost, or within `timeout` ms (5,000). Never rejects. */
  flush({ timeout }: { timeout?: number; close?: boolean } = {}): Promise<FlushResult> {
    return this.#queue.flush(timeout);
  }

  /** Flushes and closes: later calls are refused and reported. */
  async closeAndFlush({ timeout }: { timeout?: number } = {}): Promise<ClosedResult> {
    this.#closed = true;
    for (const unhook of this.#unhook.splice(0)) unhook();
    const result = await this.#queue.flush(timeout);
    this.#queue.close();
    return result;
  }

  on<E extends keyof Events>(event: E, listener: Events[E]): this {
    this.#listeners[event].add(listener);
    return this;
  }

  off<E extends keyof Events>(event: E, listener: Events[E]): this {
    this.#listeners[event].delete(listener);
    return this;
  }

  #enqueue(type: string, params: object, callback?: Callback, defaults: Fields = {}): boolean {
    const now = Date.now();
    // The snapshot comes first: reading the host's object may throw, here or later.
    const given = (snapshot(params) ?? {}) as Common & Fields;
    const { userId, anonymousId, timestamp, messageId, context, ...fields } = { ...defaults, ...given };
    const message: Queued = {
      type,
      messageId:
        typeof messageId === 'string' && messageId
          ? messageId
          : uuidv7(now, (bytes) => crypto.getRandomValues(bytes)),
      ...(isPresent(userId) ? { userId } : {}),
      ...(isPresent(anonymousId) ? { anonymousId } : {}),
      timestamp: timestamp ?? new Date(now).toISOString(),
      ...fields,
      context: { ...context, library: { name: '@tidemark/sdk-node', version: LIBRARY_VERSION } },
    };
    if (callback) this.#callbacks.set(message, callback);
    if (!isPresent(userId) && !isPresent(anonymousId)) {
      return this.#refuse(message, 'missing_identity', 'userId or anonymousId is required');
    }
    if (this.#closed) return this.#refuse(message, 'closed', 'closeAndFlush was called');
    if (this.#options.disable) {
      this.#settled([message]);
      return true;
    }
    const taken = this.#queue.add(message);
    if (!taken) this.#settled([message]);
    return taken;
  }

  #refuse(message: Queued, code: string, reason: string): false {
    this.#report({ code, message: reason }, [message]);
    this.#settled([message]);
    return false;
  }

  #report(loss: Loss, messages: Queued[]): void {
    for (const message of messages) if (this.#callbacks.has(message)) this.#lost.set(message, loss);
    // A lost message is settled before it is reported: its callback waits for this.
    for (const message of messages) this.#answer(message);
    quietly(() => this.#options.onError?.(loss, messages));
    for (const listener of this.#listeners.error) quietly(() => listener(loss, messages));
  }

  #settled(messages: Queued[]): void {
    // After this turn: what was lost is told as lost first.
    queueMicrotask(() => {
      for (const message of messages) this.#answer(message);
    });
  }

  #answer(message: Queued): void {
    const callback = this.#callbacks.get(message);
    if (!callback) return;
    const loss = this.#lost.get(message);
    this.#callbacks.delete(message);
    this.#lost.delete(message);
    quietly(() => callback(loss, message));
  }

  #hook(): void {
    const beforeExit = (): void => {
      if (this.#queue.size() > 0) void this.#queue.flush();
    };
    process.on('beforeExit', beforeExit);
    this.#unhook.push(() => process.off('beforeExit', beforeExit));
    if (!this.#options.handleSignals) return;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const onSignal = (): void => {
        void this.closeAndFlush().then(() => process.kill(process.pid, signal));
      };
      process.once(signal, onSignal);
      this.#unhook.push(() => process.off(signal, onSignal));
    }
  }
}

const isPresent = (id: unknown): boolean => id !== undefined && id !== null && id !== '';

/** A host's callback may throw; its caller is a timer of ours, not the host. */
function quietly(run: () => void): void {
  try {
    run();
  } catch (error) {
    process.emitWarning(`A Tidemark callback threw: ${String(error)}`);
  }
}
