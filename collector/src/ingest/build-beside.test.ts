// Leaves folded beside the lane, and what comes between a fold and its taking over.
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { useFolder } from '../../../tests/temporary-folder.ts';
import type { FoldAsk, FoldedPerson, Store } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import type { AcceptedMessage } from '../wire/accepted.ts';
import { fakeMessage } from '../wire/fake-message.ts';
import type { Core } from './core.ts';
import { createCoreOn } from './create-core.ts';

const T0 = Date.parse('2026-06-10T12:00:00Z');
const MINUTE = 60_000;
const PEOPLE = 30;
const inFolder = useFolder('beside');
let clock: { now: number };
let core: Core;
/** Called when a slice was folded and before the lane hears of it; may change what it hears. */
let onFolded: (people: FoldedPerson[], ask: FoldAsk) => Promise<FoldedPerson[]>;
let folded: FoldedPerson[];
let troubles: unknown[];
/** Messages that the lane itself read for a build. */
let read: number;
/** People whose rows the lane read. */
let rowsRead: number[];
let threads: number;
/** How often threads were started, and how many were ended. */
let starts: number;
let ends: number;

function watchedStore(): Store {
  const store = openSqlite({ path: inFolder('store.db') });
  const { openFolders } = store;
  return {
    ...store,
    async read(keys) {
      const result = await store.read(keys);
      rowsRead.push(...(keys.persons ?? []));
      read += result.history.flat().length;
      return result;
    },
    openFolders() {
      const inners = openFolders?.() ?? [];
      threads = inners.length;
      starts++;
      return inners.map((inner) => ({
        ...inner,
        async close() {
          await inner.close();
          ends++;
        },
        async next(ask) {
          const people = await onFolded(await inner.next(ask), ask);
          folded.push(...people);
          return people;
        },
      }));
    },
  };
}

async function open(): Promise<void> {
  core = await createCoreOn(watchedStore(), {
    now: () => clock.now,
    threadFromPeople: 0,
    onTrouble: (error) => troubles.push(error),
  });
}

beforeEach(async () => {
  clock = { now: T0 };
  onFolded = async (people) => people;
  [folded, troubles, read, rowsRead] = [[], [], 0, []];
  [starts, ends] = [0, 0];
  await open();
  for (let i = 0; i < PEOPLE; i++) await ingest(track(`u${i}`), track(`u${i}`, { time: T0 - MINUTE }));
});
afterEach(() => core.close());

let ids = 0;
function track(userId: string | null, more: Partial<AcceptedMessage> = {}): AcceptedMessage {
  const messageId = `m${++ids}`;
  const body = { type: 'track', messageId, event: 'E', properties: { n: 1 } };
  const sent = { kind: 'server', trusted: true, time: clock.now, receivedAt: clock.now } as const;
  return fakeMessage({ ...sent, messageId, userId, name: 'E', body, ...more });
}
const ingest = (...messages: AcceptedMessage[]) => core.ingest({ messages, refused: [] });
const sum = { type: 'sum', event: 'E', property: 'n' } as const;
const many = { where: { event: 'E', count: { op: 'gte', value: 2 }, within: '2h' } } as const;
const computed = async (ref: string) => (await core.profile(ref))?.computed.total;

async function define(): Promise<void> {
  await core.putDefinition('traits', 'total', sum);
  await core.tick();
}

/**
 * Runs `change` once, when every thread has folded its first slice and the lane has heard of none; it is told
 * the user ids of one person of each.
 */
function between(change: (users: string[]) => Promise<unknown>): void {
  const firsts: string[] = [];
  let go = (): void => {};
  const changed = new Promise<void>((resolve) => {
    go = resolve;
  });
  onFolded = async (people) => {
    const [first] = people;
    if (first && firsts.length < threads) {
      firsts.push(`u${first.id - 1}`);
      if (firsts.length === threads) await change(firsts).finally(go);
      await changed;
    }
    return people;
  };
}

const differences = async () => (await core.verify({})).differences;

describe('a build with threads', () => {
  it('takes over everybody, and reads nobody’s messages again', async () => {
    await define();
    expect(folded).toHaveLength(PEOPLE);
    expect(folded.every(({ states }) => states !== null)).toBe(true);
    expect(read).toBe(0);
    expect(await computed('user:u3')).toBe(2);
    expect(await differences()).toEqual([]);
  });

  it('uses no thread for few people, and none without a file', async () => {
    await core.close();
    core = await createCoreOn(watchedStore(), { now: () => clock.now });
    await define();
    expect(folded).toEqual([]);
    expect(await computed('user:u3')).toBe(2);
    expect(openSqlite({ path: ':memory:' }).openFolders).toBeUndefined();
  });

  it('builds those on the lane who got messages since, late ones too', async () => {
    let users: string[] = [];
    between(async (firsts) => {
      users = firsts;
      for (const user of users) await ingest(track(user), track(user, { time: T0 - 5 * MINUTE }));
    });
    await define();
    expect(users).not.toEqual([]);
    for (const user of users) expect(await computed(`user:${user}`)).toBe(4);
    expect(read).toBe(4 * users.length);
    expect(await differences()).toEqual([]);
  });

  it('keeps those who send messages in memory, and none of those it walks over', async () => {
    await core.close();
    await open();
    await ingest(track('u3'));
    await define();
    expect(folded).toHaveLength(PEOPLE);
    rowsRead = [];
    await ingest(track('u3'));
    expect(rowsRead).toEqual([]);
    await ingest(track('u4'));
    expect(rowsRead).toHaveLength(1);
    expect([await computed('user:u3'), await computed('user:u4')]).toEqual([4, 3]);
  });

  it('follows merges, unmerges and erasures since', async () => {
    await ingest(track(null, { anonymousId: 'd' }));
    let [one, other] = ['', ''];
    between(async (firsts) => {
      one = firsts[0] as string;
      other = firsts[1] ?? 'u9';
      await core.merge(one, 'u20');
      await ingest(track(one));
      // Now its row is a new one, of the first version again.
      await core.unmerge(one);
      await core.erase(`user:${other}`, { suppress: false });
      await ingest(track('u8', { anonymousId: 'd' }));
    });
    await define();
    expect(await computed(`user:${one}`)).toBe(3);
    expect(await computed('user:u20')).toBe(2);
    expect(await core.profile(`user:${other}`)).toBeNull();
    expect(await computed('user:u8')).toBe(4);
    expect(await differences()).toEqual([]);
  });

  it('begins anew when the definitions change, and drops what was folded for the old ones', async () => {
    between(() => core.putDefinition('traits', 'total', { ...sum, property: 'no' }));
    await define();
    expect(await computed('user:u1')).toBe(0);
    expect(await differences()).toEqual([]);
  });

  it('begins again where only a name changed, and still reads nobody’s messages again', async () => {
    between(() => core.putDefinition('traits', 'total', { ...sum, name: 'Total' }));
    await define();
    expect(folded.length).toBeGreaterThan(PEOPLE);
    expect(read).toBe(0);
    expect(await computed('user:u1')).toBe(2);
    expect(await differences()).toEqual([]);
  });

  it('leaves to the lane whose messages are dated after the clock of the fold', async () => {
    await ingest(track('u1', { time: T0 + MINUTE }));
    await define();
    expect(folded.filter(({ states }) => states === null).map(({ id }) => id)).toEqual([2]);
    expect(read).toBe(2);
    clock.now += 2 * MINUTE;
    expect(await computed('user:u1')).toBe(3);
    expect(await differences()).toEqual([]);
  });

  it('folds anew where a summed-up block had to be opened since', async () => {
    const spread = Array.from({ length: 200 }, (_, i) =>
      track('u1', { time: T0 - 100 * MINUTE + i * 1_000 }),
    );
    await ingest(...spread);
    await core.putDefinition('segments', 'other', {
      where: { event: 'E', count: { op: 'gte', value: 150 }, within: '2h' },
    });
    between(async () => {
      clock.now += 21 * MINUTE + 30_000;
    });
    await core.tick();
    // All of the last two hours, not just the block that is overdue.
    expect(read).toBe(112);
    expect(await differences()).toEqual([]);
  });

  it('does not take a thread at its word: only what its version says is the same', async () => {
    onFolded = async (people) =>
      people.map((person) => ({ ...person, version: person.version + 1, states: {} }));
    await define();
    expect(await computed('user:u1')).toBe(2);
  });

  it('finds who was missed before it switches', async () => {
    onFolded = async (people) => people.filter(({ id }) => id % 3 !== 0);
    await core.putDefinition('segments', 'many', many);
    await define();
    expect((await core.segmentProfiles('many', { limit: 100, cursor: null }))?.data).toHaveLength(PEOPLE);
    expect(await differences()).toEqual([]);
  });

  it('goes on where it was after it was closed in the middle', async () => {
    let isClosed: Promise<void> | undefined;
    between(async () => {
      isClosed ??= core.close();
    });
    await core.putDefinition('traits', 'total', sum);
    await core.tick();
    await isClosed;
    onFolded = async (people) => people;
    await open();
    await core.tick();
    expect(await computed('user:u1')).toBe(2);
    expect(await differences()).toEqual([]);
    expect(troubles).toEqual([]);
  });
});

describe('the threads', () => {
  const defineAnew = (property: string) => core.putDefinition('traits', 'total', { ...sum, property });

  it('are kept for builds that follow soon, and end when none does', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
    try {
      await define();
      await defineAnew('no');
      await core.tick();
      expect([starts, ends]).toEqual([1, 0]);
      expect(await computed('user:u3')).toBe(0);
      vi.advanceTimersByTime(10_000);
      await vi.waitFor(() => expect(ends).toBe(threads));
      await defineAnew('n');
      await core.tick();
    } finally {
      vi.useRealTimers();
    }
    expect(starts).toBe(2);
    expect(await computed('user:u3')).toBe(2);
    expect(await differences()).toEqual([]);
  });

  it('end with the collector', async () => {
    await define();
    expect(ends).toBe(0);
    await core.close();
    expect(ends).toBe(threads);
  });
});

describe('a thread that fails', () => {
  it('is told of once, and the lane goes on alone', async () => {
    onFolded = async () => {
      throw new Error('no more');
    };
    await define();
    expect(troubles.map(String)).toEqual(['Error: no more']);
    expect(await computed('user:u1')).toBe(2);
    await core.putDefinition('traits', 'total', {
      ...sum,
      where: { path: 'properties.n', op: 'eq', value: 1 },
    });
    await core.tick();
    expect(troubles).toHaveLength(1);
    expect(await differences()).toEqual([]);
  });

  it.each(['before it is asked', 'while the lane takes over'])('may be killed %s', async (when) => {
    const workers: Worker[] = [];
    const note = (thread: Worker): void => {
      workers.push(thread);
      if (when === 'before it is asked') void thread.terminate();
    };
    process.on('worker', note);
    if (when !== 'before it is asked')
      between(async () => Promise.all(workers.map((thread) => thread.terminate())));
    await define();
    process.off('worker', note);
    expect(workers.length).toBeGreaterThan(0);
    expect(troubles).toHaveLength(1);
    expect(await computed('user:u29')).toBe(2);
    expect(await differences()).toEqual([]);
  });
});
