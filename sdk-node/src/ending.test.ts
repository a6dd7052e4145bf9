// How a client ends: `await using`, serverless bursts, and what a spool keeps.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { disposeSymbol } from './dispose.ts';
import { closeOpened, never, ok, settle, setUp } from './test-stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-ending-'));
afterEach(async () => {
  await closeOpened();
  rmSync(folder, { recursive: true, force: true });
});

describe('await using', () => {
  it('delivers what is queued at the end of its block', async () => {
    const { client, sent, codes } = setUp();
    {
      await using analytics = client;
      analytics.track({ userId: 'u', event: 'E' });
    }
    expect(sent()).toHaveLength(1);
    client.track({ userId: 'u', event: 'Late' });
    expect(codes()).toEqual(['closed']);
  });

  it('works where the runtime has no symbol for it, with the one that compilers use', () => {
    expect(disposeSymbol({})).toBe(Symbol.for('Symbol.asyncDispose'));
    expect(disposeSymbol(Symbol)).toBe(Symbol.asyncDispose);
  });
});

it('takes null for options, as JavaScript may pass it', async () => {
  const { client, sent } = setUp();
  const none = null as unknown as undefined;
  client.track({ userId: 'u', event: 'A' });
  await expect(client.flush(none)).resolves.toMatchObject({ delivered: 1 });
  await expect(client.drain(none)).resolves.toBe(true);
  client.track({ userId: 'u', event: 'B' });
  await expect(client.flush({ timeout: none })).resolves.toMatchObject({ delivered: 1 });
  await expect(client.closeAndFlush(none)).resolves.toMatchObject({ pending: 0 });
  expect(sent()).toHaveLength(2);
});

describe('a refused key', () => {
  it('ends a flush and the close at once, before and after it is known', async () => {
    const { client, clock, lost } = setUp(() => new Response('', { status: 401 }));
    const before = clock.now();
    client.track({ userId: 'u', event: 'A' });
    await expect(client.flush()).resolves.toEqual({ delivered: 0, pending: 1, dropped: 0 });
    client.track({ userId: 'u', event: 'B' });
    await expect(client.flush()).resolves.toEqual({ delivered: 0, pending: 2, dropped: 0 });
    await expect(client.closeAndFlush()).resolves.toEqual({ delivered: 0, pending: 2, dropped: 0 });
    expect(clock.now()).toBe(before);
    expect(lost.map(({ loss, messages }) => [loss.code, messages.length])).toEqual([
      ['http_401', 0],
      ['closed', 2],
    ]);
  });

  it('does not end it while another request may still be answered', async () => {
    let answer = (_: Response): void => {};
    const { client } = setUp(
      (_, n) => (n === 1 ? new Promise((resolve) => (answer = resolve)) : new Response('', { status: 401 })),
      { flushAt: 1 },
    );
    client.track({ userId: 'u', event: 'A' });
    client.track({ userId: 'u', event: 'B' });
    const closing = client.closeAndFlush();
    await settle();
    answer(ok());
    await expect(closing).resolves.toEqual({ delivered: 1, pending: 1, dropped: 0 });
  });
});

describe('what could not be delivered', () => {
  const refused = (): Error =>
    new TypeError('fetch failed', { cause: Object.assign(new Error('secret'), { code: 'ECONNREFUSED' }) });

  async function close(stage: ReturnType<typeof setUp>): Promise<void> {
    let isClosed = false;
    void stage.client.closeAndFlush().then(() => {
      isClosed = true;
    });
    await settle();
    while (!isClosed && stage.clock.step()) await settle();
  }

  it.each([
    ['connection refused (http://collector.test)', refused],
    ['no answer (http://collector.test)', () => new Error('secret')],
    ['no answer yet (http://collector.test)', never],
    ['HTTP 503 (http://collector.test)', () => new Response('', { status: 503 })],
    ['HTTP 200, which is no answer of a collector (http://collector.test)', () => new Response('<html>')],
  ])('is told with the last failure: %s', async (fault, reply) => {
    const stage = setUp(reply);
    stage.client.track({ userId: 'u', event: 'E' });
    await close(stage);
    expect(stage.lost.map(({ loss }) => loss)).toEqual([
      { code: 'closed', message: `closeAndFlush ran out of time: ${fault}` },
    ]);
  });

  it('names the limit of a request that ran into it', async () => {
    const stage = setUp(never, { httpRequestTimeout: 2_000 });
    stage.client.track({ userId: 'u', event: 'E' });
    await close(stage);
    expect(stage.lost[0]?.loss.message).toContain(': no answer within 2000 ms (http://collector.test)');
  });

  it('shows on the console where nobody listens, once, without the key', async () => {
    const said: string[] = [];
    for (const reply of [() => new Response('', { status: 401 }), refused]) {
      const stage = setUp(reply, { onError: undefined, flushAt: 1 });
      stage.clock.say = (text) => said.push(text);
      for (let i = 0; i < 3; i++) stage.client.track({ userId: 'u', event: 'E' });
      await settle();
      await close(stage);
      stage.client.track({ userId: 'u', event: 'Late' });
    }
    expect(said).toEqual([
      'Tidemark: http://collector.test refused the write key (http_401), nothing more is sent. The option onError hears of all losses.',
      'Tidemark: 3 messages were not delivered: the write key was refused: HTTP 401 (http://collector.test). The option onError hears of all losses.',
      'Tidemark: 3 messages were not delivered: closeAndFlush ran out of time: connection refused (http://collector.test). The option onError hears of all losses.',
    ]);
    expect(said.join()).not.toMatch(/secret|c2VjcmV0/);
  });

  it('shows nothing on the console where somebody listens', async () => {
    const stages = [setUp(refused), setUp(refused, { onError: undefined })];
    stages[1]?.client.on('error', () => {});
    for (const stage of stages) {
      stage.clock.say = (text) => expect.unreachable(text);
      stage.client.track({ userId: 'u', event: 'E' });
      await close(stage);
    }
  });
});

describe('waitUntil', () => {
  it('is given one promise for all calls until nothing is held', async () => {
    const kept: Promise<unknown>[] = [];
    const answers: ((answer: Response) => void)[] = [];
    const { client, clock, requests } = setUp(() => new Promise((resolve) => answers.push(resolve)), {
      waitUntil: (promise) => kept.push(promise),
    });
    let isDone = false;
    for (let i = 0; i < 3; i++) client.track({ userId: 'u', event: `E${i}` });
    void kept[0]?.then(() => {
      isDone = true;
    });
    clock.step();
    await settle();
    expect(requests.map(({ body }) => body.batch.length)).toEqual([3]);
    client.track({ userId: 'u', event: 'Meanwhile' });
    answers[0]?.(ok());
    await settle();
    expect(isDone).toBe(false);
    answers[1]?.(ok());
    await settle();
    expect([isDone, kept.length]).toEqual([true, 1]);
    client.track({ userId: 'u', event: 'Next' });
    expect(kept).toHaveLength(2);
  });

  it('does not hold a function for ever, and may throw', async () => {
    let kept: Promise<unknown> | undefined;
    const { client, clock, sent } = setUp(never, {
      waitUntil: (promise) => {
        kept = promise;
        throw new Error('no context');
      },
    });
    const warnings: string[] = [];
    clock.warn = (text) => warnings.push(text);
    const before = clock.now();
    client.track({ userId: 'u', event: 'E' });
    let isDone = false;
    void kept?.then(() => {
      isDone = true;
    });
    while (!isDone && clock.step()) await settle();
    expect(clock.now() - before).toBe(5_000);
    expect(sent().length).toBeGreaterThan(0);
    expect(warnings).toEqual(['A Tidemark callback threw: Error: no context']);
  });
});

describe('spoolDir', () => {
  it('keeps what was not delivered for the next client, which sends it without a new call', async () => {
    const first = setUp(never, { spoolDir: folder });
    const told: (string | undefined)[] = [];
    for (const messageId of ['a', 'b'])
      first.client.track({ userId: 'u', event: 'E', messageId }, (error) => told.push(error?.code));
    const closing = first.client.closeAndFlush({ timeout: 100 });
    while (first.clock.step()) await settle();
    await expect(closing).resolves.toEqual({ delivered: 0, pending: 2, dropped: 0 });
    // Not lost, so `onError` hears nothing; who asked by a callback is answered.
    expect([first.lost, told]).toEqual([[], ['closed', 'closed']]);
    const next = setUp(() => ok(), { spoolDir: folder });
    const heard: string[] = [];
    next.client.on('track', ({ id }) => heard.push(id));
    await expect(next.client.flush()).resolves.toEqual({ delivered: 2, pending: 0, dropped: 0 });
    expect(next.sent()).toEqual(first.sent());
    expect(heard).toEqual(['a', 'b']);
    await next.client.closeAndFlush();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('takes from disk no more than leaves half of the queue for new calls', async () => {
    const first = setUp(never, { spoolDir: folder });
    const ids = Array.from({ length: 50 }, (_, i) => `m${i}`);
    for (const messageId of ids) first.client.track({ userId: 'u', event: 'E', messageId });
    void first.client.closeAndFlush({ timeout: 0 });
    while (first.clock.step()) await settle();
    const next = setUp(() => ok(), { spoolDir: folder, maxQueue: 10 });
    expect(next.client.track({ userId: 'u', event: 'New' })).toBe(true);
    await expect(next.client.flush()).resolves.toEqual({ delivered: 51, pending: 0, dropped: 0 });
    expect(Math.max(...next.requests.map(({ body }) => body.batch.length))).toBeLessThanOrEqual(10);
    expect(
      next
        .sent()
        .map(({ messageId }) => messageId)
        .filter((id) => ids.includes(id))
        .sort(),
    ).toEqual([...ids].sort());
  });

  it('does not keep those waiting who await room for new calls', async () => {
    const first = setUp(never, { spoolDir: folder });
    for (let i = 0; i < 60; i++) first.client.track({ userId: 'u', event: 'Old' });
    void first.client.closeAndFlush({ timeout: 0 });
    while (first.clock.step()) await settle();
    let answer = (_: Response): void => {};
    const next = setUp(() => new Promise((resolve) => (answer = resolve)), {
      spoolDir: folder,
      maxQueue: 10,
      flushAt: 1,
    });
    while (next.client.track({ userId: 'u', event: 'New' }));
    let hasRoom = false;
    void next.client.drain().then((result) => {
      hasRoom = result;
    });
    for (let i = 0; i < 10 && !hasRoom; i++) {
      answer(ok());
      await settle();
    }
    expect(hasRoom).toBe(true);
    expect(next.sent().filter(({ event }) => event === 'Old').length).toBeLessThan(60);
  });

  it('keeps what is put aside no longer than the collector’s word on it', async () => {
    const rejected = [{ index: 0, messageId: 'a', code: 'missing_event', message: 'no' }];
    const { client, codes } = setUp(() => ok(rejected), { spoolDir: folder });
    client.track({ userId: 'u', event: '', messageId: 'a' });
    await client.closeAndFlush();
    expect(codes()).toEqual(['missing_event']);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that works again by then keeps what was in memory only', async () => {
    const place = join(folder, 'later');
    mkdirSync(folder, { recursive: true });
    writeFileSync(place, 'in the way');
    const first = setUp(never, { spoolDir: place });
    first.client.track({ userId: 'u', event: 'E', messageId: 'a' });
    await settle();
    expect(first.codes()).toContain('spool_failed');
    rmSync(place);
    const closing = first.client.closeAndFlush({ timeout: 2_000 });
    while (first.clock.step()) await settle();
    await expect(closing).resolves.toMatchObject({ pending: 1 });
    expect(first.codes()).not.toContain('closed');
    const next = setUp(() => ok(), { spoolDir: place });
    await next.client.flush();
    expect(next.sent().map(({ messageId }) => messageId)).toEqual(['a']);
  });

  it('that cannot be used is told, and messages are sent all the same', async () => {
    const { client, codes, sent } = setUp(() => ok(), { spoolDir: '/proc/version/spool' });
    client.track({ userId: 'u', event: 'E' });
    await expect(client.flush()).resolves.toEqual({ delivered: 1, pending: 0, dropped: 0 });
    expect(codes()).toContain('spool_failed');
    expect(sent()).toHaveLength(1);
  });
});
