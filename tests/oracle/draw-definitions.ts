// Draws definitions: every type of trait and every leaf, over the alphabets of the messages.
// Invariant: each one is well-formed; what it refers to may be missing.
import fc from 'fast-check';
import type {
  Condition,
  GroupCondition,
  SegmentDefinition,
  TraitDefinition,
  Where,
  Within,
} from '../../collector/src/wire/definitions.ts';
import { iso } from './computed.ts';
import { date, offsetMs } from './draw-messages.ts';
import { shareOf } from './membership.ts';
import { DEVICES, FORMULA_KEYS, LIST_KEYS, SEGMENT_KEYS, SURVEYS, TRAIT_KEYS, USERS } from './script.ts';
import { SURVEY_EVENT } from './selection.ts';

const BASE = Date.parse('2026-06-10T12:00:00Z');
export const duration = fc.constantFrom('5s', '10s', '15s', '1m');

/** A comparison that suits the values drawn for messages. */
const test = fc
  .oneof(
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
  )
  // fast-check widens the literals; the schema of the collector checks them again when they are put.
  .map(({ op, ...rest }) => ({ op, ...rest }) as { op: 'eq'; value: string });

const onPath = fc
  .tuple(fc.constantFrom('v', 'v', 'tag', 'at', 'at'), test)
  .map(([field, leaf]): Where => ({ path: `properties.${field}`, ...leaf }));
const where: fc.Arbitrary<Where> = fc.oneof(
  { weight: 4, arbitrary: onPath },
  { weight: 1, arbitrary: onPath.map((leaf): Where => ({ not: leaf })) },
  {
    weight: 1,
    arbitrary: fc.array(onPath, { minLength: 1, maxLength: 2 }).map((leaves): Where => ({ any: leaves })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Where>(
      { path: 'properties.v.0', op: 'eq', value: 'a' },
      { path: 'name', op: 'exists' },
      { path: 'answers.score', op: 'gte', value: 2 },
      { path: 'traits.at', op: 'within_last', value: '10s' },
    ),
  },
);
const optionalWhere = fc
  .option(where, { nil: undefined, freq: 1 })
  .map((filter) => (filter === undefined ? {} : { where: filter }));

const range = fc.tuple(offsetMs, offsetMs).map(([a, b]) => ({
  from: iso(BASE + Math.min(a, b)),
  to: iso(BASE + Math.max(a, b)),
}));
const within: fc.Arbitrary<{ within?: Within }> = fc.oneof(
  { weight: 3, arbitrary: duration.map((text) => ({ within: text })) },
  { weight: 2, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: range.map((fixed) => ({ within: fixed })) },
);
const eventName = fc.constantFrom(
  ...['a', 'a', 'a', 'b', 'a*', '*', '$page', '$p*', '$identify', '$group'],
  ...['$survey', SURVEY_EVENT, 'S*'],
);
const selection = fc
  .tuple(eventName, optionalWhere, within)
  .map(([event, filter, window]) => ({ event, ...filter, ...window }));

export const traitDefinition: fc.Arbitrary<TraitDefinition> = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(
        { type: 'count' as const },
        { type: 'first_seen' as const },
        { type: 'last_seen' as const },
        { type: 'active_days' as const },
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
        type: fc.constantFrom('most_frequent'),
        property: fc.constantFrom('tag', 'v'),
        minCount: fc.constantFrom(1, 2),
      }),
    ),
    selection,
  )
  .map(([type, rest]) => ({ ...type, ...rest }) as TraitDefinition); // each pairing above is one of the union

/** An expression over `keys`, at most so deep. */
function expression(keys: readonly string[], depth: number): fc.Arbitrary<string> {
  const input = fc.constantFrom(...keys);
  const atom = fc.oneof(
    { weight: 4, arbitrary: input },
    { weight: 1, arbitrary: input.map((key) => `[${key}]`) },
    { weight: 1, arbitrary: fc.constantFrom('0', '1', '2', '2.5', '1e2', '0.1') },
  );
  if (depth === 0) return atom;
  const part = expression(keys, depth - 1);
  const parts = fc.array(part, { minLength: 1, maxLength: 3 });
  return fc.oneof(
    atom,
    fc
      .tuple(part, fc.constantFrom('+', ' - ', '*', ' / '), part)
      .map(([left, sign, right]) => `${left}${sign}${right}`),
    part.map((inner) => `(${inner})`),
    part.map((inner) => `-${inner}`),
    part.map((inner) => `round(${inner})`),
    fc
      .tuple(fc.constantFrom('min', 'max', 'coalesce', 'coalesce'), parts)
      .map(([name, some]) => `${name}(${some.join(', ')})`),
  );
}

/** A formula and its key; now and then it refers to itself or to a later one, which is refused. */
export const formula: fc.Arbitrary<{ key: string; definition: TraitDefinition }> = fc
  .constantFrom(...FORMULA_KEYS)
  .chain((key) => {
    const earlier: string[] = [...TRAIT_KEYS, ...(key === 'f2' ? ['f1'] : [])];
    return fc
      .oneof(
        { weight: 12, arbitrary: expression(earlier, 2) },
        { weight: 1, arbitrary: expression([...TRAIT_KEYS, ...FORMULA_KEYS], 1) },
      )
      .map((text) => ({ key, definition: { type: 'formula' as const, expression: text } }));
  });

// About what a burst leaves in a window.
const largeCount = fc.constantFrom(20, 50, 100, 128, 150);
const numericOp = fc.constantFrom('eq', 'neq', 'gt', 'gte', 'lt', 'lte') as fc.Arbitrary<'eq'>; // any of them
export const manyCount = fc.record({ op: numericOp, value: largeCount });
export const count = fc.record({
  op: numericOp,
  value: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(0, 1, 1, 2, 3) },
    { weight: 1, arbitrary: largeCount },
  ),
});

const declared = fc.constantFrom('v', 'v', 'tag', 'at', 'at', 'o.b', 'o.b');
const traitLeaf = fc.tuple(declared, test).map(([trait, leaf]) => ({ trait, ...leaf }));

const stepEvent = fc.constantFrom('a', 'a', 'a', 'b', 'b', 'a*', '*', '$page', '$identify');
const sequence: fc.Arbitrary<Condition> = fc
  .tuple(
    fc.tuple(stepEvent, optionalWhere),
    fc.array(fc.tuple(stepEvent, optionalWhere, fc.option(duration, { nil: undefined })), { maxLength: 4 }),
    fc.option(fc.tuple(stepEvent, optionalWhere, duration), { nil: undefined, freq: 1 }),
    within,
  )
  .map(([[event, filter], middle, last, window]): Condition => {
    const steps = [
      { event, ...filter },
      ...middle.map(([name, condition, limit]) => ({
        event: name,
        ...condition,
        ...(limit === undefined ? {} : { within: limit }),
      })),
      ...(last ? [{ absent: { event: last[0], ...last[1] }, within: last[2] }] : []),
    ];
    return { sequence: steps.length > 1 ? steps : [...steps, { event: 'b' }], ...window };
  });

const first: fc.Arbitrary<Condition> = fc
  .tuple(eventName, optionalWhere, fc.oneof(duration, range))
  .map(([event, filter, window]) => ({ first: event, ...filter, within: window }));

// Bounds that fall on somebody exactly: from is included, to is not.
const bucket: fc.Arbitrary<Condition> = fc.constantFrom('x', 'y').chain((salt) => {
  const bounds = [0, 25, 50, 100, ...[...USERS, ...DEVICES].map((id) => shareOf(salt, id))];
  return fc
    .tuple(fc.constantFrom(...bounds), fc.constantFrom(...bounds))
    .filter(([a, b]) => a !== b)
    .map(([a, b]): Condition => ({ bucket: { salt, from: Math.min(a, b), to: Math.max(a, b) } }));
});

const survey: fc.Arbitrary<Condition> = fc
  .tuple(fc.constantFrom(...SURVEYS), fc.constantFrom('score', 'why'), test)
  .map(([name, question, leaf]) => ({ survey: name, question, ...leaf }));

const held: fc.Arbitrary<Condition> = fc
  .tuple(traitLeaf, duration)
  .map(([rest, length]): Condition => ({ ...rest, for: length }));

/** A sequence that is not over for good once it was complete. */
const openSequence = fc.tuple(sequence, duration).map(([drawn, window]): Condition => {
  const isOpen = 'sequence' in drawn && drawn.sequence.some((one) => 'absent' in one);
  return isOpen ? drawn : ({ ...drawn, within: window } as Condition); // a sequence may have either
});

/** Where the order of messages matters. */
export const ordered = fc.oneof(
  { weight: 3, arbitrary: openSequence },
  { weight: 1, arbitrary: held },
  { weight: 1, arbitrary: survey },
);

const group: fc.Arbitrary<Condition> = fc
  .oneof(
    traitLeaf.map((leaf): GroupCondition => leaf),
    traitLeaf.map((leaf): GroupCondition => ({ not: leaf })),
    fc.tuple(traitLeaf, traitLeaf).map(([a, b]): GroupCondition => ({ all: [a, b] })),
    fc.tuple(traitLeaf, traitLeaf).map(([a, b]): GroupCondition => ({ any: [a, { not: b }] })),
  )
  .map((tree) => ({ group: tree }));

function conditions(key: string): fc.Arbitrary<Condition> {
  const earlier = SEGMENT_KEYS.slice(0, SEGMENT_KEYS.indexOf(key as 's1'));
  const segments = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom<string>(...LIST_KEYS, ...earlier, ...earlier) },
    // Now and then itself or a later one, which is refused when it closes a circle.
    { weight: 1, arbitrary: fc.constantFrom<string>(...SEGMENT_KEYS) },
  );
  const leaf: fc.Arbitrary<Condition> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .tuple(selection, fc.option(count, { nil: undefined, freq: 2 }))
        .map(([rest, times]): Condition => ({ ...rest, ...(times === undefined ? {} : { count: times }) })),
    },
    { weight: 3, arbitrary: traitLeaf },
    { weight: 3, arbitrary: held },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom(...TRAIT_KEYS, ...FORMULA_KEYS), test)
        .map(([computed, rest]): Condition => ({ computed, ...rest })),
    },
    { weight: 2, arbitrary: segments.map((segment): Condition => ({ segment })) },
    { weight: 4, arbitrary: sequence },
    { weight: 2, arbitrary: first },
    { weight: 1, arbitrary: bucket },
    { weight: 2, arbitrary: survey },
    { weight: 2, arbitrary: group },
  );
  return fc.oneof(
    { weight: 4, arbitrary: leaf },
    { weight: 1, arbitrary: leaf.map((inner): Condition => ({ not: inner })) },
    { weight: 2, arbitrary: fc.tuple(leaf, leaf).map(([a, b]): Condition => ({ all: [a, b] })) },
    { weight: 2, arbitrary: fc.tuple(leaf, leaf).map(([a, b]): Condition => ({ any: [a, { not: b }] })) },
  );
}

export const segment: fc.Arbitrary<{ key: string; definition: SegmentDefinition }> = fc
  .constantFrom(...SEGMENT_KEYS)
  .chain((key) => conditions(key).map((root) => ({ key, definition: { where: root } })));
