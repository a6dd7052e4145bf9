// The queue under random answers of a server: nothing is ever silently gone.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answer, createQueue, type Loss, type Queued, type QueueParts } from './queue.ts';

const OK: Answer = { status: 200, body: { success: true } };

/** A clock whose timers fire in order when it is moved. */
function createClock() {
  let now = 1_000_000;
  let timers: { at: number; run: () => void }[] = [];
  return {
    now: () => now,
    after(ms: number, run: () => void) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((held) => held !== timer);
      };
    },
    pending: () => timers.length,
    /** Runs the next timer, if any; answers whether there was one. */
    step(): boolean {
      const next = timers.sort((a, b) => a.at - b.at).shift();
      if (!next) return false;
      now = Math.max(now, next.at);
      next.run();
      return true;
    },
    advance(ms: number) {
      now += ms;
    },
  };
}

const settleMicrotasks = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

function setUp(
  answers: (batch: Queued[], n: number) => Answer | Promise<Answer>,
  change: Partial<QueueParts> = {},
) {
  const clock = createClock();
  const sent: Queued[][] = [];
  const lost: { loss: Loss; messages: Queued[] }[] = [];
  const settled: Queued[] = [];
  const queue = createQueue({
    send: async (batch) => {
      sent.push(batch.map((message) => ({ ...message })));
      return answers(batch, sent.length);
    },
    onLost: (loss, messages) => lost.push({ loss, messages }),
    onSettled: (messages) => settled.push(...messages),
    now: clock.now,
    random: () => 0.5,
    sizeOf: (text) => text.length,
    after: clock.after,
    flushAt: 5,
    flushIntervalMs: 100,
    maxMessages: 1_000,
    maxChars: 1_000_000,
    maxBatchChars: 100_000,
    maxInFlight: 1,
    maxRetries: Number.POSITIVE_INFINITY,
    ...change,
  });
  return { clock, sent, lost, settled, queue };
}

let ids = 0;
const message = (more: object = {}): Queued => ({ messageId: `m${++ids}`, context: { page: 'a' }, ...more });

describe('delivery', () => {
  it('sends at flushAt at once and the rest after the interval', async () => {
    const { queue, sent, clock } = setUp(() => OK);
    for (let i = 0; i < 6; i++) queue.add(message());
    await settleMicrotasks();
    expect(sent.map((batch) => batch.length)).toEqual([5]);
    clock.step();
    await settleMicrotasks();
    expect(sent.map((batch) => batch.length)).toEqual([5, 1]);
    expect(queue.size()).toBe(0);
  });

  it.each([0, 408, 425, 429, 500, 502, 503])('tries again after %i, unchanged', async (status) => {
    const { queue, sent, clock, lost } = setUp((_, n) => (n < 4 ? { status } : OK));
    const one = message({ timestamp: 't' });
    queue.add(one);
    for (let i = 0; i < 8; i++) {
      clock.step();
      await settleMicrotasks();
    }
    expect(sent).toHaveLength(4);
    for (const batch of sent) expect(batch).toEqual([one]);
    expect(lost).toEqual([]);
    expect(queue.size()).toBe(0);
  });

  it('doubles its pauses from a second to a minute, with jitter', async () => {
    const { queue, clock } = setUp(() => ({ status: 503 }), { flushAt: 1 });
    const pauses: number[] = [];
    queue.add(message());
    await settleMicrotasks();
    for (let i = 0; i < 9; i++) {
      const before = clock.now();
      clock.step();
      pauses.push(clock.now() - before);
      await settleMicrotasks();
    }
    // random() is 0.5, so three quarters of the full pause.
    expect(pauses).toEqual([750, 1500, 3000, 6000, 12_000, 24_000, 45_000, 45_000, 45_000]);
  });

  it('counts requests that fail together as one failure', async () => {
    const { queue, clock, sent } = setUp(() => ({ status: 503 }), { flushAt: 1, maxInFlight: 4 });
    for (let i = 0; i < 4; i++) queue.add(message());
    await settleMicrotasks();
    expect(sent).toHaveLength(4);
    const before = clock.now();
    clock.step();
    expect(clock.now() - before).toBe(750);
  });

  it('waits as long as Retry-After says, in seconds or as a date', async () => {
    for (const form of [(_: number) => '120', (now: number) => new Date(now + 120_000).toUTCString()]) {
      const { queue, clock } = setUp(
        (_, n) => (n === 1 ? { status: 429, retryAfter: form(clock.now()) } : OK),
        {
          flushAt: 1,
        },
      );
      queue.add(message());
      await settleMicrotasks();
      queue.add(message());
      const before = clock.now();
      clock.step();
      expect(clock.now() - before).toBeGreaterThanOrEqual(119_000);
      await settleMicrotasks();
      expect(queue.size()).toBe(0);
    }
  });

  it('ends its pause in time whatever becomes of the clock', async () => {
    for (const retryAfter of [null, '120']) {
      let shift = 0;
      const { queue, sent, clock } = setUp((_, n) => (n === 1 ? { status: 503, retryAfter } : OK), {
        flushAt: 1,
        now: () => clock.now() + shift,
      });
      queue.add(message());
      await settleMicrotasks();
      shift = -3_600_000;
      queue.add(message());
      expect(queue.isHeldUp()).toBe(true);
      const before = clock.now();
      clock.step();
      expect(clock.now() - before).toBe(retryAfter ? 120_000 : 750);
      await settleMicrotasks();
      expect(sent.map((batch) => batch.length)).toEqual([1, 2]);
      expect(clock.pending()).toBe(0);
    }
  });

  it('takes the longest pause of answers that come together', async () => {
    const { queue, sent, clock } = setUp(
      (_, n) => (n < 3 ? { status: 429, retryAfter: n === 1 ? '60' : '1' } : OK),
      { flushAt: 1, maxInFlight: 2 },
    );
    queue.add(message());
    queue.add(message());
    await settleMicrotasks();
    const before = clock.now();
    while (sent.length === 2 && clock.step()) await settleMicrotasks();
    expect(clock.now() - before).toBe(60_000);
  });

  it.each([
    ['no body', { status: 200 }],
    ['no JSON', { status: 200, body: null }],
    ['JSON of another', { status: 200, body: {} }],
    ['nothing', { status: 204, body: null }],
    ['a redirect', { status: 302, body: null }],
  ])('takes a success that is not the collector’s for no answer: %s', async (_, answer) => {
    const { queue, sent, lost, settled, clock } = setUp((_batch, n) => (n === 1 ? answer : OK), {
      flushAt: 1,
    });
    queue.add(message());
    await settleMicrotasks();
    expect([settled, lost, queue.isHeldUp()]).toEqual([[], [], true]);
    clock.step();
    await settleMicrotasks();
    expect(sent).toHaveLength(2);
    expect(settled).toHaveLength(1);
  });

  it.each([413, 400])('halves a batch refused with %i down to the culprit', async (status) => {
    const { queue, lost, settled, clock } = setUp((batch) => (batch.some((m) => m.bad) ? { status } : OK), {
      flushAt: 50,
    });
    for (let i = 0; i < 50; i++) queue.add(message(i === 17 ? { bad: true } : {}));
    for (let i = 0; i < 20; i++) {
      clock.step();
      await settleMicrotasks();
    }
    expect(lost).toHaveLength(1);
    expect(lost[0]?.loss.code).toBe(`http_${status}`);
    expect(lost[0]?.messages.map((m) => m.bad)).toEqual([true]);
    expect(settled).toHaveLength(50);
    expect(queue.size()).toBe(0);
  });

  it.each([401, 403])('stops at %i, keeps what waits, and tells once', async (status) => {
    const { queue, lost, sent } = setUp((_, n) => (n === 1 ? { status } : OK), { flushAt: 1 });
    queue.add(message());
    await settleMicrotasks();
    queue.add(message());
    await settleMicrotasks();
    expect(sent).toHaveLength(1);
    expect(queue.size()).toBe(2);
    expect(lost).toEqual([{ loss: { code: `http_${status}`, message: `http_${status}` }, messages: [] }]);
    queue.resume();
    await settleMicrotasks();
    expect(sent).toHaveLength(1);
    expect(queue.isHeldUp()).toBe(true);
    expect(lost).toHaveLength(1);
  });

  it.each([
    [{ status: 0 }, 2],
    [{ status: 503 }, 1],
    [{ status: 429, retryAfter: '60' }, 1],
  ])(
    'goes on when the network is back, unless the collector asked for a pause: %o',
    async (answer, tries) => {
      const { queue, sent } = setUp((_, n) => (n === 1 ? answer : OK), { flushAt: 1 });
      queue.add(message());
      await settleMicrotasks();
      queue.resume();
      await settleMicrotasks();
      expect(sent).toHaveLength(tries);
    },
  );

  it('tells no loss of nothing', async () => {
    const { queue, lost } = setUp(() => ({ status: 404 }), { flushAt: 1 });
    queue.add(message());
    queue.clear();
    await settleMicrotasks();
    expect(lost).toEqual([]);
  });

  it('loses at its end what nothing keeps, also what comes back later', async () => {
    const { queue, lost } = setUp(() => ({ status: 0 }), { flushAt: 1 });
    queue.add(message());
    queue.add(message());
    queue.close(true);
    await settleMicrotasks();
    expect(lost.map(({ loss, messages }) => [loss.code, messages.length])).toEqual([
      ['closed', 1],
      ['closed', 1],
    ]);
    expect(queue.size()).toBe(0);
  });

  it('loses what a 200 rejected, with the code it gave', async () => {
    const answer = {
      rejected: [{ index: 1, messageId: null, code: 'missing_event' as const, message: 'event is required' }],
    };
    const { queue, lost, settled } = setUp(() => ({ status: 200, body: { success: true, ...answer } }), {
      flushAt: 3,
    });
    const three = [message(), message(), message()];
    for (const one of three) queue.add(one);
    await settleMicrotasks();
    expect(lost).toEqual([
      { loss: { code: 'missing_event', message: 'event is required' }, messages: [three[1]] },
    ]);
    expect(settled).toHaveLength(3);
  });

  it('refuses the newest when full, by count and by size', () => {
    for (const bound of [{ maxMessages: 3 }, { maxChars: 3 * JSON.stringify(message()).length }]) {
      const { queue, lost } = setUp(() => new Promise<Answer>(() => {}), bound);
      const taken = [1, 2, 3, 4].map(() => queue.add({ messageId: 'm1000', context: { page: 'a' } }));
      expect(taken.slice(0, 2)).toEqual([true, true]);
      expect(taken[3]).toBe(false);
      expect(lost.at(-1)?.loss.code).toBe('queue_full');
    }
  });

  it('lets what can wait have half of the room, without a report', () => {
    const { queue, lost } = setUp(() => new Promise<Answer>(() => {}), { maxChars: 1_000 });
    const sized = () => message({ text: 'x'.repeat(200) });
    expect([1, 2, 3, 4].map(() => queue.add(sized(), true))).toEqual([true, true, true, false]);
    expect(lost).toEqual([]);
    expect(queue.add(sized())).toBe(true);
    const one = setUp(() => new Promise<Answer>(() => {}), { maxChars: 200 });
    expect(one.queue.add(message({ text: 'x'.repeat(120) }), true)).toBe(true);
  });

  it('gives up after maxRetries', async () => {
    const { queue, lost, clock } = setUp(() => ({ status: 0 }), { maxRetries: 2, flushAt: 1 });
    queue.add(message());
    for (let i = 0; i < 6; i++) {
      await settleMicrotasks();
      clock.step();
    }
    expect(lost.map(({ loss }) => loss.code)).toEqual(['http_0']);
    expect(queue.size()).toBe(0);
  });

  it('never mixes contexts in one batch', async () => {
    const { queue, sent } = setUp(() => OK, { flushAt: 4, maxInFlight: 4 });
    for (const page of ['a', 'a', 'b', 'a']) queue.add(message({ context: { page } }));
    void queue.flush();
    await settleMicrotasks();
    expect(sent.map((batch) => batch.map((m) => (m.context as { page: string }).page).join(''))).toEqual([
      'aa',
      'b',
      'a',
    ]);
  });
});

describe('flush', () => {
  it('tells what became of what was queued at the call', async () => {
    const answer = {
      rejected: [{ index: 0, messageId: null, code: 'invalid_field' as const, message: 'no' }],
    };
    const { queue } = setUp(() => ({ status: 200, body: { success: true, ...answer } }));
    queue.add(message());
    queue.add(message());
    await expect(queue.flush()).resolves.toEqual({ delivered: 1, pending: 0, dropped: 1 });
    await expect(queue.flush()).resolves.toEqual({ delivered: 0, pending: 0, dropped: 0 });
  });

  it('answers at its limit whatever the network does', async () => {
    const { queue, clock } = setUp(() => new Promise<Answer>(() => {}));
    queue.add(message());
    const flushed = queue.flush(5_000);
    while (clock.step()) await settleMicrotasks();
    await expect(flushed).resolves.toEqual({ delivered: 0, pending: 1, dropped: 0 });
  });
});

it('delivers or reports every message exactly once, whatever the server answers', async () => {
  const answerArbitrary = fc.oneof(
    fc.constantFrom<Answer>(
      { status: 0 },
      { status: 408 },
      { status: 425 },
      { status: 500 },
      { status: 413 },
      { status: 400 },
      { status: 404 },
    ),
    fc.constantFrom('1', '30', 'nonsense', null).map((retryAfter): Answer => ({ status: 429, retryAfter })),
    fc.integer({ min: 0, max: 4 }).map(
      (index): Answer => ({
        status: 200,
        body: { success: true, rejected: [{ index, messageId: null, code: 'invalid_field', message: 'no' }] },
      }),
    ),
    fc.constant<Answer>(OK),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(answerArbitrary, { maxLength: 30 }),
      fc.array(fc.record({ page: fc.constantFrom('a', 'b'), wait: fc.integer({ min: 0, max: 300 }) }), {
        minLength: 1,
        maxLength: 40,
      }),
      fc.integer({ min: 1, max: 4 }),
      async (answers, calls, maxInFlight) => {
        const accepted: string[] = [];
        const { queue, clock, lost } = setUp(
          (batch, n) => {
            const answer = answers[n - 1] ?? OK;
            const refused = new Set(answer.body?.rejected?.map(({ index }) => index));
            if (answer.status === 200)
              accepted.push(...batch.filter((_, i) => !refused.has(i)).map((m) => m.messageId));
            return answer;
          },
          { maxInFlight },
        );
        const all = calls.map(({ page, wait }) => {
          const one = message({ context: { page } });
          queue.add(one);
          clock.advance(wait);
          return one.messageId;
        });
        for (let i = 0; i < 400 && queue.size() > 0; i++) {
          await settleMicrotasks();
          clock.step();
        }
        const gone = lost.flatMap(({ messages }) => messages.map((m) => m.messageId));
        expect([...accepted, ...gone].sort()).toEqual([...all].sort());
      },
    ),
    { numRuns: 200 },
  );
});

describe('unload', () => {
  const sized = (n: number): Queued => message({ text: 'x'.repeat(n) });

  it('sends what fits at once, whatever is in flight, each message in one request only', async () => {
    const { queue, sent, settled } = setUp(() => OK, { flushAt: 1, maxInFlight: 1 });
    for (let i = 0; i < 6; i++) queue.add(sized(1_000));
    queue.unload(3_500);
    queue.unload(3_500 - sent.slice(1).flat().length * 1_100);
    expect(sent.map((batch) => batch.length)).toEqual([1, 3]);
    await settleMicrotasks();
    expect(settled).toHaveLength(6);
    expect(new Set(sent.flat().map(({ messageId }) => messageId)).size).toBe(6);
    expect(sent.flat()).toHaveLength(6);
  });

  it('sends nothing within a pause, nor after a key was refused', async () => {
    for (const status of [503, 401]) {
      const { queue, sent } = setUp(() => ({ status }), { flushAt: 1 });
      queue.add(message());
      await settleMicrotasks();
      queue.add(message());
      queue.unload(100_000);
      expect(sent).toHaveLength(1);
      expect(queue.size()).toBe(2);
    }
  });

  it('counts sizes as it is told to', () => {
    const { queue, sent } = setUp(() => new Promise<Answer>(() => {}), {
      sizeOf: (text) => Buffer.byteLength(text),
    });
    queue.add(message({ text: '漢'.repeat(1_000) }));
    queue.unload(2_000);
    expect(sent).toHaveLength(0);
    queue.unload(4_000);
    expect(sent).toHaveLength(1);
  });
});

describe('what nothing keeps', () => {
  it('is lost while nothing may be sent, told once, and the rest stays', async () => {
    const { queue, lost, settled, clock } = setUp((_, n) => (n === 1 ? { status: 503 } : OK), { flushAt: 3 });
    const all = [message(), message(), message()];
    for (const one of all) queue.add(one);
    queue.refuse(all.slice(1));
    expect(lost).toEqual([]);
    await settleMicrotasks();
    queue.refuse(all.slice(1));
    queue.refuse(all.slice(1));
    expect(lost.map(({ loss, messages }) => [loss.code, messages])).toEqual(
      all.slice(1).map((one) => ['queue_full', [one]]),
    );
    while (clock.step()) await settleMicrotasks();
    expect(settled).toHaveLength(3);
    expect(queue.size()).toBe(0);
  });
});

it('forgets all that is held when it is cleared, in flight or not, and takes nothing back', async () => {
  let answer: (value: Answer) => void = () => {};
  const { queue, lost, sent, clock } = setUp(() => new Promise((resolve) => (answer = resolve)), {
    flushAt: 1,
  });
  queue.add(message());
  queue.add(message());
  const flushed = queue.flush();
  queue.clear();
  await expect(flushed).resolves.toEqual({ delivered: 0, pending: 0, dropped: 2 });
  answer({ status: 503 });
  await settleMicrotasks();
  while (clock.step()) await settleMicrotasks();
  expect(queue.size()).toBe(0);
  expect(sent).toHaveLength(1);
  expect(lost).toEqual([]);
});
