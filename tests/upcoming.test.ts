// Messages dated in the future, put into effect by whichever way is the cheapest.
// Invariant: whoever is in memory, and however many of them come at once, all ends the same, and as a refold has it.
import { expect, it } from 'vitest';
import type { JsonObject } from '../collector/src/wire/message.ts';
import { T0, type TestCollector, withCollector } from './collector.ts';
import { createRandom, type Random } from './random.ts';

const SECOND = 1_000;
const LAST = 40;
const USERS = ['ada', 'bob', 'cyd'];
const DEVICES = ['x', 'y', 'z'];
const CONFIG = {
  traits: {
    n: { type: 'count', event: 'E' },
    latest: { type: 'last', event: 'E', property: 'p' },
    different: { type: 'unique_count', event: 'E', property: 'p' },
  },
  segments: {
    recent: { where: { event: 'E', count: { op: 'gte', value: 2 }, within: '1m' } },
    planned: { where: { trait: 'plan', op: 'eq', value: 'pro' } },
    steps: { where: { sequence: [{ event: 'E' }, { event: 'F' }], within: '1m' } },
  },
};

/** In whole seconds, so that many share one; `time` 0 is the present. */
function draw(random: Random, i: number, time: number): JsonObject {
  const both = random.chance(0.5);
  const device = both || random.chance(0.3);
  const who: JsonObject = {
    ...(both || !device ? { userId: random.pick(USERS) } : {}),
    ...(device ? { anonymousId: random.pick(DEVICES) } : {}),
  };
  const messageId = `m${random.below(1_000)}-${i}`;
  const common = { ...who, messageId, timestamp: new Date(T0 + time * SECOND).toISOString() };
  const drawn = random.next();
  if (drawn < 0.1) return { ...common, type: 'identify', traits: { plan: random.pick(['pro', 'free']) } };
  if (drawn < 0.15) return { ...common, type: 'group', groupId: 'g', traits: { size: random.below(9) } };
  if (drawn < 0.2) return { ...common, type: 'alias', userId: 'ada', previousId: random.pick(['x', 'bob']) };
  if (drawn < 0.3) return { ...common, type: 'page', name: 'Home' };
  return {
    ...common,
    type: 'track',
    event: random.pick(['E', 'E', 'F']),
    properties: { p: random.below(5) },
  };
}

/** All that is to be seen, but for ids that differ from file to file. */
async function seen(collector: TestCollector): Promise<{ profiles: unknown[]; feeds: string[][] }> {
  const addresses = [...USERS.map((id) => `user:${id}`), ...DEVICES.map((id) => `anon:${id}`)];
  const profiles = await Promise.all(addresses.map((address) => collector.profile(address)));
  const segments = Object.keys(CONFIG.segments);
  const feeds = await Promise.all(segments.map((key) => collector.transitions(key)));
  return {
    profiles: profiles.map((profile) => profile && { ...profile, id: null }),
    feeds: feeds.map((feed) => feed.map((row) => JSON.stringify({ ...row, seq: 0, profileId: '' })).sort()),
  };
}

const WAYS: Record<string, (collector: TestCollector) => Promise<void>> = {
  'all at once, whoever they are of in memory': async (collector) => collector.advance(2 * LAST * SECOND),
  'all at once, nobody in memory': async (collector) => {
    await collector.reopen();
    collector.advance(2 * LAST * SECOND);
  },
  'second by second': async (collector) => {
    for (let i = 0; i < 2 * LAST; i++) {
      collector.advance(SECOND);
      await collector.tick();
    }
  },
};

it.each([1, 2, 3, 4, 5, 6])('end the same in every way (seed %i)', async (seed) => {
  const ends: Awaited<ReturnType<typeof seen>>[] = [];
  for (const [way, pass] of Object.entries(WAYS)) {
    const random = createRandom(seed);
    const present = Array.from({ length: 15 }, (_, i) => draw(random, i, 0));
    const later = Array.from({ length: 120 }, (_, i) => draw(random, 100 + i, random.whole(1, LAST)));
    await withCollector({ file: true, now: T0, config: CONFIG }, async (collector) => {
      await collector.send('server', present);
      for (let at = 0; at < later.length; at += 30) await collector.send('server', later.slice(at, at + 30));
      await pass(collector);
      await collector.tick();
      expect(await collector.verify(), way).toEqual([]);
      ends.push(await seen(collector));
    });
  }
  expect(ends[1]).toEqual(ends[0]);
  expect(ends[2]).toEqual(ends[0]);
  expect(ends[0]?.profiles).toContainEqual(
    expect.objectContaining({ eventCount: expect.toSatisfy((n) => n > 30) }),
  );
});
