// `@tidemark/sdk-web/segment`: the shapes of @segment/analytics-next on our client.
// Invariant: every message is ours, made by our client; what Segment's answers and we do not, is left out, not faked.
import { createClient, type Inside } from './client.ts';
import type { Analytics, CallOptions, Fields, Options } from './types.ts';

/** Segment's settings; the collector is where `cdnURL` points, by default the page's own origin. */
export interface SegmentSettings {
  writeKey: string;
  cdnURL?: string;
}
/** Segment's load options that mean something here. */
export interface SegmentOptions {
  integrations?: Record<string, unknown>;
  cookie?: { domain?: string };
  /** Nothing is sent at all. */
  disable?: boolean | ((settings: SegmentSettings) => boolean);
}
/** What Segment's calls resolve with. */
export interface SegmentContext {
  event: Fields;
}
export interface SegmentUser {
  id(): string | null;
  anonymousId(): string;
  traits(): Fields;
}
type Callback = (context: SegmentContext) => void;
type Call = (...args: unknown[]) => Promise<SegmentContext>;
/** What is tracked of an element: a name, or what makes one of it; its properties likewise. */
type Watch = (
  elements: unknown,
  event: string | ((element: Element) => string),
  properties?: Fields | ((element: Element) => Fields),
  options?: CallOptions,
) => SegmentAnalytics;
type Middleware = (step: { payload: { obj: Fields }; next: (payload?: unknown) => void }) => void;

export interface SegmentAnalytics {
  track: Call;
  page: Call;
  screen: Call;
  identify: Call;
  group: Call;
  alias: Call;
  reset(): void;
  user(): SegmentUser;
  ready(callback?: () => void): Promise<void>;
  on(event: string, callback: (...args: unknown[]) => void): SegmentAnalytics;
  once(event: string, callback: (...args: unknown[]) => void): SegmentAnalytics;
  off(event: string, callback: (...args: unknown[]) => void): SegmentAnalytics;
  /** From here on it is this device; the user stays. What is no text, and what it is already, changes nothing. */
  setAnonymousId(id: string): void;
  addSourceMiddleware(middleware: Middleware): SegmentAnalytics;
  trackLink: Watch;
  /** As `trackLink`. */
  trackClick: Watch;
  trackForm: Watch;
  /** As `trackForm`. */
  trackSubmit: Watch;
  /** A page call for this path. */
  pageview(path: string): Promise<SegmentAnalytics>;
  debug(): SegmentAnalytics;
  /** Our own client below. */
  tidemark: Analytics;
}

/** Where a call has its options, and the id that may be left out, so that all after it stands one place before. */
interface Places {
  options: number;
  id?: number;
}
/** Calls of Segment's that make a message. */
const CALLS = {
  track: { options: 2 },
  identify: { options: 2, id: 0 },
  page: { options: 3 },
  screen: { options: 3 },
  group: { options: 2 },
  alias: { options: 2, id: 1 },
} satisfies Record<string, Places>;

/** @throws TypeError for a missing writeKey or a cdnURL that is no URL */
export function createSegmentAnalytics(
  settings: SegmentSettings,
  options: SegmentOptions = {},
): SegmentAnalytics {
  const { writeKey, cdnURL = location.origin } = settings;
  if (!writeKey) throw new TypeError('writeKey is required');
  const isDisabled = typeof options.disable === 'function' ? options.disable(settings) : options.disable;
  const ours: Options = {
    writeKey,
    host: cdnURL,
    page: 'off',
    cookieDomain: options.cookie?.domain,
    consent: isDisabled ? 'denied' : undefined,
  };
  let inside = {} as Inside; // given below, before the client is
  const tidemark = createClient(
    ours,
    () => import('./more.ts'),
    (_, given) => {
      inside = given;
    },
  );
  return wrap(tidemark, inside);
}

function wrap(tidemark: Analytics, { identity, whenAllowed }: Inside): SegmentAnalytics {
  const listeners = new Map<string, Set<(...args: unknown[]) => void>>();
  const call =
    (name: keyof typeof CALLS): Call =>
    (...args) => {
      const callback = args.find((arg) => typeof arg === 'function') as Callback | undefined; // Segment's only one
      const given = args.filter((arg) => typeof arg !== 'function');
      // Each takes Segment's own arguments.
      (tidemark[name] as (...values: unknown[]) => void)(...withPage(given, CALLS[name]));
      const context = { event: { type: name } };
      for (const listener of listeners.get(name) ?? []) listener(...given);
      callback?.(context);
      return Promise.resolve(context);
    };
  const watch =
    (kind: 'click' | 'submit'): Watch =>
    (elements, event, properties, options) => {
      // An array or a jQuery object, which cannot be walked before its version 1.12.
      const list =
        elements instanceof Element ? [elements] : Array.from((elements ?? []) as ArrayLike<Element>);
      for (const element of list)
        element.addEventListener(kind, () =>
          tidemark.track(
            typeof event === 'function' ? event(element) : event,
            typeof properties === 'function' ? properties(element) : properties,
            options,
          ),
        );
      return segment;
    };
  const trackLink = watch('click');
  const trackForm = watch('submit');
  const segment: SegmentAnalytics = {
    tidemark,
    track: call('track'),
    page: call('page'),
    screen: call('screen'),
    identify: call('identify'),
    group: call('group'),
    alias: call('alias'),
    reset: () => tidemark.reset(),
    user: () => ({
      id: () => tidemark.user().userId,
      anonymousId: () => tidemark.user().anonymousId,
      traits: () => tidemark.user().traits,
    }),
    ready: async (callback) => callback?.(),
    on(event, callback) {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(callback));
      return segment;
    },
    once: (event, callback) => {
      const first = (...args: unknown[]): void => {
        segment.off(event, first);
        callback(...args);
      };
      return segment.on(event, first);
    },
    off(event, callback) {
      listeners.get(event)?.delete(callback);
      return segment;
    },
    setAnonymousId: (id) =>
      whenAllowed(() => {
        const current = identity.read();
        if (id && typeof id === 'string' && id !== current.anonymousId)
          identity.write({ ...current, anonymousId: id });
      }),
    addSourceMiddleware(middleware) {
      tidemark.use({
        before(message) {
          let passed = false;
          middleware({ payload: { obj: message }, next: (payload) => (passed = payload !== null) });
          return passed ? message : null;
        },
      });
      return segment;
    },
    trackLink,
    trackClick: trackLink,
    trackForm,
    trackSubmit: trackForm,
    pageview: (path) => segment.page({ path }).then(() => segment),
    debug: () => segment,
  };
  return segment;
}

/** Segment's snippet ends a call with the page's address, as it was then. */
function pageOf(arg: unknown): Fields | undefined {
  // Whatever it is: only what says `bpc` of itself is read, and that is texts.
  const { __t: kind, c, p, u, s, t, r } = (arg ?? {}) as Record<string, string | undefined>;
  return kind === 'bpc' ? { path: p, referrer: r, search: s, title: t, url: c ?? u } : undefined;
}

const isFields = (arg: unknown): arg is Fields => typeof arg === 'object' && arg !== null;

/** The arguments, with the page that the snippet told of moved into the options. */
function withPage(given: unknown[], { options: at, id }: Places): unknown[] {
  const page = pageOf(given.at(-1));
  if (!page) return given;
  const args = given.slice(0, -1);
  if (at === 3) {
    // A page call is about the page as it was.
    const words = args.filter((arg) => typeof arg === 'string');
    const [properties, options] = args.slice(0, at).filter(isFields);
    const last = args[at] ?? options;
    args.splice(0, args.length, ...words, { ...page, ...properties });
    args[at] = last;
  } else if (id !== undefined && isFields(args[id])) args.splice(id, 0, undefined);
  const options = (args[at] ?? {}) as CallOptions; // Segment has its options in the same place
  args[at] = { ...options, context: { page, ...options.context } };
  return args;
}

/** Segment's entry point: what is called on it before `load` waits for it. */
export class AnalyticsBrowser implements PromiseLike<[SegmentAnalytics, SegmentContext]> {
  #resolve: (analytics: SegmentAnalytics) => void = () => {};
  readonly #loaded = new Promise<SegmentAnalytics>((resolve) => {
    this.#resolve = resolve;
  });
  instance: SegmentAnalytics | undefined;

  static load(settings: SegmentSettings, options?: SegmentOptions): AnalyticsBrowser {
    return new AnalyticsBrowser().load(settings, options);
  }
  load(settings: SegmentSettings, options?: SegmentOptions): this {
    if (!this.instance && typeof window !== 'undefined') {
      this.instance = createSegmentAnalytics(settings, options);
      this.#resolve(this.instance);
    }
    return this;
  }
  // biome-ignore lint/suspicious/noThenProperty: Segment's own object is awaited for [analytics, context].
  then<A, B>(
    done?: ((value: [SegmentAnalytics, SegmentContext]) => A | PromiseLike<A>) | null,
    failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#loaded
      .then((analytics): [SegmentAnalytics, SegmentContext] => [analytics, { event: {} }])
      .then(done as never, failed); // without `done` A is what is told, which the compiler cannot know
  }
  track: Call = (...args) => this.#later((analytics) => analytics.track(...args));
  page: Call = (...args) => this.#later((analytics) => analytics.page(...args));
  screen: Call = (...args) => this.#later((analytics) => analytics.screen(...args));
  identify: Call = (...args) => this.#later((analytics) => analytics.identify(...args));
  group: Call = (...args) => this.#later((analytics) => analytics.group(...args));
  alias: Call = (...args) => this.#later((analytics) => analytics.alias(...args));
  reset = (): Promise<void> => this.#later((analytics) => analytics.reset());
  user = (): Promise<SegmentUser> => this.#later((analytics) => analytics.user());
  ready = (callback?: () => void): Promise<void> => this.#later((analytics) => analytics.ready(callback));
  on = (...args: Parameters<SegmentAnalytics['on']>): Promise<SegmentAnalytics> =>
    this.#later((analytics) => analytics.on(...args));
  once = (...args: Parameters<SegmentAnalytics['once']>): Promise<SegmentAnalytics> =>
    this.#later((analytics) => analytics.once(...args));
  off = (...args: Parameters<SegmentAnalytics['off']>): Promise<SegmentAnalytics> =>
    this.#later((analytics) => analytics.off(...args));
  setAnonymousId = (id: string): Promise<void> => this.#later((analytics) => analytics.setAnonymousId(id));
  addSourceMiddleware = (middleware: Middleware): Promise<SegmentAnalytics> =>
    this.#later((analytics) => analytics.addSourceMiddleware(middleware));
  trackLink = (...args: Parameters<Watch>): Promise<SegmentAnalytics> =>
    this.#later((analytics) => analytics.trackLink(...args));
  trackClick = this.trackLink;
  trackForm = (...args: Parameters<Watch>): Promise<SegmentAnalytics> =>
    this.#later((analytics) => analytics.trackForm(...args));
  trackSubmit = this.trackForm;
  /** Segment's package spells it so, its snippet `pageview`. */
  pageView = (path: string): Promise<SegmentAnalytics> =>
    this.#later((analytics) => analytics.pageview(path));
  debug = (): this => this;

  /** At once when loaded, so that calls keep their order and their task. */
  #later<T>(run: (analytics: SegmentAnalytics) => T | PromiseLike<T>): Promise<T> {
    return this.instance ? Promise.resolve(run(this.instance)) : this.#loaded.then(run);
  }
}
