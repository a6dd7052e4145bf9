// The client with a fetch and a clock of the test's own.
import SegmentDefault, {
  type AnalyticsSettings,
  type HTTPClient,
  type HTTPFetchFn,
  type Analytics as SegmentAnalytics,
} from '@segment/analytics-node';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import TidemarkDefault, { Analytics, type AnalyticsOptions, type Loss, type Message } from './index.ts';
import { closeOpened, never, ok, settle, setUp } from './test-stage.ts';

afterEach(closeOpened);

describe('a call', () => {
  it('becomes a complete message, with the key in the header only', async () => {
    const { client, requests, sent } = setUp();
    client.identify({ userId: 'ada', traits: { plan: 'pro' } });
    client.track({ anonymousId: 'd1', event: 'Viewed', properties: { n: 1 }, timestamp: new Date(0) });
    client.page({ userId: 'ada', name: 'Home', category: 'Docs' });
    client.screen({ userId: 7, name: 'Main' });
    client.group({ userId: 'ada', groupId: 'g', context: { ip: '10.0.0.1' } });
    client.alias({ userId: 'ada', previousId: 'd1', messageId: 'mine' });
    client.survey({ userId: 'ada', surveyId: 'nps', answers: { q: 9 } });
    await client.flush();
    const library = { name: '@tidemark/sdk-node', version: expect.any(String) };
    const common = {
      messageId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/),
      timestamp: '2026-03-04T05:06:07.000Z',
      context: { library },
    };
    expect(sent()).toEqual([
      { ...common, type: 'identify', userId: 'ada', traits: { plan: 'pro' } },
      {
        ...common,
        type: 'track',
        anonymousId: 'd1',
        event: 'Viewed',
        properties: { n: 1 },
        timestamp: '1970-01-01T00:00:00.000Z',
      },
      { ...common, type: 'page', userId: 'ada', name: 'Home', category: 'Docs' },
      { ...common, type: 'screen', userId: 7, name: 'Main' },
      { ...common, type: 'group', userId: 'ada', groupId: 'g', context: { ip: '10.0.0.1', library } },
      { ...common, type: 'alias', userId: 'ada', previousId: 'd1', messageId: 'mine' },
      { ...common, type: 'survey', userId: 'ada', surveyId: 'nps', answers: { q: 9 } },
    ]);
    // Different contexts and all: one request.
    expect(requests).toHaveLength(1);
    expect(requests[0]?.url).toBe('http://collector.test/v1/batch');
    expect(requests[0]?.headers.get('authorization')).toBe(`Basic ${btoa('secret:')}`);
    expect(JSON.stringify(requests[0]?.body)).not.toContain('secret');
    expect(requests[0]?.body.sentAt).toBe('2026-03-04T05:06:07.000Z');
  });

  it('is a snapshot', async () => {
    const { client, sent } = setUp();
    const properties = { cart: ['a'], circle: {} as object, n: 1n };
    properties.circle = properties;
    client.track({ userId: 'u', event: 'E', properties });
    properties.cart.push('b');
    await client.flush();
    expect(sent()[0]?.properties).toEqual({ cart: ['a'], circle: '[Circular]', n: '1' });
  });

  it('cannot set what is the client’s own', async () => {
    const { client, sent } = setUp();
    const params = {
      userId: 'u',
      event: 'E',
      type: 'alias',
      sentAt: '1999-01-01',
      context: { library: 'x' },
    };
    client.track(params);
    await client.flush();
    expect(sent()[0]).toMatchObject({ type: 'track', context: { library: { name: '@tidemark/sdk-node' } } });
    expect(sent()[0]).not.toHaveProperty('sentAt');
  });

  it('without identity is reported and dropped', async () => {
    const { client, sent, lost, codes } = setUp();
    for (const params of [
      {},
      { userId: '' },
      { anonymousId: null },
      { userId: undefined },
      null,
      undefined,
      7,
    ]) {
      // @ts-expect-error types forbid these, JavaScript does not
      expect(client.track(params)).toBe(true);
    }
    await expect(client.flush()).resolves.toEqual({ delivered: 0, pending: 0, dropped: 0 });
    expect(codes()).toEqual(Array(7).fill('missing_identity'));
    expect(lost[0]?.messages[0]).toMatchObject({ type: 'track' });
    expect(sent()).toEqual([]);
  });

  it('never throws, whatever is passed and whatever that throws', async () => {
    const bare: unknown = Object.create(null);
    const fail = (): never => {
      throw bare;
    };
    const evil = new Proxy({}, { get: fail, ownKeys: fail, getPrototypeOf: fail });
    const { client, clock } = setUp(undefined, { onError: fail, adminKey: 'admin' });
    clock.warn = () => {};
    client.use({ before: fail });
    const calls = client as unknown as Record<string, (...args: unknown[]) => unknown>;
    const made = ['identify', 'track', 'page', 'screen', 'group', 'alias', 'survey', 'use', 'on', 'off'];
    for (const name of made)
      for (const given of [evil, Symbol('s'), { toJSON: fail }, { userId: Symbol('s') }, { userId: 'u' }])
        expect(() => calls[name]?.(given, fail)).not.toThrow();
    for (const name of ['flush', 'drain', 'closeAndFlush'])
      for (const given of [evil, { timeout: Symbol('s') }]) expect(() => calls[name]?.(given)).not.toThrow();
    for (const name of ['profile', 'segments', 'isIn', 'me'])
      await expect(calls[name]?.(evil, 's')).rejects.toMatchObject({ name: 'ReadError', code: 'invalid_id' });
  });

  it('never throws, whatever is passed', () => {
    const { client, codes } = setUp();
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    let deep: object = {};
    for (let i = 0; i < 1_000; i++) deep = { deep };
    expect(client.track(proxy as never)).toBe(true);
    expect(client.track({ userId: 'u', event: 'E', properties: deep })).toBe(true);
    expect(codes()).toEqual(['invalid_field', 'invalid_field']);
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }), (params) => {
        client.track(params as never);
        client.identify({ userId: 'u', traits: params as never, timestamp: params as never });
      }),
    );
  });

  it('survives callbacks and listeners that throw', async () => {
    const fail = (): never => {
      throw new Error('host');
    };
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const { client, sent } = setUp(() => ok(), { onError: fail });
    client.on('error', fail).on('track', fail);
    client.track({ userId: 'u', event: 'E' }, fail);
    client.track({ event: 'E' } as never, fail);
    await expect(client.flush()).resolves.toMatchObject({ delivered: 1 });
    await settle();
    process.off('warning', onWarning);
    expect(sent()).toHaveLength(1);
    expect(warnings.map(({ message }) => message)).toEqual(
      Array(5).fill('A Tidemark callback threw: Error: host'),
    );
  });
});

describe('construction', () => {
  it.each([
    [{}, /writeKey/],
    [{ writeKey: ' ' }, /writeKey/],
    [{ writeKey: 'k', host: 'nowhere' }, /^host .*https?:/],
    [{ writeKey: 'k', host: '127.0.0.1:4790' }, /^host .*http:\/\/ or https:\/\//],
    [{ writeKey: 'k', host: 'localhost:4790' }, /^host .*http:\/\/ or https:\/\//],
    [{ writeKey: 'k', host: null }, /^host .*http:\/\/ or https:\/\//],
    [{ writeKey: 'k', adminKey: 'sk_1' }, /^adminKey .*not a write key/],
    [{ writeKey: 'k', adminKey: 'wk_1' }, /^adminKey .*not a write key/],
    [{ writeKey: 'k', adminKey: '' }, /^adminKey/],
    [{ writeKey: 'k', host: 'ftp://x' }, /http/],
    [{ writeKey: 'k', host: 'http://a:b@x' }, /user name/],
    [{ writeKey: 'k', flushAt: 0 }, /flushAt/],
    [{ writeKey: 'k', flushInterval: Number.NaN }, /flushInterval/],
    [{ writeKey: 'k', maxQueue: '5' }, /maxQueue/],
    [{ writeKey: 'k', maxRetries: -1 }, /maxRetries/],
    [{ writeKey: 'k', httpRequestTimeout: 0 }, /httpRequestTimeout/],
  ])('refuses %j', (options, fault) => {
    expect(() => new Analytics(options as AnalyticsOptions)).toThrow(fault);
    expect(() => new Analytics(options as AnalyticsOptions)).toThrow(TypeError);
  });
});

describe('sending', () => {
  it('leaves at flushAt, or after flushInterval', async () => {
    const { client, clock, requests } = setUp(() => ok(), { flushAt: 3, flushInterval: 700 });
    for (let i = 0; i < 4; i++) client.track({ userId: 'u', event: `E${i}` });
    await settle();
    expect(requests.map(({ body }) => body.batch.length)).toEqual([3]);
    const before = clock.now();
    clock.step();
    await settle();
    expect(clock.now() - before).toBe(700);
    expect(requests.map(({ body }) => body.batch.length)).toEqual([3, 1]);
  });

  it('has Segment’s defaults: 15 messages, 10 s', async () => {
    const { client, clock, requests } = setUp();
    const before = clock.now();
    for (let i = 0; i < 14; i++) client.track({ userId: 'u', event: 'E' });
    await settle();
    expect(requests).toHaveLength(0);
    clock.step();
    expect(clock.now() - before).toBe(10_000);
    for (let i = 0; i < 15; i++) client.track({ userId: 'u', event: 'E' });
    await settle();
    expect(requests.map(({ body }) => body.batch.length)).toEqual([14, 15]);
  });

  it('has at most four requests under way', async () => {
    const { client, requests, mostOpen } = setUp(never, { flushAt: 1 });
    for (let i = 0; i < 10; i++) client.track({ userId: 'u', event: 'E' });
    await settle();
    expect(requests).toHaveLength(4);
    expect(mostOpen()).toBe(4);
  });

  it('sends again the same message with a new sentAt, when Retry-After allows', async () => {
    const { client, clock, requests, lost } = setUp(
      (_, n) => (n === 1 ? new Response('', { status: 429, headers: { 'retry-after': '30' } }) : ok()),
      { flushAt: 1 },
    );
    client.track({ userId: 'u', event: 'E' });
    await settle();
    const before = clock.now();
    clock.step();
    await settle();
    expect(clock.now() - before).toBe(30_000);
    expect(requests[1]?.body.batch).toEqual(requests[0]?.body.batch);
    expect(requests.map(({ body }) => body.sentAt)).toEqual([
      '2026-03-04T05:06:07.000Z',
      '2026-03-04T05:06:37.000Z',
    ]);
    expect(lost).toEqual([]);
  });

  it('gives up a request after httpRequestTimeout and tries again', async () => {
    const { client, clock, requests } = setUp((_, n) => (n === 1 ? never() : ok()), {
      flushAt: 1,
      httpRequestTimeout: 2_000,
    });
    client.track({ userId: 'u', event: 'E' });
    const flushed = client.flush({ timeout: 60_000 });
    const before = clock.now();
    clock.step();
    expect(clock.now() - before).toBe(2_000);
    await settle();
    clock.step();
    await settle();
    expect(requests).toHaveLength(2);
    await expect(flushed).resolves.toEqual({ delivered: 1, pending: 0, dropped: 0 });
  });

  it('takes a 200 in words that are not the collector’s for no answer, and tries again', async () => {
    for (const text of ['', 'ok', '[]', '{"rejected":7}', 'null', '<html>Sign in</html>']) {
      const { client, clock, requests, lost } = setUp((_, n) => (n === 1 ? new Response(text) : ok()));
      client.track({ userId: 'u', event: 'E' });
      const flushed = client.flush({ timeout: 60_000 });
      for (let steps = 0; steps < 5 && requests.length < 2; steps++) {
        await settle();
        clock.step();
      }
      await expect(flushed).resolves.toEqual({ delivered: 1, pending: 0, dropped: 0 });
      expect([requests.length, lost]).toEqual([2, []]);
    }
  });

  it('takes a collector’s 200 for delivered, whatever else is in it', async () => {
    for (const text of ['{"success":true}', '{"success":true,"rejected":7}']) {
      const { client, lost } = setUp(() => new Response(text));
      client.track({ userId: 'u', event: 'E' });
      await expect(client.flush()).resolves.toEqual({ delivered: 1, pending: 0, dropped: 0 });
      expect(lost).toEqual([]);
    }
  });

  it('refuses the newest when full', async () => {
    const { client, lost, codes, sent } = setUp(() => ok(), { maxQueue: 2 });
    const told: (string | undefined)[] = [];
    for (let i = 0; i < 3; i++)
      client.track({ userId: 'u', event: `E${i}` }, (error) => told.push(error?.code));
    expect(codes()).toEqual(['queue_full']);
    expect(lost[0]?.messages[0]?.event).toBe('E2');
    await client.flush();
    await settle();
    expect(sent().map(({ event }) => event)).toEqual(['E0', 'E1']);
    expect(told).toEqual(['queue_full', undefined, undefined]);
  });

  it('tells of a refused key once and keeps the queue', async () => {
    const { client, lost, requests } = setUp(() => new Response('', { status: 401 }), { flushAt: 1 });
    for (let i = 0; i < 3; i++) client.track({ userId: 'u', event: 'E' });
    await settle();
    client.track({ userId: 'u', event: 'E' });
    await settle();
    expect(requests.length).toBeLessThanOrEqual(4);
    expect(lost).toEqual([{ loss: { code: 'http_401', message: 'write key refused' }, messages: [] }]);
  });

  it('sends nothing when disabled', async () => {
    const { client, requests, lost } = setUp(() => ok(), { disable: true });
    const told: unknown[] = [];
    expect(client.track({ userId: 'u', event: 'E' }, (error) => told.push(error))).toBe(true);
    await client.closeAndFlush();
    expect([requests, lost, told]).toEqual([[], [], [undefined]]);
  });
});

describe('events and callbacks', () => {
  it('tell what became of each message', async () => {
    const rejected = [{ index: 1, messageId: 'b', code: 'missing_event', message: 'event is required' }];
    const { client } = setUp(() => ok(rejected));
    const heard: unknown[] = [];
    const onTrack = ({ id }: { id: string }): void => void heard.push(['track', id]);
    client.on('track', onTrack);
    client.on('error', ({ code, message }, messages) =>
      heard.push(['error', code, message, messages[0]?.messageId]),
    );
    client.once('drained', () => heard.push(['drained']));
    const callback = (error: Loss | undefined, context: { event: Message } | undefined): void =>
      void heard.push(['callback', error?.code, context?.event.messageId]);
    client.track({ userId: 'u', event: 'A', messageId: 'a' }, callback);
    client.track({ userId: 'u', event: '', messageId: 'b' }, callback);
    await client.flush();
    expect(heard).toEqual([
      ['callback', 'missing_event', 'b'],
      ['error', 'missing_event', 'event is required', 'b'],
      ['callback', undefined, 'a'],
      ['track', 'a'],
      ['drained'],
    ]);
    client.off('track', onTrack);
    client.track({ userId: 'u', event: 'C' });
    await client.flush();
    expect(heard).toHaveLength(5);
  });

  it('takes listeners of events that never come', () => {
    const { client } = setUp();
    // @ts-expect-error Segment's client has this one
    expect(client.on('register', () => {})).toBe(client);
  });

  it('stands where Segment’s client stood', () => {
    type Call = 'identify' | 'track' | 'page' | 'screen' | 'group' | 'alias';
    type Calls = {
      [K in Call]: (
        params: Parameters<SegmentAnalytics[K]>[0],
        callback?: (error?: unknown, context?: { id: string; event: { messageId: string } }) => void,
      ) => void;
    } & Pick<SegmentAnalytics, 'ready' | 'VERSION'> & {
        flush(options?: Parameters<SegmentAnalytics['flush']>[0]): Promise<unknown>;
        closeAndFlush(options?: Parameters<SegmentAnalytics['closeAndFlush']>[0]): Promise<unknown>;
      };
    const use = (analytics: Calls): void => {
      interface Order {
        revenue: number;
      }
      const order: Order = { revenue: 1 };
      analytics.track({ userId: 'u', event: 'E', properties: order, timestamp: undefined });
    };
    const { client } = setUp();
    const drop: Calls = client;
    use(drop);
    interface Plan {
      name: string;
    }
    const plan: Plan = { name: 'pro' };
    client.identify({ userId: 'u', traits: plan });
  });
});

describe('a drop-in', () => {
  it('takes what Segment’s constructor takes', () => {
    const fetchFn: HTTPFetchFn = async () => ({ status: 200, statusText: 'OK' });
    const clients: HTTPClient[] = [{ makeRequest: async () => ({ status: 200, statusText: 'OK' }) }];
    for (const httpClient of [fetchFn, ...clients]) {
      const settings: AnalyticsSettings = {
        writeKey: 'k',
        host: 'http://collector.test',
        path: '/v1/batch',
        maxRetries: 3,
        maxEventsInBatch: 15,
        flushInterval: 10_000,
        httpRequestTimeout: 10_000,
        disable: true,
        httpClient,
        maxTotalBackoffDuration: 60,
        maxRateLimitDuration: 60,
      };
      expect(new Analytics(settings).track({ userId: 'u', event: 'E' })).toBe(true);
    }
  });

  it('is the default export too, and its methods may be taken off it', async () => {
    expect([TidemarkDefault, typeof SegmentDefault]).toEqual([Analytics, 'function']);
    const { client, sent } = setUp();
    const { track, identify, flush, on } = client;
    const heard: unknown[] = [];
    on('track', ({ event }) => heard.push(event.event));
    identify({ userId: 'u', traits: {} });
    track({ userId: 'u', event: 'E' });
    await flush();
    await settle();
    expect([sent().length, heard]).toEqual([2, ['E']]);
    // As tests of hosts do.
    const spy = vi.spyOn(client, 'track').mockReturnValue(true);
    client.track({ userId: 'u', event: 'Spied' });
    expect(spy).toHaveBeenCalledOnce();
    spy.mockRestore();
  });

  it('tells errors in Segment’s words too', async () => {
    const { client } = setUp(() => new Response('', { status: 404 }));
    const heard: unknown[] = [];
    client.on('error', ({ code, reason, ctx }) => heard.push([code, reason, ctx?.event.event]));
    client.track({ userId: 'u', event: 'E' });
    await client.flush();
    expect(heard).toEqual([['http_404', 'http_404', 'E']]);
  });
});

describe('closing', () => {
  it('delivers what is queued and refuses what comes later', async () => {
    const { client, sent, codes } = setUp();
    const late: unknown[] = [];
    client.on('call_after_close', ({ event }) => late.push(event));
    client.track({ userId: 'u', event: 'A' });
    const closing = client.closeAndFlush();
    expect(client.track({ userId: 'u', event: 'B' })).toBe(false);
    await expect(closing).resolves.toEqual({ delivered: 1, pending: 0, dropped: 0 });
    expect(client.closeAndFlush()).toBe(closing);
    await expect(client.flush()).resolves.toEqual({ delivered: 1, pending: 0, dropped: 0 });
    expect(sent().map(({ event }) => event)).toEqual(['A']);
    expect(codes()).toEqual(['closed']);
    expect(late).toEqual(['B']);
  });

  it('ends at its time limit and tells what it could not deliver, once', async () => {
    const { client, clock, lost } = setUp(never, { flushAt: 2 });
    const told: (string | undefined)[] = [];
    for (let i = 0; i < 3; i++) client.track({ userId: 'u', event: 'E' }, (error) => told.push(error?.code));
    const closing = client.closeAndFlush({ timeout: 800 });
    const before = clock.now();
    clock.step();
    expect(clock.now() - before).toBe(800);
    await expect(closing).resolves.toEqual({ delivered: 0, pending: 3, dropped: 0 });
    while (clock.step()) await settle();
    await settle();
    expect(lost.map(({ loss, messages }) => [loss.code, messages.length])).toEqual([['closed', 3]]);
    expect(told).toEqual(['closed', 'closed', 'closed']);
  });

  it('flush({ close: true }) closes too', async () => {
    const { client, codes } = setUp();
    await client.flush({ close: true });
    client.track({ userId: 'u', event: 'E' });
    expect(codes()).toEqual(['closed']);
  });

  it('leaves no listener on the process, however many clients there were', async () => {
    const count = (): number[] =>
      ['beforeExit', 'exit', 'SIGTERM', 'SIGINT'].map((event) => process.listenerCount(event));
    const before = count();
    const clients = Array.from({ length: 20 }, () => setUp(() => ok(), { handleSignals: true }).client);
    for (const client of clients) client.track({ userId: 'u', event: 'E' });
    expect(count()).toEqual(before.map((n) => n + 1));
    for (const client of clients) await client.closeAndFlush();
    await settle();
    expect(count()).toEqual(before);
  });
});

it('delivers or reports every message exactly once, whatever the server answers', async () => {
  const status = fc.constantFrom(0, 200, 400, 404, 408, 413, 425, 429, 500, 503);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ status, refuse: fc.nat(3), hang: fc.boolean() }), { maxLength: 25 }),
      fc.array(fc.record({ size: fc.nat(40), wait: fc.nat(9_000) }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 8 }),
      fc.option(fc.nat(3), { nil: undefined }),
      async (answers, calls, flushAt, maxRetries) => {
        const accepted: string[] = [];
        const ids: string[] = [];
        const seen = new Map<string, string>();
        const outcomes: string[] = [];
        const { client, clock, lost } = setUp(
          ({ body: { batch } }, n) => {
            for (const message of batch) {
              const text = JSON.stringify(message);
              // A message never changes between tries.
              expect(seen.get(message.messageId) ?? text).toBe(text);
              seen.set(message.messageId, text);
            }
            const answer = answers[n - 1] ?? { status: 200, refuse: 3, hang: false };
            if (answer.hang && n <= answers.length) return never();
            if (answer.status === 0) return new Error('no network');
            if (answer.status !== 200) return new Response('', { status: answer.status });
            const refused =
              answer.refuse < batch.length ? [{ index: answer.refuse, code: 'invalid_field' }] : [];
            accepted.push(
              ...batch.filter((_, i) => i !== refused[0]?.index).map(({ messageId }) => messageId),
            );
            return ok(refused);
          },
          { flushAt, maxRetries, httpRequestTimeout: 1_000 },
        );
        for (const { size, wait } of calls) {
          const messageId = `m${ids.length}`;
          ids.push(messageId);
          client.track({ userId: 'u', event: 'x'.repeat(size), messageId }, () => outcomes.push(messageId));
          clock.advance(wait);
        }
        let flushed = false;
        void client.closeAndFlush({ timeout: 10 * 24 * 3_600_000 }).then(() => {
          flushed = true;
        });
        for (let i = 0; i < 500 && !flushed; i++) {
          await settle();
          if (!flushed) clock.step();
        }
        await settle();
        const gone = lost.flatMap(({ messages }) => messages.map(({ messageId }) => messageId));
        expect([...accepted, ...gone].sort()).toEqual([...ids].sort());
        expect(outcomes.sort()).toEqual([...ids].sort());
      },
    ),
    { numRuns: 60 },
  );
});
