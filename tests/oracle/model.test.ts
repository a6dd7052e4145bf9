// The reference model against cases small enough to be worked out by hand.
// Invariant: every expectation here is read off the contract, never off the collector.
import { describe, expect, it } from 'vitest';
import type { Op, Operand, TraitDefinition } from '../../collector/src/wire/definitions.ts';
import type { JsonObject, JsonValue } from '../../collector/src/wire/message.ts';
import { at, compares, instantOf } from './comparison.ts';
import { passageOfTime } from './deadlines.ts';
import { add, decimalOf, toNumber, ZERO } from './decimal.ts';
import { eventTime } from './event-time.ts';
import { inOrder, isBlocked } from './history.ts';
import { world } from './model.ts';
import { message, NONE, segments, T0, told, track } from './tell.ts';

describe('comparison', () => {
  const now = T0;
  const cases: [JsonValue | undefined, Op, Operand, boolean][] = [
    [5, 'eq', '5.0', true],
    ['5', 'eq', '5.0', false],
    ['9', 'lt', '10', false],
    ['9', 'lt', 10, true],
    ['1e1', 'eq', 10, true],
    ['abc', 'lt', 10, false],
    [true, 'eq', 'true', false],
    [true, 'eq', true, true],
    [undefined, 'eq', 'a', false],
    [undefined, 'neq', 'a', true],
    [null, 'neq', 'a', true],
    [null, 'exists', null, false],
    [undefined, 'not_exists', null, true],
    [undefined, 'not_in', ['a'], true],
    [undefined, 'in', ['a'], false],
    [undefined, 'not_contains', 'a', true],
    ['abc', 'contains', 'b', true],
    [123, 'contains', '2', false],
    [['b', 2], 'includes', '2', true],
    ['b', 'includes', 'b', false],
    ['2026-06-10', 'eq', '2026-06-10T00:00:00.000Z', true],
    ['2026-06-10T14:00+02:00', 'gte', '2026-06-10T12:00:00Z', true],
    [T0, 'before', '2030-01-01', false],
    ['2026-02-30', 'before', '2030-01-01', false],
    ['2026-06-10T12:00:00Z', 'within_last', '5s', true],
    ['2026-06-10T11:59:55Z', 'within_last', '5s', false],
    ['2026-06-10T12:00:05Z', 'within_next', '5s', true],
    ['2026-06-10T12:00:00Z', 'within_next', '5s', false],
  ];
  it.each(cases)('%j %s %j is %s', (actual, op, operand, expected) => {
    expect(compares(actual, op, operand, now)).toBe(expected);
  });

  it('walks paths over own fields and array indexes only', () => {
    expect(at({ a: { b: [{ c: 1 }] } }, 'a.b.0.c')).toBe(1);
    expect(at({ a: [1, 2] }, 'a.length')).toBeUndefined();
    expect(at({ a: 'text' }, 'a.length')).toBeUndefined();
    expect(at({}, 'constructor')).toBeUndefined();
  });

  it('reads dates with and without a zone', () => {
    expect(instantOf('2026-06-10T12:00')).toBe(T0);
    expect(instantOf('2026-06-10T12:00:00.000-01:30')).toBe(T0 + 5_400_000);
    expect(instantOf('10/06/2026')).toBeUndefined();
  });
});

describe('decimal', () => {
  it('adds without a rounding error', () => {
    expect(toNumber([0.1, 0.2, 1e21, -1e21].map(decimalOf).reduce(add, ZERO))).toBe(0.3);
    expect(toNumber([1e-7, 5e-324].map(decimalOf).reduce(add, ZERO))).toBe(1e-7);
  });
});

describe('event time', () => {
  it('takes ten seconds for latency and more for a wrong clock', () => {
    expect(eventTime({ timestamp: T0 - 50, sentAt: T0 - 10_000 }, T0)).toBe(T0 - 50);
    expect(eventTime({ timestamp: T0 - 50_000, sentAt: T0 - 10_001 }, T0)).toBe(T0 - 39_999);
    expect(eventTime({ timestamp: T0 + 10_000, sentAt: T0 + 10_001 }, T0)).toBe(T0 - 1);
  });

  it('corrects a clock slightly ahead, and leaves what is meant for later', () => {
    expect(eventTime({ timestamp: T0 + 4_000, sentAt: T0 + 5_000 }, T0)).toBe(T0 - 1_000);
    expect(eventTime({ timestamp: T0 + 6_000, sentAt: T0 + 5_000 }, T0)).toBe(T0 + 6_000);
  });

  it('chooses the given time by whether there is a sentAt', () => {
    const both = { timestamp: T0 - 1, originalTimestamp: T0 - 2 };
    expect(eventTime(both, T0)).toBe(T0 - 1);
    expect(eventTime({ ...both, sentAt: T0 }, T0)).toBe(T0 - 2);
    expect(eventTime({ ...both, sentAt: 'soon' }, T0)).toBe(T0 - 1);
    expect(eventTime({ timestamp: null, originalTimestamp: '', sentAt: T0 - 60_000 }, T0)).toBe(T0);
  });
});

describe('identity', () => {
  it('knows what is never an identifier', () => {
    for (const id of ['', ' NULL ', '0', '-1', '000-000', '--', 'NaN', '[object Object]']) {
      expect(isBlocked(id), id).toBe(true);
    }
    for (const id of ['10', 'nullable', '-2', 'guest1']) expect(isBlocked(id), id).toBe(false);
  });

  it('orders by time, id bytes, then web before server', () => {
    const wide = message({ messageId: '\u{1f600}' });
    const narrow = message({ messageId: '\uff5e' });
    expect(inOrder(narrow, wide)).toBeLessThan(0);
    expect(inOrder(message({ messageId: 'x', kind: 'server' }), message({ messageId: 'x' }))).toBeGreaterThan(
      0,
    );
  });

  it('files the events of a shared device by time', () => {
    const on = (time: number, userId?: string) =>
      message({ time: T0 + time, anonymousId: 'd', ...(userId ? { userId } : {}), body: { event: 'e' } });
    const { profiles, find } = world(
      told(on(0), on(1, 'u1'), on(2), on(5, 'u2'), on(6), on(3)),
      NONE,
      T0 + 10,
    );
    expect(profiles.map((p) => [p.userId, p.eventCount, p.anonymousIds])).toEqual([
      ['u1', 4, ['d']],
      ['u2', 2, ['d']],
    ]);
    expect(find('anon:d')?.userId).toBe('u2');
  });

  it('merges users for a server key only, wherever the old id appears', () => {
    const alias = (kind: 'web' | 'server') =>
      message({
        type: 'alias',
        kind,
        trusted: kind === 'server',
        userId: 'new',
        previousId: 'old',
        time: T0 + 5,
      });
    const mine = [message({ userId: 'old' }), message({ anonymousId: 'old' })];
    expect(
      world(told(...mine, alias('server')), NONE, T0 + 5).profiles.map((p) => [p.userId, p.eventCount]),
    ).toEqual([['new', 3]]);
    const web = world(told(...mine, alias('web')), NONE, T0 + 5);
    expect(web.find('user:old')?.eventCount).toBe(1);
    expect(web.find('user:new')?.eventCount).toBe(2);
    expect(web.find('anon:old')?.userId).toBe('new');
  });

  it('has no effect of a message dated later', () => {
    const later = message({ userId: 'u', anonymousId: 'd', time: T0 + 1 });
    const early = message({ anonymousId: 'd' });
    expect(world(told(later, early), NONE, T0).find('anon:d')?.userId).toBeNull();
    expect(world(told(later, early), NONE, T0).find('user:u')).toBeUndefined();
    expect(world(told(later, early), NONE, T0 + 1).find('anon:d')?.userId).toBe('u');
  });

  it('keeps the caps, trusted links first', () => {
    const link = (device: string, time: number, trusted = false) =>
      message({
        userId: 'u',
        anonymousId: device,
        time: T0 + time,
        trusted,
        kind: trusted ? 'server' : 'web',
      });
    const { profiles, find } = world(told(link('a', 0), link('b', 1), link('c', 2, true)), NONE, T0 + 9, {
      caps: { ids: 3, merges: 9 },
    });
    expect(profiles[0]?.anonymousIds).toEqual(['a', 'c']);
    expect(profiles[0]?.flagged).toBe(true);
    expect(find('anon:b')).toBeUndefined();
  });
});

describe('declared traits and groups', () => {
  it('lets the latest writer win for each key, null unset and absence change nothing', () => {
    const identify = (time: number, traits: JsonObject) =>
      message({ type: 'identify', userId: 'u', time: T0 + time, body: { traits } });
    const sent = [
      identify(3, {}),
      identify(2, { plan: null }),
      identify(1, { plan: 'pro', a: 1 }),
      identify(0, { a: 0 }),
    ];
    expect(world(told(...sent), NONE, T0 + 3).profiles[0]?.traits).toEqual({ a: 1 });
  });

  it('shares the traits of a group among its members', () => {
    const group = (userId: string, time: number, traits: JsonObject) =>
      message({ type: 'group', userId, groupId: 'g', time: T0 + time, body: { traits } });
    const { profiles } = world(
      told(group('u1', 0, { size: 1, x: 1 }), group('u2', 1, { size: 2, x: null })),
      NONE,
      T0 + 1,
    );
    expect(profiles.map((p) => p.groups)).toEqual([
      [{ id: 'g', traits: { size: 2 } }],
      [{ id: 'g', traits: { size: 2 } }],
    ]);
  });
});

describe('computed traits', () => {
  const values: JsonValue[] = ['hat', 0.1, '0.2', null, 'hat', 'shoe'];
  const sent = values.map((v, i) => track('u', 'buy', i, { v }));
  const expected: [TraitDefinition, JsonValue][] = [
    [{ type: 'count', event: 'buy' }, 6],
    [{ type: 'count', event: 'b*', within: '3s' }, 6],
    [{ type: 'count', event: 'buy', where: { path: 'properties.v', op: 'eq', value: 'hat' } }, 2],
    [{ type: 'sum', event: 'buy', property: 'v' }, 0.3],
    [{ type: 'avg', event: 'buy', property: 'v' }, 0.15],
    [{ type: 'min', event: 'buy', property: 'v' }, 0.1],
    [{ type: 'max', event: 'none', property: 'v' }, null],
    [{ type: 'sum', event: 'none', property: 'v' }, 0],
    [{ type: 'first', event: 'buy', property: 'v' }, 'hat'],
    [{ type: 'last', event: '*', property: 'v' }, 'shoe'],
    [{ type: 'first_seen', event: 'buy' }, '2026-06-10T12:00:00.000Z'],
    [{ type: 'last_seen', event: 'buy' }, '2026-06-10T12:00:00.005Z'],
    [{ type: 'most_frequent', event: 'buy', property: 'v', minCount: 2 }, 'hat'],
    [{ type: 'most_frequent', event: 'buy', property: 'v', minCount: 3 }, null],
    [{ type: 'unique_count', event: 'buy', property: 'v' }, 4],
    [{ type: 'unique_list', event: 'buy', property: 'v' }, [0.1, '0.2', 'hat', 'shoe']],
  ];
  it.each(expected)('%j is %j', (trait, value) => {
    const { profiles } = world(told(...sent), { traits: { t: trait }, segments: {} }, T0 + 9);
    expect(profiles[0]?.computed.t).toEqual(value);
  });

  it('takes a fixed range with both ends', () => {
    const within = { from: '2026-06-10T12:00:00.001Z', to: '2026-06-10T12:00:00.003Z' };
    const count: TraitDefinition = { type: 'count', event: 'buy', within };
    expect(
      world(told(...sent), { traits: { count }, segments: {} }, T0 + 9).profiles[0]?.computed.count,
    ).toBe(3);
  });
});

describe('segments', () => {
  it('dates every change by time at its exact instant', () => {
    const definitions = segments({
      once: { event: 'e', count: { op: 'eq', value: 1 }, within: '10s' },
      not: { not: { segment: 'once' } },
    });
    const sent = [track('u', 'e', 0), track('u', 'e', 4_000)];
    const of = (segment: string) =>
      passageOfTime(told(...sent), definitions, T0 + 4_000, T0 + 60_000)
        .transitions.filter((row) => row.segment === segment)
        .map((row) => [row.change, row.at - T0]);
    expect(of('once')).toEqual([
      ['entered', 10_000],
      ['left', 14_000],
    ]);
    expect(of('not')).toEqual([
      ['left', 10_000],
      ['entered', 14_000],
    ]);
  });

  it('counts everyone known, also with none', () => {
    const definitions = segments({ never: { event: 'e', count: { op: 'eq', value: 0 } } });
    const members = world(told(track('u1', 'e'), track('u2', 'f')), definitions, T0).profiles;
    expect(members.map((p) => p.segments)).toEqual([[], ['never']]);
  });

  it('does not take a track event named like a message type for one', () => {
    const definitions = segments({ page: { event: '$page' }, prefix: { event: '$p*' } });
    expect(world(told(track('u', '$page')), definitions, T0).profiles[0]?.segments).toEqual(['prefix']);
  });
});
