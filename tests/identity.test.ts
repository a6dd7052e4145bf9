// Contract section 4: who is who, whatever the order in which the messages arrive.
// Invariant: each story is told forwards and backwards, and must end the same.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../collector/src/wire/message.ts';
import {
  type ApiProfile,
  type ApiTransition,
  SIGNING_SECRET,
  T0,
  type TestCollector,
  withCollector,
} from './collector.ts';

type Told = ['web' | 'server', JsonObject];

let serial = 0;
/** A message at an offset from T0, in milliseconds. */
function say(key: 'web' | 'server', at: number, fields: JsonObject): Told {
  const messageId = `m${String(++serial).padStart(6, '0')}`;
  return [
    key,
    { type: 'track', event: 'e', messageId, timestamp: new Date(T0 + at).toISOString(), ...fields },
  ];
}
const web = (at: number, fields: JsonObject) => say('web', at, fields);
const server = (at: number, fields: JsonObject) => say('server', at, fields);
const alias = (previousId: string, userId: string) => ({ type: 'alias', previousId, userId });

/** Tells the story in both directions, one message a batch, and checks the end of each. */
async function bothWays(story: Told[], check: (collector: TestCollector) => Promise<void>): Promise<void> {
  for (const order of [story, [...story].reverse()]) {
    await withCollector({ now: T0 + 1_000_000 }, async (collector) => {
      for (const [key, message] of order) {
        const answer = await collector.send(key, [message]);
        expect(answer.rejected).toEqual([]);
      }
      await check(collector);
    });
  }
}

async function known(collector: TestCollector, address: string): Promise<ApiProfile> {
  const profile = await collector.profile(address);
  if (!profile) throw new Error(`${address} is unknown`);
  return profile;
}

const counts = async (collector: TestCollector, ...addresses: string[]) =>
  Promise.all(addresses.map(async (address) => (await collector.profile(address))?.eventCount ?? null));

describe('devices', () => {
  it('files events sent before and after the first link to the user linked', async () => {
    await bothWays(
      [web(0, { anonymousId: 'd' }), web(1, { anonymousId: 'd', userId: 'u' }), web(2, { anonymousId: 'd' })],
      async (collector) => {
        expect(await counts(collector, 'user:u', 'anon:d')).toEqual([3, 3]);
        expect((await known(collector, 'anon:d')).userId).toBe('u');
        expect((await collector.all('/api/profiles')).length).toBe(1);
      },
    );
  });

  it('never merges two users of one shared device', async () => {
    const story = [
      web(0, { anonymousId: 'd' }),
      web(10, { anonymousId: 'd', userId: 'u1' }),
      web(11, { anonymousId: 'd' }),
      web(20, { anonymousId: 'd', userId: 'u2' }),
      web(21, { anonymousId: 'd' }),
      web(22, { anonymousId: 'd' }),
      web(15, { anonymousId: 'd' }),
    ];
    await bothWays(story, async (collector) => {
      expect(await counts(collector, 'user:u1', 'user:u2')).toEqual([4, 3]);
      for (const user of ['user:u1', 'user:u2']) {
        expect((await known(collector, user)).anonymousIds).toEqual(['d']);
      }
      expect((await known(collector, 'anon:d')).userId).toBe('u2');
      const me = await collector.fetch('/v1/me?writeKey=wk_web_for_tests&anonymousId=d');
      expect(me.status).toBe(200);
    });
  });

  it('decides at one instant by messageId', async () => {
    const at = (messageId: string, fields: JsonObject) => web(5, { anonymousId: 'd', messageId, ...fields });
    const story = [
      at('b', { userId: 'u1' }),
      at('d', { userId: 'u2' }),
      at('a', {}),
      at('c', {}),
      at('e', {}),
    ];
    await bothWays(story, async (collector) => {
      // a is before any link and goes to the first user; c to u1; e to u2.
      expect(await counts(collector, 'user:u1', 'user:u2')).toEqual([3, 2]);
    });
  });

  it('goes back to a user who comes back', async () => {
    const on = (at: number, userId?: string) => web(at, { anonymousId: 'd', ...(userId ? { userId } : {}) });
    await bothWays([on(0, 'u1'), on(1), on(2, 'u2'), on(3), on(4, 'u1'), on(5), on(6)], async (collector) => {
      expect(await counts(collector, 'user:u1', 'user:u2')).toEqual([5, 2]);
      expect((await known(collector, 'anon:d')).userId).toBe('u1');
    });
  });

  it('joins many devices to one user', async () => {
    const devices = ['d1', 'd2', 'd3'];
    const story = devices.flatMap((anonymousId, i) => [
      web(i * 2, { anonymousId }),
      web(i * 2 + 1, { anonymousId, userId: 'u' }),
    ]);
    await bothWays(story, async (collector) => {
      const profile = await known(collector, 'user:u');
      expect([profile.eventCount, [...profile.anonymousIds].sort()]).toEqual([6, devices]);
      expect((await known(collector, `${profile.id}`)).userId).toBe('u');
    });
  });

  it('moves traits and group membership with the device', async () => {
    const story = [
      web(0, { type: 'identify', anonymousId: 'd', traits: { plan: 'pro' } }),
      web(1, { type: 'group', anonymousId: 'd', groupId: 'g', traits: { size: 3 } }),
      web(2, { anonymousId: 'd', userId: 'u' }),
    ];
    await bothWays(story, async (collector) => {
      const profile = await known(collector, 'user:u');
      expect(profile.traits).toEqual({ plan: 'pro' });
      expect(profile.groups).toEqual([{ id: 'g', traits: { size: 3 } }]);
    });
  });
});

describe('alias', () => {
  it('from a web key links the device of that name and never merges users', async () => {
    const story = [
      web(0, { anonymousId: 'old' }),
      web(0, { userId: 'old' }),
      web(1, { userId: 'new' }),
      web(2, alias('old', 'new')),
    ];
    await bothWays(story, async (collector) => {
      expect(await counts(collector, 'user:old', 'user:new', 'anon:old')).toEqual([1, 3, 3]);
      expect((await known(collector, 'user:new')).anonymousIds).toEqual(['old']);
    });
  });

  it('from a server key merges the user of that name and links the device', async () => {
    const story = [
      server(0, { userId: 'old', type: 'identify', traits: { plan: 'old', a: 1 } }),
      web(0, { anonymousId: 'old' }),
      server(1, { userId: 'new', type: 'identify', traits: { plan: 'new' } }),
      server(2, alias('old', 'new')),
      web(3, { userId: 'old' }),
    ];
    await bothWays(story, async (collector) => {
      const profile = await known(collector, 'user:new');
      expect([profile.userId, profile.eventCount]).toEqual(['new', 5]);
      expect(profile.traits).toEqual({ plan: 'new', a: 1 });
      expect((await known(collector, 'user:old')).id).toBe(profile.id);
      expect((await known(collector, 'anon:old')).id).toBe(profile.id);
      expect((await collector.all('/api/profiles')).length).toBe(1);
    });
  });

  it('merges the survivor when the id was merged already', async () => {
    const story = [
      server(0, { userId: 'a' }),
      server(0, { userId: 'b' }),
      server(0, { userId: 'c' }),
      server(1, alias('a', 'b')),
      server(2, alias('a', 'c')),
    ];
    await bothWays(story, async (collector) => {
      for (const user of ['a', 'b', 'c']) expect((await known(collector, `user:${user}`)).userId).toBe('c');
      expect((await known(collector, 'user:c')).eventCount).toBe(5);
    });
  });

  it('survives a circle', async () => {
    const story = [server(0, { userId: 'a' }), server(1, alias('a', 'b')), server(2, alias('b', 'a'))];
    await bothWays(story, async (collector) => {
      expect((await known(collector, 'user:a')).userId).toBe('b');
      expect((await known(collector, 'user:b')).eventCount).toBe(3);
    });
  });

  it('does nothing when both ids are the same', async () => {
    for (const key of ['web', 'server'] as const) {
      await bothWays(
        [web(0, { anonymousId: 'same' }), say(key, 1, alias('same', 'same'))],
        async (collector) => {
          expect(await counts(collector, 'user:same', 'anon:same')).toEqual([1, 1]);
          expect((await known(collector, 'user:same')).anonymousIds).toEqual([]);
        },
      );
    }
  });

  it('has no effect before its time', async () => {
    await withCollector({ now: T0 }, async (collector) => {
      await collector.send('server', [server(0, { userId: 'a' })[1], server(60_000, alias('a', 'b'))[1]]);
      expect(await counts(collector, 'user:a', 'user:b')).toEqual([1, null]);
      collector.advance(59_999);
      expect(await counts(collector, 'user:a', 'user:b')).toEqual([1, null]);
      collector.advance(1);
      expect(await counts(collector, 'user:a', 'user:b')).toEqual([2, 2]);
    });
  });
});

describe('what is never an identifier', () => {
  const blocked = [
    'null',
    'NULL',
    ' undefined ',
    '0',
    '-1',
    'nan',
    'None',
    'nil',
    'unknown',
    'Anonymous',
    'guest',
  ];
  const more = [
    'true',
    'FALSE',
    '[object Object]',
    '000',
    '00-00-0000',
    '---',
    '\t',
    '00000000-0000-0000-0000-000000000000',
  ];
  it.each([...blocked, ...more])('%j is treated as absent', async (id) => {
    await withCollector({}, async (collector) => {
      const messages = Array.from({ length: 5 }, (_, i) => web(0, { userId: `u${i}`, anonymousId: id })[1]);
      messages.push(...Array.from({ length: 5 }, (_, i) => web(0, { userId: id, anonymousId: `d${i}` })[1]));
      // Control characters inside an id are a fault of their own; a lone tab is only white space.
      const answer = await collector.send('web', messages);
      expect(answer.accepted).toBe(10);
      const people = await collector.all<ApiProfile>('/api/profiles');
      expect(people.length).toBe(10);
      expect((await known(collector, 'user:u0')).anonymousIds).toEqual([]);
      expect((await known(collector, 'anon:d0')).userId).toBeNull();
    });
  });

  it.each(['10', '-2', '0.0', 'nullable', 'guest1', '0a', 'o'])('%j is a good one', async (id) => {
    await withCollector({}, async (collector) => {
      await collector.send('web', [web(0, { userId: id })[1]]);
      expect((await known(collector, `user:${id}`)).userId).toBe(id);
    });
  });

  it('takes a number or a zero in the same way', async () => {
    await withCollector({}, async (collector) => {
      const answer = await collector.send('web', [
        web(0, { userId: 0 })[1],
        web(0, { userId: 0, anonymousId: 'd' })[1],
      ]);
      expect(answer.rejected.map((row) => row.code)).toEqual(['missing_identity']);
      expect((await known(collector, 'anon:d')).userId).toBeNull();
    });
  });
});

describe('traits', () => {
  it('are last writer wins per key by time, null unsets, absence changes nothing', async () => {
    const identify = (at: number, traits: JsonObject) => web(at, { type: 'identify', userId: 'u', traits });
    await bothWays(
      [
        identify(0, { a: 1, b: 1, c: 1 }),
        identify(1, { a: 2, b: null }),
        identify(2, {}),
        identify(3, { c: [1, { d: null }] }),
      ],
      async (collector) => {
        expect((await known(collector, 'user:u')).traits).toEqual({ a: 2, c: [1, { d: null }] });
      },
    );
  });

  it('are decided by messageId at one instant, by its UTF-8 bytes', async () => {
    const identify = (messageId: string) =>
      web(0, { type: 'identify', userId: 'u', messageId, traits: { id: messageId } });
    await bothWays(['B', 'a', '\uff5e', '\u{1f600}', 'z'].map(identify), async (collector) => {
      expect((await known(collector, 'user:u')).traits).toEqual({ id: '\u{1f600}' });
    });
  });

  it('of a group are those of all calls of its members', async () => {
    const group = (at: number, userId: string, traits: JsonObject) =>
      web(at, { type: 'group', userId, groupId: 'g', traits });
    await bothWays(
      [
        group(0, 'u1', { size: 1, city: 'Oslo' }),
        group(1, 'u2', { size: 2 }),
        group(2, 'u1', { city: null, x: 1 }),
      ],
      async (collector) => {
        for (const user of ['user:u1', 'user:u2']) {
          expect((await known(collector, user)).groups).toEqual([{ id: 'g', traits: { size: 2, x: 1 } }]);
        }
      },
    );
  });
});

describe('caps', () => {
  const signature = (userId: string) => createHmac('sha256', SIGNING_SECRET).update(userId).digest('hex');
  it.each([
    ['a server key', 'server', {}],
    ['a right signature', 'web', { userSignature: signature('u') }],
  ] as const)(
    'links at most 1,000 ids to a profile, those of %s first, and flags it',
    async (_by, key, more) => {
      const device = (i: number) => `d${String(i).padStart(4, '0')}`;
      const links = Array.from(
        { length: 1_010 },
        (_, i) => web(i, { userId: 'u', anonymousId: device(i) })[1],
      );
      const late = [web(5_000, { userId: 'u', anonymousId: 'trusted' })[1]];
      const trail = [web(6_000, { anonymousId: device(1_005) })[1]];
      for (const parts of [
        [links, late, trail],
        [trail, late, [...links].reverse()],
      ]) {
        await withCollector({ now: T0 + 1_000_000 }, async (collector) => {
          for (const part of parts) {
            await (part === late ? collector.send(key, part, more) : collector.send('web', part));
          }
          const profile = await known(collector, 'user:u');
          // One is the userId; the trusted device comes first; the first 998 others follow in message order.
          expect(profile.anonymousIds.length).toBe(999);
          expect(profile.anonymousIds).toContain('trusted');
          expect(profile.anonymousIds).toContain(device(997));
          expect(profile.anonymousIds).not.toContain(device(998));
          expect(profile.flags).not.toEqual([]);
          // Messages that carry the userId are the user's all the same; what such a device sends alone is its own.
          expect(profile.eventCount).toBe(1_011);
          expect((await known(collector, `anon:${device(1_005)}`)).userId).toBeNull();
        });
      }
    },
  );

  it('knows which devices are past the cap in any order, one by one, before and after a merge is undone', async () => {
    const device = (i: number): string => `d${String(i).padStart(4, '0')}`;
    // Every second link comes late, and each device is named once more, earlier or later than before.
    const times = Array.from({ length: 1_060 }, (_, i) => ((i % 2 === 0 ? i : 1_060 - i) * 7) % 1_061);
    const links = [...times, ...times.map((time) => (time * 13) % 1_061)].map(
      (time, i) => web(10 * time + (i % 10), { userId: 'u', anonymousId: device(i % 1_060) })[1],
    );
    const own = times.map((_, i) => web(20_000 + i, { anonymousId: device(i) })[1]);
    await withCollector({ file: true, now: T0 + 1_000_000 }, async (collector) => {
      await collector.send('web', links.slice(0, 990));
      for (const link of links.slice(990, 1_200)) await collector.send('web', [link]);
      await collector.send('web', links.slice(1_200));
      await collector.send('web', own);
      expect((await known(collector, 'user:u')).anonymousIds.length).toBe(999);
      expect(await collector.verify()).toEqual([]);
      // While somebody is merged all pairs have a say; afterwards those that count alone.
      const merge = { from: 'v', into: 'u' };
      await collector.send('server', [server(30_000, { userId: 'v' })[1]]);
      expect((await collector.api('POST', '/api/profiles/merge', merge)).status).toBe(200);
      await collector.send('web', [web(30_001, { userId: 'u', anonymousId: device(2_000) })[1]]);
      expect(await collector.verify()).toEqual([]);
      expect((await collector.api('POST', '/api/profiles/unmerge', { userId: 'v' })).status).toBe(200);
      await collector.send('web', [web(1, { userId: 'u', anonymousId: device(2_001) })[1]]);
      const profile = await known(collector, 'user:u');
      expect(profile.anonymousIds).toContain(device(2_001));
      expect(profile.anonymousIds.length).toBe(999);
      expect(await collector.verify()).toEqual([]);
    });
  });

  it('leaves a device past the cap to itself, also when its user is read, looked for or erased', async () => {
    const device = (i: number) => `d${String(i).padStart(4, '0')}`;
    const past = device(999);
    const links = Array.from({ length: 1_000 }, (_, i) => web(i, { userId: 'u', anonymousId: device(i) })[1]);
    const segments = { seen: { where: { event: 'e' } } };
    await withCollector({ file: true, now: T0 + 1_000_000, config: { segments } }, async (collector) => {
      await collector.send('web', links);
      await collector.send('web', [web(5_000, { anonymousId: past })[1]]);
      const own = (await known(collector, `anon:${past}`)).id;
      const theirs = await collector.all<ApiTransition>('/api/profiles/user%3Au/transitions');
      expect(theirs.filter(({ profileId }) => profileId === own)).toEqual([]);
      const found = (await collector.api('GET', `/api/profiles?q=${past}`)).json.data as JsonObject[];
      expect(found.map(({ id }) => id)).toEqual([own]);
      const one = (await collector.api('GET', `/api/profiles?q=${device(998)}`)).json.data;
      expect(one).toMatchObject([{ userId: 'u' }]);

      const erased = await collector.api('DELETE', '/api/profiles/user%3Au?suppress=true');
      expect(erased.json.erased).toMatchObject({ messages: 1_000, anonymousIds: 999, transitions: 1 });
      expect(await known(collector, `anon:${past}`)).toMatchObject({ id: own, eventCount: 1 });
      const sent = [device(998), past].map((anonymousId) => server(6_000, { anonymousId })[1]);
      expect(await collector.send('server', sent)).toMatchObject({
        accepted: 1,
        rejected: [{ index: 0, code: 'suppressed' }],
      });
      expect((await collector.transitions('seen')).filter(({ profileId }) => profileId === own)).toHaveLength(
        1,
      );
      expect(await collector.verify()).toEqual([]);
    });
  });

  it('does not share a device by a link past the cap', async () => {
    const links = Array.from(
      { length: 1_000 },
      (_, i) => web(i, { userId: 'u', anonymousId: `d${String(i).padStart(4, '0')}` })[1],
    );
    await withCollector({ file: true, now: T0 + 1_000_000 }, async (collector) => {
      await collector.send('web', links);
      await collector.send('web', [web(5_000, { userId: 'v', anonymousId: 'd0999' })[1]]);
      await collector.send('web', [web(6_000, alias('d0999', 'u'))[1]]);
      expect((await known(collector, 'user:v')).anonymousIds).toEqual(['d0999']);
      const erased = await collector.api('DELETE', '/api/profiles/user%3Av?suppress=true');
      expect(erased.json.erased).toMatchObject({ anonymousIds: 1 });
      expect(await collector.send('server', [server(7_000, { anonymousId: 'd0999' })[1]])).toMatchObject({
        rejected: [{ code: 'suppressed' }],
      });
      expect((await known(collector, 'user:u')).eventCount).toBe(1_001);
      expect(await collector.verify()).toEqual([]);
    });
  });

  it('trusts no link for a signature of somebody else', async () => {
    const links = Array.from({ length: 1_000 }, (_, i) => web(i, { userId: 'u', anonymousId: `d${i}` })[1]);
    await withCollector({ now: T0 + 1_000_000 }, async (collector) => {
      await collector.send('web', links);
      const late = web(5_000, { userId: 'u', anonymousId: 'late' })[1];
      await collector.send('web', [late], { userSignature: signature('other') });
      expect((await known(collector, 'user:u')).anonymousIds).not.toContain('late');
    });
  });

  it('merges at most 100 users into one', async () => {
    await withCollector({ now: T0 + 1_000_000 }, async (collector) => {
      const users = Array.from({ length: 101 }, (_, i) => `old${String(i).padStart(3, '0')}`);
      await collector.send(
        'server',
        users.map((userId) => server(0, { userId })[1]),
      );
      let rejected = 0;
      for (const [i, user] of users.entries()) {
        const answer = await collector.send('server', [server(i + 1, alias(user, 'new'))[1]]);
        for (const row of answer.rejected) expect(row.code).toBe('merge_not_allowed');
        rejected += answer.rejected.length;
      }
      expect(rejected).toBeLessThanOrEqual(1);
      expect((await known(collector, 'user:old099')).userId).toBe('new');
      expect((await known(collector, 'user:old100')).userId).toBe('old100');
      const profile = await known(collector, 'user:new');
      if (rejected === 0) expect(profile.flags).not.toEqual([]);
    });
  });

  it('lets all of an alias but its merge count whose time comes past the cap', async () => {
    await withCollector({ file: true, now: T0 + 1_000_000 }, async (collector) => {
      const users = Array.from({ length: 101 }, (_, i) => `old${i}`);
      await collector.send(
        'server',
        ['new', ...users].map((userId) => server(0, { userId })[1]),
      );
      await collector.send('server', [server(1_060_000, alias('old100', 'new'))[1]]);
      await collector.send(
        'server',
        users.slice(0, 100).map((user, i) => server(i + 1, alias(user, 'new'))[1]),
      );
      collector.advance(120_000);
      await collector.tick();
      expect((await known(collector, 'user:old100')).userId).toBe('old100');
      expect((await known(collector, 'anon:old100')).userId).toBe('new');
      expect(await collector.verify()).toEqual([]);
    });
  });
});
