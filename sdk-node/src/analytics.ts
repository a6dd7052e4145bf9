// The Node client in the shapes of @segment/analytics-node: one object a call.
// Invariant: after construction nothing throws into the host; every message is delivered, held, or told
// to `onError` once.
import {
  createQueue,
  type FlushResult,
  type Loss,
  type Queue,
  type Queued,
} from '../../sdk-web/src/core/queue.ts';
import { LIBRARY_VERSION } from '../../sdk-web/src/version.ts';
import { composeMessage, hasIdentity } from './compose.ts';
import { unwatchExit, unwatchSignals, watchExit, watchSignals } from './exit.ts';
import { type AnalyticsOptions, nodePlatform, type Platform, readOptions } from './options.ts';
import type {
  AliasParams,
  Callback,
  Context,
  GroupParams,
  IdentifyParams,
  Message,
  PageParams,
  SurveyParams,
  TrackParams,
} from './params.ts';
import { createSender, type Sender } from './sender.ts';
import { SnapshotFault } from './snapshot.ts';

/** What `on` hears of. The calls' own names: the collector has that message. */
export interface Events {
  error: [error: Loss, messages: Message[]];
  identify: [context: Context];
  track: [context: Context];
  page: [context: Context];
  screen: [context: Context];
  group: [context: Context];
  alias: [context: Context];
  survey: [context: Context];
  call_after_close: [message: Message];
  /** Nothing is held any more. */
  drained: [];
}

type Listener<E extends keyof Events> = (...args: Events[E]) => void;
type Call = Exclude<keyof Events, 'error' | 'call_after_close' | 'drained'>;

/** JSON characters held at most: with the newest refused past it, memory stays bounded. */
const MAX_CHARS = 256 * 1024 * 1024;
/** JSON characters of a request: within the collector's 4 MiB whatever UTF-8 makes of them. */
const MAX_BATCH_CHARS = 1_000_000;
/** More would only queue in the collector's one lane. */
const MAX_IN_FLIGHT = 4;
/** Keeps the process while a flush is awaited; it never fires in practice, ms. */
const KEEP_ALIVE_MS = 60 * 60 * 1000;

/** A message as the queue holds it: wrapped, so that messages with different contexts share a request. */
interface Held extends Queued {
  message: Message;
  /** Not in its JSON, so not in its size. */
  callback?: Callback | undefined;
}

/** The queue gives back what `add` gave it, and that is always this. */
const ownEntries = (entries: Queued[]): Held[] => entries as Held[];

export class Analytics {
  /** Segment's clients await it; this one can be used at once. */
  readonly ready: Promise<void> = Promise.resolve();
  readonly VERSION: string = LIBRARY_VERSION;

  readonly #platform: Platform;
  readonly #sender: Sender;
  readonly #queue: Queue;
  readonly #onError: AnalyticsOptions['onError'];
  readonly #disabled: boolean;
  readonly #listeners = new Map<string, Set<Listener<keyof Events>>>();
  readonly #held = new Set<Held>();
  readonly #holder = { beforeExit: () => this.#beforeExit(), exit: () => this.#abandon('the process ended') };
  readonly #onSignal = (): Promise<FlushResult> => this.closeAndFlush();
  #triedAtExit = false;
  #keyRefused = false;
  #closing: Promise<FlushResult> | undefined;

  /**
   * @param platform clock, chance and timers; leave it out
   * @throws TypeError for a missing writeKey, a host that is no http address, or a number out of range
   */
  constructor(options: AnalyticsOptions, platform: Platform = nodePlatform) {
    const settings = readOptions(options);
    const { now, random, after } = platform;
    this.#platform = platform;
    this.#onError = options.onError;
    this.#disabled = options.disable === true;
    this.#sender = createSender({
      url: settings.url,
      writeKey: settings.writeKey,
      limitMs: settings.requestLimitMs,
      fetch: settings.fetch,
      now,
      after,
    });
    this.#queue = createQueue({
      send: (entries) => this.#sender.send(ownEntries(entries).map(({ message }) => message)),
      onLost: (loss, entries) => this.#lose(loss, ownEntries(entries)),
      // The queue settles what it lost just before it says so: delivered is what was not told by then.
      onSettled: (entries) => queueMicrotask(() => this.#answer(ownEntries(entries))),
      now,
      random,
      after,
      flushAt: settings.flushAt,
      flushIntervalMs: settings.flushIntervalMs,
      maxMessages: settings.maxQueue,
      maxChars: MAX_CHARS,
      maxBatchChars: MAX_BATCH_CHARS,
      maxInFlight: MAX_IN_FLIGHT,
      maxRetries: settings.maxRetries,
    });
    if (options.handleSignals) watchSignals(this.#onSignal);
  }

  /** Says who a person is. Each call answers false if its message was refused, which was then reported. */
  identify(params: IdentifyParams, callback?: Callback): boolean {
    return this.#take('identify', params, callback);
  }

  /** Says what a person did. */
  track(params: TrackParams, callback?: Callback): boolean {
    return this.#take('track', params, callback);
  }

  page(params: PageParams, callback?: Callback): boolean {
    return this.#take('page', params, callback);
  }

  screen(params: PageParams, callback?: Callback): boolean {
    return this.#take('screen', params, callback);
  }

  /** Makes a person a member of a group and sets the group's traits. */
  group(params: GroupParams, callback?: Callback): boolean {
    return this.#take('group', params, callback);
  }

  /** Links the device `previousId`, and with a server key merges the user of that name, into `userId`. */
  alias(params: AliasParams, callback?: Callback): boolean {
    return this.#take('alias', params, callback);
  }

  survey(params: SurveyParams, callback?: Callback): boolean {
    return this.#take('survey', params, callback);
  }

  /**
   * Resolves when all queued now is answered or lost, or after `timeout` ms (5,000). Never rejects.
   * With `close` it is `closeAndFlush`.
   */
  flush(options: { timeout?: number | undefined; close?: boolean | undefined } = {}): Promise<FlushResult> {
    if (options.close) return this.closeAndFlush(options);
    return this.#closing ?? this.#drain(options.timeout);
  }

  /**
   * Takes no more calls, flushes for up to `timeout` ms (5,000), then closes. What is `pending` by then is
   * told to `onError` as `closed`: it is held in memory only. Never rejects.
   */
  closeAndFlush(options: { timeout?: number | undefined } = {}): Promise<FlushResult> {
    this.#closing ??= this.#close(options.timeout);
    return this.#closing;
  }

  on<E extends keyof Events>(event: E, listener: Listener<E>): this {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener as Listener<keyof Events>); // kept under its event, called with its arguments
    return this;
  }

  once<E extends keyof Events>(event: E, listener: Listener<E>): this {
    const once: Listener<E> = (...args) => {
      this.off(event, once);
      listener(...args);
    };
    return this.on(event, once);
  }

  off<E extends keyof Events>(event: E, listener: Listener<E>): this {
    this.#listeners.get(event)?.delete(listener as Listener<keyof Events>); // as in `on`
    return this;
  }

  #take(type: Call, params: unknown, callback: Callback | undefined): boolean {
    let message: Message;
    try {
      message = composeMessage(type, params, this.#platform);
    } catch (error) {
      const code = error instanceof SnapshotFault ? error.code : 'invalid_field';
      return this.#refuse(
        composeMessage(type, {}, this.#platform),
        { code, message: String(error) },
        callback,
      );
    }
    if (this.#closing) {
      this.#emit('call_after_close', message);
      return this.#refuse(message, { code: 'closed', message: 'closeAndFlush was called' }, callback);
    }
    if (!hasIdentity(message)) {
      const loss = { code: 'missing_identity', message: 'userId or anonymousId is required' };
      return this.#refuse(message, loss, callback);
    }
    const entry: Held = { messageId: message.messageId, message, callback };
    if (this.#held.size === 0) watchExit(this.#holder);
    this.#held.add(entry);
    this.#triedAtExit = false;
    if (this.#disabled) {
      queueMicrotask(() => this.#answer([entry]));
      return true;
    }
    return this.#queue.add(entry);
  }

  #refuse(message: Message, loss: Loss, callback: Callback | undefined): false {
    const entry: Held = { messageId: message.messageId, message, callback };
    this.#held.add(entry);
    this.#lose(loss, [entry]);
    return false;
  }

  #lose(loss: Loss, entries: Held[]): void {
    if (entries.length === 0) {
      this.#keyRefused = true;
      this.#report(loss, []);
      return;
    }
    // An aborted request may be given up again by the queue: it was told already.
    const lost = entries.filter((entry) => this.#held.has(entry));
    if (lost.length === 0) return;
    this.#answer(lost, loss);
    this.#report(
      loss,
      lost.map(({ message }) => message),
    );
  }

  #report(loss: Loss, messages: Message[]): void {
    quietly(() => this.#onError?.(loss, messages));
    this.#emit('error', loss, messages);
  }

  #answer(entries: Held[], loss?: Loss): void {
    for (const entry of entries) {
      if (!this.#held.delete(entry)) continue;
      const { message, callback } = entry;
      const context = { id: message.messageId, event: message };
      quietly(() => callback?.(loss, context));
      if (!loss) this.#emit(message.type as Call, context); // composed by #take, which takes only these
    }
    if (this.#held.size > 0) return;
    unwatchExit(this.#holder);
    if (entries.length > 0) this.#emit('drained');
  }

  #emit<E extends keyof Events>(event: E, ...args: Events[E]): void {
    for (const listener of this.#listeners.get(event) ?? [])
      quietly(() => (listener as Listener<E>)(...args)); // as in `on`
  }

  async #close(timeout: number | undefined): Promise<FlushResult> {
    unwatchSignals(this.#onSignal);
    const result = await this.#drain(timeout);
    this.#queue.close();
    this.#abandon('closeAndFlush ran out of time');
    this.#sender.abort();
    return result;
  }

  async #drain(timeout: number | undefined): Promise<FlushResult> {
    // Timers of the queue do not keep the process; an awaited flush does.
    const keepAlive = setInterval(() => {}, KEEP_ALIVE_MS);
    try {
      return await this.#queue.flush(timeout);
    } finally {
      clearInterval(keepAlive);
    }
  }

  #beforeExit(): void {
    if (this.#triedAtExit || this.#keyRefused || this.#closing) return;
    this.#triedAtExit = true;
    void this.#drain(undefined);
  }

  #abandon(message: string): void {
    if (this.#held.size > 0) this.#lose({ code: 'closed', message }, [...this.#held]);
  }
}

/** A host's callback may throw; its caller is a timer of ours, not the host. */
function quietly(run: () => void): void {
  try {
    run();
  } catch (error) {
    process.emitWarning(`A Tidemark callback threw: ${String(error)}`);
  }
}
