// Random scripts for the law: what may happen to a collector, drawn from small alphabets so that edges collide.
// Invariant: a script is plain data; the same script always does the same.
import fc from 'fast-check';
import type { Condition, TraitDefinition, Where, Within } from '../../collector/src/wire/definitions.ts';
import type { JsonObject, JsonValue, MessageType } from '../../collector/src/wire/message.ts';
import { iso } from './model.ts';

export const USERS = ['u1', 'u2', 'u3', 'both'] as const;
export const DEVICES = ['d1', 'd2', 'd3', 'both'] as const;
export const GROUPS = ['g1', 'g2'] as const;
export const TRAIT_KEYS = ['t1', 't2', 't3'] as const;
export const SEGMENT_KEYS = ['s1', 's2', 's3', 's4', 's5'] as const;

/** A message to send; times relative to the clock of its sending, in milliseconds. */
export interface ScriptMessage {
  type: MessageType;
  messageId: string;
  userId?: string | null;
  anonymousId?: string | null;
  previousId?: string;
  groupId?: string;
  event?: string;
  name?: string;
  atMs: number;
  /** The message's own `sentAt`, relative as well. */
  sentAtMs?: number;
  properties?: JsonObject;
  traits?: JsonObject;
}

export type Step =
  | { do: 'send'; key: 'web' | 'server'; messages: ScriptMessage[]; batchSentAtMs?: number; twice?: true }
  | Burst
  /** Requests under way at the same time; no two of their messages share an id. */
  | { do: 'race'; sends: Extract<Step, { do: 'send' }>[] }
  | { do: 'clock'; byMs: number }
  | { do: 'tick' }
  | { do: 'reopen' }
  /** `meanwhile` is sent while it builds. */
  | { do: 'put'; kind: 'traits'; key: string; definition: TraitDefinition; meanwhile?: ScriptMessage[] }
  | {
      do: 'put';
      kind: 'segments';
      key: string;
      definition: { where: Condition };
      meanwhile?: ScriptMessage[];
    }
  | { do: 'delete'; kind: 'traits' | 'segments'; key: string }
  /** Compare everything with the model; between two looks nothing is read. */
  | { do: 'look' };

/** Many events of one person, so that long histories and their summaries come into play. */
export interface Burst {
  do: 'burst';
  key: 'web' | 'server';
  /** Begins the messageIds: two bursts of one name repeat each other. */
  name: string;
  who: { userId: string } | { anonymousId: string };
  count: number;
  /** The first event, relative to the clock. */
  fromMs: number;
  /** So many share an instant; the next ones come `everyMs` later. */
  perInstant: number;
  everyMs: number;
}

export type Script = Step[];

/** The messages a burst stands for, `a` events with a number and a tag. */
export function messagesOf(burst: Burst): ScriptMessage[] {
  return Array.from({ length: burst.count }, (_, i) => ({
    type: 'track',
    event: 'a',
    messageId: `${burst.name}-${i}`,
    ...burst.who,
    atMs: burst.fromMs + Math.floor(i / burst.perInstant) * burst.everyMs,
    properties: { v: (i * 7) % 10, tag: `t${i % 13}` },
  }));
}

const BASE = Date.parse('2026-06-10T12:00:00Z');

// Instants on a grid of five seconds around the start, with neighbours one millisecond away.
const gridMs = fc.constantFrom(-20, -15, -10, -5, 0, 0, 5, 10, 15, 30).map((seconds) => seconds * 1_000);
const nudgeMs = fc.constantFrom(0, 0, 0, 0, -1, 1);
const offsetMs = fc.tuple(gridMs, nudgeMs).map(([grid, nudge]) => grid + nudge);
const pastMs = fc.tuple(fc.constantFrom(-20, -15, -10, -5, 0, 0, 0), nudgeMs).map(([s, n]) => s * 1_000 + n);
const duration = fc.constantFrom('5s', '10s', '15s', '1m');
const date = offsetMs.map((ms) => iso(BASE + ms));

const value: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(0, 1, 2, 2.5, 0.1, 0.2, -1, 1e3),
  fc.constantFrom<JsonValue>('1', '2', '2.50', '1e3', '-1', 'a', 'ab', 'A', '', '9', '10'),
  fc.constantFrom<JsonValue>(null, true, false, ['a', 1], [], { a: { b: 1 } }),
  date,
);
const tag: fc.Arbitrary<JsonValue> = fc.constantFrom<JsonValue>(
  'x',
  'y',
  'z',
  'é',
  '\uff5e',
  '\u{1f600}',
  null,
);

function fields(inner: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonObject> {
  return fc
    .record({ v: inner, tag, at: date as fc.Arbitrary<JsonValue> }, { requiredKeys: [] })
    .map((record) => ({ ...record }) as JsonObject); // a record of JSON values, absent keys left out
}

// Letters whose order differs between UTF-8, UTF-16 and a dictionary; numbers of different length.
const messageId = fc
  .tuple(fc.constantFrom('m', 'm', 'm', 'M', 'é', '\uff5e', '\u{1f600}'), fc.nat({ max: 29 }))
  .map(([letter, n]) => `${letter}${n}`);

const ids = fc.oneof(
  { weight: 4, arbitrary: fc.record({ userId: fc.constantFrom(...USERS) }) },
  { weight: 4, arbitrary: fc.record({ anonymousId: fc.constantFrom(...DEVICES) }) },
  {
    weight: 3,
    arbitrary: fc.record({ userId: fc.constantFrom(...USERS), anonymousId: fc.constantFrom(...DEVICES) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      userId: fc.constantFrom(null, 'null', ' 0-0 ', 'u1'),
      anonymousId: fc.constantFrom('d1', 'd2', 'Guest'),
    }),
  },
);

const event = fc.constantFrom('a', 'a', 'b', 'ab', '$page');

const common = { messageId, atMs: offsetMs };
const body: fc.Arbitrary<Omit<ScriptMessage, 'userId' | 'anonymousId'>> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({ ...common, type: fc.constant('track'), event, properties: fields(value) }),
  },
  { weight: 4, arbitrary: fc.record({ ...common, type: fc.constant('identify'), traits: fields(value) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      ...common,
      type: fc.constantFrom('page', 'screen'),
      name: fc.constantFrom('Home', 'a'),
      properties: fields(value),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...common,
      type: fc.constant('group'),
      groupId: fc.constantFrom(...GROUPS),
      traits: fields(value),
    }),
  },
) as fc.Arbitrary<Omit<ScriptMessage, 'userId' | 'anonymousId'>>; // constantFrom widens the literals of `type`

const plain = fc.tuple(body, ids, fc.option(pastMs, { nil: undefined, freq: 8 })).map(
  ([rest, who, sentAtMs]): ScriptMessage => ({
    ...rest,
    ...who,
    ...(sentAtMs === undefined ? {} : { sentAtMs }),
  }),
);
const alias = fc
  .record({
    ...common,
    userId: fc.constantFrom(...USERS),
    previousId: fc.constantFrom(...USERS, ...DEVICES, 'd4'),
  })
  .map((fieldsOf): ScriptMessage => ({ type: 'alias', ...fieldsOf }));
const message = fc.oneof({ weight: 10, arbitrary: plain }, { weight: 1, arbitrary: alias });

const where: fc.Arbitrary<Where> = fc.oneof(
  {
    weight: 4,
    arbitrary: comparison().map((leaf): Where => ({ path: `properties.${leaf.field}`, ...leaf.test })),
  },
  {
    weight: 1,
    arbitrary: comparison().map(
      (leaf): Where => ({ not: { path: `properties.${leaf.field}`, ...leaf.test } }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.array(comparison(), { minLength: 1, maxLength: 2 }).map(
      (leaves): Where => ({
        any: leaves.map((leaf) => ({ path: `properties.${leaf.field}`, ...leaf.test })),
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Where>(
      { path: 'properties.v.0', op: 'eq', value: 'a' },
      { path: 'name', op: 'exists' },
    ),
  },
);

/** A field and a comparison that suits the values drawn for it. */
function comparison() {
  const test = fc.oneof(
    fc.record({
      op: fc.constantFrom('eq', 'neq', 'gt', 'gte', 'lt', 'lte'),
      value: fc.constantFrom(0, 1, 2, 2.5, 10),
    }),
    fc.record({ op: fc.constantFrom('eq', 'neq'), value: fc.constantFrom('1', 'a', 'x', true) }),
    fc.record({
      op: fc.constantFrom('contains', 'not_contains', 'starts_with', 'ends_with'),
      value: fc.constantFrom('a', 'b', '1'),
    }),
    fc.record({ op: fc.constantFrom('in', 'not_in'), value: fc.constantFrom(['a', 1], ['x', '2.5', true]) }),
    fc.record({ op: fc.constantFrom('exists', 'not_exists') }),
    fc.record({ op: fc.constant('includes'), value: fc.constantFrom('a', 1, '1') }),
    fc.record({ op: fc.constantFrom('before', 'after', 'gte', 'lt', 'eq'), value: date }),
    fc.record({ op: fc.constantFrom('within_last', 'within_next'), value: duration }),
    fc.record({ op: fc.constantFrom('within_last', 'within_next'), value: duration }),
  );
  return fc
    .record({ field: fc.constantFrom('v', 'v', 'tag', 'at', 'at'), test })
    .map(({ field, test: { op, ...rest } }) => ({
      field,
      // fast-check widens the literals; the schema of the collector checks them again when they are put.
      test: { op, ...rest } as { op: 'eq'; value: string },
    }));
}

const within: fc.Arbitrary<Within | undefined> = fc.oneof(
  { weight: 3, arbitrary: duration },
  { weight: 2, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.tuple(offsetMs, offsetMs).map(([a, b]) => ({
      from: iso(BASE + Math.min(a, b)),
      to: iso(BASE + Math.max(a, b)),
    })),
  },
);
const eventName = fc.constantFrom('a', 'a', 'b', 'a*', '*', '$page', '$p*', '$identify', '$group');
const selection = fc
  .record({ event: eventName, where: fc.option(where, { nil: undefined, freq: 1 }), within })
  .map(({ event: name, where: filter, within: window }) => ({
    event: name,
    ...(filter === undefined ? {} : { where: filter }),
    ...(window === undefined ? {} : { within: window }),
  }));

const traitDefinition: fc.Arbitrary<TraitDefinition> = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(
        { type: 'count' as const },
        { type: 'first_seen' as const },
        { type: 'last_seen' as const },
      ),
      fc.record({
        type: fc.constantFrom('sum', 'avg', 'min', 'max', 'first', 'last'),
        property: fc.constant('v'),
      }),
      fc.record({
        type: fc.constantFrom('unique_count', 'unique_list', 'first', 'last'),
        property: fc.constant('tag'),
      }),
      fc.record({
        type: fc.constant('most_frequent'),
        property: fc.constant('tag'),
        minCount: fc.constantFrom(1, 2),
      }),
    ),
    selection,
  )
  .map(([type, rest]) => ({ ...type, ...rest }) as TraitDefinition); // each pairing above is one of the union

// About what a burst leaves in a window.
const largeCount = fc.constantFrom(20, 50, 100, 128, 150);
const numericOp = fc.constantFrom('eq', 'neq', 'gt', 'gte', 'lt', 'lte') as fc.Arbitrary<'eq'>; // any of them
const manyCount = fc.record({ op: numericOp, value: largeCount });
const count = fc.record({
  op: numericOp,
  value: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(0, 1, 1, 2, 3) },
    { weight: 1, arbitrary: largeCount },
  ),
});

function conditions(key: string): fc.Arbitrary<Condition> {
  const earlier = SEGMENT_KEYS.slice(0, SEGMENT_KEYS.indexOf(key as 's1'));
  const leaf: fc.Arbitrary<Condition> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .tuple(selection, fc.option(count, { nil: undefined, freq: 2 }))
        .map(([rest, times]): Condition => ({ ...rest, ...(times === undefined ? {} : { count: times }) })),
    },
    { weight: 3, arbitrary: comparison().map(({ field, test }): Condition => ({ trait: field, ...test })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom(...TRAIT_KEYS), comparison())
        .map(([computed, { test }]): Condition => ({ computed, ...test })),
    },
    ...(earlier.length === 0
      ? []
      : [{ weight: 2, arbitrary: fc.constantFrom(...earlier).map((segment): Condition => ({ segment })) }]),
  );
  return fc.oneof(
    { weight: 4, arbitrary: leaf },
    { weight: 1, arbitrary: leaf.map((inner): Condition => ({ not: inner })) },
    { weight: 2, arbitrary: fc.tuple(leaf, leaf).map(([a, b]): Condition => ({ all: [a, b] })) },
    { weight: 2, arbitrary: fc.tuple(leaf, leaf).map(([a, b]): Condition => ({ any: [a, { not: b }] })) },
  );
}

const putTrait = fc
  .tuple(fc.constantFrom(...TRAIT_KEYS), traitDefinition)
  .map(([key, definition]): Step => ({ do: 'put', kind: 'traits', key, definition }));
const putSegment = fc
  .constantFrom(...SEGMENT_KEYS)
  .chain((key) =>
    conditions(key).map((root): Step => ({ do: 'put', kind: 'segments', key, definition: { where: root } })),
  );

const look: Step = { do: 'look' };
const clockMs = fc
  .tuple(fc.constantFrom(0, 5, 5, 10, 15, 60, 600), fc.constantFrom(0, 0, 0, 1, -1))
  .map(([seconds, nudge]) => Math.max(0, seconds * 1_000 + nudge));

/** One id and one instant with both kinds of key, saying different things. */
const echo: fc.Arbitrary<Step[]> = fc.tuple(plain, plain, fc.boolean()).map(([first, second, webFirst]) => {
  const same = { messageId: first.messageId, atMs: Math.min(first.atMs, 0) };
  const web: Step = { do: 'send', key: 'web', messages: [{ ...first, ...same }] };
  const server: Step = { do: 'send', key: 'server', messages: [{ ...second, ...same }] };
  return webFirst ? [web, server] : [server, web];
});

const race: fc.Arbitrary<Step[]> = fc
  .array(
    fc.tuple(
      fc.constantFrom('web' as const, 'server' as const),
      fc.array(message, { minLength: 1, maxLength: 4 }),
    ),
    { minLength: 2, maxLength: 5 },
  )
  .map((requests): Step[] => [
    {
      do: 'race',
      sends: requests.map(([key, messages], r) => ({
        do: 'send',
        key,
        messages: messages.map((one, i) => ({ ...one, messageId: `${one.messageId}/${r}.${i}` })),
      })),
    },
  ]);

const burst: fc.Arbitrary<Step[]> = fc
  .record({
    key: fc.constantFrom('web' as const, 'server' as const),
    name: fc.constantFrom('b1', 'b2', 'b3', 'b4'),
    who: fc.constantFrom({ userId: 'u1' }, { userId: 'u1' }, { anonymousId: 'd1' }),
    count: fc.constantFrom(100, 140, 200),
    fromMs: fc.constantFrom(-60_000, -30_000, -15_000, -15_001, -5_000, 0),
    perInstant: fc.constantFrom(3, 7, 70),
    everyMs: fc.constantFrom(500, 1_000, 1),
  })
  .map((rest): Step[] => [{ do: 'burst', ...rest }]);

const step: fc.Arbitrary<Step[]> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .record(
        {
          do: fc.constant('send' as const),
          key: fc.constantFrom('web' as const, 'server' as const),
          messages: fc.array(message, { minLength: 1, maxLength: 6, size: 'max' }),
          batchSentAtMs: pastMs,
          twice: fc.constant(true as const),
        },
        { requiredKeys: ['do', 'key', 'messages'] },
      )
      // Both optional fields are seldom there: most batches are plain ones.
      .chain((send) =>
        fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 5 })).map(([a, b]): Step[] => {
          const { batchSentAtMs, twice, ...rest } = send;
          return [
            {
              ...rest,
              ...(batchSentAtMs !== undefined && a === 0 ? { batchSentAtMs } : {}),
              ...(twice && b === 0 ? { twice } : {}),
            },
          ];
        }),
      ),
  },
  { weight: 2, arbitrary: echo },
  { weight: 5, arbitrary: clockMs.map((byMs): Step[] => [{ do: 'clock', byMs }]) },
  { weight: 2, arbitrary: fc.constant<Step[]>([{ do: 'tick' }]) },
  { weight: 1, arbitrary: fc.constant<Step[]>([{ do: 'reopen' }]) },
  { weight: 2, arbitrary: race },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.oneof(putSegment, putSegment, putTrait), fc.array(message, { maxLength: 3 }))
      .map(([put, meanwhile]): Step[] => [
        put.do === 'put' && meanwhile.length > 0 ? { ...put, meanwhile } : put,
      ]),
  },
  {
    weight: 1,
    arbitrary: fc
      .oneof(
        fc.constantFrom(...TRAIT_KEYS).map((key): Step => ({ do: 'delete', kind: 'traits', key })),
        fc.constantFrom(...SEGMENT_KEYS).map((key): Step => ({ do: 'delete', kind: 'segments', key })),
      )
      .map((gone) => [gone]),
  },
);

const definitionsFirst = fc
  .tuple(
    fc.array(putTrait, { maxLength: 5, size: 'max' }),
    fc.array(putSegment, { maxLength: 8, size: 'max' }),
  )
  .map(([traits, segments]) => [...traits, ...segments]);

function scriptOf(first: fc.Arbitrary<Step[]>, steps: fc.Arbitrary<Step[]>, maxLength: number) {
  const looked = fc
    .tuple(steps, fc.constantFrom(true, true, true, false))
    .map(([some, looks]) => (looks ? [...some, look] : some));
  return fc
    .tuple(first, fc.array(looked, { minLength: 1, maxLength, size: 'max' }))
    .map(([puts, rest]): Script => [...puts, ...rest.flat(), look]);
}

/** Some definitions first, then steps; three in four are followed by a look. */
export const script: fc.Arbitrary<Script> = scriptOf(definitionsFirst, step, 24);

// A trait and a segment over sliding windows of what bursts send: there histories are summed up.
const slidingFirst: fc.Arbitrary<Step[]> = fc
  .tuple(traitDefinition, duration, duration, fc.oneof(count, manyCount), definitionsFirst)
  .map(([trait, traitWindow, segmentWindow, times, rest]) => [
    { do: 'put', kind: 'traits', key: 't1', definition: { ...trait, event: 'a*', within: traitWindow } },
    {
      do: 'put',
      kind: 'segments',
      key: 's1',
      definition: { where: { event: 'a', count: times, within: segmentWindow } },
    },
    ...rest.filter((put) => put.do !== 'put' || (put.key !== 't1' && put.key !== 's1')),
  ]);

/** The same with bursts: fewer steps, longer histories. */
export const burstScript: fc.Arbitrary<Script> = scriptOf(
  slidingFirst,
  fc.oneof(
    { weight: 6, arbitrary: step },
    { weight: 3, arbitrary: burst },
    { weight: 3, arbitrary: clockMs.map((byMs): Step[] => [{ do: 'clock', byMs }]) },
  ),
  14,
);
