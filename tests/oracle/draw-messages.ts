// Draws messages from small alphabets, so that ids, instants and values collide.
// Invariant: every message drawn is well-formed; only its sender may turn out to be nobody.
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../collector/src/wire/message.ts';
import { iso } from './computed.ts';
import { DEVICES, GROUPS, type ScriptMessage, SURVEYS, UNSEEN, USERS } from './script.ts';
import { SURVEY_EVENT } from './selection.ts';

const BASE = Date.parse('2026-06-10T12:00:00Z');

// Instants on a grid of five seconds around the start, with neighbours one millisecond away.
const gridMs = fc.constantFrom(-20, -15, -10, -5, 0, 0, 5, 10, 15, 30).map((seconds) => seconds * 1_000);
const nudgeMs = fc.constantFrom(0, 0, 0, 0, -1, 1);
export const offsetMs = fc.tuple(gridMs, nudgeMs).map(([grid, nudge]) => grid + nudge);
export const pastMs = fc
  .tuple(fc.constantFrom(-20, -15, -10, -5, 0, 0, 0), nudgeMs)
  .map(([s, n]) => s * 1_000 + n);
export const date = offsetMs.map((ms) => iso(BASE + ms));

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

const properties = fc
  .record({ v: value, tag, at: date as fc.Arbitrary<JsonValue> }, { requiredKeys: [] })
  .map((record) => ({ ...record }) as JsonObject); // a record of JSON values, absent keys left out

// Few values, so that a trait often holds for long; one key with a dot, which may also be walked.
const steady = fc.oneof(fc.constantFrom<JsonValue>(1, 2, 'a', null), value);
const traits = fc
  .record(
    {
      v: steady,
      tag,
      at: date as fc.Arbitrary<JsonValue>,
      o: fc.oneof(
        steady.map((b): JsonValue => ({ b })),
        fc.constant(null),
      ),
      'o.b': steady,
    },
    { requiredKeys: [] },
  )
  .map((record) => ({ ...record }) as JsonObject); // as above

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

const common = { messageId, atMs: offsetMs };
type Body = Omit<ScriptMessage, 'userId' | 'anonymousId'>;

const event = fc.constantFrom('a', 'a', 'b', 'ab', '$page');

const answer: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(0, 1, 2, 9, 10),
  fc.constantFrom<JsonValue>('a', 'ab', '2', ['a', '1'], null, null),
  date,
);
const response = {
  surveyId: fc.constantFrom(...SURVEYS),
  answers: fc
    .record({ score: answer, why: answer }, { requiredKeys: [] })
    .map((record) => ({ ...record }) as JsonObject), // as above
};
const submissionId = fc.constantFrom('sub1', 'sub1', 'sub2', 'm1');

const survey: fc.Arbitrary<Body> = fc.oneof(
  fc
    .record(
      {
        ...common,
        ...response,
        type: fc.constant('survey' as const),
        submissionId,
        status: fc.constantFrom('shown', 'started', 'partial', 'completed', 'dismissed'),
      },
      { requiredKeys: ['messageId', 'atMs', 'surveyId', 'answers', 'type'] },
    )
    .map((fieldsOf) => ({ ...fieldsOf })),
  fc
    .tuple(
      fc.record(common),
      fc.record({ ...response, submissionId }, { requiredKeys: ['surveyId', 'answers'] }),
    )
    .map(([rest, said]) => ({
      ...rest,
      type: 'track' as const,
      event: SURVEY_EVENT,
      properties: { ...said },
    })),
);

const body: fc.Arbitrary<Body> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({ ...common, type: fc.constant('track'), event, properties }),
  },
  { weight: 4, arbitrary: fc.record({ ...common, type: fc.constant('identify'), traits }) },
  {
    weight: 1,
    arbitrary: fc.record({
      ...common,
      type: fc.constantFrom('page', 'screen'),
      name: fc.constantFrom('Home', 'a'),
      properties,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...common,
      type: fc.constant('group'),
      groupId: fc.constantFrom(...GROUPS),
      // Clients often name the group first and say later what it is.
      traits: fc.oneof(traits, fc.constant<JsonObject>({})),
    }),
  },
  { weight: 2, arbitrary: survey },
) as fc.Arbitrary<Body>; // constantFrom widens the literals of `type`

// Mostly of one device, so that there are people of whom all is anonymous, and some of whom it is no longer.
const consent = fc.constantFrom<'none' | 'd3' | 'any'>('none', 'd3', 'd3', 'd3', 'any');
const ANONYMOUS = { context: { tm: { consent: 'anonymous' } } };

export const plainMessage = fc.tuple(body, ids, fc.option(pastMs, { nil: undefined, freq: 8 }), consent).map(
  ([rest, who, sentAtMs, of]): ScriptMessage => ({
    ...rest,
    ...who,
    ...(sentAtMs === undefined ? {} : { sentAtMs }),
    ...(of === 'any' || ('anonymousId' in who && who.anonymousId === of) ? ANONYMOUS : {}),
  }),
);
const alias = fc
  .record({
    ...common,
    userId: fc.constantFrom(...USERS),
    previousId: fc.constantFrom(...USERS, ...DEVICES, UNSEEN),
  })
  .map((fieldsOf): ScriptMessage => ({ type: 'alias', ...fieldsOf }));

export const message = fc.oneof({ weight: 10, arbitrary: plainMessage }, { weight: 1, arbitrary: alias });
