// The bounds of the queue: what is refused, and what `drain` waits for.
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { closeOpened, never, ok, settle, setUp } from './test-stage.ts';

afterEach(closeOpened);

const track = (client: ReturnType<typeof setUp>['client'], event = 'E'): boolean =>
  client.track({ userId: 'u', event });

describe('a full queue', () => {
  it('refuses the newest by count: false, and told', () => {
    const { client, codes, lost } = setUp(never, { maxQueue: 5 });
    expect(Array.from({ length: 7 }, (_, i) => track(client, `E${i}`))).toEqual([
      ...Array(5).fill(true),
      false,
      false,
    ]);
    expect(codes()).toEqual(['queue_full', 'queue_full']);
    expect(lost[0]?.messages[0]?.event).toBe('E5');
  });

  it('refuses the newest by UTF-8 bytes', () => {
    const { client, codes } = setUp(never, { maxQueueBytes: 1_000 });
    const message = (text: string) => ({ userId: 'u', event: 'E', properties: { text } });
    expect(client.track(message('x'.repeat(700)))).toBe(true);
    // 200 characters, 600 bytes.
    expect(client.track(message('日'.repeat(200)))).toBe(false);
    expect(codes()).toEqual(['queue_full']);
  });

  it('discards what no collector would take, at once', () => {
    const { client, codes } = setUp();
    expect(client.track({ userId: 'u', event: 'E', properties: { text: 'x'.repeat(70_000) } })).toBe(true);
    expect(codes()).toEqual(['message_too_large']);
  });
});

describe('calling again after drain until a call answers true', () => {
  const MAX_CALLS = 20;

  it.each([
    ['what a plugin drops', { userId: 'u', event: 'Bot' }, []],
    ['what a plugin fails at', { userId: 'u', event: 'Bad' }, ['plugin_failed']],
    ['what has no identity', { event: 'E' }, ['missing_identity']],
    ['what no collector would take', { userId: 'u', event: 'x'.repeat(70_000) }, ['message_too_large']],
    ['what no queue of this size holds', { userId: 'u', event: 'x'.repeat(2_000) }, ['message_too_large']],
  ])('ends for %s', async (_, params, told) => {
    const { client, codes } = setUp(() => ok(), { maxQueueBytes: 1_000 });
    client.use({
      before({ event }) {
        if (event === 'Bad') throw new Error('scrubber');
        return event === 'Bot' ? null : undefined;
      },
    });
    let calls = 1;
    while (!client.track(params as never) && calls < MAX_CALLS) {
      await client.drain();
      calls++;
    }
    expect([calls, codes()]).toEqual([1, told]);
  });

  it('lets the network have its turn while there is no room for this one', async () => {
    const { client, sent } = setUp(() => ok(), { maxQueueBytes: 1_000 });
    const large = { userId: 'u', event: 'x'.repeat(700) };
    let calls = 1;
    client.track({ userId: 'u', event: 'x'.repeat(200) });
    while (!client.track(large) && calls < MAX_CALLS) {
      await client.drain();
      calls++;
    }
    await client.flush();
    expect([calls, sent().length]).toEqual([2, 2]);
  });
});

describe('drain', () => {
  it('waits until half of the queue is free', async () => {
    let answer = (_: Response): void => {};
    const { client } = setUp(() => new Promise((resolve) => (answer = resolve)), { maxQueue: 4, flushAt: 1 });
    await expect(client.drain()).resolves.toBe(true);
    for (let i = 0; i < 4; i++) track(client);
    let hasRoom: boolean | undefined;
    void client.drain().then((result) => {
      hasRoom = result;
    });
    await settle();
    expect(hasRoom).toBeUndefined();
    for (let i = 0; i < 2; i++) {
      answer(ok());
      await settle();
    }
    expect(track(client)).toBe(true);
  });

  it('sends what would still wait for company', async () => {
    const { client, sent } = setUp(() => ok(), { maxQueue: 4 });
    for (let i = 0; i < 4; i++) track(client);
    await expect(client.drain()).resolves.toBe(true);
    expect(sent()).toHaveLength(4);
  });

  it('gives up at its limit, at a refused key, and at the end', async () => {
    const full = setUp(never, { maxQueue: 1 });
    track(full.client);
    const drained = full.client.drain({ timeout: 700 });
    const before = full.clock.now();
    // What waits for company is sent at once: that is the first timer.
    while (full.clock.now() < before + 700) full.clock.step();
    await expect(drained).resolves.toBe(false);

    const refused = setUp(() => new Response('', { status: 401 }), { maxQueue: 1 });
    track(refused.client);
    await expect(refused.client.drain()).resolves.toBe(false);
    await expect(refused.client.drain()).resolves.toBe(false);

    const closed = setUp(never, { maxQueue: 1 });
    track(closed.client);
    const waiting = closed.client.drain();
    void closed.client.closeAndFlush({ timeout: 0 });
    while (closed.clock.step()) await settle();
    await expect(waiting).resolves.toBe(false);
    await expect(closed.client.drain()).resolves.toBe(false);
  });

  it('awaited before each call, loses nothing in a queue of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 300, max: 100_000 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(200), { maxLength: 40 }),
        async (maxQueue, maxQueueBytes, flushAt, sizes) => {
          const { client, clock, lost, sent } = setUp(
            (_, n) => (n % 3 === 0 ? new Response('', { status: 503 }) : ok()),
            { maxQueue, maxQueueBytes: maxQueueBytes + 33_000, flushAt },
          );
          const ids = new Set<string>();
          for (const [i, size] of sizes.entries()) {
            let isFree = false;
            void client.drain().then(() => {
              isFree = true;
            });
            for (let steps = 0; steps < 50 && !isFree; steps++) {
              await settle();
              if (!isFree) clock.step();
            }
            expect(isFree).toBe(true);
            ids.add(`m${i}`);
            expect(
              client.track({
                userId: 'u',
                event: 'E',
                messageId: `m${i}`,
                properties: { x: 'x'.repeat(size) },
              }),
            ).toBe(true);
          }
          let isFlushed = false;
          void client.closeAndFlush({ timeout: 10 * 24 * 3_600_000 }).then(() => {
            isFlushed = true;
          });
          for (let steps = 0; steps < 100 && !isFlushed; steps++) {
            await settle();
            if (!isFlushed) clock.step();
          }
          expect(lost).toEqual([]);
          expect(new Set(sent().map(({ messageId }) => messageId))).toEqual(ids);
        },
      ),
      { numRuns: 30 },
    );
  });
});
