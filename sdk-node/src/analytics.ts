// The client in the shapes of @segment/analytics-node: one object a call.
// Invariant: after construction nothing throws into the host; every message is delivered, held, on disk, or
// told to `onError` once.

import type { Me } from '../../collector/src/wire/message.ts';
import type { FlushResult, Loss } from '../../sdk-web/src/core/queue.ts';
import { LIBRARY_VERSION } from '../../sdk-web/src/version.ts';
import { createBurst } from './burst.ts';
import { type Composed, compose, composeBare, hasIdentity, write } from './compose.ts';
import { createDelivery, type Delivery } from './delivery.ts';
import { disposeSymbol } from './dispose.ts';
import { createEmitter, type Emitter } from './emitter.ts';
import type { Events } from './events.ts';
import { Held } from './held.ts';
import type { Host } from './host.ts';
import { limitsOf } from './limits.ts';
import { type AnalyticsOptions, readOptions } from './options.ts';
import { createOutcomes, type Outcomes } from './outcomes.ts';
import {
  type AliasParams,
  type AnyEvents,
  CALLS,
  type Call,
  type Callback,
  type GroupParams,
  type IdentifyParams,
  type Message,
  type PageParams,
  type SurveyParams,
  type TrackParams,
} from './params.ts';
import { type Plugin, runBefore } from './plugin.ts';
import {
  createReader,
  type MeQuery,
  type Profile,
  type ProfileId,
  type Reader,
  type ReadOptions,
  type SegmentEntry,
} from './reader.ts';
import { createSender, type Sender } from './sender.ts';
import { createShelf, type Shelf } from './shelf.ts';
import { SnapshotFault, snapshot } from './snapshot.ts';
import { wordsOf } from './words.ts';

/** Segment's client allows `const { track } = analytics`. */
const DETACHABLE = [
  ...CALLS,
  'flush',
  'closeAndFlush',
  'drain',
  'on',
  'once',
  'off',
  'use',
  'profile',
  'segments',
  'isIn',
  'me',
] as const;

export class Analytics<E extends object = AnyEvents> {
  /** Segment's clients await it; this one can be used at once. */
  readonly ready: Promise<void> = Promise.resolve();
  readonly VERSION: string = LIBRARY_VERSION;
  /** `await using analytics = new Analytics(...)`: `closeAndFlush` at the end of the block. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  readonly #host: Host;
  readonly #options: AnalyticsOptions;
  readonly #sender: Sender;
  readonly #delivery: Delivery;
  readonly #reader: Reader;
  readonly #shelf: Shelf;
  readonly #emitter: Emitter<Events>;
  readonly #outcomes: Outcomes;
  readonly #plugins: Plugin<Analytics<E>>[] = [];
  readonly #stops: (() => void)[] = [];
  readonly #burst: () => void;
  readonly #holder = { beforeExit: () => this.#beforeExit(), exit: () => this.#exit() };
  readonly #onSignal = (): Promise<FlushResult> => this.closeAndFlush();
  #triedAtExit = false;
  #closing: Promise<FlushResult> | undefined;

  /** @throws TypeError for a missing writeKey, a host that is no http address, or a number out of range */
  constructor(options: AnalyticsOptions, host: Host) {
    const settings = readOptions(options);
    this.#host = host;
    this.#options = options;
    this.#emitter = createEmitter<Events>((run) => this.#quietly(run));
    this.#outcomes = createOutcomes({
      emitter: this.#emitter,
      plugins: this.#plugins,
      onError: options.onError,
      origin: settings.origin,
      say: (text) => host.say(text),
      quietly: (run) => this.#quietly(run),
    });
    this.#reader = createReader(settings, host);
    this.#sender = createSender({
      url: settings.url,
      writeKey: settings.writeKey,
      limitMs: settings.requestLimitMs,
      gzip: settings.gzip,
      fetch: settings.fetch,
      httpClient: settings.httpClient,
      host,
      onRequest: (tell) =>
        this.#emitter.isHeard('http_request') && this.#emitter.emit('http_request', tell()),
      onResponse: (tell) =>
        this.#emitter.isHeard('http_response') && this.#emitter.emit('http_response', tell()),
    });
    if (settings.spoolDir !== undefined && !host.openSpool)
      throw new TypeError('spoolDir needs a disk: this build has none');
    this.#shelf = createShelf(host.blocks);
    this.#delivery = createDelivery({
      settings,
      shelf: this.#shelf,
      host,
      sender: this.#sender,
      spool:
        settings.spoolDir === undefined || options.disable
          ? null
          : (host.openSpool?.({
              folder: settings.spoolDir,
              maxBytes: settings.maxSpoolBytes,
              // Also of what is found at construction, when the host has no client in its hands yet.
              onTrouble: (loss) => queueMicrotask(() => this.#outcomes.report(loss, [])),
              now: host.now,
              elapsed: host.elapsed,
              after: host.after,
              uuid: host.uuid,
            }) ?? null),
      onLost: this.#outcomes.lose,
      onDelivered: this.#outcomes.deliver,
      onBusy: (isBusy) => this.#watch(isBusy),
    });
    this.#burst = createBurst({
      keep: () => options.waitUntil,
      size: () => this.#delivery.size(),
      flush: () => this.flush(),
      after: (ms, callback) => host.after(ms, callback),
      quietly: (run) => this.#quietly(run),
    });
    for (const name of DETACHABLE) this.#define(name, this[name].bind(this));
    this.#define(disposeSymbol(Symbol), async () => void (await this.closeAndFlush()));
    if (options.handleSignals) host.watchSignals(this.#onSignal);
  }

  /**
   * Says who a person is. Each call answers false if there was no room for its message (`queue_full`) or the
   * client is closed (`closed`), which was then reported; what can never be taken is reported and answers true.
   */
  identify(params: IdentifyParams, callback?: Callback): boolean {
    return this.#take('identify', params, callback);
  }

  /** Says what a person did. False: `await drain()`, and call again if that answered true. */
  track(params: TrackParams<E>, callback?: Callback): boolean {
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
  flush(options?: { timeout?: number | undefined; close?: boolean | undefined }): Promise<FlushResult> {
    const { close, timeout } = limitsOf(options);
    if (close) return this.closeAndFlush({ timeout });
    return this.#closing ?? this.#flush(timeout);
  }

  /**
   * Resolves with true at once while there is room; in a full queue when half of it is free. With false
   * when there will be none: after `timeout` ms (no limit), a refused key, or the end. Never rejects.
   */
  drain(options?: { timeout?: number | undefined }): Promise<boolean> {
    return this.#closing ? Promise.resolve(false) : this.#delivery.drain(limitsOf(options).timeout);
  }

  /**
   * Takes no more calls, flushes for up to `timeout` ms (5,000), then closes. What is `pending` by then
   * stays in `spoolDir` for the next client, or without one is told to `onError` as `closed`. Never rejects.
   */
  closeAndFlush(options?: { timeout?: number | undefined }): Promise<FlushResult> {
    this.#closing ??= this.#close(limitsOf(options).timeout);
    return this.#closing;
  }

  on<N extends keyof Events>(event: N, listener: (...args: Events[N]) => void): this {
    this.#emitter.on(event, listener);
    return this;
  }

  once<N extends keyof Events>(event: N, listener: (...args: Events[N]) => void): this {
    this.#emitter.once(event, listener);
    return this;
  }

  off<N extends keyof Events>(event: N, listener: (...args: Events[N]) => void): this {
    this.#emitter.off(event, listener);
    return this;
  }

  /** Adds hooks around every message from now on, until the client is closed. No object is told to `onError`. */
  use(plugin: Plugin<Analytics<E>>): this {
    // Hooks are read again at every message: one that cannot be read must never be among them.
    if (typeof plugin !== 'object' || plugin === null) {
      this.#outcomes.report({ code: 'invalid_plugin', message: 'use() takes an object with hooks' }, []);
      return this;
    }
    this.#plugins.push(plugin);
    this.#quietly(() => {
      const stop = plugin.start?.(this);
      if (stop) this.#stops.push(stop);
    });
    return this;
  }

  /**
   * All of a profile, at most `cacheTtl` ms old. Needs `adminKey`.
   * @throws ReadError 401 (key refused), 404 (unknown), 0 (no answer, no key) and others
   */
  profile(id: ProfileId, options?: ReadOptions): Promise<Profile> {
    return this.#reader.profile(id, options);
  }

  /** The segments a person is in, and since when. Needs `adminKey`. @throws ReadError as `profile` */
  segments(id: ProfileId, options?: ReadOptions): Promise<SegmentEntry[]> {
    return this.#reader.segments(id, options);
  }

  /** Whether a person is in a segment. Needs `adminKey`. @throws ReadError as `profile`; 404 also for an unknown segment */
  isIn(id: ProfileId, segment: string, options?: ReadOptions): Promise<boolean> {
    return this.#reader.isIn(id, segment, options);
  }

  /**
   * What is exposed of a person, with the write key: `verified` included for a server key, or a signature.
   * An unknown id is seen as a person who has done nothing.
   * @throws ReadError 401 (key or signature refused), 0 (no answer) and others
   */
  me(query: MeQuery, options?: ReadOptions): Promise<Me> {
    return this.#reader.me(query, options);
  }

  /** Tests of hosts replace methods by their own. */
  #define(name: string | symbol, value: unknown): void {
    Object.defineProperty(this, name, { value, writable: true, configurable: true });
  }

  #take(type: Call, params: unknown, callback: Callback | undefined): boolean {
    let composed: Composed | null;
    try {
      composed = compose(type, params, this.#host);
    } catch (error) {
      return this.#discardFault(type, 'invalid_field', error, callback);
    }
    if (!this.#closing && hasIdentity(composed.message) && this.#plugins.length > 0) {
      try {
        composed = this.#runBefore(composed);
      } catch (error) {
        return this.#discardFault(type, 'plugin_failed', error, callback);
      }
      if (!composed) {
        this.#dropByPlugin(type, params, callback);
        return true;
      }
    }
    const { message, text } = composed;
    const entry = new Held(this.#shelf.put(text), callback);
    if (this.#closing) {
      this.#emitter.emit('call_after_close', entry.toMessage());
      this.#outcomes.lose({ code: 'closed', message: 'closeAndFlush was called' }, [entry]);
      return false;
    }
    if (!hasIdentity(message))
      return this.#discard(entry, { code: 'missing_identity', message: 'userId or anonymousId is required' });
    if (this.#options.disable) {
      queueMicrotask(() => this.#outcomes.deliver([entry]));
      return true;
    }
    this.#triedAtExit = false;
    if (!this.#delivery.fits(entry))
      return this.#discard(entry, { code: 'message_too_large', message: 'larger than maxQueueBytes' });
    if (!this.#delivery.add(entry)) {
      this.#outcomes.lose({ code: 'queue_full', message: 'queue_full' }, [entry]);
      return false;
    }
    this.#burst();
    return true;
  }

  #runBefore({ text, message: { type, messageId } }: Composed): Composed | null {
    // A copy: hooks must not change the caller's own objects.
    const changed = runBefore(this.#plugins, JSON.parse(text) as Message); // `compose` wrote it
    return changed && write({ ...(snapshot(changed) as Message), type, messageId });
  }

  #dropByPlugin(type: Call, params: unknown, callback: Callback | undefined): void {
    if (!callback) return;
    const { message } = compose(type, params, this.#host);
    const loss = { code: 'dropped_by_plugin', message: 'a plugin dropped it' };
    this.#quietly(() => callback(loss, { id: message.messageId, event: message }));
  }

  #discardFault(type: Call, code: string, error: unknown, callback: Callback | undefined): true {
    const { text } = composeBare(type, this.#host);
    const loss = { code: error instanceof SnapshotFault ? error.code : code, message: wordsOf(error) };
    return this.#discard(new Held(this.#shelf.put(text), callback), loss);
  }

  /** Loses what can never be taken. True: who calls again until there is room would never end. */
  #discard(entry: Held, loss: Loss): true {
    this.#outcomes.lose(loss, [entry]);
    return true;
  }

  #watch(isBusy: boolean): void {
    if (isBusy) {
      this.#host.watchExit(this.#holder);
      return;
    }
    this.#host.unwatchExit(this.#holder);
    this.#emitter.emit('drained');
  }

  async #close(timeout: number | undefined): Promise<FlushResult> {
    this.#host.unwatchSignals(this.#onSignal);
    const result = await this.#flush(timeout);
    const why = this.#explain(
      this.#delivery.isStopped() ? 'the write key was refused' : 'closeAndFlush ran out of time',
    );
    this.#outcomes.abandon(this.#delivery.close(), why);
    for (const stop of this.#stops) this.#quietly(stop);
    return result;
  }

  async #flush(timeout: number | undefined): Promise<FlushResult> {
    // Timers of the queue do not keep the process; an awaited flush does.
    const release = this.#host.keepAlive();
    try {
      return await this.#delivery.flush(timeout);
    } finally {
      release();
    }
  }

  #beforeExit(): void {
    if (this.#triedAtExit || this.#delivery.isStopped() || this.#closing) return;
    this.#triedAtExit = true;
    void this.#flush(undefined);
  }

  #exit(): void {
    this.#outcomes.abandon(this.#delivery.abandon(), this.#explain('the process ended'));
  }

  /** With what was wrong last, if nothing got through since. */
  #explain(why: string): string {
    const fault = this.#sender.lastFault();
    return fault ? `${why}: ${fault}` : why;
  }

  /** A host's callback may throw; its caller is a timer of ours, not the host. */
  #quietly(run: () => unknown): void {
    try {
      run();
    } catch (error) {
      this.#host.warn(`A Tidemark callback threw: ${wordsOf(error)}`);
    }
  }
}
