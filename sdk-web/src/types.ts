// What the web SDK offers: its options, its calls, what it tells.
// Invariant: types only; nothing here costs a byte in a page.
import type { Me, SurveyAnswer, SurveyStatus } from '../../collector/src/wire/message.ts';
import type { EventArguments, EventName, EventProperties } from './core/event-map.ts';
import type { FlushResult, Loss, Queued } from './core/queue.ts';

export type Fields = Record<string, unknown>;

/** `wait`: nothing leaves memory until the first answer. */
export type Consent = 'granted' | 'denied' | 'anonymous' | 'wait';

export interface Options {
  /** The web write key: public. */
  writeKey: string;
  /** The collector's address, such as `https://collect.example.com`. */
  host: string;
  /** Send a page call now and at each change of path. Default true; `off` and false stop it. */
  page?: boolean | string | undefined;
  /** Messages at which a batch leaves at once. Default 20. */
  flushAt?: number | undefined;
  /** How long a message waits for company, ms. Default 500. */
  flushInterval?: number | undefined;
  /** What holds until `consent()` is called. Default `granted`. */
  consent?: Consent | undefined;
  /**
   * What Global Privacy Control does where `consent` is `granted`: `anonymous` (default), `deny` or `ignore`.
   */
  gpc?: 'anonymous' | 'deny' | 'ignore' | undefined;
  /** Where the device's cookie is set. Default: the widest domain that the browser allows. */
  cookieDomain?: string | undefined;
  /** Proves the userId: hex HMAC-SHA256 of it with the source's signing secret, made by your server. */
  userSignature?: string | undefined;
  /** Hears of every message that is lost, with its code. */
  onError?: ((error: Loss, messages: Queued[]) => void) | undefined;
}

export interface CallOptions {
  timestamp?: string | number | Date | undefined;
  context?: Fields | undefined;
  integrations?: Fields | undefined;
  anonymousId?: string | undefined;
  userId?: string | undefined;
  /** For the user of this message, from here on until `reset`: see `Options.userSignature`. */
  userSignature?: string | undefined;
}

export interface SurveyOptions extends CallOptions {
  submissionId?: string;
  status?: SurveyStatus;
  language?: string;
  version?: string | number;
  /** What made it show. */
  trigger?: string;
  /** Time spent on each question, ms. */
  timings?: Record<string, number>;
  /** What belongs to it and was not asked. */
  hidden?: Fields;
}

export interface User {
  userId: string | null;
  anonymousId: string;
  traits: Fields;
}

/** What `on` hears of, with what its listeners are given. */
export interface EventMap {
  /** Your visitor's own exposed view, from the collector's answer. */
  me: [me: Me];
  /** Keys of the exposed segments they are in. */
  segments: [keys: string[]];
  /** A loss, as `onError` hears of it. */
  error: [error: Loss, messages: Queued[]];
}

/** Something that looks at every message, or makes some of its own. */
export interface Plugin {
  /** Called by `use`; the answer is called by `close`. */
  start?(analytics: Analytics): (() => void) | undefined;
  /** May change or replace a message before it is queued; null drops it, which is no loss. */
  before?(message: Queued): Queued | null | undefined;
  /** Hears of messages that are delivered or lost. */
  after?(messages: Queued[]): void;
}

/** Also `(name, properties, options)` and `(properties, options)`, as Segment's. */
export type PageCall = (
  category?: string | Fields | null,
  name?: string | Fields | null,
  properties?: Fields | null,
  options?: CallOptions | null,
) => void;

export interface Analytics<E extends EventProperties = Record<string, Fields>> {
  /** Without an id `(traits, options)`. */
  identify(
    userId?: string | number | null | Fields,
    traits?: Fields | null,
    options?: CallOptions | null,
  ): void;
  track<N extends EventName<E>>(event: N, ...args: EventArguments<E[N], CallOptions>): void;
  page: PageCall;
  /** As `page`, for an app's screens. */
  screen: PageCall;
  group(groupId: string | number, traits?: Fields | null, options?: CallOptions | null): void;
  /** Links `previousId` (by default the current user, else this device) to `userId`. Also `(userId, options)`. */
  alias(
    userId: string | number,
    previousId?: string | number | CallOptions | null,
    options?: CallOptions | null,
  ): void;
  survey(surveyId: string, answers: Record<string, SurveyAnswer>, options?: SurveyOptions): void;
  /** Forgets the user and becomes a new device, of this id if one is given. */
  reset(anonymousId?: string): void;
  /** Resolves when all queued now is answered or lost, or within 5 s. Never rejects. */
  flush(): Promise<FlushResult>;
  /** Calls back once the client works; at once if it does already. */
  ready(callback: () => void): void;
  user(): User;
  /** Listens; the answer stops listening. */
  on<N extends keyof EventMap>(event: N, callback: (...values: EventMap[N]) => void): () => void;
  /** Adds a plugin, until `close`. */
  use(plugin: Plugin): void;
  /** The visitor's answer, or a new one. It holds for this page: say it again on the next. */
  consent(state: Consent): void;
  /** Removes listeners, timers, locks and wrappers. What is unsent waits for the next page. */
  close(): void;
}
