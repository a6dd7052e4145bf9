// The browser client: Segment's calls on one durable queue.
// Invariant: after construction nothing here throws into the page; a call returns before anything is sent.

import type { IngestAnswer, Me, SurveyAnswer, SurveyStatus } from '../../collector/src/wire/message.ts';
import { attempt } from './attempt.ts';
import { readContext, readPage } from './context.ts';
import { uuidv7 } from './core/ids.ts';
import { createQueue, type FlushResult, type Loss, type Queued } from './core/queue.ts';
import { createIdentityStore } from './identity.ts';
import { watchPages } from './pages.ts';
import { createMessageStore } from './store.ts';

type Fields = Record<string, unknown>;

export interface Options {
  /** The web write key: public. */
  writeKey: string;
  /** The collector's address, such as `https://collect.example.com`. */
  host: string;
  /** Send a page call now and at each change of path. Default true. */
  page?: boolean;
  /** Messages at which a batch leaves at once. Default 20. */
  flushAt?: number;
  /** How long a message waits for company, ms. Default 500. */
  flushInterval?: number;
  /** Hears of every message that is lost, with its code. */
  onError?: (error: Loss, messages: Queued[]) => void;
}

export interface CallOptions {
  timestamp?: string | number | Date;
  context?: Fields;
  integrations?: Fields;
  anonymousId?: string;
  userId?: string;
}

export interface User {
  userId: string | null;
  anonymousId: string;
  traits: Fields;
}

export interface EventMap {
  /** Your own exposed view, from the collector's answer. */
  me: Me;
  /** Keys of the exposed segments you are in. */
  segments: string[];
  error: Loss & { messages: Queued[] };
}

export interface Analytics {
  identify(userId?: string | number | null | Fields, traits?: Fields, options?: CallOptions): void;
  track(event: string, properties?: Fields, options?: CallOptions): void;
  page(category?: string | Fields, name?: string | Fields, properties?: Fields, options?: CallOptions): void;
  group(groupId: string | number, traits?: Fields, options?: CallOptions): void;
  /** Links `previousId` (by default the current user, else this device) to `userId`. */
  alias(userId: string | number, previousId?: string | number, options?: CallOptions): void;
  survey(
    surveyId: string,
    answers: Record<string, SurveyAnswer>,
    options?: CallOptions & {
      submissionId?: string;
      status?: SurveyStatus;
      language?: string;
      version?: string | number;
    },
  ): void;
  /** Forgets the user and becomes a new device. */
  reset(): void;
  /** Resolves when all queued now is answered or lost, or within 5 s. Never rejects. */
  flush(): Promise<FlushResult>;
  /** Calls back once the client works; at once if it does already. */
  ready(callback: () => void): void;
  user(): User;
  /** Listens; the answer stops listening. */
  on<E extends keyof EventMap>(event: E, callback: (value: EventMap[E]) => void): () => void;
  /** Removes listeners, timers and wrappers. What is unsent waits for the next page. */
  close(): void;
}

/** Queue bounds: the contract's 512 KB, and far more messages than a page makes. */
const MAX_MESSAGES = 5_000;
const MAX_CHARS = 512 * 1024;
/** JSON characters of a request: a third of what the collector takes, so that UTF-8 fits too. */
const MAX_BATCH_CHARS = 400_000;
/** Browsers let all requests that outlive a page have 64 KiB together. */
const UNLOAD_CHARS = 60_000;
/** A request that hangs is given up after this, ms. */
const REQUEST_LIMIT_MS = 20_000;

/** @throws TypeError when writeKey or host is missing or no URL. */
export function createAnalytics(options: Options): Analytics {
  const { writeKey, host } = options;
  if (!writeKey || !host) throw new TypeError('writeKey and host are required');
  const endpoint = new URL('/v1/batch', host).href;

  const now = (): number => Date.now();
  const newId = (): string => uuidv7(now(), fillRandom);
  const listeners: { [E in keyof EventMap]: Set<(value: EventMap[E]) => void> } = {
    me: new Set(),
    segments: new Set(),
    error: new Set(),
  };
  function emit<E extends keyof EventMap>(event: E, value: EventMap[E]): void {
    for (const callback of listeners[event]) attempt(() => callback(value));
  }

  const identity = createIdentityStore(newId);
  const store = createMessageStore(newId());
  const cleanUps: (() => void)[] = [];
  let closed = false;

  const queue = createQueue({
    flushAt: options.flushAt ?? 20,
    flushIntervalMs: options.flushInterval ?? 500,
    maxMessages: MAX_MESSAGES,
    maxChars: MAX_CHARS,
    maxBatchChars: MAX_BATCH_CHARS,
    maxInFlight: 1,
    maxRetries: Number.POSITIVE_INFINITY,
    now,
    random: Math.random,
    after(ms, callback) {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    send,
    onSettled: store.drop,
    onLost: report,
    onAnswer(answer: Partial<IngestAnswer>) {
      const { me } = answer;
      if (!me || 'error' in me) return;
      emit('me', me);
      emit('segments', me.segments);
    },
  });

  function report(loss: Loss, messages: Queued[]): void {
    attempt(() => options.onError?.(loss, messages));
    emit('error', { ...loss, messages });
  }

  function bodyOf(batch: Queued[]): string {
    const context = batch[0]?.context;
    // One batch shares one context: it travels once.
    const messages = batch.map(({ context: _shared, ...message }) => message);
    return JSON.stringify({ writeKey, sentAt: new Date(now()).toISOString(), context, batch: messages });
  }

  async function send(
    batch: Queued[],
    unloading?: boolean,
  ): Promise<{ status: number; retryAfter?: string | null; body?: null }> {
    const wanted = listeners.me.size + listeners.segments.size > 0;
    try {
      const answer = await fetch(wanted ? `${endpoint}?reply=me` : endpoint, {
        method: 'POST',
        // A text goes as text/plain, which needs no preflight; the collector reads bytes, not labels.
        body: bodyOf(batch),
        keepalive: !!unloading,
        // Browsers before 2022 have no time-out: their own, of minutes, must do.
        signal: AbortSignal.timeout?.(REQUEST_LIMIT_MS) ?? null,
      });
      const body = answer.ok ? await answer.json().catch(() => null) : null;
      return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body };
    } catch {
      return { status: 0 };
    }
  }

  /** What fits goes out with the page; all of it stays stored until an answer says otherwise. */
  function unload(): void {
    for (const batch of queue.peek(UNLOAD_CHARS)) void send(batch, true);
  }

  function enqueue(type: string, fields: Fields, { timestamp, context, ...rest }: CallOptions = {}): void {
    const { userId, anonymousId } = identity.read();
    const draft = {
      type,
      messageId: newId(),
      timestamp,
      anonymousId,
      userId: userId ?? undefined,
      ...fields,
      ...rest,
      context,
    };
    const message = attempt(() => {
      draft.timestamp = new Date(timestamp ?? now()).toISOString();
      draft.context = { ...readContext(), ...context };
      return copy(draft);
    });
    // A date that is none, or properties that contain themselves.
    if (!message) {
      report({ code: 'invalid_field', message: 'not JSON' }, [draft]);
      return;
    }
    // A closed queue reports and refuses.
    if (!closed) store.keep(message);
    if (!queue.add(message)) store.drop([message]);
  }

  function listen(target: EventTarget, event: string, callback: () => void): void {
    target.addEventListener(event, callback);
    cleanUps.push(() => target.removeEventListener(event, callback));
  }

  const analytics: Analytics = {
    identify(userId, traits, callOptions) {
      const named = isFields(userId) ? undefined : userId;
      const given = isFields(userId) ? userId : traits;
      const current = identity.read();
      const id = named === undefined || named === null || named === '' ? current.userId : String(named);
      // Another person on this device: their traits are not the last one's.
      const base = current.userId !== null && current.userId !== id ? {} : current.traits;
      identity.write({ userId: id, traits: { ...base, ...given } });
      enqueue('identify', { traits: given ?? {} }, isFields(userId) ? (traits as CallOptions) : callOptions);
    },
    track: (event, properties = {}, callOptions) => enqueue('track', { event, properties }, callOptions),
    page(category, name, properties, callOptions) {
      // Segment's forms: (), (properties), (name), (name, properties), (category, name, properties).
      const words = [category, name].filter((word) => typeof word === 'string');
      const given = [category, name, properties].find(isFields);
      enqueue(
        'page',
        {
          name: words.pop(),
          category: words.pop(),
          properties: { ...readPage(), ...given },
        },
        callOptions,
      );
    },
    group: (groupId, traits = {}, callOptions) => enqueue('group', { groupId, traits }, callOptions),
    alias(userId, previousId, callOptions) {
      const { userId: current, anonymousId } = identity.read();
      enqueue('alias', { userId, previousId: previousId ?? current ?? anonymousId }, callOptions);
      identity.write({ userId: String(userId) });
    },
    survey: (surveyId, answers, callOptions) => enqueue('survey', { surveyId, answers }, callOptions),
    reset: identity.renew,
    flush: queue.flush,
    ready: attempt,
    user: () => ({ ...identity.read() }),
    on(event, callback) {
      listeners[event].add(callback);
      return () => listeners[event].delete(callback);
    },
    close() {
      if (closed) return;
      closed = true;
      unload();
      queue.close();
      for (const cleanUp of cleanUps) cleanUp();
      store.close();
    },
  };

  attempt(() => {
    listen(document, 'visibilitychange', () => {
      if (document.visibilityState === 'hidden') unload();
    });
    listen(window, 'pagehide', unload);
    listen(window, 'online', queue.resume);
    store.adopt().then(
      (messages) => {
        for (const message of messages) if (!queue.add(message)) store.drop([message]);
      },
      () => {},
    );
    if (options.page !== false) cleanUps.push(watchPages(analytics.page));
  });
  return analytics;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** A copy as JSON would carry it, so that the host may change its objects afterwards. */
function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? String(item) : item)));
}

function fillRandom(bytes: Uint8Array<ArrayBuffer>): void {
  // Without crypto (a page over http) Math.random must do: ids then are unlikely to clash, not unguessable.
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.random() * 256;
  attempt(() => crypto.getRandomValues(bytes));
}
