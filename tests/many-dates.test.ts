// People with very many messages that count or not by a date in them, as the clock goes on.
// Invariant: at every instant what is read is what a look at all messages says, and their rows stay small.
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import type { JsonObject } from '../collector/src/wire/message.ts';
import { T0, type TestCollector, withCollector } from './collector.ts';
import { createRandom } from './random.ts';
import { seedFrom } from './seed.ts';

const SEED = seedFrom(process.env.TIDEMARK_DATES_SEED);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MESSAGES = 1_200;
/** Some 15 KB for each of the four leaves that wait, and what else there is. */
const MAX_ROW = 100_000;

const soon = { path: 'properties.at', op: 'within_next', value: '3d' };
const lately = { path: 'properties.at', op: 'within_last', value: '2d' };
const TRAITS = {
  soon: { type: 'count', event: 'Trial', where: soon },
  sum: { type: 'sum', event: 'Trial', property: 'v', where: lately },
  most: { type: 'max', event: 'Trial', property: 'v', where: soon },
  recent: { type: 'count', event: 'Trial', where: soon, within: '4d' },
};
const SEGMENTS = {
  many: { where: { event: 'Trial', where: soon, count: { op: 'gte', value: 150 } } },
  rich: { where: { computed: 'sum', op: 'gte', value: 12_000 } },
  fresh: { where: { event: 'Trial', where: lately, within: '4d', count: { op: 'gte', value: 40 } } },
};

interface Trial {
  /** When it was sent, and the date in it. */
  time: number;
  at: number;
  v: number;
}

function expected(trials: readonly Trial[], now: number): { computed: JsonObject; segments: string[] } {
  const isSoon = ({ at }: Trial): boolean => now < at && at <= now + 3 * DAY;
  const isPast = ({ at }: Trial): boolean => now - 2 * DAY < at && at <= now;
  const isRecent = ({ time }: Trial): boolean => time > now - 4 * DAY;
  const coming = trials.filter(isSoon);
  const sum = trials.filter(isPast).reduce((total, { v }) => total + v, 0);
  const computed = {
    soon: coming.length,
    sum,
    most: coming.length === 0 ? null : Math.max(...coming.map(({ v }) => v)),
    recent: coming.filter(isRecent).length,
  };
  const segments = [
    ...(trials.filter((trial) => isPast(trial) && isRecent(trial)).length >= 40 ? ['fresh'] : []),
    ...(coming.length >= 150 ? ['many'] : []),
    ...(sum >= 12_000 ? ['rich'] : []),
  ];
  return { computed, segments };
}

let serial = 0;
const messageOf = ({ time, at, v }: Trial): JsonObject => ({
  type: 'track',
  event: 'Trial',
  userId: 'a',
  messageId: `d${++serial}`,
  timestamp: new Date(time).toISOString(),
  properties: { at: new Date(at).toISOString(), v },
});

async function expectAll(c: TestCollector, trials: readonly Trial[]): Promise<void> {
  const { computed, segments } = (await c.profile('user:a')) ?? { computed: {}, segments: [] };
  const seen = { computed, segments: segments.map(({ key }) => key).sort() };
  expect({ now: c.clock.now, ...seen }).toEqual({ now: c.clock.now, ...expected(trials, c.clock.now) });
}

it('count a message once that takes effect at the very instant at which the others are looked at again', async () => {
  const MINUTE = 60_000;
  await withCollector({ file: true, config: { traits: TRAITS, segments: SEGMENTS } }, async (c) => {
    // They come within reach one by one, and the row holds the 256 that do so first.
    const trials = Array.from(
      { length: 400 },
      (_, i): Trial => ({ time: T0, at: T0 + 10 * DAY + i * MINUTE, v: 1 }),
    );
    for (const minute of [100, 255, 256, 257, 300])
      trials.push({ time: T0 + 7 * DAY + minute * MINUTE, at: T0 + 9 * DAY, v: 1 });
    await c.send('web', trials.map(messageOf));
    const sent = (now: number): Trial[] => trials.filter(({ time }) => time <= now);
    for (const minute of [99, 100, 254, 255, 256, 257, 299, 300, 399, 400]) {
      c.clock.now = T0 + 7 * DAY + minute * MINUTE;
      await expectAll(c, sent(c.clock.now));
    }
    expect(await c.verify()).toEqual([]);
  });
});

it(`are exact at every instant, late ones too, in a row that stays small (TIDEMARK_DATES_SEED=${SEED})`, async () => {
  const random = createRandom(SEED);
  const trials: Trial[] = [];
  let largest = 0;
  const entered = { many: 0, rich: 0, fresh: 0 };
  await withCollector({ file: true, config: { traits: TRAITS, segments: SEGMENTS } }, async (c) => {
    const database = new Database(String(c.database), { readonly: true });
    for (let sent = 0; sent < MESSAGES; ) {
      const batch = Array.from({ length: random.whole(1, 120) }, (): Trial => {
        const late = random.chance(0.2) ? random.whole(0, 5 * DAY) : 0;
        // Some at one instant.
        const at = T0 + (random.chance(0.2) ? random.whole(0, 12) * DAY : random.whole(-DAY, 12 * DAY));
        return { time: c.clock.now - late, at, v: random.whole(1, 200) };
      });
      trials.push(...batch);
      sent += batch.length;
      await c.send('web', batch.map(messageOf));
      await expectAll(c, trials);
      c.advance(random.whole(0, 8) * HOUR + random.whole(0, HOUR));
      await expectAll(c, trials);
      const row = database.prepare('SELECT max(length(state)) FROM person').pluck().get();
      largest = Math.max(largest, Number(row));
    }
    expect(await c.verify()).toEqual([]);
    await c.reopen();
    for (let step = 0; step < 40; step++) {
      c.advance(random.whole(1, 10 * HOUR));
      if (random.chance(0.5)) await c.tick();
      await expectAll(c, trials);
    }
    expect(await c.verify()).toEqual([]);
    for (const key of ['many', 'rich', 'fresh'] as const) entered[key] += (await c.transitions(key)).length;
    database.close();
  });
  expect(largest).toBeLessThan(MAX_ROW);
  for (const times of Object.values(entered)) expect(times).toBeGreaterThan(0);
});
