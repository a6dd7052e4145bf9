// The browser client: Segment's calls on one durable queue.
// Invariant: after construction nothing here throws into the page; a call returns before anything is sent.
import type { IngestAnswer } from '../../collector/src/wire/message.ts';
import { attempt } from './attempt.ts';
import { readCampaign, readContext, readPage } from './context.ts';
import type { EventProperties } from './core/event-map.ts';
import { uuidv7 } from './core/ids.ts';
import { createQueue, type Loss, type Queued } from './core/queue.ts';
import { createIdentity, type Identity, newcomer } from './identity.ts';
import { watchPages } from './pages.ts';
import { createMessageStore, journals, MAX_BYTES } from './store.ts';
import { bodyOf, bytesOf, GZIP_BYTES, post, roomLeft } from './transport.ts';
import type {
  Analytics,
  CallOptions,
  Consent,
  EventMap,
  Fields,
  Options,
  PageCall,
  Plugin,
} from './types.ts';

/** Far more than a page makes. */
const MAX_MESSAGES = 5_000;
/** JSON bytes of a request: it may outlive the page, and leaves room for what follows it. */
const MAX_BATCH_BYTES = 50_000;
/** What a body holds besides its messages and their context, bytes. */
const BODY_BYTES = 1_000;
/** What the page before sent on leaving has arrived by then, as a rule, ms. */
const ADOPT_MS = 1_000;
/** What JSON cannot write. */
const INVALID = 'invalid_field';

/** What only our own wrappers are given. */
export interface Inside {
  identity: Identity;
  /** Does it now, or once the visitor has answered; never after `close`. */
  whenAllowed(run: () => void): void;
}

/**
 * @param options as a tag has them: the required ones are there, and what is off is the text `off`
 * @param more loads the chunk that few pages need
 * @param begin called before the first message is made; the tag has none, and pays nothing for it
 * @throws TypeError when host is no URL
 */
export function createClient<E extends EventProperties = Record<string, Fields>>(
  options: Options,
  more: () => Promise<typeof import('./more.ts')>,
  begin?: (analytics: Analytics<E>, inside: Inside) => void,
): Analytics<E> {
  const { writeKey, host, consent = 'granted', gpc } = options;
  const endpoint = new URL('/v1/', host).href;

  const now = (): number => Date.now();
  const newId = (): string => uuidv7(now(), random);
  const isLasting = (): boolean => state === 'granted';
  const isOver = (): boolean => closed || !isLasting();
  const listeners = new Set<[event: keyof EventMap, callback: (...values: never[]) => void]>();
  const plugins: Plugin[] = [];
  const cleanUps: (() => void)[] = [];
  /** Removes our listeners (browsers since 2021). */
  const end = new AbortController();
  /** Names this instance in the ledger, and with its key in storage: the random end of an id. */
  const client = newId().slice(24);
  const owner = `${writeKey}.${client}`;
  const identity = createIdentity(newId, now, isLasting, options.cookieDomain);
  // What finds no room is sent all the same while the collector takes it, and refused when it does not.
  const store = createMessageStore(owner, (messages) => queue.refuse(messages));
  /** Gives up what is on the wire. */
  let wire = new AbortController();
  /** Given as an option: for users of whom no other is known, until `reset`. */
  let { userSignature } = options;
  /** What proves each user, by id, made anew by `reset`; never stored. Devices have the last, to share its batch. */
  let proofs = new Map<unknown, string>();
  let state: Consent | undefined;
  const waiting: [run: () => void, message: Queued | undefined][] = [];
  let sequence = 0;
  let lost = 0;
  let isLeaving: boolean | undefined;
  let chunk: typeof import('./more.ts') | undefined;
  let closed = false;

  const queue = createQueue({
    flushAt: options.flushAt ?? 20,
    flushIntervalMs: options.flushInterval ?? 500,
    maxMessages: MAX_MESSAGES,
    maxChars: MAX_BYTES,
    maxBatchChars: MAX_BATCH_BYTES,
    maxInFlight: 1,
    maxRetries: Number.POSITIVE_INFINITY,
    now,
    random: Math.random,
    sizeOf: bytesOf,
    after,
    // What is known is for good. What is not may come until it is sent, for users after `reset` too.
    proofOf({ userId }) {
      const own = proofs;
      const given = userSignature;
      const known = own.get(userId);
      return () => known ?? own.get(userId) ?? (((userId as string) && proofs.get(userId)) || given);
    },
    send(batch, proof) {
      const wanted = [...listeners].some(([event]) => event !== 'error') ? '?reply=me' : '';
      const sentAt = isoOf(now());
      const body = bodyOf(batch, { writeKey, userSignature: proof, sentAt });
      const isLarge = body.length > GZIP_BYTES;
      // The first goes as it is: nothing waits for the chunk. `Boolean` is the shortest way to do nothing.
      if (isLarge && !chunk) more().then((loaded) => (chunk = loaded), Boolean);
      const answer = post(
        `${endpoint}batch${wanted}`,
        body,
        wire.signal,
        isLarge && !isLeaving && chunk ? chunk.gzip(body) : body,
      );
      // Once the queue knows: there may be room now, or a pause.
      void answer.then(() => setTimeout(store.save));
      return answer;
    },
    onTaken: store.keep,
    onSettled(messages) {
      store.drop(messages);
      for (const plugin of plugins) attempt(() => plugin.after?.(messages));
    },
    onLost: lose,
    onAnswer({ me }: Partial<IngestAnswer>) {
      if (!me || 'error' in me) return;
      emit('me', me);
      emit('segments', me.segments);
    },
  });

  function emit<N extends keyof EventMap>(event: N, ...values: EventMap[N]): void {
    // What was added under a name takes what is told under it.
    for (const [name, callback] of listeners)
      if (name === event) attempt(() => (callback as unknown as (...given: EventMap[N]) => void)(...values));
  }

  function lose(loss: Loss, messages: Queued[]): void {
    lost += messages.length;
    emit('error', loss, messages);
  }

  function refuse(code: string, message: Queued): void {
    lose({ code, message: code }, [message]);
  }

  /** Does a call, or holds it until there is an answer. */
  function whenAllowed(run: () => void, message?: Queued): void {
    if (closed) return;
    if (state !== 'wait') run();
    else if (message && waiting.length >= MAX_MESSAGES) refuse('queue_full', message);
    else waiting.push([run, message]);
  }

  /**
   * Makes a message of a call: at once, so that nothing changes it later. Who it is from is decided when
   * it may be.
   * @param options where options may stand: later ones win
   * @param identify what the message changes in the identity, with the fields that follow from it
   */
  function take(
    type: string,
    given: Fields,
    options: unknown[],
    identify?: (draft: Fields) => Fields | undefined,
  ): void {
    const messageId = newId();
    let signature: string | undefined;
    const draft = attempt(() => {
      const all: CallOptions = Object.assign({}, ...options);
      const { timestamp, context, userSignature: own, ...rest } = all;
      signature = textOf(own);
      return copy({
        type,
        messageId,
        timestamp: isoOf(timestamp ?? now()),
        ...given,
        ...rest,
        context: { ...readContext(), ...context },
      });
    });
    whenAllowed(() => {
      const isAnonymous = state === 'anonymous';
      if (state === 'denied' || (isAnonymous && /^[iga]/.test(type))) return;
      // A date that is none, or properties that contain themselves.
      if (!draft) {
        sequence++;
        return refuse(INVALID, { type, messageId, ...given });
      }
      const own = identify?.(draft);
      const session = identity.touch();
      const { userId, anonymousId } = identity.read();
      let message: Queued = {
        anonymousId,
        userId: userId ?? undefined,
        ...own,
        ...draft,
        context: { session, campaign: attempt(() => readCampaign(session.landing)), ...draft.context },
      };
      for (const plugin of plugins) {
        const answer = attempt(() => plugin.before?.(message));
        if (answer === null) return;
        if (isFields(answer)) message = answer;
      }
      sequence++;
      // What plugins made of it may be what JSON cannot write.
      const made = plugins[0] ? attempt(() => copy(message)) : message;
      if (!made) return refuse(INVALID, message);
      message = made;
      // By whoever it is from in the end.
      if (signature) proofs.set(message.userId, signature).set(undefined, signature);
      message.tm = {
        client,
        seq: sequence,
        lost: lost || undefined,
        consent: isAnonymous ? state : undefined,
      };
      queue.add(message);
    }, draft ?? { messageId });
  }

  /** The calls that say what it is about, and then all about it. */
  const call =
    (type: string, subject: string, details: string) =>
    (about: unknown, more?: object | null, callOptions?: CallOptions | null): void =>
      take(type, { [subject]: about, [details]: more ?? {} }, [callOptions]);

  /**
   * Segment's forms, each with options after it: (), (properties), (name), (name, properties), (category, name),
   * (category, name, properties). The first object is the properties, unless it stands fourth.
   */
  const view =
    (type: string): PageCall =>
    (category, name, properties, callOptions) => {
      const words = [category, name].filter((word) => typeof word === 'string');
      const [given, extra] = [category, name, properties].filter(isFields);
      // What cannot be read is refused as it is.
      take(
        type,
        {
          name: words.pop(),
          category: words.pop(),
          properties: attempt(() => ({ ...readPage(), ...given })) ?? given,
        },
        [extra, callOptions],
      );
    };

  const analytics: Analytics = {
    identify(userId, traits, callOptions) {
      const [own, given, ...all] = placed(userId, traits, callOptions);
      const text = textOf(own);
      take('identify', { traits: given ?? {} }, all, ({ traits }) => {
        const current = identity.read();
        const id = text || current.userId;
        // Another person on this device: their traits are not the last one's.
        const isSame = current.userId === null || current.userId === id;
        const all = { ...(isSame && current.traits), ...(traits as Fields) };
        identity.write({ ...current, userId: id, traits: all });
      });
    },
    track: call('track', 'event', 'properties'),
    page: view('page'),
    screen: view('screen'),
    group: call('group', 'groupId', 'traits'),
    alias(userId, previousId, callOptions) {
      const [previous, ...all] = placed(previousId, callOptions);
      const text = textOf(userId);
      take('alias', { userId, previousId: previous ?? undefined }, all, () => {
        const current = identity.read();
        if (text) identity.write({ ...current, userId: text });
        return { previousId: current.userId ?? current.anonymousId };
      });
    },
    survey: call('survey', 'surveyId', 'answers'),
    reset: (given) =>
      whenAllowed(() => {
        userSignature = undefined;
        proofs = new Map();
        // As a listener it is given an event.
        identity.write(newcomer(given && typeof given === 'string' ? given : newId()));
      }),
    flush: () => queue.flush(),
    ready: attempt,
    user() {
      const { session: _session, seen: _seen, ...user } = identity.read();
      return user;
    },
    on(event, callback) {
      // `callback as never`: it is told under its name only what belongs to it.
      const listener: [typeof event, (...values: never[]) => void] = [event, callback as never];
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    use(plugin) {
      plugins.push(plugin);
      const stop = attempt(() => plugin.start?.(analytics));
      if (stop) cleanUps.push(stop);
    },
    consent: decide,
    close() {
      if (closed) return;
      leave();
      closed = true;
      // What is stored waits for the next page.
      for (const [, message] of waiting) if (message) refuse('closed', message);
      queue.close(!isLasting());
      for (const cleanUp of cleanUps) attempt(cleanUp);
    },
  };

  function decide(next: Consent): void {
    // A word that is none of ours allows nothing.
    const word = /^(granted|anonymous|wait)$/.test(textOf(next)) ? next : 'denied';
    if (closed || word === state) return;
    state = word;
    identity.forget();
    if (word === 'wait') return;
    if (isLasting()) {
      store.hold();
      cleanUps.push(after(ADOPT_MS, adopt));
    } else {
      identity.wipe();
      store.wipe();
      store.letGo();
    }
    if (word === 'denied') {
      queue.clear();
      wire.abort();
      wire = new AbortController();
    }
    for (const [run] of waiting.splice(0)) run();
  }

  /** Sends what earlier pages left, unless the collector has it already. Fails where the chunk cannot be had. */
  function adopt(): void {
    if (!isOver()) takeOver().catch(() => {});
  }

  async function takeOver(): Promise<void> {
    const stored = await store.transact('readonly', (table) => table.getAllKeys()).catch(() => []);
    if ([...stored, ...journals()].every((key) => (key as string).includes(client))) return; // texts of ours
    const { recover } = await more();
    if (isOver()) return;
    await recover(
      owner,
      store.transact,
      store.claim,
      store.enlist,
      store.drop,
      endpoint,
      writeKey,
      wire.signal,
      queue.isHeldUp,
      (message) => isOver() || queue.add(message, true),
      queue.flush,
      refuse,
    );
  }

  /** What fits goes out with the page; all of it stays stored until an answer says otherwise. */
  function leave(): void {
    store.journal();
    isLeaving = true;
    queue.unload(roomLeft() - BODY_BYTES);
    isLeaving = false;
  }

  attempt(() => {
    begin?.(analytics as Analytics<E>, { identity, whenAllowed });
    // Where nobody asked the visitor, their browser's signal is the answer.
    const { globalPrivacyControl } = navigator as Navigator & { globalPrivacyControl?: boolean }; // not in lib.dom
    const isSignalled = globalPrivacyControl && consent === 'granted' && gpc !== 'ignore';
    decide(isSignalled ? (gpc === 'deny' ? 'denied' : 'anonymous') : consent);
    document.addEventListener(
      'visibilitychange',
      () => {
        if (document.hidden) leave();
        else adopt();
      },
      end,
    );
    addEventListener(
      'pagehide',
      () => {
        leave();
        // At once, so that the next page takes over; held locks would also keep this one from the back cache.
        store.letGo();
      },
      end,
    );
    addEventListener(
      'pageshow',
      () => {
        if (isLasting()) store.hold();
      },
      end,
    );
    addEventListener('online', queue.resume, end);
    cleanUps.push(store.letGo, () => end.abort());
    if (options.page !== 'off') cleanUps.push(watchPages(analytics.page));
  });
  return analytics as Analytics<E>; // E is for callers' compilers alone
}

const isoOf = (time: string | number | Date): string => new Date(time).toISOString();

function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}

function isFields(value: unknown): value is Fields {
  return !!value && typeof value === 'object';
}

/** Arguments that begin with an id which may be left out: an object in its place is the next one. */
const placed = (...given: unknown[]): unknown[] => (isFields(given[0]) ? [undefined, ...given] : given);

/** Nothing for what has no text, such as a symbol. */
const textOf = (value: unknown): string => attempt(() => `${value ?? ''}`) ?? '';

/** A copy as JSON would carry it, so that the host may change its objects afterwards. */
function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? String(item) : item)));
}

/** Without crypto, or without https, Math.random must do: ids then are unlikely to clash, not unguessable. */
const random = (): string =>
  attempt(() => crypto.randomUUID().slice(18)) ??
  '-axxx-xxxxxxxxxxxx'.replace(/x/g, () => ((Math.random() * 16) | 0).toString(16));
