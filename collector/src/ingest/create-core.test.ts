// The core over a store that fails: nothing half done, nothing lost, and back by itself.
import { beforeEach, describe, expect, it } from 'vitest';
import { useFolder } from '../../../tests/temporary-folder.ts';
import type { Changes, Store } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import type { AcceptedMessage } from '../wire/accepted.ts';
import { fakeMessage } from '../wire/fake-message.ts';
import { type Core, NotStored } from './core.ts';
import { ClockBehind, createCoreOn, MAX_CLOCK_BEHIND_MS } from './create-core.ts';

const T0 = Date.parse('2026-06-10T12:00:00Z');
let clock: { now: number };
let failing: 'no' | 'error' | 'stale';
let commits: Changes[];
/** Called with each commit that was done. */
let onCommit: (changes: Changes) => void;
let core: Core;

/** SQLite in memory whose commits fail on demand, before anything is written. */
function failingStore(): Store {
  const store = openSqlite({ path: ':memory:' });
  return {
    ...store,
    async commit(changes) {
      if (failing === 'error') throw new Error('database or disk is full');
      if (failing === 'stale') return { ok: false, stale: true };
      commits.push(changes);
      const done = await store.commit(changes);
      onCommit(changes);
      return done;
    },
  };
}

beforeEach(async () => {
  clock = { now: T0 };
  failing = 'no';
  commits = [];
  onCommit = () => {};
  // Real time bounds what the lane does in one go: here it stands still.
  core = await createCoreOn(failingStore(), { now: () => clock.now, elapsed: () => 0 });
});

let ids = 0;
function track(userId: string, more: Partial<AcceptedMessage> = {}): AcceptedMessage {
  const messageId = `m${++ids}`;
  const body = { type: 'track', messageId, userId, event: 'E' };
  const [time, receivedAt] = [clock.now, clock.now];
  return fakeMessage({ messageId, userId, name: 'E', time, receivedAt, body, ...more });
}
const ingest = (...messages: AcceptedMessage[]) => core.ingest({ messages, refused: [] });

describe.each(['error', 'stale'] as const)('a commit that fails (%s)', (how) => {
  it('stores nothing of the messages, says so, and takes them again', async () => {
    await ingest(track('ada'));
    const [first, second] = [track('ada'), track('bob', { anonymousId: 'd' })];
    failing = how;
    await expect(ingest(first, second)).rejects.toThrow(NotStored);
    expect(core.stats().writable).toBe(false);
    expect((await core.profile('user:ada'))?.eventCount).toBe(1);
    expect(await core.profile('user:bob')).toBeNull();
    failing = 'no';
    expect(await ingest(first, second)).toEqual(['accepted', 'accepted']);
    expect(core.stats().writable).toBe(true);
    expect((await core.profile('user:ada'))?.eventCount).toBe(2);
    expect((await core.profile('anon:d'))?.userId).toBe('bob');
    expect((await core.verify({})).differences).toEqual([]);
  });

  it('is over once a tick finds that there is room, though nobody sends anything', async () => {
    failing = how;
    await expect(ingest(track('ada'))).rejects.toThrow(NotStored);
    await core.tick();
    expect(core.stats().writable).toBe(false);
    failing = 'no';
    await core.tick();
    expect(core.stats().writable).toBe(true);
  });

  it('leaves definitions as they were', async () => {
    failing = how;
    const definition = { where: { event: 'E' } };
    await expect(core.putDefinition('segments', 's', definition)).rejects.toThrow(NotStored);
    expect(await core.definition('segments', 's')).toBeNull();
    failing = 'no';
    expect(await core.putDefinition('segments', 's', definition)).toMatchObject({ ok: true, created: true });
  });

  it('keeps nobody from reading, also when time has changed things', async () => {
    await core.putDefinition('segments', 's', { where: { event: 'E', within: '1m' } });
    await core.tick();
    await ingest(track('ada'));
    clock.now += 60_000;
    failing = how;
    expect((await core.profile('user:ada'))?.segments).toEqual([]);
    expect(await core.segmentProfiles('s', { limit: 10, cursor: null })).toMatchObject({ next: null });
    await expect(core.tick()).rejects.toThrow(NotStored);
    failing = 'no';
    await core.tick();
    const feed = await core.segmentTransitions('s', { limit: 10, after: 0 });
    expect(feed?.data.map(({ change, at }) => [change, at])).toEqual([
      ['entered', '2026-06-10T12:00:00.000Z'],
      ['left', '2026-06-10T12:01:00.000Z'],
    ]);
  });

  it('goes on building where it was', async () => {
    await ingest(...Array.from({ length: 60 }, (_, i) => track(`u${i}`)));
    await core.putDefinition('segments', 's', { where: { event: 'E' } });
    failing = how;
    await core.tick().catch(() => {});
    failing = 'no';
    await core.tick();
    expect(await core.definition('segments', 's')).toMatchObject({ status: 'ready', size: 60 });
    expect((await core.verify({})).differences).toEqual([]);
  });
});

describe('a build', () => {
  it('is told what comes between its last slice and its switch', async () => {
    await ingest(track('ada'), track('bob'));
    let sent: Promise<unknown> | null = null;
    onCommit = ({ messages = [], persons = [] }) => {
      // Built, but not in force: the next thing in the lane is this message, then the switch.
      if (messages.length === 0 && persons.length > 0) sent ??= ingest(track('ada'));
    };
    const twice = { event: 'E', count: { op: 'gte', value: 2 } } as const;
    await core.putDefinition('segments', 's', { where: twice });
    await core.tick();
    await sent;
    expect(sent).not.toBeNull();
    expect(await core.definition('segments', 's')).toMatchObject({ status: 'ready', size: 1 });
    expect((await core.verify({})).differences).toEqual([]);
  });
});

describe('the lane', () => {
  it('shares a commit between requests, and cuts a large one into several', async () => {
    commits = [];
    const many = Array.from({ length: 2_300 }, (_, i) => track(`u${i % 7}`));
    await Promise.all([ingest(track('a')), ingest(track('b')), ingest(...many)]);
    expect(commits.map(({ messages }) => messages?.length)).toEqual([2_000, 302]);
  });

  it('knows a repeat of what the same commit holds', async () => {
    const many = Array.from({ length: 250 }, (_, i) => track(`u${i % 7}`));
    const [first, second] = await Promise.all([ingest(...many), ingest(...many)]);
    expect(new Set(first)).toEqual(new Set(['accepted']));
    expect(new Set(second)).toEqual(new Set(['duplicate']));
  });

  it('lets messages through while a wave is settled before a definition is deleted', async () => {
    await core.putDefinition('segments', 'recent', { where: { event: 'E', within: '1m' } });
    await core.putDefinition('segments', 'unrelated', { where: { event: 'Other' } });
    await core.tick();
    await ingest(...Array.from({ length: 3_000 }, (_, i) => track(`u${i}`)));
    clock.now += 60_000;
    const order: string[] = [];
    const changed = core.deleteDefinition('segments', 'unrelated').then(() => order.push('changed'));
    // Once the lane is at it: what came before it would go first anyway.
    await new Promise((resolve) => setTimeout(resolve, 5));
    const sent = ingest(track('ada')).then(() => order.push('sent'));
    await Promise.all([changed, sent]);
    expect(order).toEqual(['sent', 'changed']);
    await core.tick();
    expect((await core.verify({})).differences).toEqual([]);
  });

  it('writes nothing where nothing changed', async () => {
    await ingest(track('ada'));
    commits = [];
    await core.profile('user:ada');
    await core.tick();
    expect(commits).toEqual([]);
  });
});

describe('the clock', () => {
  it('never runs back while open', async () => {
    clock.now = T0 + 5_000;
    expect(core.now()).toBe(T0 + 5_000);
    clock.now = T0;
    expect(core.now()).toBe(T0 + 5_000);
  });

  it('waits when a file is opened a little behind it, and refuses when far', async () => {
    const store = openSqlite({ path: ':memory:' });
    await store.commit({ clock: T0 });
    const open = (now: number) => createCoreOn(store, { now: () => now });
    expect((await open(T0 - MAX_CLOCK_BEHIND_MS)).now()).toBe(T0);
    await expect(open(T0 - MAX_CLOCK_BEHIND_MS - 1)).rejects.toThrow(ClockBehind);
    await expect(open(T0 - 3_600_000)).rejects.toThrow(/11:00:00\.000Z.*12:00:00\.000Z/);
  });
});

it('asks for nothing at a tick where nothing was stored since, and still knows when somebody is due', async () => {
  const asked: string[] = [];
  const store = openSqlite({ path: ':memory:' });
  const listening: Store = {
    ...store,
    query(question) {
      asked.push(question.ask);
      return store.query(question);
    },
    read(keys) {
      asked.push('read');
      return store.read(keys);
    },
  };
  const own = await createCoreOn(listening, { now: () => clock.now });
  const countPending = async (): Promise<number> => {
    const { people } = await own.overdue();
    expect(people).toBe(0);
    return store.query({ ask: 'pending-count' });
  };
  await own.ingest({ messages: [track('ada', { time: T0 + 60_000 })], refused: [] });
  await own.tick();
  asked.length = 0;
  for (let i = 0; i < 5; i++) {
    clock.now += 1_000;
    await own.tick();
  }
  expect(asked).toEqual([]);
  expect(await countPending()).toBe(1);
  clock.now = T0 + 60_000;
  await own.tick();
  expect(await countPending()).toBe(0);
  await own.close();
});

describe('long work that is ended', () => {
  const inFolder = useFolder('long-work');

  it('leaves a build and people who are due for the next opening, and nothing else', async () => {
    const path = inFolder('tidemark.db');
    const open = (): Promise<Core> =>
      createCoreOn(openSqlite({ path }), { now: () => clock.now, elapsed: () => 0 });
    const slow = await open();
    await slow.putDefinition('segments', 'recent', { where: { event: 'E', within: '1h' } });
    await slow.tick();
    const people = Array.from({ length: 450 }, (_, i) => `u${i}`);
    await slow.ingest({ messages: people.map((userId) => track(userId)), refused: [] });
    await slow.putDefinition('traits', 'seen', { type: 'count', event: 'E' });
    clock.now += 2 * 3_600_000;
    // Each would take several slices.
    const ticking = slow.tick();
    slow.endLongWork();
    await ticking;
    expect((await slow.overdue()).people).toBeGreaterThan(0);
    expect((await slow.definition('traits', 'seen'))?.status).toBe('building');
    // What is asked of one person is right all the same, and messages are taken.
    expect((await slow.profile('user:u449'))?.segments).toEqual([]);
    expect(await slow.ingest({ messages: [track('u0')], refused: [] })).toEqual(['accepted']);
    await slow.tick();
    expect((await slow.definition('traits', 'seen'))?.status).toBe('building');
    await slow.close();
    const next = await open();
    await next.tick();
    expect((await next.definition('traits', 'seen'))?.status).toBe('ready');
    expect((await next.overdue()).people).toBe(0);
    expect((await next.verify({})).differences).toEqual([]);
    await next.close();
  });

  it('settles people who are due while a build goes on, if it is told not to wait', async () => {
    await core.putDefinition('segments', 'recent', { where: { event: 'E', within: '1h' } });
    await core.tick();
    const others = Array.from({ length: 1_500 }, (_, i) => track(`u${i}`, { name: 'F' }));
    await core.ingest({ messages: [...others, track('ada')], refused: [] });
    await core.putDefinition('traits', 'seen', { type: 'count', event: 'F' });
    clock.now += 2 * 3_600_000;
    await core.tick({ waitForBuilds: false });
    const logged = commits.flatMap(({ transitions = [] }) => transitions.map(({ entered }) => entered));
    expect(logged).toEqual([true, false]);
    expect((await core.overdue()).people).toBe(0);
    expect((await core.definition('traits', 'seen'))?.status).toBe('building');
    await core.tick();
    expect((await core.definition('traits', 'seen'))?.status).toBe('ready');
  });
});
