// The lane under floods: whose turn it is, what is sent away, and how much is done in one go.
// Time is a counter here: what is asserted is order, never how long something took.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Changes } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import { type AcceptedMessage, bodyOf, type RefusedMessage } from '../wire/accepted.ts';
import { type Core, Overloaded, type Sender } from './core.ts';
import { createCoreOn } from './create-core.ts';

const T0 = Date.parse('2026-06-10T12:00:00Z');
const FLOOD: Sender = { key: 'flood', address: '1' };
const OTHER: Sender = { key: 'other', address: '1' };

let core: Core;
/** Messages of each commit, by user. */
let commits: string[][];
let refusedIn: number[];
/** Messages dated in the future that each commit puts into effect. */
let arrivedIn: number[];
let now: number;
/** What every look at the clock adds, ms: a message looks once. */
let costMs: number;
/** Called at every look at the clock: while messages are put through. */
let onLook: () => void;

beforeEach(async () => {
  commits = [];
  refusedIn = [];
  arrivedIn = [];
  now = T0;
  costMs = 0;
  onLook = () => {};
  let elapsedMs = 0;
  const store = openSqlite({ path: ':memory:' });
  const watched = {
    ...store,
    commit(changes: Changes) {
      const users = (changes.messages ?? []).map(({ message }) => message.userId ?? '');
      if (users.length > 0) commits.push(users);
      if (changes.arrived?.length) arrivedIn.push(changes.arrived.length);
      if (changes.refused?.length) refusedIn.push(changes.refused.length);
      return store.commit(changes);
    },
  };
  const elapsed = (): number => {
    onLook();
    elapsedMs += costMs;
    return elapsedMs;
  };
  core = await createCoreOn(watched, { now: () => now, elapsed });
});
afterEach(() => core.close());

let ids = 0;
function track(userId: string, filler = ''): AcceptedMessage {
  const messageId = `m${++ids}`;
  const body = { type: 'track', messageId, userId, event: 'E', properties: { filler } };
  return {
    type: 'track',
    messageId,
    kind: 'web',
    trusted: false,
    userId,
    anonymousId: null,
    previousId: null,
    groupId: null,
    surveyId: null,
    name: 'E',
    time: T0,
    receivedAt: T0,
    sentAt: null,
    body,
    text: JSON.stringify(body),
  };
}
const refusal = (): RefusedMessage => ({
  code: 'invalid_type',
  reason: 'for a test',
  messageId: null,
  kind: 'web',
  receivedAt: T0,
  sentAt: null,
  text: '{}',
});
const send = (sender: Sender, messages: AcceptedMessage[], refused: RefusedMessage[] = []) =>
  core.ingest({ messages, refused, sender });
const many = (count: number, userId: string, filler = ''): AcceptedMessage[] =>
  Array.from({ length: count }, () => track(userId, filler));

describe('turns', () => {
  it('let another sender in before the flood that was there first', async () => {
    const done: string[] = [];
    const note = (name: string) => () => done.push(name);
    await Promise.all([
      send(FLOOD, many(2_000, 'f')).then(note('flood')),
      send(FLOOD, many(2_000, 'f')).then(note('flood')),
      send(OTHER, many(3, 'o')).then(note('other')),
    ]);
    expect(done).toEqual(['other', 'flood', 'flood']);
    expect(commits[0]).toContain('o');
    expect(commits.flat().length).toBe(4_003);
  });

  it('are over after some work, so that dear messages hold up no others', async () => {
    // Each message takes all the time there is.
    costMs = 100;
    const flood = send(FLOOD, many(30, 'f'));
    await Promise.all([flood, send(OTHER, [track('o')])]);
    const order = commits.flat();
    expect(order.indexOf('o')).toBeLessThan(5);
    expect(order.length).toBe(31);
    // Nobody in a commit waits for more than what one may take.
    expect(Math.max(...commits.map(({ length }) => length))).toBeLessThan(5);
  });

  it('share no commit with dear messages once these are known to be dear', async () => {
    costMs = 6;
    const flood = send(FLOOD, many(60, 'f'));
    for (const sender of [OTHER, OTHER, { ...FLOOD, address: '2' }]) await send(sender, [track('o')]);
    await flood;
    const [, ...later] = commits.filter((users) => users.includes('o'));
    expect(later).toEqual([['o'], ['o']]);
    // By itself it goes on as before.
    expect(Math.max(...commits.map(({ length }) => length))).toBeGreaterThan(2);
  });

  it('end a commit with the last message of whoever sends little', async () => {
    await Promise.all([send(FLOOD, many(3_000, 'f')), send(OTHER, many(3, 'o'))]);
    expect(commits[0]).toContain('o');
    expect(commits.map(({ length }) => length)).toEqual([200, 2_000, 803]);
  });

  it('keep a request’s outcomes in order when its messages are spread over commits', async () => {
    costMs = 4;
    const twice = track('f');
    const batch = [...many(40, 'f'), twice, ...many(40, 'f'), twice];
    const [outcomes] = await Promise.all([send(FLOOD, batch), send(OTHER, many(30, 'o'))]);
    expect(outcomes).toEqual([...Array(81).fill('accepted'), 'duplicate']);
    expect((await core.profile('user:f'))?.eventCount).toBe(81);
  });

  it('go to reads too', async () => {
    const done: string[] = [];
    const flood = Array.from({ length: 5 }, () => send(FLOOD, many(2_000, 'f')));
    await Promise.all([
      Promise.all(flood).then(() => done.push('flood')),
      core.profile('user:f').then(() => done.push('read')),
    ]);
    expect(done).toEqual(['read', 'flood']);
  });
});

describe('one go', () => {
  const declare = (userId: string, chars: number): AcceptedMessage => {
    const { body, ...message } = track(userId);
    const declared = { ...body, type: 'identify', traits: { [`t${ids}`]: 'x'.repeat(chars) } };
    return { ...message, type: 'identify', name: null, body: declared, text: JSON.stringify(declared) };
  };

  it('is bounded by the traits that it writes', async () => {
    await send(
      FLOOD,
      Array.from({ length: 60 }, (_, i) => declare(`f${i}`, 30_000)),
    );
    expect(Math.max(...commits.map(({ length }) => length))).toBeLessThan(11);
    expect(commits.flat().length).toBe(60);
  });

  it('is bounded by the large rows that it writes anew, however small the messages', async () => {
    const users = Array.from({ length: 12 }, (_, i) => `f${i}`);
    for (let i = 0; i < 4; i++)
      await send(
        FLOOD,
        users.map((user) => declare(user, 30_000)),
      );
    commits = [];
    await send(
      FLOOD,
      users.map((user) => track(user)),
    );
    // Rows of 120,000 characters.
    expect(Math.max(...commits.map(({ length }) => length))).toBeLessThan(5);
    expect(commits.flat()).toEqual(users);
    commits = [];
    await send(FLOOD, many(300, 'f0'));
    // One row is written once.
    expect(commits.length).toBeLessThan(3);
    for (let i = 0; i < 10; i++) await send(FLOOD, [declare('f0', 30_000)]);
    commits = [];
    await send(FLOOD, many(300, 'f0'));
    // Also where it alone is more than a commit may write.
    expect(commits.length).toBeLessThan(3);
  });

  it('is bounded by all rows that it writes, however ordinary each', async () => {
    const users = Array.from({ length: 1_500 }, (_, i) => `f${i}`);
    for (let at = 0; at < users.length; at += 100)
      await send(
        FLOOD,
        users.slice(at, at + 100).map((user) => declare(user, 7_000)),
      );
    commits = [];
    await send(
      FLOOD,
      users.map((user) => track(user)),
    );
    expect(Math.max(...commits.map(({ length }) => length))).toBeLessThan(1_300);
    expect(commits.flat()).toEqual(users);
  });

  it('of messages whose time has come is bounded by the large rows, not by messages that change the same one', async () => {
    const later = (userId: string): AcceptedMessage => ({ ...track(userId), time: T0 + 1_000 });
    for (let i = 0; i < 10; i++) await send(FLOOD, [declare('a', 30_000), declare('b', 30_000)]);
    await send(FLOOD, [
      ...Array.from({ length: 300 }, () => later('a')),
      ...Array.from({ length: 5 }, () => [later('b'), later('a')]).flat(),
    ]);
    now += 2_000;
    await core.tick();
    expect(arrivedIn.reduce((sum, count) => sum + count, 0)).toBe(310);
    // Rows of 300,000 characters: one is written as seldom as can be, and with a second one it is over.
    expect(arrivedIn.length).toBeLessThan(50);
    expect(Math.max(...arrivedIn.slice(-4))).toBeLessThan(3);
    expect([(await core.profile('user:a'))?.eventCount, (await core.profile('user:b'))?.eventCount]).toEqual([
      315, 15,
    ]);
    expect((await core.verify({})).differences).toEqual([]);
  });

  it('does not look into messages that no definition looks into: those of large requests are not parsed yet', async () => {
    let looks = 0;
    const unparsed = Array.from({ length: 3 }, (_, i): AcceptedMessage => {
      const { body, ...message } = track(`u${i}`);
      return Object.defineProperty({ ...message, body }, 'body', {
        get() {
          looks++;
          return body;
        },
        set() {},
      });
    });
    expect(await send(OTHER, unparsed)).toEqual(Array(3).fill('accepted'));
    expect(looks).toBe(0);
  });

  it('stores together with its messages what the same sender sends while they are put through', async () => {
    const later: Promise<unknown>[] = [];
    onLook = () => {
      onLook = () => {};
      setImmediate(() => later.push(send(OTHER, [track('b')])));
    };
    await send(OTHER, [track('a')]);
    await Promise.all(later);
    expect(commits).toEqual([['a', 'b']]);
  });

  it('is over however many of the same sender come one after another', async () => {
    let turns = 0;
    let isStored = false;
    const others: Promise<unknown>[] = [];
    const another = (): void => {
      if (isStored || turns++ === 300) return;
      others.push(send(OTHER, [track('b')]));
      setImmediate(another);
    };
    const first = send(OTHER, [track('a')]);
    another();
    await first;
    isStored = true;
    await Promise.all(others);
    expect(turns).toBeLessThan(30);
    expect(commits[0]?.slice(0, 2)).toEqual(['a', 'b']);
  });

  it('keeps of a message that was put through only its text', async () => {
    const where = { path: 'properties.filler', op: 'eq', value: 'looked into' } as const;
    await core.putDefinition('traits', 'n', { type: 'count', event: 'E', where });
    const messages = [track('a', 'looked into'), track('a'), track('b')];
    const bodies = messages.map(({ body }) => body);
    expect(await send(OTHER, messages)).toEqual(Array(3).fill('accepted'));
    expect(messages.map(({ body }) => body)).toEqual([null, null, null]);
    expect(messages.map(bodyOf)).toEqual(bodies);
    expect((await core.profile('user:a'))?.computed).toEqual({ n: 1 });
  });

  it('is bounded by bytes too', async () => {
    await send(FLOOD, many(400, 'f', 'x'.repeat(30_000)));
    expect(commits.length).toBeGreaterThanOrEqual(5);
    expect(commits.flat().length).toBe(400);
  });

  it('is bounded where all was refused', async () => {
    expect(await send(FLOOD, [], Array.from({ length: 5_000 }, refusal))).toEqual([]);
    expect(Math.max(...refusedIn)).toBeLessThanOrEqual(2_000);
    expect(core.stats().rejected).toBe(5_000);
  });
});

describe('too much', () => {
  it('is sent away whole, the flood’s own, and nothing of it is stored', async () => {
    const flood = Array.from({ length: 15 }, (_, i) => send(FLOOD, many(2_000, `f${i}`)));
    const other = send(OTHER, many(100, 'o'));
    const settled = await Promise.allSettled(flood);
    expect(await other).toEqual(Array(100).fill('accepted'));
    const refused = settled.flatMap((result, i) => (result.status === 'rejected' ? [i] : []));
    for (const i of refused) {
      // Chosen by its status.
      expect((settled[i] as PromiseRejectedResult).reason).toBeInstanceOf(Overloaded);
      expect(await core.profile(`user:f${i}`)).toBeNull();
    }
    expect(refused.length).toBe(core.stats().overloaded);
    // Ten of 2,000 may wait; the newest of them makes room for the other sender.
    expect(refused).toEqual([9, 10, 11, 12, 13, 14]);
    expect(commits.flat().length).toBe(9 * 2_000 + 100);
    expect(core.stats()).toMatchObject({ laneDepth: 0, waiting: { messages: 0, bytes: 0 } });
  });
});
