// What becomes somebody's by a link is folded in as if it came late: their own history is not read.
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ReadKeys } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import { fakeMessage } from '../wire/fake-message.ts';
import type { JsonObject } from '../wire/message.ts';
import type { Core } from './core.ts';
import { createCoreOn } from './create-core.ts';

const T0 = Date.parse('2026-06-10T12:00:00Z');
const HISTORY = 700;

let core: Core;
let clock: number;
/** Stored messages that were read, by the text they name. */
let read: string[];

beforeEach(async () => {
  clock = T0;
  read = [];
  const store = openSqlite({ path: ':memory:' });
  const watched = {
    ...store,
    async read(keys: ReadKeys) {
      const result = await store.read(keys);
      read.push(...result.history.flat().map(({ text }) => text));
      return result;
    },
  };
  core = await createCoreOn(watched, { now: () => clock });
  await core.putDefinition('traits', 'n', { type: 'count', event: 'E' });
  await core.putDefinition('traits', 'week', { type: 'count', event: 'E', within: '7d' });
  await core.putDefinition('traits', 'first', { type: 'first', event: 'E', property: 'of' });
  await core.putDefinition('traits', 'several', { type: 'unique_count', event: 'E', property: 'of' });
  await core.putDefinition('segments', 'came', { where: { sequence: [{ event: 'Ad' }, { event: 'E' }] } });
  await core.putDefinition('segments', 'advertised', { where: { event: 'Ad' } });
});
afterEach(() => core.close());

let ids = 0;
const message = (who: { userId?: string; anonymousId?: string }, of: string, at: number, event = 'E') => {
  const messageId = `m${++ids}`;
  const body: JsonObject = { type: 'track', messageId, event, ...who, properties: { of } };
  return fakeMessage({ messageId, time: T0 + at, receivedAt: T0 + at, name: event, ...who, body });
};
const send = async (...messages: ReturnType<typeof message>[]): Promise<void> => {
  clock = Math.max(clock, ...messages.map(({ time }) => time));
  expect(await core.ingest({ messages, refused: [] })).toEqual(messages.map(() => 'accepted'));
};
const ada = async () => {
  const profile = await core.profile('user:ada');
  return {
    ...profile?.computed,
    events: profile?.eventCount,
    segments: profile?.segments.map(({ key }) => key),
  };
};

it('a device’s few messages, however many there are already', async () => {
  await send(...Array.from({ length: HISTORY }, (_, i) => message({ userId: 'ada' }, 'ada', 1_000 + i)));
  for (const device of ['d1', 'd2'])
    await send(
      message({ anonymousId: device }, device, 100, 'Ad'),
      message({ anonymousId: device }, device, 200),
      message({ anonymousId: device }, device, 3_000),
    );
  expect(await ada()).toEqual({ n: 700, week: 700, first: 'ada', several: 1, events: 700, segments: [] });
  read = [];
  await send(message({ userId: 'ada', anonymousId: 'd1' }, 'ada', 4_000));
  await send(message({ userId: 'ada', anonymousId: 'd2' }, 'ada', 5_000));
  expect(read.length).toBeGreaterThan(0);
  expect(read.filter((text) => !text.includes('"d1"') && !text.includes('"d2"'))).toEqual([]);
  const all = { n: 706, week: 706, first: 'd1', several: 3, events: 708, segments: ['advertised', 'came'] };
  expect(await ada()).toEqual(all);
  expect((await core.verify({})).differences).toEqual([]);
});

it('and all of them where it has many', async () => {
  await send(message({ userId: 'ada' }, 'ada', 1_000));
  await send(...Array.from({ length: HISTORY }, (_, i) => message({ anonymousId: 'd1' }, 'd1', 100 + i)));
  await send(message({ userId: 'ada', anonymousId: 'd1' }, 'ada', 4_000));
  expect(await ada()).toEqual({ n: 702, week: 702, first: 'd1', several: 2, events: 702, segments: [] });
  expect((await core.verify({})).differences).toEqual([]);
});

it.each([false, true])(
  'a message once, though time opens a block of its instant when it comes (with a link: %s)',
  async (hasLink) => {
    await core.putDefinition('traits', 'hour', { type: 'count', event: 'E', within: '1h' });
    await send(...Array.from({ length: 400 }, (_, i) => message({ userId: 'ada' }, 'ada', i * 1_000)));
    if (hasLink) await send(message({ anonymousId: 'd1' }, 'd1', 400_000));
    clock = T0 + 3_600_000 + 500;
    const who = hasLink ? { userId: 'ada', anonymousId: 'd1' } : { userId: 'ada' };
    await send(message(who, 'ada', 2_500));
    expect(await ada()).toMatchObject({ hour: 400 + Number(hasLink) });
    expect((await core.verify({})).differences).toEqual([]);
  },
);

it('and is one change with the message that brings it', async () => {
  await core.putDefinition('traits', 'latest', { type: 'last', event: 'E', property: 'of' });
  await core.putDefinition('segments', 'pro', { where: { computed: 'latest', op: 'eq', value: 'pro' } });
  await send(message({ userId: 'ada' }, 'pro', 10));
  await send(message({ anonymousId: 'd1' }, 'free', 1_000));
  await send(message({ userId: 'ada', anonymousId: 'd1' }, 'pro', 5_000));
  const [since] = (await core.profile('user:ada'))?.segments.filter(({ key }) => key === 'pro') ?? [];
  expect(since?.since).toBe(new Date(T0 + 10).toISOString());
  await send(message({ anonymousId: 'd2' }, 'free', 6_000));
  await send(message({ userId: 'ada', anonymousId: 'd2' }, 'x', 7_000, 'Ad'));
  expect((await ada()).segments).not.toContain('pro');
  expect((await core.verify({})).differences).toEqual([]);
});
