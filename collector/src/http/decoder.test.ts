// Large bodies on a thread: the same answers as on the main thread, and what happens when it ends.
import { EventEmitter } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { basic, SERVER_KEY, type TestCollector, WEB_KEY, withCollector } from '../../../tests/collector.ts';
import { type AcceptedMessage, bodyOf } from '../wire/accepted.ts';
import type { JsonObject } from '../wire/message.ts';
import { createDecoder, type Decoder, type Head, LARGE_BODY_BYTES } from './decoder.ts';
import type { Ask } from './judge.ts';

/** White space makes a body large and means nothing. */
const large = (text: string): string => text + ' '.repeat(LARGE_BODY_BYTES);

interface Case {
  name: string;
  path: string;
  body: string;
  headers?: Record<string, string>;
}
const track = (fields: JsonObject): JsonObject => ({ type: 'track', event: 'E', userId: 'u', ...fields });
const json = (value: unknown): string => JSON.stringify(value);
const mixed = [
  track({
    messageId: 'a',
    context: { userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0' },
  }),
  track({ messageId: 'b', event: '' }),
  7,
  track({ messageId: 'c', properties: { text: 'x'.repeat(40_000) } }),
  track({ messageId: 'd', properties: { ok: '漢\ud800' } }),
  track({ messageId: 'a' }),
  { type: 'identify', anonymousId: 'anon', messageId: 'e', traits: { plan: 'pro' }, timestamp: 'never' },
];
const CASES: Case[] = [
  {
    name: 'a batch of good and bad',
    path: '/v1/batch',
    body: json({ batch: mixed, context: { ip: '::1' } }),
  },
  {
    name: 'a key in the body',
    path: '/v1/batch',
    body: json({ batch: mixed, writeKey: WEB_KEY }),
    headers: {},
  },
  {
    name: 'a wrong key in the body',
    path: '/v1/batch',
    body: json({ batch: mixed, writeKey: 'no' }),
    headers: {},
  },
  { name: 'no key', path: '/v1/batch', body: json({ batch: mixed }), headers: {} },
  { name: 'no JSON', path: '/v1/batch', body: '{"batch":[' },
  { name: 'no object', path: '/v1/batch', body: '[]' },
  { name: 'no batch', path: '/v1/batch', body: '{}' },
  { name: 'too many', path: '/v1/batch', body: json({ batch: Array(2_001).fill(0) }) },
  {
    name: 'a large context',
    path: '/v1/batch',
    body: json({ batch: [], context: { x: 'x'.repeat(40_000) } }),
  },
  { name: 'reply=me', path: '/v1/batch?reply=me', body: json({ batch: mixed, userSignature: 'no' }) },
  { name: 'a single one', path: '/v1/track', body: json(track({ messageId: 's' })) },
  { name: 'a single one too large', path: '/v1/track', body: json(mixed[3]) },
  {
    name: 'a secret key',
    path: '/v1/batch',
    body: json({ batch: mixed }),
    headers: { authorization: basic(SERVER_KEY) },
  },
  { name: 'a mark before it', path: '/v1/batch', body: `\ufeff${json({ batch: [] })}` },
  { name: 'me', path: '/v1/me', body: json({ userId: 'u', anonymousId: {}, url: 'https://x.example/' }) },
  { name: 'me with a field of the wrong kind', path: '/v1/me', body: json({ userId: { a: 1 } }) },
  {
    name: 'ids seen',
    path: '/v1/seen',
    body: json({ messageIds: ['a', 'zz'], writeKey: WEB_KEY }),
    headers: {},
  },
  { name: 'ids seen, too many', path: '/v1/seen', body: json({ messageIds: Array(10_001).fill('a') }) },
  { name: 'ids seen of the wrong kind', path: '/v1/seen', body: json({ messageIds: ['a', {}] }) },
];

async function answers(c: TestCollector, { path, body, headers }: Case): Promise<unknown> {
  const sent = headers ?? { authorization: basic(WEB_KEY) };
  const { status, text } = await c.fetch(path, { method: 'POST', headers: sent, body });
  const rejected = await c.all<{ id: number }>('/api/rejected');
  const events = (await c.api('GET', '/api/profiles/user:u/events')).json;
  return { status, text, rejected, events };
}

describe('a large body', () => {
  it.each(CASES)('is answered and stored like a small one: $name', async (one) => {
    await withCollector({}, async (here) =>
      withCollector({}, async (there) => {
        expect(await answers(there, { ...one, body: large(one.body) })).toEqual(await answers(here, one));
      }),
    );
  });
});

const SENDER = { key: 'k', address: '' };
const ASK = { routeType: null } as unknown as Ask; // what is asked does not matter to the scripts below
const OF_WEB: Ask = {
  routeType: null,
  kind: 'web',
  receivedAt: 0,
  requireSignature: false,
  ip: null,
  signature: null,
  secrets: [],
};
const admit = (_: Head): Ask => ASK;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Answers like the thread, ends at "end", and says how many bodies it had. */
const script = (code: string): URL => new URL(`data:text/javascript,${encodeURIComponent(code)}`);
const OBEDIENT = script(`
  import { parentPort } from 'node:worker_threads';
  let had = 0;
  parentPort.on('message', (told) => {
    if (told.decode) {
      if (new TextDecoder().decode(told.decode) === 'end') process.exit(1);
      had++;
      parentPort.postMessage({ head: { writeKey: String(had) } });
    } else if (told.judge) parentPort.postMessage({ judged: { messages: [], refused: [], places: [], rejected: [] } });
  });
`);

describe('the thread', () => {
  let decoder: Decoder;
  afterEach(() => decoder.close());

  it('hands messages over without their bodies, which are read when they are looked at', async () => {
    decoder = createDecoder();
    const sent = track({ messageId: 'a', properties: { list: [1, { a: null }] } });
    const { messages } = await decoder.judge(bytes(json({ batch: [sent] })), SENDER, () => OF_WEB);
    const [message] = messages as [AcceptedMessage];
    expect(message.body).toBeNull();
    const body = bodyOf(message);
    expect(body).toEqual(sent);
    expect(bodyOf(message)).toBe(body);
  });

  it('hands many messages over in parts, in order, as the loop turns', async () => {
    decoder = createDecoder();
    const batch: unknown[] = Array.from({ length: 2_000 }, (_, i) =>
      track({ messageId: `m${i}`, properties: { at: i, text: 'x'.repeat(i % 40 === 0 ? 9_000 : 500) } }),
    );
    batch[777] = track({ messageId: 'm777', event: '' });
    const post = vi.spyOn(Worker.prototype, 'postMessage');
    const asked = (): number => post.mock.calls.filter(([told]) => told.more).length;
    const { messages, places, rejected } = await decoder.judge(bytes(json({ batch })), SENDER, () => OF_WEB);
    // 1.4 MB of text.
    expect(asked()).toBeGreaterThanOrEqual(5);
    expect(messages.map(({ messageId }) => messageId)).toEqual(places.map((i) => `m${i}`));
    expect([messages.length, rejected.map(({ index }) => index)]).toEqual([1_999, [777]]);
    expect(messages.every(({ body }) => body === null)).toBe(true);
    expect(bodyOf(messages[1_500] as AcceptedMessage)).toEqual(batch[1_501]);
    // Short ones too, and the next body is its own.
    post.mockClear();
    const short = Array.from({ length: 1_001 }, (_, i) => track({ messageId: `s${i}` }));
    const next = await decoder.judge(bytes(json({ batch: short })), SENDER, () => OF_WEB);
    expect(asked()).toBe(2);
    post.mockRestore();
    expect(next.messages.map(({ messageId }) => messageId)).toEqual(short.map(({ messageId }) => messageId));
  });

  it('hands refusals over in parts too, each with what the batch said', async () => {
    decoder = createDecoder();
    const context = { filler: 'x'.repeat(8_000) };
    const batch = Array.from({ length: 300 }, (_, i) => track({ messageId: `m${i}`, event: '' }));
    const post = vi.spyOn(Worker.prototype, 'postMessage');
    const { messages, refused, rejected } = await decoder.judge(
      bytes(json({ batch, context })),
      SENDER,
      () => OF_WEB,
    );
    // 2.4 MB of text.
    expect(post.mock.calls.filter(([told]) => told.more).length).toBeGreaterThanOrEqual(9);
    post.mockRestore();
    expect([messages.length, refused.length, rejected.length]).toEqual([0, 300, 300]);
    expect(refused.map(({ messageId }) => messageId)).toEqual(batch.map(({ messageId }) => messageId));
    expect(JSON.parse(refused[299]?.text ?? '')).toMatchObject({ messageId: 'm299', context });
  });

  it('asks for the next part once it has one, in another turn of the loop', async () => {
    decoder = createDecoder(
      () => {},
      script(`
        import { parentPort } from 'node:worker_threads';
        let parts = 0;
        const part = (messageId, asked) => ({ messages: [{ messageId, asked }], refused: [{ messageId }] });
        parentPort.on('message', (told) => {
          if (told.decode) parentPort.postMessage({ head: {} });
          else if (parts++ < 3) parentPort.postMessage({ part: part(String(parts), Object.keys(told)[0]) });
          else parentPort.postMessage({ judged: { ...part('last', 'more'), places: [7], rejected: [] } });
        });
      `),
    );
    const events: string[] = [];
    const worker = Worker.prototype as Worker & EventEmitter;
    const emit = vi.spyOn(worker, 'emit').mockImplementation(function (this: Worker, ...args: unknown[]) {
      const [event, told] = args as [string, { part?: object } | undefined];
      if (event === 'message' && told?.part) {
        events.push('part');
        setImmediate(() => events.push('turn'));
      }
      return EventEmitter.prototype.emit.apply(this, args as [string]);
    });
    const original = Worker.prototype.postMessage;
    const post = vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (
      this: Worker,
      told: { more?: true },
      ...rest: unknown[]
    ) {
      if (told.more) events.push('more');
      return original.apply(this, [told, ...rest] as [unknown]);
    });
    const { messages, refused, places } = await decoder.judge(bytes('a'), SENDER, admit);
    emit.mockRestore();
    post.mockRestore();
    expect(events).toEqual(Array(3).fill(['part', 'turn', 'more']).flat());
    expect(messages).toEqual([
      { messageId: '1', asked: 'judge', body: null },
      { messageId: '2', asked: 'more', body: null },
      { messageId: '3', asked: 'more', body: null },
      { messageId: 'last', asked: 'more', body: null },
    ]);
    expect(refused.map(({ messageId }) => messageId)).toEqual(['1', '2', '3', 'last']);
    expect(places).toEqual([7]);
  });

  it('keeps nothing of a body whose thread ended between two parts', async () => {
    decoder = createDecoder(
      () => {},
      script(`
        import { parentPort } from 'node:worker_threads';
        let text = '';
        parentPort.on('message', (told) => {
          const some = { messages: [{ messageId: text }], refused: [] };
          if (told.decode) {
            text = new TextDecoder().decode(told.decode);
            parentPort.postMessage({ head: {} });
          } else if (told.judge && text === 'end') parentPort.postMessage({ part: some });
          else if (told.more) process.exit(1);
          else parentPort.postMessage({ judged: { ...some, places: [0], rejected: [] } });
        });
      `),
    );
    const [ended, next] = ['end', 'next'].map((text) => decoder.judge(bytes(text), SENDER, admit));
    await expect(ended).rejects.toMatchObject({ status: 503, code: 'not_decoded' });
    expect(await next).toMatchObject({ messages: [{ messageId: 'next' }], refused: [] });
    // And a decoder that is closed then.
    const closed = decoder.judge(bytes('end'), SENDER, admit);
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([decoder.close(), expect(closed).rejects.toMatchObject({ code: 'not_decoded' })]);
  });

  it('tells what failed inside it', async () => {
    decoder = createDecoder();
    const signature = 'a'.repeat(64);
    const ask = { kind: 'web', routeType: null, receivedAt: 0, signature, secrets: 7 };
    const broken = ask as unknown as Ask; // secrets that are no list: nothing that could come from outside
    const judged = decoder.judge(bytes(json({ batch: [track({})] })), SENDER, () => broken);
    await expect(judged).rejects.toMatchObject({
      status: 500,
      code: 'internal',
      options: { cause: expect.any(TypeError) },
    });
  });

  it('has its request answered 503 when it ends, and is begun anew', async () => {
    const heard: unknown[] = [];
    decoder = createDecoder((error) => heard.push(error), OBEDIENT);
    const keys: unknown[] = [];
    const judge = (text: string) =>
      decoder.judge(bytes(text), SENDER, ({ writeKey }) => {
        keys.push(writeKey);
        return ASK;
      });
    await judge('a');
    await judge('b');
    const ended = judge('end');
    const after = judge('c');
    await expect(ended).rejects.toMatchObject({ status: 503, code: 'not_decoded' });
    await expect(ended).rejects.toHaveProperty('options.retryAfterSeconds');
    expect(await after).toMatchObject({ messages: [] });
    expect(keys).toEqual(['1', '2', '1']);
    expect(heard.length).toBe(1);
  });

  it('ends at too much memory without the process', async () => {
    const greedy = script(`
      import { parentPort } from 'node:worker_threads';
      const held = [];
      parentPort.on('message', () => { for (;;) held.push(new Array(1000).fill({})); });
    `);
    decoder = createDecoder(() => {}, greedy);
    await expect(decoder.judge(bytes('a'), SENDER, admit)).rejects.toMatchObject({
      code: 'not_decoded',
      cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' },
    });
  });

  it('goes on after somebody was not let in', async () => {
    decoder = createDecoder(() => {}, OBEDIENT);
    const refused = decoder.judge(bytes('a'), SENDER, () => {
      throw new Error('not let in');
    });
    const after = decoder.judge(bytes('b'), SENDER, admit);
    await expect(refused).rejects.toThrow('not let in');
    expect(await after).toMatchObject({ messages: [] });
  });

  it('lets so many wait and no more, and each sender in turn', async () => {
    decoder = createDecoder(() => {}, OBEDIENT);
    const done: string[] = [];
    const send = (key: string) =>
      decoder.judge(bytes(key), { key, address: '' }, admit).then(
        () => done.push(key),
        (error) => error,
      );
    const flood = Array.from({ length: 60 }, () => send('flood'));
    await Promise.all([...flood, send('other')]);
    const refused = (await Promise.all(flood)).filter((result) => typeof result === 'object');
    expect(refused.length).toBeGreaterThan(20);
    expect(refused[0]).toMatchObject({ status: 429, code: 'overloaded' });
    expect(done.indexOf('other')).toBeLessThan(3);
    expect(done.length + refused.length).toBe(61);
  });

  it('is gone after close, which answers whoever waits', async () => {
    decoder = createDecoder(() => {}, script('setInterval(() => {}, 1000)'));
    const waiting = [1, 2].map(() => decoder.judge(bytes('a'), SENDER, admit).catch((error) => error.code));
    await decoder.close();
    expect(await Promise.all(waiting)).toEqual(['not_decoded', 'not_decoded']);
    await expect(decoder.judge(bytes('a'), SENDER, admit)).rejects.toMatchObject({ code: 'not_decoded' });
  });
});
