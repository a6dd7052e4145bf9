// The engine's small parts against plain arithmetic, and people against a refold, without any storage.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DefinitionFile, Op } from '../wire/definitions.ts';
import type { JsonObject, MessageType } from '../wire/message.ts';
import { aggregateNamed, type Entry } from './aggregates.ts';
import type { Block } from './blocks.ts';
import { compileComparison } from './comparison.ts';
import { addDecimals, type Decimal, fromDecimal, fromQuotient, toDecimal, ZERO } from './decimal.ts';
import type { EngineMessage } from './filter.ts';
import { addLink, covers, movesBetween, ownerAt, type Run, stretchesOf, tidy } from './identity.ts';
import { JsonBytes } from './json-bytes.ts';
import {
  evaluate,
  foldMessage,
  open,
  openingsAt,
  refold,
  refoldInto,
  type Surroundings,
  settleInstant,
} from './person.ts';
import { decodePerson, emptyPerson, type PersonState, writePerson } from './person-state.ts';
import { compileProgram, type Program } from './program.ts';
import { compareStamps, compareUtf8, type Stamp } from './stamp.ts';
import { emptyBag, traitsOf, writeTraits } from './trait-bag.ts';
import {
  addToWindow,
  blocksOpeningAt,
  nextOpening,
  openBlock,
  windowCount,
  windowSummary,
} from './window.ts';

const text = fc.string({ unit: 'binary', maxLength: 8 });
const rowOf = (person: PersonState): string => new TextDecoder().decode(writePerson(new JsonBytes(), person));

describe('order', () => {
  it('is that of UTF-8 bytes', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
    expect(compareUtf8('\uffee', '\u{1f600}')).toBeLessThan(0);
  });
});

describe('decimals', () => {
  const double = fc.double({ noNaN: true, noDefaultInfinity: true });
  const amount = fc.oneof(
    double,
    fc.integer({ min: -1_000_000, max: 1_000_000 }).map((n) => n / 100),
  );
  const asFraction = ([mantissa, scale]: Decimal): [bigint, number] => [BigInt(mantissa), scale];
  const isEqual = (a: Decimal, b: Decimal): boolean => {
    const [[m, s], [n, t]] = [asFraction(a), asFraction(b)];
    return m * 10n ** BigInt(t) === n * 10n ** BigInt(s);
  };

  it('are what JSON shows of a number', () => {
    fc.assert(
      fc.property(amount, (value) => {
        expect(fromDecimal(toDecimal(value))).toBe(value === 0 ? 0 : value);
      }),
    );
    expect(toDecimal(0.1)).toEqual([1, 1]);
    expect(toDecimal(2.5e-7)).toEqual([25, 8]);
  });

  it('sum to the same digits in any order and grouping', () => {
    fc.assert(
      fc.property(fc.array(amount, { maxLength: 12 }), (values) => {
        const sum = (list: readonly number[]): Decimal => list.map(toDecimal).reduce(addDecimals, ZERO);
        const middle = values.length >> 1;
        expect(isEqual(sum(values), sum([...values].reverse()))).toBe(true);
        expect(
          isEqual(sum(values), addDecimals(sum(values.slice(0, middle)), sum(values.slice(middle)))),
        ).toBe(true);
      }),
    );
    expect(fromDecimal([0.1, 0.2, 0.3].map(toDecimal).reduce(addDecimals, ZERO))).toBe(0.6);
    expect(fromDecimal([1e308, 1, -1e308].map(toDecimal).reduce(addDecimals, ZERO))).toBe(1);
  });

  it('divide to the nearest double: the average of equal values is the value', () => {
    fc.assert(
      fc.property(amount, fc.integer({ min: 1, max: 40 }), (value, times) => {
        const values = Array.from({ length: times }, () => toDecimal(value));
        expect(fromQuotient(values.reduce(addDecimals, ZERO), times)).toBe(value === 0 ? 0 : value);
      }),
    );
    expect(fromQuotient([6, 1], 3)).toBe(0.2);
    expect(fromQuotient([1, 0], 3)).toBe(1 / 3);
    expect(fromQuotient(toDecimal(1e308), 7)).toBe(1e308 / 7);
    expect(fromQuotient(addDecimals(toDecimal(1e308), toDecimal(1e308)), 2)).toBe(1e308);
    // Half of the way from 1 to the next double, and a little more.
    const middle = (2n ** 53n + 1n) * 10n ** 30n;
    const divisor = 2 ** 53;
    expect(fromQuotient([String(middle), 30], divisor)).toBe(1);
    expect(fromQuotient([String(middle + 1n), 30], divisor)).toBe(1 + Number.EPSILON);
  });
});

describe('comparisons', () => {
  const rows: [value: unknown, op: Op, expected: unknown, holds: boolean][] = [
    [18, 'gte', 20, false],
    ['9', 'lt', 10, true],
    ['9', 'lt', '10', false],
    ['09', 'eq', 9, true],
    ['09', 'eq', '9', false],
    ['+1.5e1', 'eq', 15, true],
    ['0x10', 'eq', 16, false],
    [' 5', 'eq', 5, false],
    ['Pro', 'eq', 'pro', false],
    [true, 'eq', true, true],
    ['true', 'eq', true, false],
    [1, 'eq', true, false],
    ['2026-06-10', 'eq', '2026-06-10T00:00:00Z', true],
    ['2026-06-10T02:00:00+02:00', 'eq', '2026-06-10', true],
    ['2026-06-10', 'gt', '2026-06-09T23:59:59.999Z', true],
    [1_781_049_600_000, 'after', '2020-01-01', false],
    ['2026-02-30', 'before', '2027-01-01', false],
    [undefined, 'neq', 'prod', true],
    [undefined, 'not_in', ['a'], true],
    [undefined, 'not_contains', 'a', true],
    [undefined, 'not_exists', undefined, true],
    [undefined, 'eq', 'x', false],
    [undefined, 'lt', 5, false],
    ['invalid', 'includes', 'x', false],
    [['a', 2], 'includes', '2', true],
    [['a', 2], 'includes', 'b', false],
    [['a'], 'contains', 'a', false],
    ['basket', 'contains', 'ask', true],
    ['basket', 'starts_with', 'bas', true],
    ['basket', 'ends_with', 'ket', true],
    [5, 'in', ['5', 6], true],
    ['5', 'in', [5], true],
    ['a', 'not_in', ['a'], false],
    [{ a: 1 }, 'eq', 'a', false],
    [{ a: 1 }, 'gt', 0, false],
    [0, 'exists', undefined, true],
    ['', 'exists', undefined, true],
  ];
  it.each(rows)('%j %s %j is %s', (value, op, expected, holds) => {
    expect(compileComparison(op, expected as never).test(value as never, 0)).toBe(holds);
  });

  it.each(['within_last', 'within_next'] as const)(
    '%s says when it will change, to the millisecond',
    (op) => {
      const v = Date.parse('2026-06-10T12:00:00.000Z');
      const { test, flip } = compileComparison(op, '2s');
      for (let now = v - 3_000; now <= v + 3_000; now++) {
        const holds = op === 'within_last' ? now - 2_000 < v && v <= now : now < v && v <= now + 2_000;
        if (test('2026-06-10T12:00:00.000Z', now) !== holds) expect.fail(`${op} at ${now - v}`);
        const next = flip('2026-06-10T12:00:00.000Z', now);
        expect(next).toBeGreaterThan(now);
        // Nothing changes strictly before the instant it names.
        const last = Math.min(next - 1, v + 3_000);
        if (test('2026-06-10T12:00:00.000Z', last) !== holds) expect.fail(`${op} flips before ${next - v}`);
      }
    },
  );
});

const stampArbitrary: fc.Arbitrary<Stamp> = fc.tuple(
  fc.integer({ min: 0, max: 8 }),
  fc.constantFrom('a', 'b', 'c'),
  fc.constantFrom<0 | 1>(0, 1),
);
const isSame = (a: Stamp, b: Stamp): boolean => compareStamps(a, b) === 0;

describe('declared traits', () => {
  it('are the last writer’s, in any order of arrival', () => {
    const write = fc.record({
      stamp: stampArbitrary,
      traits: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom<number | null>(1, 2, null)),
    });
    fc.assert(
      fc.property(fc.uniqueArray(write, { comparator: (x, y) => isSame(x.stamp, y.stamp) }), (writes) => {
        const bag = emptyBag();
        for (const { stamp, traits } of writes) writeTraits(bag, traits, stamp);
        const expected: JsonObject = {};
        for (const { traits } of [...writes].sort((x, y) => compareStamps(x.stamp, y.stamp)))
          Object.assign(expected, traits);
        for (const key of Object.keys(expected)) if (expected[key] === null) delete expected[key];
        expect(traitsOf(bag)).toEqual(expected);
      }),
    );
  });

  it('keep few more stamps than keys, however often these are written', () => {
    for (const count of [1, 3, 100]) {
      const bag = emptyBag();
      const traits = Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
      for (let i = 0; i < 5_000; i++) {
        writeTraits(bag, i === 0 ? traits : { [`k${i % count}`]: i }, [i, 'm', 0]);
        expect(bag.s.length).toBeLessThanOrEqual(Math.max(8, 4 * count));
      }
      expect(Object.keys(traitsOf(bag)).length).toBe(count);
    }
  });

  it('take any name, also those every object has', () => {
    const bag = emptyBag();
    writeTraits(bag, { constructor: 1, toString: 'x' }, [1, 'm', 0]);
    expect(traitsOf(bag)).toEqual({ constructor: 1, toString: 'x' });
  });
});

describe('device timelines', () => {
  const links = fc.uniqueArray(fc.record({ stamp: stampArbitrary, user: fc.integer({ min: 1, max: 3 }) }), {
    comparator: (x, y) => isSame(x.stamp, y.stamp),
    maxLength: 12,
  });
  /** Whoever linked last at or before, else the first to link. */
  const plainOwner = (all: readonly Run[], at: Stamp): number | null => {
    const ordered = [...all].sort((x, y) => compareStamps(x.stamp, y.stamp));
    return (ordered.filter(({ stamp }) => compareStamps(stamp, at) <= 0).at(-1) ?? ordered[0])?.user ?? null;
  };

  it('answer as all links would, whatever order they came in', () => {
    fc.assert(
      fc.property(links, stampArbitrary, (all, at) => {
        let timeline: readonly Run[] = [];
        const known: Run[] = [];
        for (const link of all) {
          known.push(link);
          const cut = [...timeline].reverse().find(({ stamp }) => compareStamps(stamp, link.stamp) <= 0);
          const end = timeline.find(({ stamp }) => compareStamps(stamp, link.stamp) > 0)?.stamp ?? null;
          const relinked = known
            .filter(
              ({ user, stamp }) =>
                cut &&
                user === cut.user &&
                compareStamps(stamp, link.stamp) > 0 &&
                (!end || compareStamps(stamp, end) < 0),
            )
            .sort((x, y) => compareStamps(x.stamp, y.stamp))[0];
          const next = addLink(timeline, link.stamp, link.user, relinked?.stamp ?? null);
          const before = ownerAt(timeline, at);
          const after = ownerAt(next, at);
          const moved = movesBetween(timeline, next).some((move) => covers(move, at));
          expect(moved).toBe(before !== after);
          timeline = next;
        }
        expect(ownerAt(timeline, at)).toBe(plainOwner(all, at));
        expect(timeline).toEqual(tidy(all));
        for (const user of [1, 2, 3]) {
          const owns = stretchesOf(timeline, new Set([user])).some((stretch) => covers(stretch, at));
          expect(owns).toBe(plainOwner(all, at) === user);
        }
      }),
      { numRuns: 500 },
    );
  });
});

const DEFINITIONS: DefinitionFile = {
  traits: {
    count: { type: 'count', event: 'A' },
    recent: { type: 'count', event: 'A', within: '3s' },
    sum: { type: 'sum', event: '*', property: 'v', within: '10s' },
    most: { type: 'max', event: 'A*', property: 'v', within: '5s' },
    first: { type: 'first', event: 'A', property: 'v', within: '5s' },
    last: { type: 'last', event: 'A', property: 'v' },
    often: { type: 'most_frequent', event: '*', property: 'v', within: '10s' },
    list: { type: 'unique_list', event: 'B', property: 'v' },
    seen: {
      type: 'last_seen',
      event: 'B',
      within: { from: '2026-01-01T00:00:02Z', to: '2026-01-01T00:00:09Z' },
    },
  },
  segments: {
    twice: { where: { event: 'A', count: { op: 'gte', value: 2 }, within: '3s' } },
    once: { where: { event: 'A', count: { op: 'eq', value: 1 }, within: '10s' } },
    quiet: { where: { event: '*', count: { op: 'eq', value: 0 }, within: '5s' } },
    nested: { where: { all: [{ segment: 'twice' }, { not: { segment: 'quiet' } }] } },
    fresh: { where: { computed: 'seen', op: 'within_last', value: '4s' } },
    soon: {
      where: {
        event: 'A',
        where: {
          any: [
            { path: 'properties.at', op: 'within_next', value: '2s' },
            { path: 'properties.v', op: 'gt', value: 2 },
          ],
        },
        within: '10s',
      },
    },
    rich: { where: { computed: 'sum', op: 'gt', value: 5 } },
    plan: { where: { trait: 'plan', op: 'eq', value: 'pro' } },
    kept: { where: { trait: 'plan', op: 'eq', value: 'pro', for: '2s' } },
    free: { where: { trait: 'plan', op: 'not_exists', for: '3s' } },
    recent: { where: { trait: 'day', op: 'within_last', value: '2s', for: '1s' } },
    steps: {
      where: { sequence: [{ event: 'A' }, { event: 'B', within: '2s' }, { event: 'A*' }], within: '5s' },
    },
    ever: {
      where: {
        sequence: [{ event: 'B' }, { event: 'A', within: '1s' }, { event: '$identify', within: '1s' }],
      },
    },
    left: { where: { sequence: [{ event: 'A' }, { absent: { event: 'B' }, within: '1s' }] } },
    leftLately: {
      where: {
        sequence: [{ event: 'A' }, { event: 'A*' }, { absent: { event: 'B' }, within: '1s' }],
        within: '3s',
      },
    },
    soonThen: {
      where: {
        sequence: [
          { event: 'A', where: { path: 'properties.at', op: 'within_next', value: '1s' } },
          { event: 'B', within: '3s' },
        ],
      },
    },
    firstB: { where: { first: 'B', within: '4s' } },
    perA: { where: { computed: 'ratio', op: 'gte', value: 0.5 } },
    answered: { where: { survey: 'nps', question: 'score', op: 'gte', value: 2 } },
    answeredAt: { where: { survey: 'nps', question: 'at', op: 'within_last', value: '3s' } },
    half: { where: { all: [{ bucket: { salt: 's', from: 0, to: 60 } }, { segment: 'plan' }] } },
  },
};

const START = Date.parse('2026-01-01T00:00:00Z');
let number = 0;
const program: Program = compileProgram({
  active: {
    traits: {
      ...DEFINITIONS.traits,
      days: { type: 'active_days', event: '*', within: '5s' },
      ratio: { type: 'formula', expression: 'coalesce(sum / [two], 0)' },
      two: { type: 'count', event: 'A', within: '3s' },
    },
    segments: DEFINITIONS.segments ?? {},
    zone: 'Asia/Kathmandu',
    surveys: {},
    lists: {},
    since: {},
  },
  target: null,
  generation: 1,
  intern: () => ++number,
  bucketOf: () => 50,
});
const ALONE: Surroundings = { ext: 'u1', lists: [], groups: new Map() };

interface Event {
  at: number;
  id: number;
  type: MessageType;
  event: string;
  v: number | string;
}
function engineMessage({ at, id, type, event, v }: Event): EngineMessage {
  const body: JsonObject = {
    type,
    event,
    properties: { v, at: new Date(START + at + 1_500).toISOString() },
    traits: { plan: v === 1 ? 'pro' : null, day: new Date(START + at + 500).toISOString() },
    surveyId: 'nps',
    submissionId: `s${id % 30}`,
    answers: { score: v === 3 ? null : v, at: new Date(START + at).toISOString() },
    userId: 'u1',
  };
  return {
    stamp: [START + at, `m${id}`, 0],
    type,
    event: type === 'track' ? event : null,
    groupId: null,
    body: () => body,
  };
}

const inOrder = (messages: readonly EngineMessage[]): EngineMessage[] =>
  [...messages].sort((a, b) => compareStamps(a.stamp, b.stamp));

/** Folds a message in as the lane does; it is among `messages` already. */
function apply(
  person: PersonState,
  message: EngineMessage,
  now: number,
  messages: readonly EngineMessage[],
): void {
  const { touched, rest } = foldMessage(program, person, message, now);
  for (const { leaf } of rest?.late ?? [])
    refoldInto(
      person,
      leaf,
      inOrder(messages).filter((other) => program.match(other).includes(leaf)),
      now,
    );
  evaluate(program, person, touched, { now, cause: { messageId: '' }, emit: () => {} });
}

/** Lets time pass as the lane does, opening blocks from the messages so far. */
function settle(person: PersonState, until: number, messages: readonly EngineMessage[]): void {
  while (person.due !== null && person.due <= until) {
    const instant = person.due;
    for (const opening of openingsAt(program, person, instant)) {
      const { block } = opening;
      const inside = messages.filter(({ stamp }) => !block || (stamp[0] >= block.f && stamp[0] <= block.t));
      open(program, person, opening, inOrder(inside), instant);
    }
    settleInstant(program, person, instant, () => {});
  }
}

function view(person: PersonState, now: number): JsonObject {
  const computed: JsonObject = {};
  for (const [key, trait] of program.traits) computed[key] = trait.value(person, now);
  const segments = program.segments
    .filter(({ version }) => person.members.has(version))
    .map(({ key }) => key);
  return {
    computed,
    segments: segments.sort(),
    eventCount: person.eventCount,
    traits: traitsOf(person.traits),
  };
}

describe('a person', () => {
  const event = fc.record({
    at: fc.integer({ min: -4_000, max: 0 }),
    type: fc.constantFrom<MessageType>('track', 'track', 'track', 'identify', 'page', 'survey'),
    event: fc.constantFrom('A', 'B', 'A2'),
    v: fc.constantFrom<number | string>(1, 2, 3, '2.5', 'x', 0.1),
  });
  const step = fc.record({
    wait: fc.constantFrom(0, 1, 500, 1_000, 2_999, 3_000, 9_000),
    events: fc.array(event, { maxLength: 4 }),
  });

  it('equals a refold after every step, also read back from its row', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
        let now = START;
        let id = 0;
        let person = emptyPerson(1, 1, 'u1');
        const messages: EngineMessage[] = [];
        for (const { wait, events } of steps) {
          now += wait;
          for (const more of events) {
            const message = engineMessage({ ...more, at: Math.max(0, now - START + more.at), id: ++id });
            settle(person, now, messages);
            messages.push(message);
            apply(person, message, now, messages);
          }
          settle(person, now, messages);
          if (messages.length === 0) continue;
          const text = rowOf(person);
          expect(text).toBe(JSON.stringify(JSON.parse(text)));
          person = decodePerson({ id: 1, text, built: 1, due: person.due }, 'u1');
          expect(view(person, now)).toEqual(view(refold(program, 1, messages, now, ALONE), now));
        }
      }),
      { numRuns: 400 },
    );
  });

  it('stays exact through sealed blocks, late arrivals and ties, at a bounded size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
        let state = seed;
        const random = (n: number): number => {
          state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
          return state % n;
        };
        let now = START + 20_000;
        const person = emptyPerson(1, 1, 'u1');
        const messages: EngineMessage[] = [];
        for (let i = 0; i < 900; i++) {
          now += random(3) === 0 ? random(30) : 0;
          settle(person, now, messages);
          const late = random(10) === 0 ? random(9_000) : 0;
          const message = engineMessage({
            at: now - START - late,
            id: i,
            type: 'track',
            event: random(4) ? 'A' : 'B',
            v: random(4),
          });
          messages.push(message);
          apply(person, message, now, messages);
          if (i % 150 === 149)
            expect(view(person, now)).toEqual(view(refold(program, 1, messages, now, ALONE), now));
        }
        expect(rowOf(person).length).toBeLessThan(90_000);
        for (let i = 0; i < 12; i++) {
          now += random(1_500);
          settle(person, now, messages);
          expect(view(person, now)).toEqual(view(refold(program, 1, messages, now, ALONE), now));
        }
      }),
      { numRuns: 3 },
    );
  });

  it('changes by time at no instant before the one it names', () => {
    const person = emptyPerson(1, 1, 'u1');
    const messages = [0, 400, 400, 1_700].map((at, i) =>
      engineMessage({ at, id: i, type: 'track', event: i === 1 ? 'B' : 'A', v: i }),
    );
    const start = START + 1_700;
    for (const message of messages) apply(person, message, start, messages);
    let last = JSON.stringify(view(refold(program, 1, messages, start, ALONE), start).segments);
    for (let now = start + 1; now < start + 12_000; now++) {
      const fresh = JSON.stringify(view(refold(program, 1, messages, now, ALONE), now).segments);
      if (fresh !== last) {
        expect(person.due, `a change at ${now - START}`).not.toBeNull();
        expect(person.due as number).toBeLessThanOrEqual(now);
      }
      last = fresh;
      settle(person, now, messages);
      expect(view(person, now).segments).toEqual(JSON.parse(fresh));
    }
  });
});

describe('windows', () => {
  it('count exactly with several edges, thousands of entries, late ones and ties', () => {
    const windows = [700, 2_000, 6_000];
    const count = aggregateNamed('count');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
        let state = seed;
        const random = (n: number): number => {
          state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
          return (state >> 8) % n;
        };
        let now = 10_000;
        let blocks: Block[] = [];
        const all: Entry[] = [];
        /** The newest, and before and behind each edge; up to 100 entries of one instant stay together. */
        const mostExact = 128 + windows.length * 2 * (64 + 100);
        const advance = (until: number): void => {
          for (
            let at = nextOpening(blocks, windows, now);
            at <= until;
            at = nextOpening(blocks, windows, now)
          ) {
            now = at;
            for (const sealed of blocksOpeningAt(blocks, windows, at, { known: false })) {
              const inside = all.filter(({ stamp }) => sealed.f <= stamp[0] && stamp[0] <= sealed.t);
              blocks = openBlock(count, windows, blocks, sealed, inside, at);
            }
          }
          now = until;
        };
        const check = (): void => {
          const exact = blocks.reduce((sum, block) => sum + ('e' in block ? block.e.length : 0), 0);
          expect(exact).toBeLessThanOrEqual(mostExact);
          for (const window of windows) {
            const plain = all.filter(({ stamp }) => now - window < stamp[0] && stamp[0] <= now).length;
            expect(windowCount(blocks, window, now)).toBe(plain);
            expect(windowSummary(count, blocks, window, now) ?? 0).toBe(plain);
          }
        };
        for (let i = 0; i < 14_000; i++) {
          // Instants with more entries than a sealed block holds, and gaps between them.
          if (i % 100 === 0) advance(now + random(90));
          const late = random(9) === 0 ? random(60) * 100 : 0;
          const entry: Entry = { stamp: [Math.max(1, now - late), `m${i}`, 0], value: null };
          all.push(entry);
          if (entry.stamp[0] > now - 6_000) blocks = addToWindow(count, windows, blocks, entry, now);
          if (i % 100 === 99) check();
        }
        expect(blocks.length).toBeLessThan(250);
        for (let i = 0; i < 30; i++) {
          advance(now + random(400));
          check();
        }
      }),
      { numRuns: 6 },
    );
  });
});

describe('the index', () => {
  it('finds leaves by name, prefix, type and star; a name with a dollar only by prefix and star', () => {
    const named = (event: string) =>
      program
        .match({ ...engineMessage({ at: 0, id: 1, type: 'track', event, v: 1 }), event })
        .flatMap((leaf) => (leaf.kind === 'aggregate' ? leaf.events : []));
    expect(new Set(named('A'))).toEqual(new Set(['A', 'A*', '*']));
    expect(new Set(named('A2'))).toEqual(new Set(['A*', '*']));
    expect(new Set(named('$page'))).toEqual(new Set(['*']));
    expect(program.match(engineMessage({ at: 0, id: 1, type: 'alias', event: '', v: 1 }))).toEqual([]);
  });
});
