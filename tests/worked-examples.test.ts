// Worked examples of the engine, each a short story with its end, told in every way a story may arrive.
// Invariant: the end is the same when all is sent twice, in reverse, before the definition, or across restarts.
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../collector/src/wire/message.ts';
import { type ApiTransition, T0, type TestCollector, withCollector } from './collector.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

type Emitted = [change: '+' | '-', user: string, at?: number];
type Op =
  | { op: 'define'; kind: 'traits' | 'segments'; key: string; definition: JsonObject }
  | { op: 'send'; key: 'web' | 'server'; message: JsonObject }
  | { op: 'advance'; ms: number }
  | { op: 'members'; segment: string; users: string[] }
  | { op: 'emits'; segment: string; rows: Emitted[] }
  | { op: 'check'; check: (collector: TestCollector) => Promise<void>; plainOnly: boolean };

/** Writes a story down. Times are relative to the clock where the story stands, in milliseconds. */
interface Teller {
  segment(key: string, where: JsonObject): void;
  trait(key: string, definition: JsonObject): void;
  event(user: string, event: string, at?: number, properties?: JsonObject): void;
  identify(user: string, traits: JsonObject, at?: number): void;
  /** Any message, from a web key unless said otherwise. */
  send(message: JsonObject, at?: number, key?: 'web' | 'server'): void;
  advance(ms: number): void;
  /** Exactly these are in the segment now. */
  members(segment: string, ...users: string[]): void;
  /** Exactly these changes since the last look; instants relative to T0 where given. */
  emits(segment: string, ...rows: Emitted[]): void;
  /** Holds here, and at the end of every variant when nothing happens after it. */
  check(check: (collector: TestCollector) => Promise<void>): void;
  /** Holds here in the plain telling. */
  checkPlain(check: (collector: TestCollector) => Promise<void>): void;
}

function tell(story: (teller: Teller) => void): Op[] {
  const ops: Op[] = [];
  let clock = T0;
  let serial = 0;
  const teller: Teller = {
    segment: (key, where) => ops.push({ op: 'define', kind: 'segments', key, definition: { where } }),
    trait: (key, definition) => ops.push({ op: 'define', kind: 'traits', key, definition }),
    event: (userId, event, at, properties = {}) =>
      teller.send({ type: 'track', userId, event, properties }, at),
    identify: (userId, traits, at) => teller.send({ type: 'identify', userId, traits }, at),
    send(message, at = 0, key = 'web') {
      const messageId = `m${String(++serial).padStart(5, '0')}`;
      const timestamp = new Date(clock + at).toISOString();
      ops.push({ op: 'send', key, message: { messageId, timestamp, ...message } });
    },
    advance(ms) {
      clock += ms;
      ops.push({ op: 'advance', ms });
    },
    members: (segment, ...users) => ops.push({ op: 'members', segment, users }),
    emits: (segment, ...rows) => ops.push({ op: 'emits', segment, rows }),
    check: (check) => ops.push({ op: 'check', check, plainOnly: false }),
    checkPlain: (check) => ops.push({ op: 'check', check, plainOnly: true }),
  };
  story(teller);
  return ops;
}

type Variant =
  | 'as it is'
  | 'each message twice'
  | 'reopened between steps'
  | 'in reverse'
  | 'definition after';
const VARIANTS: Variant[] = [
  'as it is',
  'each message twice',
  'reopened between steps',
  'in reverse',
  'definition after',
];

const happens = (op: Op) => op.op === 'define' || op.op === 'send' || op.op === 'advance';

/** The same story in another order. In reverse and with the definition after, only its end can be compared. */
function vary(ops: Op[], variant: Variant): Op[] {
  if (variant === 'as it is' || variant === 'reopened between steps') return ops;
  if (variant === 'each message twice')
    return ops.flatMap((op): Op[] => (op.op === 'send' ? [op, op] : [op]));
  const end = ops.slice(ops.findLastIndex(happens) + 1);
  const last = new Map(
    ops.flatMap((op) => (op.op === 'define' ? [[`${op.kind} ${op.key}`, op] as const] : [])),
  );
  const sent = ops.filter((op) => op.op === 'send');
  const waits = ops.filter((op) => op.op === 'advance');
  if (variant === 'in reverse') return [...last.values(), ...waits, ...sent.reverse(), ...end];
  return [...ops.filter((op) => op.op === 'send' || op.op === 'advance'), ...last.values(), ...end];
}

async function play(ops: Op[], variant: Variant): Promise<void> {
  await withCollector({ file: true }, async (collector) => {
    const read = new Map<string, number>();
    for (const op of vary(ops, variant)) {
      if (variant === 'reopened between steps') await collector.reopen();
      switch (op.op) {
        case 'define':
          await collector.define({ [op.kind]: { [op.key]: op.definition } });
          break;
        case 'send': {
          const answer = await collector.send(op.key, [op.message]);
          expect(answer.accepted + answer.duplicates, JSON.stringify(op.message)).toBe(1);
          break;
        }
        case 'advance':
          collector.advance(op.ms);
          break;
        case 'members':
          expect(await collector.members(op.segment), `in ${op.segment}`).toEqual([...op.users].sort());
          break;
        case 'emits':
          if (variant === 'as it is') await expectEmitted(collector, op.segment, op.rows, read);
          break;
        case 'check':
          if (variant === 'as it is' || !op.plainOnly) await op.check(collector);
      }
    }
  });
}

async function expectEmitted(
  collector: TestCollector,
  segment: string,
  rows: Emitted[],
  read: Map<string, number>,
): Promise<void> {
  const feed = await collector.transitions(segment);
  const fresh = feed.filter((row) => row.seq > (read.get(segment) ?? 0));
  read.set(segment, feed.at(-1)?.seq ?? 0);
  const dated = rows.map((row) => row[2] !== undefined);
  const seen = fresh.map((row, i): Emitted => {
    const sign = row.change === 'entered' ? '+' : '-';
    return dated[i] ? [sign, String(row.userId), Date.parse(row.at) - T0] : [sign, String(row.userId)];
  });
  expect(seen, `emitted by ${segment}`).toEqual(rows);
}

function example(name: string, story: (teller: Teller) => void): void {
  const ops = tell(story);
  describe(name, () => {
    it.each(VARIANTS)('%s', (variant) => play(ops, variant));
  });
}

const did = (event: string, within?: string, more: JsonObject = {}): JsonObject => ({
  event,
  ...(within === undefined ? {} : { within }),
  ...more,
});
const times = (op: string, value: number): JsonObject => ({ count: { op, value } });
const where = (path: string, op: string, value: JsonValue): JsonObject => ({ where: { path, op, value } });
const trait = (name: string, op: string, value?: JsonValue): JsonObject => ({
  trait: name,
  op,
  ...(value === undefined ? {} : { value }),
});

const profileOf = async (collector: TestCollector, address: string) => {
  const profile = await collector.profile(address);
  if (!profile) throw new Error(`${address} is unknown`);
  return profile;
};

describe('A. traits', () => {
  example('01 an identify without a key does not erase it', (s) => {
    s.identify('u1', { email: 'a@x' }, -100);
    s.identify('u1', {}, -50);
    s.check(async (c) => expect((await profileOf(c, 'user:u1')).traits).toEqual({ email: 'a@x' }));
  });

  example('04 a flipped trait enters and leaves', (s) => {
    s.segment('a', trait('email', 'eq', 'hit'));
    s.identify('u1', { email: 'hit' });
    s.members('a', 'u1');
    s.advance(HOUR);
    s.identify('u1', { email: 'miss' });
    s.emits('a', ['+', 'u1', 0], ['-', 'u1', HOUR]);
    s.members('a');
  });

  example('05 a missing value is not equal to anything', (s) => {
    s.segment('a', trait('env', 'neq', 'prod'));
    s.identify('u1', { env: 'dev' });
    s.identify('u2', { env: 'prod' });
    s.identify('u3', {});
    s.members('a', 'u1', 'u3');
  });

  example('06 not_exists while values come; redefining the same is nothing', (s) => {
    const again = async (c: TestCollector) => {
      const before = await c.transitions('a');
      const answer = await c.api('PUT', '/api/segments/a', { where: { op: 'not_exists', trait: 'email' } });
      expect([answer.status, answer.json.status]).toEqual([200, 'ready']);
      expect(await c.transitions('a')).toEqual(before);
    };
    s.segment('a', trait('email', 'not_exists'));
    s.identify('u1', { email: '1' });
    for (const user of ['u2', 'u3', 'u4']) s.identify(user, {});
    s.members('a', 'u2', 'u3', 'u4');
    s.checkPlain(again);
    s.advance(SECOND);
    s.identify('u3', { email: '3' });
    s.identify('u4', { email: '4' });
    s.members('a', 'u2');
    s.checkPlain(again);
    s.advance(SECOND);
    s.identify('u2', { email: '2' });
    s.members('a');
  });

  example('07 includes looks into arrays and nowhere else', (s) => {
    s.segment('a', trait('items1', 'includes', 'test2'));
    s.identify('u1', { items1: ['test1', 'test2', 'test3'] });
    s.identify('u2', { items1: ['test4', 'test5', 'test6'] });
    s.identify('u3', { items2: ['test2'] });
    s.identify('u4', { items1: 'invalid test2' });
    s.members('a', 'u1');
    s.advance(1);
    s.identify('u1', { items1: [] });
    s.members('a');
  });

  example('13 distinct values in order', (s) => {
    s.trait('list', { type: 'unique_list', event: 'buy', property: 'sku' });
    s.trait('many', { type: 'unique_count', event: 'buy', property: 'sku' });
    for (const [i, sku] of ['shoes', 'hat', 'shoes'].entries()) s.event('u1', 'buy', i - 3, { sku });
    s.check(async (c) => {
      expect((await profileOf(c, 'user:u1')).computed).toEqual({ list: ['hat', 'shoes'], many: 2 });
    });
  });

  it('13 past a thousand distinct values the list is cut and says so, the count stays exact', async () => {
    await withCollector({ file: true }, async (collector) => {
      await collector.define({
        traits: {
          list: { type: 'unique_list', event: 'buy', property: 'sku' },
          many: { type: 'unique_count', event: 'buy', property: 'sku' },
        },
      });
      const sku = (i: number) => `sku-${(i * 7_919) % 1_205}`;
      const buys = Array.from({ length: 1_205 }, (_, i) => ({
        type: 'track',
        event: 'buy',
        userId: 'u1',
        properties: { sku: sku(i) },
      }));
      await collector.send('web', buys.slice(0, 1_000));
      expect((await profileOf(collector, 'user:u1')).computed.list).toHaveLength(1_000);
      await collector.send('web', [...buys.slice(1_000), ...buys.slice(0, 5)]);
      await collector.reopen();
      const values = buys
        .map((buy) => buy.properties.sku)
        .sort()
        .slice(0, 1_000);
      expect((await profileOf(collector, 'user:u1')).computed).toEqual({
        list: { values, truncated: true },
        many: 1_205,
      });
    });
  });

  example('active days are told apart, however many', (s) => {
    s.trait('days', { type: 'active_days', event: 'A' });
    for (let day = 0; day < 70; day++) if (day % 9 !== 4) s.event('u1', 'A', -day * DAY);
    s.event('u1', 'A', -DAY + 1);
    s.check(async (c) => expect((await profileOf(c, 'user:u1')).computed).toEqual({ days: 62 }));
  });
});

describe('B. time on traits', () => {
  example('14 a date slides out of its window without an event', (s) => {
    s.segment('a', trait('createdAt', 'within_last', '60s'));
    s.identify('u1', { createdAt: new Date(T0 - 100).toISOString() }, -100);
    s.members('a', 'u1');
    s.advance(50);
    s.members('a', 'u1');
    s.advance(1_200_000);
    s.members('a');
    s.emits('a', ['+', 'u1', 0], ['-', 'u1', 60_000 - 100]);
  });

  example('15 after an absolute date', (s) => {
    s.segment('a', trait('createdAt', 'after', new Date(T0 + 5 * HOUR).toISOString()));
    s.identify('u1', { createdAt: new Date(T0 - 100).toISOString() });
    s.members('a');
    s.advance(7 * HOUR);
    s.identify('u2', { createdAt: new Date(T0 + 7 * HOUR - 100).toISOString() });
    s.members('a', 'u2');
  });

  const recent = { all: [trait('lastVisit', 'within_last', '5d'), trait('address', 'neq', 'test')] };
  example('18 a relative date is rewritten', (s) => {
    s.segment('a', recent);
    s.identify('u1', { lastVisit: new Date(T0 - 3 * DAY).toISOString() });
    s.members('a', 'u1');
    s.advance(1);
    s.identify('u1', { lastVisit: new Date(T0 - 15 * DAY).toISOString() });
    s.members('a');
  });

  example('18 a relative date grows old', (s) => {
    s.segment('a', recent);
    s.identify('u1', { lastVisit: new Date(T0 - 3 * DAY).toISOString() });
    s.advance(2 * DAY - 1);
    s.members('a', 'u1');
    s.advance(2);
    s.members('a');
    s.emits('a', ['+', 'u1', 0], ['-', 'u1', 2 * DAY]);
  });

  example('a date to come enters and leaves by itself', (s) => {
    s.segment('soon', trait('renewal', 'within_next', '1d'));
    s.identify('u1', { renewal: new Date(T0 + 3 * DAY).toISOString() });
    s.members('soon');
    s.advance(2 * DAY);
    s.members('soon', 'u1');
    s.advance(2 * DAY);
    s.members('soon');
    s.emits('soon', ['+', 'u1', 2 * DAY], ['-', 'u1', 3 * DAY]);
  });
});

describe('C. performed and counted', () => {
  example('20 performed', (s) => {
    s.segment('a', did('test'));
    s.event('u1', 'test');
    s.event('u2', 'unrelated');
    s.members('a', 'u1');
  });

  example('21 never performed: everyone known is considered', (s) => {
    s.segment('a', did('test', undefined, times('eq', 0)));
    s.event('u1', 'unrelated');
    s.event('u2', 'test');
    s.members('a', 'u1');
    s.checkPlain((c) => c.tick().then(c.tick));
    s.members('a', 'u1');
    s.advance(1);
    s.event('u1', 'test');
    s.members('a');
  });

  example('22 not performed lately: entry by time', (s) => {
    s.segment('a', did('test', '5s', times('eq', 0)));
    s.event('u1', 'unrelated');
    s.event('u2', 'test', -100);
    s.members('a', 'u1');
    s.advance(SECOND);
    s.members('a', 'u1');
    s.advance(10 * SECOND);
    s.members('a', 'u1', 'u2');
    s.emits('a', ['+', 'u1', 0], ['+', 'u2', 5 * SECOND - 100]);
  });

  example('23 fewer than two, none included', (s) => {
    s.segment('a', did('test', undefined, times('lt', 2)));
    s.event('u1', 'other');
    s.event('u2', 'test');
    s.event('u3', 'test');
    s.event('u3', 'test', -1);
    s.members('a', 'u1', 'u2');
  });

  example('25 fewer than one in a window', (s) => {
    s.segment('a', did('test', '500s', times('lt', 1)));
    s.event('u1', 'unrelated');
    s.event('u2', 'test', -100);
    s.members('a', 'u1');
    s.advance(100);
    s.members('a', 'u1');
    s.advance(500 * SECOND);
    s.members('a', 'u1', 'u2');
  });

  example('29 three events slide out before the fourth comes', (s) => {
    s.segment('a', did('pv', '7d', times('gte', 3)));
    for (const at of [-2, -1, 0]) s.event('u1', 'pv', at);
    s.members('a', 'u1');
    s.advance(8 * DAY);
    s.event('u1', 'pv');
    s.members('a');
    s.emits('a', ['+', 'u1', 0], ['-', 'u1', 7 * DAY - 2]);
  });

  for (const [within, days, second] of [
    ['7d', 7, 3],
    ['365d', 365, 100],
  ] as const) {
    example(`30 exactly once within ${within}: out and in again, twice`, (s) => {
      s.segment('a', did('pv', within, times('eq', 1)));
      s.event('u1', 'pv');
      s.advance(second * DAY);
      s.event('u1', 'pv');
      s.members('a');
      s.advance((days - second) * DAY);
      s.members('a', 'u1');
      s.advance(second * DAY);
      s.members('a');
      s.emits(
        'a',
        ['+', 'u1', 0],
        ['-', 'u1', second * DAY],
        ['+', 'u1', days * DAY],
        ['-', 'u1', (days + second) * DAY],
      );
    });
  }

  example('31 one of two events expires: still in', (s) => {
    s.segment('a', did('pv', '7d'));
    s.event('u1', 'pv');
    s.advance(4 * DAY);
    s.event('u1', 'pv');
    s.emits('a', ['+', 'u1', 0]);
    s.advance(3 * DAY);
    s.emits('a');
    s.members('a', 'u1');
    s.advance(4 * DAY - 1);
    s.members('a', 'u1');
    s.advance(1);
    s.members('a');
    s.emits('a', ['-', 'u1', 11 * DAY]);
  });

  example('34 numbers compare as numbers, numeric text too', (s) => {
    s.segment('old', did('e', undefined, where('properties.age', 'gte', 20)));
    s.segment('young', did('e', undefined, where('properties.age', 'lt', 20)));
    s.segment('ten', did('e', undefined, where('properties.age', 'lt', 10)));
    s.event('u1', 'e', 0, { age: 18 });
    s.event('u2', 'e', 0, { age: 22 });
    s.event('u3', 'e', 0, { age: '9' });
    s.event('u4', 'e', 0, { age: 'nine' });
    s.members('old', 'u2');
    s.members('young', 'u1', 'u3');
    s.members('ten', 'u3');
  });

  example('35 a path into nested properties', (s) => {
    s.segment('a', did('e', undefined, where('properties.level1.level2.level3', 'eq', 'value1')));
    s.event('u1', 'e', 0, { level1: { level2: { level3: 'value1' } } });
    s.event('u2', 'e', 0, { level1: { level2: 'value1' } });
    s.event('u3', 'e', 0, { 'level1.level2.level3': 'value1' });
    s.members('a', 'u1');
  });

  example('38 the last one of a kind', (s) => {
    s.trait('last_group', {
      type: 'last',
      event: 'test',
      property: 'group',
      ...where('properties.kind', 'eq', 'integration'),
    });
    s.segment('a', { computed: 'last_group', op: 'eq', value: 'first' });
    s.event('u1', 'test', -10, { kind: 'integration', group: 'first' });
    s.event('u2', 'other', -10, { kind: 'integration', group: 'first' });
    s.event('u3', 'test', -10, { kind: 'else', group: 'first' });
    s.event('u4', 'test', -10, { kind: 'integration', group: 'second' });
    s.members('a', 'u1');
    s.event('u1', 'test', -5, { kind: 'integration', group: 'second' });
    s.members('a');
    s.event('u1', 'test', -7, { kind: 'integration', group: 'first' });
    s.members('a');
  });

  example('41 entering again counts again', (s) => {
    s.segment('a', did('test', '5s'));
    s.event('u1', 'test', -6 * SECOND);
    s.members('a');
    s.advance(SECOND);
    s.event('u1', 'test');
    s.members('a', 'u1');
    s.advance(6 * SECOND);
    s.members('a');
    s.advance(SECOND);
    s.event('u1', 'test');
    s.members('a', 'u1');
    s.emits('a', ['+', 'u1', SECOND], ['-', 'u1', 6 * SECOND], ['+', 'u1', 8 * SECOND]);
  });
});

describe('D. sequences, first time, lifecycle', () => {
  const pv = { event: 'pv' };

  example('42 a second view soon enough after the first', (s) => {
    s.segment('a', { sequence: [pv, { ...pv, within: '3d' }], within: '7d' });
    s.event('u1', 'pv', -3 * DAY);
    s.event('u1', 'pv', -1 * DAY);
    s.event('u2', 'pv', -1 * DAY);
    s.event('u3', 'pv', -5 * DAY);
    s.event('u3', 'pv', -1 * DAY);
    s.members('a', 'u1');
  });

  example('45 the first step arrives after the second', (s) => {
    s.segment('a', { sequence: [{ event: 'A' }, { event: 'B', within: '10m' }] });
    s.event('u1', 'B', -60 * SECOND);
    s.members('a');
    s.event('u1', 'A', -360 * SECOND);
    s.members('a', 'u1');
    s.event('u1', 'A', -360 * SECOND);
    s.members('a', 'u1');
    s.emits('a', ['+', 'u1', 0]);
  });

  example('49 the first ever, until an earlier one arrives', (s) => {
    s.segment('a', { first: 'pv', within: '7d' });
    s.event('p1', 'pv', -20 * DAY);
    s.event('p1', 'pv', -4 * DAY);
    s.event('p2', 'pv', -4 * DAY);
    s.members('a', 'p2');
    s.event('p2', 'pv', -30 * DAY);
    s.members('a');
    s.emits('a', ['+', 'p2', 0], ['-', 'p2', 0]);
  });

  example('a chain of four leaves with its first step', (s) => {
    s.segment('a', { sequence: ['A', 'B', 'C', 'D'].map((event) => ({ event })), within: '10s' });
    s.event('u1', 'A', -5 * SECOND);
    s.event('u1', 'B', -3 * SECOND);
    s.event('u1', 'C', -1 * SECOND);
    s.event('u1', 'D');
    s.members('a', 'u1');
    s.advance(6 * SECOND);
    s.members('a');
    s.emits('a', ['+', 'u1', 0], ['-', 'u1', 5 * SECOND]);
  });

  example('an absence holds from its very instant', (s) => {
    s.segment('a', { sequence: [{ event: 'A' }, { absent: { event: 'B' }, within: '10s' }] });
    s.event('u1', 'A');
    s.advance(10 * SECOND - 1);
    s.members('a');
    s.advance(1);
    s.members('a', 'u1');
    s.emits('a', ['+', 'u1', 10 * SECOND]);
  });

  example('two dates that take turns hold without a break', (s) => {
    const at = (ms: number) => ({ at: new Date(T0 + ms).toISOString() });
    s.segment('a', { trait: 'at', op: 'within_last', value: '10s', for: '15s' });
    s.identify('u1', at(0));
    s.advance(10 * SECOND);
    s.identify('u1', at(10 * SECOND));
    s.members('a');
    s.advance(5 * SECOND);
    s.members('a', 'u1');
    s.emits('a', ['+', 'u1', 15 * SECOND]);
  });
});

describe('E. composition', () => {
  example('52 one leaf expires and takes the whole away', (s) => {
    s.segment('a', { all: [did('pv', '7d'), trait('plan', 'eq', 'pro')] });
    s.identify('u1', { plan: 'pro' });
    s.event('u1', 'pv');
    s.members('a', 'u1');
    s.advance(8 * DAY);
    s.members('a');
    s.emits('a', ['+', 'u1', 0], ['-', 'u1', 7 * DAY]);
  });

  example('53 segments of segments change together', (s) => {
    s.segment('c1', did('new_view', '7d'));
    s.segment('c2', { all: [did('some', '7d'), trait('name', 'neq', 'test2'), { not: { segment: 'c1' } }] });
    s.segment('c3', { all: [trait('name', 'eq', 'test3'), { not: { segment: 'c2' } }] });
    const people: [string, string, string[]][] = [
      ['p1', 'test2', ['new_view', 'some']],
      ['p2', 'test', ['some']],
      ['p3', 'test2', ['some']],
      ['p4', 'test3', ['target']],
      ['p5', 'test3', ['new_view']],
    ];
    for (const [user, name, done] of people) {
      s.identify(user, { name });
      for (const event of done) s.event(user, event);
    }
    s.members('c2', 'p2');
    s.members('c3', 'p4', 'p5');
    s.advance(HOUR);
    s.event('p5', 'some');
    s.members('c2', 'p2');
    s.emits('c3', ['+', 'p4'], ['+', 'p5']);
    s.advance(7 * DAY - HOUR);
    s.members('c1');
    s.members('c2', 'p5');
    s.members('c3', 'p4');
    s.emits('c3', ['-', 'p5', 7 * DAY]);
    s.checkPlain(async (c) => {
      const rows = await Promise.all(['c1', 'c2', 'c3'].map((segment) => c.transitions(segment)));
      const rippled = rows.flat().filter((row) => row.userId === 'p5' && Date.parse(row.at) === T0 + 7 * DAY);
      expect(rippled.map((row) => [row.segment, row.change])).toEqual([
        ['c1', 'left'],
        ['c2', 'entered'],
        ['c3', 'left'],
      ]);
      for (const row of rippled) expect(row.cause).toEqual({ deadline: row.at });
    });
    s.advance(HOUR);
    s.members('c2');
    s.members('c3', 'p4', 'p5');
  });

  it('53 refuses a circle', async () => {
    await withCollector({}, async (collector) => {
      await collector.define({ segments: { x: { where: did('e') }, y: { where: { segment: 'x' } } } });
      const circle = await collector.put('segments', 'x', { where: { not: { segment: 'y' } } });
      expect(circle.status).toBe(422);
      const self = await collector.put('segments', 'z', { where: { segment: 'z' } });
      expect(self.status).toBe(422);
      expect((await collector.api('GET', '/api/segments/x')).json.where).toEqual(did('e'));
    });
  });

  it('54 a static segment inside a dynamic one', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.define({
        segments: {
          picked: { static: true },
          other: { where: { all: [did('new_view', '7d'), { not: { segment: 'picked' } }] } },
          main: { where: { any: [{ segment: 'other' }, did('pv', '7d')] } },
        },
      });
      const done: [string, string][] = [
        ['p1', 'some'],
        ['p2', 'pv'],
        ['p3', 'new_view'],
        ['p4', 'new_view'],
        ['p5', 'some'],
      ];
      await c.send(
        'web',
        done.map(([userId, event], i) => ({
          type: 'track',
          userId,
          event,
          messageId: `m${i}`,
          timestamp: new Date(T0).toISOString(),
        })),
      );
      const pick = (user: string) => c.api('PUT', `/api/segments/picked/profiles/user:${user}`);
      for (const user of ['p4', 'p5']) expect((await pick(user)).status).toBe(204);
      expect(await c.members('main')).toEqual(['p2', 'p3']);
      await c.reopen();
      await pick('p3');
      expect(await c.members('main')).toEqual(['p2']);
      expect(await c.verify()).toEqual([]);
    });
  });
});

describe('F. identity', () => {
  const threeLately = did('pv', '2d', times('gte', 3));

  example('57 and 59 a merge adds up, as if all had been one from the start', (s) => {
    s.segment('a', threeLately);
    s.trait('sum', { type: 'sum', event: 'pv', property: 'v' });
    s.event('old', 'pv', -2, { v: 0.1 });
    s.event('old', 'pv', -1, { v: 0.2 });
    s.event('new', 'pv', 0, { v: 0.3 });
    s.members('a');
    s.send({ type: 'alias', previousId: 'old', userId: 'new' }, 1, 'server');
    s.advance(1);
    s.members('a', 'new');
    s.check(async (c) => {
      const profile = await profileOf(c, 'user:new');
      expect([profile.computed.sum, profile.eventCount]).toEqual([0.6, 4]);
      expect((await profileOf(c, 'user:old')).id).toBe(profile.id);
    });
    s.emits('a', ['+', 'new', 1]);
  });

  example('60 a device becomes a person nobody knew', (s) => {
    s.segment('a', did('x'));
    s.send({ type: 'track', event: 'x', anonymousId: 'd' });
    s.checkPlain(async (c) => expect(await c.members('a')).toEqual(['d']));
    s.advance(1);
    s.send({ type: 'identify', userId: 'known', anonymousId: 'd' });
    s.members('a', 'known');
    s.check(async (c) => {
      const profile = await profileOf(c, 'user:known');
      expect((await profileOf(c, 'anon:d')).id).toBe(profile.id);
      expect((await c.all('/api/profiles')).length).toBe(1);
      const left = (await c.transitions('a')).filter((row) => row.profileId !== profile.id);
      for (const row of left.filter((one) => one.change === 'left')) {
        expect(row.cause).toEqual({ operation: 'merged' });
      }
      expect(replay(await c.transitions('a'))).toEqual([profile.id]);
    });
  });

  example('62 a straggler for the old id counts once on the survivor', (s) => {
    s.segment('a', threeLately);
    s.event('old', 'pv', -3);
    s.event('new', 'pv', -2);
    s.send({ type: 'alias', previousId: 'old', userId: 'new' }, -1, 'server');
    s.members('a');
    s.event('old', 'pv', 0);
    s.members('a', 'new');
    s.check(async (c) => expect((await profileOf(c, 'user:new')).eventCount).toBe(4));
  });

  example('64 two users of one device stay two', (s) => {
    s.segment('bought', did('buy'));
    const on = (fields: JsonObject, at: number) => s.send({ type: 'track', anonymousId: 'd', ...fields }, at);
    on({ event: 'buy' }, -6);
    on({ event: 'login', userId: 'u1' }, -5);
    on({ event: 'view' }, -4);
    on({ event: 'login', userId: 'u2' }, -3);
    on({ event: 'view' }, -2);
    s.members('bought', 'u1');
    s.check(async (c) => {
      expect((await profileOf(c, 'user:u1')).eventCount).toBe(3);
      expect((await profileOf(c, 'user:u2')).eventCount).toBe(2);
    });
  });

  example('66 ids that are none never bring people together', (s) => {
    s.segment('a', did('e'));
    const users = Array.from({ length: 100 }, (_, i) => `u${i}`);
    const blocked = ['null', '-1', 'anonymous', '000-000'];
    for (const [i, userId] of users.entries()) {
      s.send({ type: 'track', event: 'e', userId, anonymousId: blocked[i % 4] ?? '' });
    }
    s.members('a', ...users);
  });

  it('59 a merged profile is as if it had received all from the start', async () => {
    const events = (user: string) => (name: string, i: number) => ({
      type: 'track',
      userId: user,
      event: name,
      messageId: `${name}${i}`,
      timestamp: new Date(T0 - (5 - i) * HOUR).toISOString(),
      properties: { v: i + 0.1 },
    });
    const definitions = {
      traits: {
        n: { type: 'count', event: 'A*' },
        sum: { type: 'sum', event: 'A*', property: 'v' },
        last: { type: 'last', event: 'A*', property: 'v' },
      },
      segments: {
        often: { where: { event: 'A1', ...times('gte', 2), within: '2d' } },
        chain: { where: { sequence: [{ event: 'A1' }, { event: 'A2', within: '3h' }] } },
      },
    };
    const stateOf = (profile: JsonObject): JsonObject => {
      const { id: _id, segments, ...rest } = profile;
      return { ...rest, segments: (segments as { key: string }[]).map(({ key }) => key).sort() };
    };
    const told = async (merges: number): Promise<JsonObject> => {
      let state: JsonObject = {};
      await withCollector({ file: true }, async (c) => {
        await c.define(definitions);
        const [one, other] = merges > 0 ? ['old', 'new'] : ['new', 'new'];
        await c.send('server', [
          ...['A1', 'A2'].map(events(one)),
          ...['B', 'A1', 'A2'].map((name, i) => ({ ...events(other)(name, i + 2), messageId: `x${i}` })),
        ]);
        for (let i = 0; i < merges; i++)
          expect((await c.api('POST', '/api/profiles/merge', { from: 'old', into: 'new' })).status).toBe(200);
        state = stateOf((await profileOf(c, 'user:new')) as unknown as JsonObject);
        expect(await c.verify()).toEqual([]);
      });
      return state;
    };
    const fresh = await told(0);
    expect(fresh).toMatchObject({ eventCount: 5, computed: { n: 4 }, segments: ['chain', 'often'] });
    expect(await told(1)).toEqual(fresh);
    expect(await told(2)).toEqual(fresh);
  });

  it('69 what is left after an erasure is as if the erased had never been', async () => {
    const rest = [
      { type: 'group', userId: 'b', groupId: 'g', messageId: 'b1', traits: { city: 'Y' } },
      { type: 'track', userId: 'b', event: 'A', messageId: 'b2', properties: { v: 2 } },
    ];
    const gone = [
      { type: 'group', userId: 'a', groupId: 'g', messageId: 'a1', traits: { plan: 'pro' } },
      { type: 'track', userId: 'a', event: 'A', messageId: 'a2', properties: { v: 5 } },
    ];
    const told = async (messages: JsonObject[], erases: boolean): Promise<JsonObject> => {
      let seen: JsonObject = {};
      await withCollector({ file: true }, async (c) => {
        await c.define({
          traits: { sum: { type: 'sum', event: 'A', property: 'v' } },
          segments: { did: { where: did('A') }, pro: { where: { group: trait('plan', 'eq', 'pro') } } },
        });
        await c.send(
          'web',
          messages.map((one) => ({ timestamp: new Date(T0).toISOString(), ...one })),
        );
        if (erases) expect((await c.api('DELETE', '/api/profiles/user:a?suppress=true')).status).toBe(200);
        // Later ones of theirs are dropped.
        if (erases) await c.send('web', [{ ...gone[1], messageId: 'a3' } as JsonObject]);
        seen = {
          b: (await c.profile('user:b')) as unknown as JsonObject,
          a: ((await c.profile('user:a')) ?? null) as unknown as JsonValue,
          group: (await c.api('GET', '/api/groups/g')).json,
          did: (await c.api('GET', '/api/segments/did')).json.size ?? null,
          pro: (await c.api('GET', '/api/segments/pro')).json.size ?? null,
        };
        expect(await c.verify()).toEqual([]);
      });
      return seen;
    };
    const { b, ...others } = await told([...gone, ...rest], true);
    const { b: alone, ...without } = await told(rest, false);
    const shape = (profile: JsonValue | undefined) => ({ ...(profile as JsonObject), id: '' });
    expect(others).toEqual(without);
    expect(shape(b)).toEqual(shape(alone));
    expect(without).toMatchObject({ a: null, did: 1, pro: 0 });
  });
});

describe('G. late, early, changed, restarted', () => {
  example('72 late events count where they belong', (s) => {
    s.segment('a', did('e', '7d'));
    s.event('u1', 'e', -8 * DAY);
    s.event('u2', 'e', -7 * DAY + HOUR);
    s.event('u3', 'e', -7 * DAY);
    s.members('a', 'u2');
    s.advance(HOUR);
    s.members('a');
    s.emits('a', ['+', 'u2', 0], ['-', 'u2', HOUR]);
  });

  example('74 a message from the future waits and pushes nothing out', (s) => {
    s.segment('a', did('e', '7d'));
    s.trait('count', { type: 'count', event: 'e' });
    s.event('u1', 'e');
    s.event('u1', 'e', 10 * DAY);
    s.event('u2', 'e', 10 * DAY);
    s.members('a', 'u1');
    s.check(async (c) => expect(await c.profile('user:u2')).toBeUndefined());
    s.checkPlain(async (c) => {
      const profile = await profileOf(c, 'user:u1');
      expect([profile.eventCount, profile.computed.count]).toEqual([1, 1]);
    });
    s.advance(7 * DAY);
    s.members('a');
    s.advance(3 * DAY - 1);
    s.members('a');
    s.advance(1);
    s.members('a', 'u1', 'u2');
    s.check(async (c) => expect((await profileOf(c, 'user:u1')).computed.count).toBe(2));
  });

  example('80 a changed threshold counts at once, with the old events', (s) => {
    s.segment('a', did('e'));
    s.event('u1', 'e', -1);
    s.members('a', 'u1');
    s.segment('a', did('e', undefined, times('gte', 2)));
    s.members('a');
    s.event('u1', 'e', 0);
    s.members('a', 'u1');
    s.emits('a', ['+', 'u1'], ['-', 'u1'], ['+', 'u1']);
    s.checkPlain(async (c) => {
      const causes = (await c.transitions('a')).map((row) => Object.keys(row.cause));
      expect(causes).toEqual([['messageId'], ['definition'], ['messageId']]);
    });
  });

  example('83 a definition made after the events sees them', (s) => {
    s.event('u1', 'e', -3 * DAY);
    s.event('u2', 'e', -11 * DAY);
    s.segment('a', did('e', '10d'));
    s.members('a', 'u1');
  });

  it('83 is ready only when it is complete', async () => {
    await withCollector({}, async (collector) => {
      await collector.send('web', [{ type: 'track', event: 'e', userId: 'u1' }]);
      const put = await collector.put('segments', 'a', { where: did('e') });
      expect([put.status, put.json.status]).toEqual([201, 'building']);
      await collector.tick();
      const { json } = await collector.api('GET', '/api/segments/a');
      expect([json.status, json.size]).toEqual(['ready', 1]);
      expect(await collector.members('a')).toEqual(['u1']);
    });
  });

  it('83 keeps the last complete version in force until the new one is ready', async () => {
    await withCollector({}, async (collector) => {
      await collector.define({
        segments: { a: { where: did('e') }, b: { where: { not: { segment: 'a' } } } },
      });
      await collector.send('web', [{ type: 'track', event: 'e', userId: 'u1' }]);
      const put = await collector.put('segments', 'a', { where: did('f') });
      expect([put.status, put.json.status]).toEqual([200, 'building']);
      const during = await collector.api('GET', '/api/segments/a');
      if (during.json.status === 'building') {
        expect([await collector.members('a'), await collector.members('b')]).toEqual([['u1'], []]);
      }
      await collector.tick();
      expect([await collector.members('a'), await collector.members('b')]).toEqual([[], ['u1']]);
    });
  });

  it('86 what falls due while it is closed is dated at its instant, once', async () => {
    await withCollector({ file: true }, async (collector) => {
      await collector.define({ segments: { a: { where: did('e', '5s') } } });
      await collector.send('web', [{ type: 'track', event: 'e', userId: 'u1' }]);
      collector.advance(DAY);
      await collector.reopen();
      await collector.tick();
      await collector.reopen();
      const rows = (await collector.transitions('a')).map((row) => [row.change, Date.parse(row.at) - T0]);
      expect(rows).toEqual([
        ['entered', 0],
        ['left', 5 * SECOND],
      ]);
    });
  });

  it('88 ten thousand and one people leave at one instant, each exactly once', async () => {
    await withCollector({ file: true }, async (collector) => {
      await collector.define({ segments: { a: { where: did('e', '5s') } } });
      const timestamp = new Date(T0).toISOString();
      const people = Array.from({ length: 10_001 }, (_, i) => `u${i}`);
      for (let from = 0; from < people.length; from += 2_000) {
        const batch = people
          .slice(from, from + 2_000)
          .map((userId) => ({ type: 'track', event: 'e', userId, timestamp }));
        await collector.send('server', batch);
      }
      expect((await collector.api('GET', '/api/segments/a')).json.size).toBe(10_001);
      collector.advance(6 * SECOND);
      const wave = collector.tick();
      await collector.send('web', [{ type: 'track', event: 'e', userId: 'u5' }]);
      await wave;
      await collector.tick();
      expect(await collector.members('a')).toEqual(['u5']);
      const feed = await collector.transitions('a');
      const left = feed.filter((row) => row.change === 'left');
      expect(left.length).toBe(10_001);
      expect(new Set(left.map((row) => row.userId)).size).toBe(10_001);
      expect(new Set(left.map((row) => Date.parse(row.at) - T0))).toEqual(new Set([5 * SECOND]));
      expect(feed.at(-1)?.seq).toBe(feed.length);
    });
  });

  it('90 bad events are left out, each with its reason', async () => {
    await withCollector({}, async (collector) => {
      const event = { type: 'track', event: 'e', userId: 'u1' };
      const answer = await collector.send('web', [
        event,
        { ...event, userId: null },
        { ...event, timestamp: 'never' },
        { ...event, properties: 'none' },
        { ...event, event: '' },
        event,
      ]);
      expect(answer.accepted).toBe(2);
      expect(answer.rejected.map((row) => [row.index, row.code])).toEqual([
        [1, 'missing_identity'],
        [2, 'invalid_timestamp'],
        [3, 'invalid_field'],
        [4, 'missing_event'],
      ]);
      expect(new Set(answer.rejected.map((row) => row.message)).size).toBe(4);
    });
  });
});

/** Who is in after all rows of a feed, from nobody. */
function replay(feed: ApiTransition[]): string[] {
  const members = new Set<string>();
  for (const row of feed) {
    if (row.change === 'entered') members.add(row.profileId);
    else members.delete(row.profileId);
  }
  return [...members].sort();
}
