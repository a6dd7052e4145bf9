// Merges, unmerges, lists and erasures in the model, by stories small enough to be checked by hand.
// Invariant: every expectation here is read off the contract, never off the collector.
import { describe, expect, it } from 'vitest';
import type { History, ModelMessage } from './history.ts';
import { type Definitions, world } from './model.ts';
import { erased, listed, merged, refusedIds, unlisted, unmerged } from './operations.ts';
import { alias, group, message, NONE, on, people, T0, told, track } from './tell.ts';

const find = (history: History, address: string, at = 100) => world(history, NONE, T0 + at).find(address);
const everyone = told(track('a', 'e'), track('b', 'e'), track('c', 'e'));

describe('merge', () => {
  it('joins two users from its instant on', () => {
    const history = merged(everyone, 'a', 'b', T0 + 10);
    expect(people(history, 10)).toEqual({ 'user:b': 2, 'user:c': 1 });
    expect(find(history, 'user:a')?.userId).toBe('b');
  });

  it('of an id merged before merges its survivor', () => {
    const history = merged(merged(everyone, 'a', 'b', T0 + 10), 'a', 'c', T0 + 20);
    expect(people(history, 20)).toEqual({ 'user:c': 3 });
  });

  it('takes its place among the aliases by time', () => {
    // a into b at 10 by alias, then a (b by then) into c at 20: c survives. The other way round it is b.
    const after = merged(told(...everyone.messages, alias('a', 'b', 10)), 'a', 'c', T0 + 20);
    expect(Object.keys(people(after, 30))).toEqual(['user:c']);
    const before = merged(told(...everyone.messages, alias('a', 'b', 10)), 'a', 'c', T0 + 5);
    expect(Object.keys(people(before, 30))).toEqual(['user:b']);
  });
});

describe('unmerge', () => {
  it('undoes every merge from that id and nothing else', () => {
    const chain = merged(merged(everyone, 'a', 'b', T0 + 10), 'b', 'c', T0 + 20);
    expect(people(unmerged(chain, 'b'), 30)).toEqual({ 'user:b': 2, 'user:c': 1 });
    expect(people(unmerged(chain, 'a'), 30)).toEqual({ 'user:a': 1, 'user:c': 2 });
    expect(people(unmerged(chain, 'c'), 30)).toEqual({ 'user:c': 3 });
  });

  it('undoes an alias as a merge, not as a link, also one dated later', () => {
    const history = unmerged(told(...everyone.messages, on('a', 0), alias('a', 'b', 10)), 'a');
    expect(people(history, 30)).toEqual({ 'user:a': 1, 'user:b': 3, 'user:c': 1 });
    expect(find(history, 'anon:a')?.userId).toBe('b');
    const again = told(...history.messages, alias('a', 'b', 20));
    expect(find(again, 'user:a')?.userId).toBe('b');
  });
});

describe('static segments', () => {
  const definitions: Definitions = { traits: {}, segments: { vip: { static: true } } };
  const inside = (history: History, at = 100) =>
    world(history, definitions, T0 + at)
      .profiles.filter((profile) => profile.segments.includes('vip'))
      .map((profile) => profile.key)
      .sort();

  it('belong to the id given and are read through merges', () => {
    const history = merged(listed(everyone, 'vip', 'user:a'), 'a', 'b', T0 + 10);
    expect(inside(history)).toEqual(['user:b']);
    expect(inside(unmerged(history, 'a'))).toEqual(['user:a']);
    expect(inside(unlisted(history, 'vip', 'user:a'))).toEqual([]);
  });

  it('follow a device to whoever holds it now', () => {
    const sent = told(on('d', 0), on('d', 10, 'u'), on('d', 20, 'v'));
    const history = listed(sent, 'vip', 'anon:d');
    expect([0, 10, 20].map((at) => inside(history, at))).toEqual([['anon:d'], ['user:u'], ['user:v']]);
  });
});

describe('erasure', () => {
  const erase = (history: History, address: string, at = 100) => {
    const person = find(history, address, at);
    if (!person) throw new Error(`${address} is unknown`);
    return erased(history, person.key, T0 + at);
  };

  it('takes all messages of the person, later ones too, out of groups as well', () => {
    const sent = told(
      on('d', 0),
      on('d', 1, 'u'),
      group('u', 'g', 2, { size: 1 }),
      track('u', 'e', 500),
      on('d', 600),
      on('e', 601, 'u'),
      group('v', 'g', 3, { city: 'Oslo' }),
    );
    const { history } = erase(sent, 'user:u');
    expect(people(history, 900)).toEqual({ 'user:v': 1 });
    expect(world(history, NONE, T0 + 900).group('g')).toEqual({
      id: 'g',
      traits: { city: 'Oslo' },
      members: 1,
    });
  });

  it('takes memberships and merges with it', () => {
    let history = merged(everyone, 'a', 'b', T0 + 10);
    for (const address of ['user:a', 'user:b', 'user:c']) history = listed(history, 'vip', address);
    history = erase(history, 'user:b').history;
    expect(history.lists.vip).toEqual(['user:c']);
    expect(people(told(...history.messages, track('a', 'e', 200), track('b', 'e', 200)), 200)).toEqual({
      'user:c': 1,
      'user:a': 1,
      'user:b': 1,
    });
  });

  const shared = [on('d', 0, 'u'), on('d', 10, 'v'), on('d', 20, 'u'), on('d', 30, 'v')];
  const late = (...messages: ModelMessage[]) => {
    const { history } = erase(told(...shared), 'user:u');
    return { ...history, messages: [...history.messages, ...messages] };
  };

  it('keeps the times on shared devices, for nobody else', () => {
    expect(people(late(), 100)).toEqual({ 'user:v': 2 });
    // 5 and 25 were theirs, 15 was not, -5 came before their first link.
    const history = late(on('d', 5), on('d', 25), on('d', 15), on('d', -5));
    expect(people(history, 100)).toEqual({ 'user:v': 3, 'nameless:u': 3 });
    const nameless = world(history, NONE, T0 + 100).profiles.find(({ key }) => key === 'nameless:u');
    expect([nameless?.userId, nameless?.anonymousIds]).toEqual([null, ['d']]);
    expect(find(history, 'user:u')).toBeUndefined();
  });

  it('gives the times back to the user who comes back', () => {
    expect(people(late(on('d', 5), track('u', 'e', 50)), 100)).toEqual({ 'user:v': 2, 'user:u': 2 });
    expect(people(late(on('d', 5), alias('u', 'w', 50)), 100)).toEqual({ 'user:v': 2, 'user:w': 2 });
  });

  it('forgets devices that were theirs alone', () => {
    const sent = told(on('d', 0, 'u'), on('e', 1, 'u'), on('e', 2, 'v'));
    const { history, users, devices } = erase(sent, 'user:u');
    expect([users, devices]).toEqual([['u'], ['d']]);
    expect(people(told(...history.messages, on('d', 5)), 100)).toEqual({ 'user:v': 1, 'anon:d': 1 });
  });

  it('of a device alone leaves what others will say on it', () => {
    const sent = told(on('d', 0), on('d', 150), on('d', 200, 'u'), on('d', 250));
    const { history, users, devices } = erase(sent, 'anon:d');
    expect([users, devices]).toEqual([[], ['d']]);
    expect(people(history, 900)).toEqual({ 'user:u': 2 });
  });

  it('refuses what names them from then on', () => {
    const suppressed = { users: new Set(['u']), devices: new Set(['d']) };
    const names = (fields: Partial<ModelMessage>) =>
      Object.values(refusedIds(message(fields), suppressed)).some(Boolean);
    expect(names({ userId: 'u' })).toBe(true);
    expect(names({ userId: 'v', anonymousId: 'd' })).toBe(true);
    expect(names({ userId: 'd', anonymousId: 'u' })).toBe(false);
    expect(names({ type: 'alias', userId: 'v', previousId: 'u' })).toBe(true);
  });
});
