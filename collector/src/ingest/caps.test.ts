// Who is who where a profile may have a handful of ids: links and merges in random order, erasures, reopened files.
// Invariant: after every step what is stored is what all messages together say.
import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from '../../../tests/random.ts';
import { useFolder } from '../../../tests/temporary-folder.ts';
import type { Store } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import type { AcceptedMessage } from '../wire/accepted.ts';
import { fakeMessage } from '../wire/fake-message.ts';
import { type Core, NotStored } from './core.ts';
import { createCoreOn } from './create-core.ts';

const T0 = Date.parse('2026-06-10T12:00:00Z');
const CAPS = { ids: 6, merges: 2 };
const USERS = ['u', 'v', 'w'];
const STEPS = 40;
const inFolder = useFolder('caps');

interface Means {
  /** Users whom aliases and operators merge. */
  merges: boolean;
  /** Devices that messages name. */
  devices: number;
}

/** Draws a message: own events of devices, links by web and server keys, aliases, some dated in the future. */
function draw(random: Random, { merges, devices }: Means, no: number, clock: number): AcceptedMessage {
  const device = () => `d${random.below(devices)}`;
  const kind = random.chance(0.4) ? 'server' : 'web';
  // Few instants, so that much happens at the same one.
  const time = T0 + 100 * random.below(random.chance(0.1) ? 30 : 10);
  const messageId = `m${random.below(100)}-${no}`;
  const sent = { messageId, kind, trusted: kind === 'server', time, receivedAt: clock } as const;
  const anonymousId = device();
  const what = random.next();
  if (what < 0.25)
    return fakeMessage({
      ...sent,
      userId: null,
      anonymousId,
      name: 'E',
      body: { type: 'track', messageId, event: 'E', anonymousId },
    });
  const userId = random.pick(USERS);
  if (what < 0.45) {
    const own = random.chance(0.5) ? { anonymousId } : {};
    const previousId = merges && random.chance(0.5) ? random.pick(USERS) : device();
    // An alias of a server key merges a user of that name, whether there is one or not.
    const by = merges || kind === 'web' ? {} : ({ kind: 'web', trusted: false } as const);
    return fakeMessage({
      ...sent,
      ...by,
      type: 'alias',
      name: null,
      userId,
      anonymousId: own.anonymousId ?? null,
      previousId,
      body: { type: 'alias', messageId, userId, previousId, ...own },
    });
  }
  return fakeMessage({
    ...sent,
    userId,
    anonymousId,
    name: 'E',
    body: { type: 'track', messageId, event: 'E', userId, anonymousId },
  });
}

async function play(seed: number, means: Means): Promise<{ most: number; refused: number }> {
  const random = createRandom(seed);
  const clock = { now: T0 + 1_000 };
  const path = inFolder(`${seed}-${means.merges}.db`);
  const disk = { isFull: false, isFullAfterErasure: false, hasErased: false, cutOff: 0 };
  const open = () => {
    const store = openSqlite({ path });
    const commit: Store['commit'] = async (changes) => {
      const isCutOff = disk.isFullAfterErasure && disk.hasErased;
      if (isCutOff) disk.cutOff++;
      if (disk.isFull || isCutOff) throw new Error('no room');
      disk.hasErased = changes.erasure !== undefined;
      return store.commit(changes);
    };
    return createCoreOn({ ...store, commit }, { now: () => clock.now, caps: CAPS, idKey: 'key' });
  };
  let core: Core = await open();
  const reopen = async (): Promise<void> => {
    await core.close();
    core = await open();
  };
  await core.putDefinition('traits', 'times', { type: 'count', event: 'E' });
  let [most, refused, no] = [0, 0, 0];
  try {
    for (let step = 0; step < STEPS; step++) {
      const what = random.next();
      if (what < 0.08) await reopen();
      else if (what < 0.12) {
        const before = disk.cutOff;
        disk.isFullAfterErasure = random.chance(0.5);
        const receipt = await core.erase(`user:${random.pick(USERS)}`, { suppress: false });
        disk.isFullAfterErasure = false;
        disk.hasErased = false;
        if (disk.cutOff > before) {
          expect(receipt).not.toBeNull();
          await reopen();
        }
      } else if (what < 0.18 && means.merges) {
        const [from, into] = [random.pick(USERS), random.pick(USERS)];
        if (from !== into) await core.merge(from, into);
      } else if (what < 0.24 && means.merges) await core.unmerge(random.pick(USERS));
      else if (what < 0.3) {
        clock.now += random.below(400);
        await core.tick();
      } else {
        const messages = Array.from({ length: random.chance(0.5) ? 1 : random.whole(2, 6) }, () =>
          draw(random, means, no++, clock.now),
        );
        // What was not stored must not be remembered either.
        disk.isFull = random.chance(0.1);
        const sent = core.ingest({ messages, refused: [] });
        if (disk.isFull) await expect(sent).rejects.toThrow(NotStored);
        else refused += (await sent).filter((outcome) => typeof outcome === 'object').length;
        disk.isFull = false;
      }
      const { differences } = await core.verify({});
      expect(differences, `seed ${seed}, step ${step}`).toEqual([]);
      for (const user of USERS) {
        const profile = await core.profile(`user:${user}`);
        most = Math.max(most, profile?.anonymousIds.length ?? 0);
        expect(profile?.anonymousIds.length ?? 0).toBeLessThan(CAPS.ids);
      }
    }
    return { most, refused };
  } finally {
    await core.close();
  }
}

/** Whose everything is once all of it took effect. */
async function endOf(sent: readonly AcceptedMessage[], devices: number): Promise<unknown[]> {
  let now = T0;
  const caps = { ids: 3, merges: 1 };
  const core = await createCoreOn(openSqlite({ path: ':memory:' }), { now: () => now, caps });
  for (let at = 0; at < sent.length; at += 5) {
    const messages = sent.slice(at, at + 5).map((message) => ({ ...message }));
    await core.ingest({ messages, refused: [] });
  }
  now += 10_000;
  await core.tick();
  const names = Array.from({ length: devices }, (_, i) => `anon:d${i}`);
  const ends: unknown[] = [];
  for (const address of [...USERS.map((user) => `user:${user}`), ...names]) {
    const profile = await core.profile(address);
    ends.push(profile && [address, profile.userId, profile.anonymousIds, profile.eventCount]);
  }
  await core.close();
  return ends;
}

function shuffle<T>(random: Random, list: T[]): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [list[i], list[j]] = [list[j] as T, list[i] as T]; // both are there
  }
}

const SEEDS = Array.from({ length: 4 }, (_, i) => Array.from({ length: 15 }, (_, j) => 100 * i + j));

describe('with room for few ids, whatever comes and in whatever order', () => {
  it.each(SEEDS)('links are those that all messages together say (seeds from %i)', async (...seeds) => {
    let full = 0;
    for (const seed of seeds)
      if ((await play(seed, { merges: false, devices: 9 })).most === CAPS.ids - 1) full++;
    expect(full).toBeGreaterThan(seeds.length / 2);
  });

  it.each(SEEDS)('and so are merges (seeds from %i)', async (...seeds) => {
    let refused = 0;
    for (const seed of seeds) refused += (await play(seed, { merges: true, devices: 7 })).refused;
    expect(refused).toBeGreaterThan(0);
  });

  it.each([1, 2, 3, 4])('links do not depend on the order of arrival (seed %i)', async (seed) => {
    const random = createRandom(seed);
    for (let script = 0; script < 25; script++) {
      // Few, so that two devices of one message are often the last to find room.
      const means = { merges: false, devices: 5 };
      const sent = Array.from({ length: 20 }, (_, no) => draw(random, means, no, T0));
      const ends: unknown[] = [];
      for (let way = 0; way < 3; way++) {
        ends.push(await endOf(sent, means.devices));
        shuffle(random, sent);
      }
      expect(ends[1], `script ${script}`).toEqual(ends[0]);
      expect(ends[2], `script ${script}`).toEqual(ends[0]);
    }
  });

  it('of two devices that one message links past the last place the first by name counts', async () => {
    const anonymousId = 'b';
    const common = { messageId: 'm', time: T0, userId: 'u', anonymousId } as const;
    const body = { type: 'alias', messageId: 'm', userId: 'u', anonymousId, previousId: 'a' };
    const alias = fakeMessage({ ...common, type: 'alias', previousId: 'a', body });
    const own = ['a', 'b'].map((device) =>
      fakeMessage({ messageId: `own ${device}`, time: T0, anonymousId: device, name: 'E' }),
    );
    for (const first of [own, [...own].reverse()]) {
      const caps = { ids: 2, merges: 1 };
      const core = await createCoreOn(openSqlite({ path: ':memory:' }), { now: () => T0, caps });
      for (const message of [...first, alias]) await core.ingest({ messages: [{ ...message }], refused: [] });
      expect(await core.profile('user:u')).toMatchObject({ anonymousIds: ['a'], flags: ['identity_limit'] });
      await core.close();
    }
  });

  it('makes merges that erased people left no room for, also when one was cut off', async () => {
    const path = inFolder('room.db');
    const disk = { isFull: false, hasErased: false };
    const open = () => {
      const store = openSqlite({ path });
      const commit: Store['commit'] = async (changes) => {
        if (disk.isFull && disk.hasErased) throw new Error('no room');
        disk.hasErased = changes.erasure !== undefined;
        return store.commit(changes);
      };
      return createCoreOn({ ...store, commit }, { now: () => T0 + 1_000, caps: { ids: 4, merges: 2 } });
    };
    let no = 0;
    const send = async (core: Core, time: number, who: Partial<AcceptedMessage>): Promise<void> => {
      const messageId = `m${no++}`;
      const { userId, anonymousId, previousId, type = 'track' } = who;
      const body = { type, messageId, ...(userId && { userId }), ...(anonymousId && { anonymousId }) };
      const sent = { messageId, time: T0 + time, kind: 'server', trusted: true, ...who } as const;
      const message = fakeMessage({ ...sent, body: { ...body, ...(previousId && { previousId }) } });
      await core.ingest({ messages: [message], refused: [] });
    };
    const differences = async (core: Core) => (await core.verify({})).differences;
    for (const isCutOff of [false, true]) {
      for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
      let core = await open();
      for (const [kept, gone] of [
        ['q', 'p'],
        ['y', 'x'],
      ] as const) {
        // With an alias between them, which earlier links of the second leave no room for.
        await send(core, 100, { userId: kept, anonymousId: `d${kept}` });
        await send(core, 200, { userId: kept, previousId: gone, type: 'alias' });
        for (const device of ['1', '2']) await send(core, 50, { userId: gone, anonymousId: gone + device });
        expect((await core.profile(`user:${gone}`))?.userId).toBe(gone);
      }
      expect(await differences(core)).toEqual([]);
      disk.isFull = isCutOff;
      expect(await core.erase('user:p', { suppress: false })).not.toBeNull();
      disk.isFull = false;
      expect((await differences(core)).length > 0).toBe(isCutOff);
      // It owes nothing itself.
      expect(await core.erase('user:x', { suppress: false })).not.toBeNull();
      if (isCutOff) {
        await core.close();
        core = await open();
      }
      expect(await differences(core)).toEqual([]);
      for (const userId of ['p', 'x']) await send(core, 300, { userId });
      expect([(await core.profile('user:p'))?.userId, (await core.profile('user:x'))?.userId]).toEqual([
        'q',
        'y',
      ]);
      await core.close();
    }
  });
});
