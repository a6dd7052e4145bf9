// People with very many distinct values in windows that slide: kept beside their row, counted in and out.
// Invariant: at every instant what is read is what a look at all messages says, and their rows stay small.
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../collector/src/wire/message.ts';
import { type TestCollector, withCollector } from './collector.ts';
import { createRandom, type Random } from './random.ts';
import { seedFrom } from './seed.ts';

const SEED = seedFrom(process.env.TIDEMARK_VALUES_SEED);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MESSAGES = 4_000;
/** Two lists of 1,000 are in it at most, for each of two windows. */
const MAX_ROW = 90_000;

const seen = { event: 'See', property: 'v' };
const TRAITS = {
  day: { type: 'unique_count', ...seen, within: '1d' },
  days: { type: 'unique_count', ...seen, within: '4d' },
  favourite: { type: 'most_frequent', ...seen, within: '4d' },
  list: { type: 'unique_list', ...seen, within: '1d' },
  long: { type: 'unique_list', ...seen, within: '4d' },
  habit: { type: 'most_frequent', ...seen, within: '1d', minCount: 3 },
};
const SEGMENTS = {
  curious: { where: { computed: 'day', op: 'gte', value: 150 } },
  fan: { where: { computed: 'favourite', op: 'eq', value: 'v3' } },
  knows: { where: { computed: 'list', op: 'includes', value: 'v3' } },
  broad: { where: { computed: 'days', op: 'gte', value: 700 } },
};

interface Seen {
  user: string;
  time: number;
  v: string | number;
}

const bytesOf = (value: string | number): Buffer => Buffer.from(String(value));

/** Ties go to the smallest text, and of equal ones to the text itself. */
const byText = (a: string | number, b: string | number): number =>
  Buffer.compare(bytesOf(a), bytesOf(b)) ||
  Buffer.compare(Buffer.from(JSON.stringify(a)), Buffer.from(JSON.stringify(b)));

function countsOf(
  all: readonly Seen[],
  users: readonly string[],
  from: number,
): Map<string | number, number> {
  const counts = new Map<string | number, number>();
  for (const { user, time, v } of all)
    if (time > from && users.includes(user)) counts.set(v, (counts.get(v) ?? 0) + 1);
  return counts;
}

function commonest(counts: Map<string | number, number>, least: number): JsonValue {
  const most = Math.max(0, ...counts.values());
  if (most < least) return null;
  const [first = null] = [...counts].flatMap(([v, count]) => (count === most ? [v] : [])).sort(byText);
  return first;
}

function listed(counts: Map<string | number, number>): JsonValue {
  const values = [...counts.keys()].sort(byText);
  return values.length > 1_000 ? { values: values.slice(0, 1_000), truncated: true } : values;
}

function expected(
  all: readonly Seen[],
  users: readonly string[],
  now: number,
): { computed: JsonObject; segments: string[] } {
  const [day, days] = [countsOf(all, users, now - DAY), countsOf(all, users, now - 4 * DAY)];
  const favourite = commonest(days, 1);
  return {
    computed: {
      day: day.size,
      days: days.size,
      favourite,
      habit: commonest(day, 3),
      list: listed(day),
      long: listed(days),
    },
    segments: [
      ...(days.size >= 700 ? ['broad'] : []),
      ...(day.size >= 150 ? ['curious'] : []),
      ...(favourite === 'v3' ? ['fan'] : []),
      ...(day.size <= 1_000 && day.has('v3') ? ['knows'] : []),
    ],
  };
}

async function expectAll(
  c: TestCollector,
  user: string,
  all: readonly Seen[],
  users: readonly string[],
): Promise<void> {
  const { computed, segments } = (await c.profile(`user:${user}`)) ?? { computed: {}, segments: [] };
  const keys = segments.map(({ key }) => key).sort();
  const now = c.clock.now;
  expect({ now, user, computed, segments: keys }).toEqual({ now, user, ...expected(all, users, now) });
}

function drawValue(random: Random): string | number {
  if (random.chance(0.3)) return random.pick(['v3', 'v4', 3, '3', 'é', 'z']);
  return random.chance(0.05) ? random.whole(0, 50) : `v${random.whole(0, 2_000)}`;
}

let serial = 0;

async function send(c: TestCollector, random: Random, user: string, size: number): Promise<Seen[]> {
  const sent = Array.from({ length: size }, (): Seen => {
    const late = random.chance(0.15) ? random.whole(0, 5 * DAY) : random.whole(0, 3);
    return { user, time: c.clock.now - late, v: drawValue(random) };
  });
  await c.send(
    'web',
    sent.map(
      ({ time, v }): JsonObject => ({
        type: 'track',
        event: 'See',
        userId: user,
        messageId: `r${++serial}`,
        timestamp: new Date(time).toISOString(),
        properties: { v },
      }),
    ),
  );
  return sent;
}

it(`are exact at every instant, through merges, definitions made later and reopening (TIDEMARK_VALUES_SEED=${SEED})`, async () => {
  const random = createRandom(SEED);
  const all: Seen[] = [];
  let largest = 0;
  let outside = 0;
  await withCollector({ file: true, config: { traits: TRAITS, segments: SEGMENTS } }, async (c) => {
    const database = new Database(String(c.database), { readonly: true });
    const look = (): void => {
      const row = database.prepare('SELECT max(length(state)) FROM person').pluck().get();
      largest = Math.max(largest, Number(row));
      outside = Math.max(
        outside,
        Number(database.prepare('SELECT count(*) FROM distinct_value').pluck().get()),
      );
    };
    while (all.length < MESSAGES) {
      all.push(...(await send(c, random, 'a', random.whole(1, 300))));
      await expectAll(c, 'a', all, ['a']);
      c.advance(random.chance(0.1) ? random.whole(0, DAY) : random.whole(0, 2 * HOUR));
      if (random.chance(0.5)) await c.tick();
      await expectAll(c, 'a', all, ['a']);
      look();
    }
    expect(await c.verify()).toEqual([]);
    await c.reopen();
    await expectAll(c, 'a', all, ['a']);

    all.push(...(await send(c, random, 'b', 50)));
    await c.api('POST', '/api/profiles/merge', { from: 'b', into: 'a' });
    await expectAll(c, 'a', all, ['a', 'b']);
    c.advance(random.whole(0, HOUR));
    all.push(...(await send(c, random, 'b', 50)));
    await expectAll(c, 'a', all, ['a', 'b']);
    await c.api('POST', '/api/profiles/unmerge', { userId: 'b' });
    await expectAll(c, 'a', all, ['a']);
    await expectAll(c, 'b', all, ['b']);

    await c.define({ traits: { more: { type: 'unique_count', ...seen, within: '3d' } } });
    const more = (await c.profile('user:a'))?.computed.more;
    expect(more).toBe(countsOf(all, ['a'], c.clock.now - 3 * DAY).size);
    await c.api('DELETE', '/api/traits/more');
    await c.tick();
    await expectAll(c, 'a', all, ['a']);
    expect(await c.verify()).toEqual([]);

    for (let step = 0; step < 60; step++) {
      c.advance(random.whole(1, 3 * HOUR));
      if (random.chance(0.5)) await c.tick();
      if (random.chance(0.1)) all.push(...(await send(c, random, 'a', 20)));
      await expectAll(c, 'a', all, ['a']);
    }
    expect(await c.verify()).toEqual([]);
    c.advance(5 * DAY);
    await expectAll(c, 'a', all, ['a']);
    await c.tick();
    // All of them left their windows.
    expect(database.prepare('SELECT count(*) FROM distinct_value').pluck().get()).toBe(0);
    all.push(...(await send(c, random, 'a', 300)));
    await expectAll(c, 'a', all, ['a']);
    database.close();
  });
  expect(largest).toBeLessThan(MAX_ROW);
  expect(outside).toBeGreaterThan(500);
});
