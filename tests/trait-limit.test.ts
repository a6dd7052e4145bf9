// How much may be declared of a person or a group, as senders see it: what is refused, and what passes all the same.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_TRAITS_CHARS } from '../collector/src/ingest/trait-limit.ts';
import type { JsonObject } from '../collector/src/wire/message.ts';
import { openCollector, T0, type TestCollector } from './collector.ts';

/** A message as long as one may be, nearly. */
const PIECE_CHARS = 30_000;
/** So many fit, and one more does not. */
const PIECES = Math.floor(MAX_TRAITS_CHARS / (PIECE_CHARS + 50));
const text = (chars: number): string => 'x'.repeat(chars);

let collector: TestCollector;
beforeEach(async () => {
  collector = await openCollector({ file: true });
});
afterEach(() => collector.dispose());

let ids = 0;
const of = (who: JsonObject, traits: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'groupId' in who ? 'group' : 'identify',
  messageId: `m${String(++ids).padStart(6, '0')}`,
  traits,
  ...who,
  ...more,
});
const pieces = (who: JsonObject, more: JsonObject = {}, count = PIECES): JsonObject[] =>
  Array.from({ length: count }, (_, i) => of(who, { [`t${i}`]: text(PIECE_CHARS) }, more));

describe.each([
  ['a person', { userId: 'ada' }],
  ['a device', { anonymousId: 'phone' }],
  ['a group', { userId: 'ada', groupId: 'acme' }],
])('what is declared of %s', (_, who) => {
  it('ends at the limit: the message past it alone is refused, and says what to do', async () => {
    const past = of(who, { more: text(PIECE_CHARS) });
    const sent = [...pieces(who), past, of(who, { plan: 'pro' })];
    const { accepted, rejected } = await collector.send('web', sent);
    expect(accepted).toBe(PIECES + 1);
    expect(rejected).toMatchObject([{ index: PIECES, messageId: past.messageId, code: 'invalid_field' }]);
    expect(rejected[0]?.message).toMatch(/512 KiB.*unset them with null/);
    const { json } = await collector.api('GET', '/api/rejected');
    expect(json.data).toMatchObject([{ code: 'invalid_field', messageId: past.messageId }]);

    // A repeat of what was accepted is a repeat; what was refused has not used up its id.
    expect(await collector.send('web', sent)).toMatchObject({ accepted: 0, duplicates: PIECES + 1 });
    expect(await collector.verify()).toEqual([]);
  });

  it('may shrink and change at the limit, also from a file opened anew', async () => {
    await collector.send('web', pieces(who));
    await collector.reopen();
    const full = await collector.send('web', [of(who, { more: text(PIECE_CHARS) })]);
    expect(full.accepted).toBe(0);
    const messages = [
      of(who, { t0: text(PIECE_CHARS) }, { messageId: 'n' }),
      of(who, { t0: null }, { messageId: 'o' }),
      of(who, { more: text(PIECE_CHARS - 100) }),
      // Older than what is there: it changes nothing.
      of(who, { t1: text(PIECE_CHARS + 1_000) }, { timestamp: T0 - 1_000 }),
    ];
    expect(await collector.send('web', messages)).toMatchObject({ accepted: 4, rejected: [] });
    expect(await collector.verify()).toEqual([]);
  });

  it('counts what waits for its time', async () => {
    const later = { timestamp: T0 + 60_000 };
    const { accepted, rejected } = await collector.send('web', [
      ...pieces(who, later),
      ...pieces(who, later),
    ]);
    expect(accepted).toBeLessThanOrEqual(PIECES);
    expect(accepted).toBeGreaterThan(PIECES - 2);
    expect(new Set(rejected.map(({ code }) => code))).toEqual(new Set(['invalid_field']));
    collector.advance(120_000);
    expect(await collector.verify()).toEqual([]);
  });
});

it('does not keep two people from being merged, who may shrink from there', async () => {
  const [ada, bea] = [{ userId: 'ada' }, { userId: 'bea' }];
  await collector.send('web', pieces(ada));
  await collector.send(
    'web',
    pieces(bea).map((message, i) => ({ ...message, traits: { [`u${i}`]: text(PIECE_CHARS) } })),
  );
  const merged = await collector.api('POST', '/api/profiles/merge', { from: 'bea', into: 'ada' });
  expect(merged.status).toBe(200);
  expect(Object.keys((await collector.profile('user:ada'))?.traits ?? {}).length).toBe(2 * PIECES);
  const { rejected } = await collector.send('web', [of(ada, { u0: 'short' }), of(ada, { plan: 'pro' })]);
  expect(rejected.map(({ index, code }) => [index, code])).toEqual([[1, 'invalid_field']]);
  expect(await collector.verify()).toEqual([]);
});

it('ends at 1,000 groups of a person, those that wait for their time included, and lets them speak for theirs', async () => {
  const join = (group: number, more: JsonObject = {}): JsonObject =>
    of({ userId: 'ada', groupId: `g${group}` }, { n: group }, more);
  const range = (from: number, to: number): JsonObject[] =>
    Array.from({ length: to - from }, (_, i) => join(from + i));
  expect((await collector.send('web', range(0, 990))).rejected).toEqual([]);
  const later = Array.from({ length: 20 }, (_, i) => join(990 + i, { timestamp: T0 + 60_000 }));
  expect((await collector.send('web', later)).accepted).toBe(10);
  collector.advance(120_000);
  const { accepted, rejected } = await collector.send('web', [join(3), ...range(2_000, 2_003)]);
  expect([accepted, rejected.map(({ code }) => code)]).toEqual([1, Array(3).fill('invalid_field')]);
  expect(rejected[0]?.message).toMatch(/in 1000 groups.*by traits/);
  // Many messages to one group are one group, also while they wait.
  const often = Array.from({ length: 1_200 }, () => ({
    ...of({ userId: 'bea', groupId: 'acme' }, {}),
    timestamp: T0 + 300_000,
  }));
  const other = of({ userId: 'bea', groupId: 'other' }, {}, { timestamp: T0 + 300_000 });
  expect((await collector.send('web', [...often, other])).rejected).toEqual([]);
  expect((await collector.profile('user:ada'))?.groups).toHaveLength(1_000);
  expect(await collector.verify()).toEqual([]);
});

it('counts every key, however short', async () => {
  const keys = (from: number): JsonObject =>
    Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`k${from + i}`, null]));
  const sent = Array.from({ length: 25 }, (_, i) => of({ userId: 'ada' }, keys(i * 2_000)));
  expect((await collector.send('web', sent)).rejected.length).toBeGreaterThan(0);
});
