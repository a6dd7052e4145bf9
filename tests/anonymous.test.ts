// Profiles that were sent with anonymous consent: flagged, in no segment and in no list of people (contract section 8).
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCollector, T0, type TestCollector } from './collector.ts';
import { iso } from './oracle/computed.ts';

const ANONYMOUS = { context: { tm: { consent: 'anonymous' } } };

let c: TestCollector;
beforeEach(async () => {
  c = await openCollector({ file: true });
});
afterEach(() => c.dispose());

const visit = (anonymousId: string, more: object = {}) => ({
  type: 'track',
  event: 'Visit',
  anonymousId,
  timestamp: iso(c.clock.now),
  ...more,
});
const segmentsOf = async (address: string) =>
  (await c.profile(address))?.segments.map(({ key }) => key).sort();
const listed = async (query = '') => {
  const { json } = await c.api('GET', `/api/profiles?limit=1000${query}`);
  return (json.data as { anonymousIds: string[] }[]).flatMap(({ anonymousIds }) => anonymousIds); // a page of profiles
};

const SEGMENTS = {
  visited: { where: { event: 'Visit' } },
  lately: { where: { event: 'Visit', within: '1h' } },
  quiet: { where: { event: 'Order', count: { op: 'eq', value: 0 } } },
  others: { where: { not: { segment: 'visited' } } },
  picked: { static: true },
};

describe('a profile sent with anonymous consent', () => {
  beforeEach(async () => {
    await c.define({ traits: { visits: { type: 'count', event: 'Visit' } }, segments: SEGMENTS });
    await c.send('web', [visit('memory', ANONYMOUS), visit('memory', ANONYMOUS), visit('stored')]);
    await c.api('PUT', '/api/segments/picked/profiles/anon:memory');
  });

  it('is flagged and in no segment, and its events count', async () => {
    expect(await c.profile('anon:memory')).toMatchObject({
      flags: ['anonymous'],
      segments: [],
      eventCount: 2,
      computed: { visits: 2 },
    });
    expect((await c.profile('anon:stored'))?.flags).toEqual([]);
    expect(await segmentsOf('anon:stored')).toEqual(['lately', 'quiet', 'visited']);
    expect(await Promise.all(Object.keys(SEGMENTS).map((key) => c.members(key)))).toEqual([
      ['stored'],
      ['stored'],
      ['stored'],
      [],
      [],
    ]);
    expect(await c.verify()).toEqual([]);
  });

  it('is in no list of people, however it is asked for', async () => {
    expect(await listed()).toEqual(['stored']);
    expect(await listed('&q=memory')).toEqual([]);
    expect(await listed('&segment=visited')).toEqual(['stored']);
    const { json } = await c.api('POST', '/api/segments/preview', { where: { event: 'Visit' } });
    expect(json).toMatchObject({ size: 1, total: 1, sample: [{ anonymousIds: ['stored'] }] });
  });

  it('is said to be so where a membership is explained, with what the condition says', async () => {
    const { json } = await c.api('GET', '/api/profiles/anon:memory/segments/others/why');
    expect(json).toMatchObject({
      member: false,
      anonymous: true,
      changesAt: null,
      why: { holds: false, not: { segment: 'visited', holds: true, because: { holds: true } } },
    });
    const other = await c.api('GET', '/api/profiles/anon:stored/segments/visited/why');
    expect(other.json).not.toHaveProperty('anonymous');
  });

  it('is in none by time either, nor by a definition made later', async () => {
    c.advance(2 * 3_600_000);
    await c.define({ segments: { gone: { where: { not: { event: 'Visit', within: '1h' } } } } });
    expect([await segmentsOf('anon:memory'), await c.members('gone')]).toEqual([[], ['stored']]);
    expect(await c.verify()).toEqual([]);
  });

  it('is a profile like any other from the first message that was sent otherwise', async () => {
    c.advance(1_000);
    await c.send('web', [visit('memory', { messageId: 'granted' })]);
    expect(await c.profile('anon:memory')).toMatchObject({ flags: [], eventCount: 3 });
    expect(await segmentsOf('anon:memory')).toEqual(['lately', 'picked', 'quiet', 'visited']);
    expect(await listed()).toEqual(['memory', 'stored']);
    const entered = (await c.transitions('visited')).find(({ cause }) => cause.messageId === 'granted');
    expect(entered).toMatchObject({ change: 'entered', at: iso(c.clock.now) });
    c.advance(2 * 3_600_000);
    await c.tick();
    expect(await c.members('lately')).toEqual([]);
    expect(await c.verify()).toEqual([]);
  });
});

it('is anonymous or not whatever came first, also where messages turn out to be another’s', async () => {
  await c.define({ segments: { visited: { where: { event: 'Visit' } } } });
  await c.send('web', [visit('late', ANONYMOUS), visit('late', { timestamp: iso(T0 - 60_000) })]);
  expect((await c.profile('anon:late'))?.flags).toEqual([]);
  // What was sent without it was somebody else's: the device was theirs then.
  await c.send('web', [visit('shared', { timestamp: iso(T0 - 60_000) })]);
  await c.send('server', [
    { type: 'identify', userId: 'first', anonymousId: 'shared', timestamp: iso(T0 - 70_000) },
    { type: 'track', event: 'Visit', userId: 'second', anonymousId: 'shared', ...ANONYMOUS },
  ]);
  expect((await c.profile('user:first'))?.flags).toEqual([]);
  expect(await c.profile('user:second')).toMatchObject({ flags: ['anonymous'], segments: [] });
  await c.api('POST', '/api/profiles/merge', { from: 'second', into: 'first' });
  expect((await c.profile('user:second'))?.flags).toEqual([]);
  await c.api('POST', '/api/profiles/unmerge', { userId: 'second' });
  expect(await c.profile('user:second')).toMatchObject({ flags: ['anonymous'], segments: [] });
  expect(await c.members('visited')).toEqual(['first', 'late']);
  expect(await c.verify()).toEqual([]);
});

it('is known after a restart, and after its messages have gone', async () => {
  await c.dispose();
  const config = { segments: { visited: { where: { event: 'Visit' } } }, retention: { Visit: '1d' } };
  c = await openCollector({ file: true, config });
  await c.send('web', [visit('memory', ANONYMOUS)]);
  c.advance(2 * 86_400_000);
  for (let i = 0; i < 3; i++) await c.tick();
  await c.reopen(config);
  await c.send('server', [{ type: 'identify', userId: 'ada', anonymousId: 'memory', ...ANONYMOUS }]);
  expect(await c.profile('user:ada')).toMatchObject({ flags: ['anonymous'], segments: [], eventCount: 2 });
  expect(await c.verify()).toEqual([]);
});
