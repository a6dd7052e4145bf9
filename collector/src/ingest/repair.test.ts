// A repair over a store that fails on the way, and what is read while one runs.
// Invariant: after every commit of a repair what was right before is right; one that was cut off is finished
// before anything else when the file is opened again.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import type { AcceptedMessage } from '../wire/accepted.ts';
import { fakeMessage } from '../wire/fake-message.ts';
import type { JsonObject } from '../wire/message.ts';
import { NotStored } from './core.ts';
import { type CoreOptions, createCoreOn } from './create-core.ts';

const T0 = Date.parse('2026-06-10T12:00:00Z');
const DAY = 86_400_000;
/** More values than a row of a list holds. */
const MANY = 1_200;
const PEOPLE = 250;

let file: Store;
beforeEach(() => {
  file = openSqlite({ path: ':memory:' });
});
afterEach(() => file.close());

interface Hooks {
  /** Commits that succeed before all others fail. */
  failAfter?: number;
  afterCommit?: () => Promise<void>;
}

/** The same file each time, as a process of its own sees it. */
function openAt(now: number, { failAfter, afterCommit }: Hooks = {}, more: Partial<CoreOptions> = {}) {
  let commits = 0;
  const store: Store = {
    ...file,
    async commit(changes) {
      if (commits === failAfter) throw new Error('killed');
      commits++;
      const committed = await file.commit(changes);
      await afterCommit?.();
      return committed;
    },
    close: async () => {},
  };
  return createCoreOn(store, { now: () => now, ...more });
}

async function differences(now: number): Promise<string[]> {
  const core = await openAt(now, {}, { readOnly: true });
  return (await core.verify({})).differences.map(({ profile, what }) => `${profile}: ${what}`);
}

let serial = 0;
function message(type: 'track' | 'group', userId: string, time: number, fields: JsonObject): AcceptedMessage {
  const messageId = `r${++serial}`;
  const groupId = typeof fields.groupId === 'string' ? fields.groupId : null;
  const body = { type, messageId, userId, ...fields };
  const anonymousId = `device of ${userId}`;
  const name = type === 'track' ? 'See' : null;
  return fakeMessage({ type, messageId, userId, anonymousId, groupId, name, time, body });
}
const see = (userId: string, v: number, time = T0) =>
  message('track', userId, time, { event: 'See', properties: { v } });

/** People of one group, the last of whom have values beside their rows. */
async function fill(now: number): Promise<void> {
  const core = await openAt(now);
  await core.putDefinition('traits', 'list', { type: 'unique_list', event: 'See', property: 'v' });
  await core.putDefinition('segments', 'recent', { where: { event: 'See', within: '30d' } });
  const pros = { where: { group: { trait: 'plan', op: 'eq', value: 'pro' } } } as const;
  await core.putDefinition('segments', 'pros', pros);
  await core.tick();
  const people = Array.from({ length: PEOPLE }, (_, i) => `u${String(i).padStart(3, '0')}`);
  const messages = people.flatMap((id, i) => [
    see(id, i),
    see(id, -i, now),
    message('group', id, T0, { groupId: 'g', traits: { plan: 'pro' } }),
  ]);
  const last = people[PEOPLE - 1] as string;
  messages.push(...Array.from({ length: MANY }, (_, i) => see(last, i)));
  await core.ingest({ messages, refused: [] });
  await core.tick();
  await core.close();
}

describe.each([
  ['the same clock', T0 + DAY, T0 + DAY],
  ['a clock that was ahead', T0 + 60 * DAY, T0 + DAY],
])('a repair for %s', (_, ahead, now) => {
  it.each([0, 1, 2, 3, 5])('that is cut off after %i commits is finished at the next start', async (n) => {
    await fill(ahead);
    const cutOff = async (): Promise<void> => {
      const core = await openAt(now, { failAfter: n }, { repair: true });
      await core.repair({});
    };
    await expect(cutOff()).rejects.toThrow(NotStored);
    // Nothing was written yet: the file is as it was.
    if (n === 0 && now !== ahead) return;
    const heard: number[] = [];
    const again = await openAt(now, {}, { onProgress: (done) => heard.push(done) });
    if (n > 0) expect(heard.length).toBeGreaterThan(0);
    expect((await again.verify({})).differences).toEqual([]);
    expect((await again.group('g'))?.members).toBe(PEOPLE);
    const profile = await again.profile('user:u249');
    expect(profile?.computed.list).toMatchObject({ truncated: true });
    await again.close();
    const third = await openAt(now, {}, { onProgress: () => expect.fail('repaired twice') });
    expect((await third.verify({})).differences).toEqual([]);
  });
});

it('leaves every read right after each of its commits', async () => {
  await fill(T0 + DAY);
  const found: string[] = [];
  let commits = 0;
  const afterCommit = async (): Promise<void> => {
    commits++;
    found.push(...(await differences(T0 + DAY)));
  };
  const core = await openAt(T0 + DAY, { afterCommit });
  await core.repair({});
  expect(commits).toBeGreaterThan(3);
  expect(found).toEqual([]);
});

it('brings members up to changes of their group that come while it runs', async () => {
  await fill(T0 + DAY);
  const reading: Promise<void>[] = [];
  const core = await openAt(T0 + DAY, {
    async afterCommit() {
      if (reading.length > 0) return;
      const free = message('group', 'u000', T0 + DAY, { groupId: 'g', traits: { plan: 'free' } });
      const changed = core.ingest({ messages: [free], refused: [] });
      reading.push(
        changed.then(async () => {
          const { segments } = (await core.profile('user:u200')) ?? { segments: [] };
          expect(segments.map(({ key }) => key)).toEqual(['recent']);
        }),
      );
    },
  });
  await core.repair({});
  expect(reading).toHaveLength(1);
  await Promise.all(reading);
  await core.tick();
  expect(await differences(T0 + DAY)).toEqual([]);
});
