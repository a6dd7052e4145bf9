// Who is who where a profile may have a handful of ids: links and merges in random order, erasures, reopened files.
// Invariant: after every step what is stored is what all messages together say.
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
  let isFull = false;
  const open = () => {
    const store = openSqlite({ path });
    const commit: Store['commit'] = async (changes) => {
      if (isFull) throw new Error('no room');
      return store.commit(changes);
    };
    return createCoreOn({ ...store, commit }, { now: () => clock.now, caps: CAPS, idKey: 'key' });
  };
  let core: Core = await open();
  await core.putDefinition('traits', 'times', { type: 'count', event: 'E' });
  let [most, refused, no] = [0, 0, 0];
  try {
    for (let step = 0; step < STEPS; step++) {
      const what = random.next();
      if (what < 0.08) {
        await core.close();
        core = await open();
      } else if (what < 0.12) await core.erase(`user:${random.pick(USERS)}`, { suppress: false });
      else if (what < 0.18 && means.merges) {
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
        isFull = random.chance(0.1);
        const sent = core.ingest({ messages, refused: [] });
        if (isFull) await expect(sent).rejects.toThrow(NotStored);
        else refused += (await sent).filter((outcome) => typeof outcome === 'object').length;
        isFull = false;
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
});
