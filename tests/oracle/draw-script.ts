// Draws whole scripts: some definitions first, then steps, with a look after most of them.
// Invariant: every kind of step is likely within a few scripts.
import fc from 'fast-check';
import {
  count,
  duration,
  formula,
  manyCount,
  ordered,
  segment,
  traitDefinition,
} from './draw-definitions.ts';
import { message, pastMs, plainMessage } from './draw-messages.ts';
import {
  DEVICES,
  type Delete,
  FORMULA_KEYS,
  LIST_KEYS,
  type Put,
  type Script,
  SEGMENT_KEYS,
  type Step,
  TRAIT_KEYS,
  UNSEEN,
  USERS,
} from './script.ts';

const look: Step = { do: 'look' };
const alone = (arbitrary: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> => arbitrary.map((step) => [step]);
const key = fc.constantFrom('web' as const, 'server' as const);

const putTrait = fc
  .tuple(fc.constantFrom(...TRAIT_KEYS), traitDefinition)
  .map(([name, definition]): Put => ({ do: 'put', kind: 'traits', key: name, definition }));
const putFormula = formula.map((rest): Put => ({ do: 'put', kind: 'traits', ...rest }));
const putSegment = segment.map((rest): Put => ({ do: 'put', kind: 'segments', ...rest }));
const putList = fc
  .constantFrom(...LIST_KEYS)
  .map((name): Put => ({ do: 'put', kind: 'segments', key: name, definition: { static: true } }));
const anyPut = fc.oneof(
  { weight: 6, arbitrary: putSegment },
  { weight: 3, arbitrary: putTrait },
  { weight: 2, arbitrary: putFormula },
  { weight: 1, arbitrary: putList },
);
const anyDelete: fc.Arbitrary<Delete> = fc.oneof(
  fc
    .constantFrom(...TRAIT_KEYS, ...FORMULA_KEYS)
    .map((name): Delete => ({ do: 'delete', kind: 'traits', key: name })),
  fc
    .constantFrom(...SEGMENT_KEYS, ...SEGMENT_KEYS, ...LIST_KEYS)
    .map((name): Delete => ({ do: 'delete', kind: 'segments', key: name })),
);

// Most batches are plain ones.
const send = fc
  .record({
    key,
    messages: fc.array(message, { minLength: 1, maxLength: 6, size: 'max' }),
    batchSentAtMs: fc.option(pastMs, { nil: undefined, freq: 8 }),
    twice: fc.constantFrom(true as const, ...Array<undefined>(8).fill(undefined)),
  })
  .map(
    ({ batchSentAtMs, twice, ...rest }): Step => ({
      do: 'send',
      ...rest,
      ...(batchSentAtMs === undefined ? {} : { batchSentAtMs }),
      ...(twice ? { twice } : {}),
    }),
  );

/** One id and one instant with both kinds of key, saying different things. */
const echo: fc.Arbitrary<Step[]> = fc
  .tuple(plainMessage, plainMessage, fc.boolean())
  .map(([first, second, webFirst]) => {
    const same = { messageId: first.messageId, atMs: Math.min(first.atMs, 0) };
    const web: Step = { do: 'send', key: 'web', messages: [{ ...first, ...same }] };
    const server: Step = { do: 'send', key: 'server', messages: [{ ...second, ...same }] };
    return webFirst ? [web, server] : [server, web];
  });

const race = fc
  .array(fc.tuple(key, fc.array(message, { minLength: 1, maxLength: 4 })), { minLength: 2, maxLength: 5 })
  .map(
    (requests): Step => ({
      do: 'race',
      sends: requests.map(([kind, messages], r) => ({
        do: 'send',
        key: kind,
        messages: messages.map((one, i) => ({ ...one, messageId: `${one.messageId}/${r}.${i}` })),
      })),
    }),
  );

const burst = fc
  .record({
    key,
    name: fc.constantFrom('b1', 'b2', 'b3', 'b4'),
    who: fc.constantFrom({ userId: 'u1' }, { userId: 'u1' }, { anonymousId: 'd1' }),
    count: fc.constantFrom(100, 140, 200),
    fromMs: fc.constantFrom(-60_000, -30_000, -15_000, -15_001, -5_000, 0),
    perInstant: fc.constantFrom(3, 7, 70),
    everyMs: fc.constantFrom(500, 1_000, 1),
    sends: fc.constantFrom(undefined, 'mixed' as const, 'identify' as const, 'survey' as const),
  })
  .map(({ sends, ...rest }): Step => ({ do: 'burst', ...rest, ...(sends ? { sends } : {}) }));

/** A burst, then one of the same kind and person that is older: most of it comes late. */
const overtaken = fc
  .tuple(burst, fc.constantFrom(30, 100, 140), fc.constantFrom(-60_000, -20_000, -10_001, -5_000))
  .map(([first, many, fromMs]): Step[] => {
    if (first.do !== 'burst') return [first];
    const late = { ...first, name: `${first.name}-late`, count: many, fromMs, everyMs: 500 };
    return [{ ...first, fromMs: Math.max(first.fromMs, -5_000) }, late];
  });

const clock = fc
  .tuple(fc.constantFrom(0, 5, 5, 10, 15, 60, 600), fc.constantFrom(0, 0, 0, 1, -1))
  .map(([seconds, nudge]): Step => ({ do: 'clock', byMs: Math.max(0, seconds * 1_000 + nudge) }));
const back = fc.constantFrom(1, 5_000, 10_000, 60_000).map((byMs): Step => ({ do: 'back', byMs }));

const put = fc
  .tuple(anyPut, fc.array(message, { maxLength: 3 }))
  .map(([step, meanwhile]): Step => (meanwhile.length > 0 ? { ...step, meanwhile } : step));
const edits = fc
  .record({
    puts: fc.array(anyPut, { minLength: 1, maxLength: 5, size: 'max' }),
    deletes: fc.array(anyDelete, { maxLength: 2 }),
    meanwhile: fc.array(message, { maxLength: 3 }),
  })
  .map(
    ({ meanwhile, ...rest }): Step => ({
      do: 'edits',
      ...rest,
      ...(meanwhile.length > 0 ? { meanwhile } : {}),
    }),
  );

const kept = fc.constantFrom(undefined, '5s', '20s', '1m', '10m');
const retain = fc.record({ a: kept, b: kept, $page: kept }).map(
  (terms): Step => ({
    do: 'retain',
    retention: Object.fromEntries(
      Object.entries(terms).flatMap(([event, term]) => (term === undefined ? [] : [[event, term]])),
    ),
  }),
);

const address = fc.oneof(
  fc.constantFrom(...USERS).map((user) => `user:${user}`),
  fc.constantFrom(...DEVICES).map((device) => `anon:${device}`),
);
const list = fc
  .record({
    segment: fc.constantFrom<string>(...LIST_KEYS, ...LIST_KEYS, ...LIST_KEYS, 's1'),
    address,
    put: fc.constantFrom(true, true, false),
    byProfile: fc.constantFrom(true as const, undefined, undefined, undefined),
  })
  .map(({ byProfile, ...rest }): Step => ({ do: 'list', ...rest, ...(byProfile ? { byProfile } : {}) }));

const user = fc.constantFrom<string>(...USERS, ...USERS, UNSEEN);
const merge = fc.tuple(user, user).map(([from, into]): Step => ({ do: 'merge', from, into }));
const unmerge = user.map((name): Step => ({ do: 'unmerge', user: name }));
// A chain of merges and what undoing one of them leaves, with time and messages in between.
const chain = fc
  .tuple(fc.shuffledSubarray([...USERS], { minLength: 3, maxLength: 4 }), fc.nat({ max: 2 }), send)
  .map(([users, undone, between]): Step[] => {
    const merges = users.slice(1).map((into, i): Step => ({ do: 'merge', from: users[i] ?? into, into }));
    return [...merges, look, between, look, { do: 'unmerge', user: users[undone] ?? 'u1' }];
  });
const erase = fc
  .tuple(address, fc.constantFrom(true as const, undefined, undefined))
  .map(([who, suppress]): Step => ({ do: 'erase', address: who, ...(suppress ? { suppress } : {}) }));

const step: fc.Arbitrary<Step[]> = fc.oneof(
  { weight: 16, arbitrary: alone(send) },
  { weight: 4, arbitrary: echo },
  { weight: 10, arbitrary: alone(clock) },
  { weight: 2, arbitrary: alone(back) },
  { weight: 4, arbitrary: alone(fc.constant<Step>({ do: 'tick' })) },
  { weight: 2, arbitrary: alone(fc.constant<Step>({ do: 'reopen' })) },
  { weight: 2, arbitrary: alone(retain) },
  { weight: 4, arbitrary: alone(race) },
  { weight: 6, arbitrary: alone(put) },
  { weight: 2, arbitrary: alone(edits) },
  { weight: 2, arbitrary: alone(anyDelete) },
  { weight: 4, arbitrary: alone(list) },
  { weight: 2, arbitrary: alone(merge) },
  { weight: 1, arbitrary: alone(unmerge) },
  { weight: 1, arbitrary: chain },
  { weight: 2, arbitrary: alone(erase) },
);

const definitionsFirst: fc.Arbitrary<Put[]> = fc
  .tuple(
    fc.array(putTrait, { maxLength: 5, size: 'max' }),
    fc.array(putFormula, { maxLength: 2, size: 'max' }),
    fc.uniqueArray(putList, { maxLength: 2, size: 'max', selector: (one) => one.key }),
    fc.array(putSegment, { maxLength: 8, size: 'max' }),
  )
  .map((parts) => parts.flat());

// In Auckland a day begins at the very instant at which the scripts do. Threads take a second to start from source.
const opening = fc
  .tuple(
    fc.constantFrom(undefined, undefined, 'Pacific/Auckland'),
    fc.constantFrom(true as const, ...Array<undefined>(11).fill(undefined)),
    fc.constantFrom(true as const, undefined),
  )
  .map(([timezone, threads, beside]): Step[] => {
    const opening = { ...(timezone && { timezone }), ...(threads && { threads }), ...(beside && { beside }) };
    return Object.keys(opening).length > 0 ? [{ do: 'open', ...opening }] : [];
  });

function scriptOf(first: fc.Arbitrary<Step[]>, steps: fc.Arbitrary<Step[]>, maxLength: number) {
  const looked = fc
    .tuple(steps, fc.constantFrom(true, true, true, false))
    .map(([some, looks]) => (looks ? [...some, look] : some));
  return fc
    .tuple(opening, first, fc.array(looked, { minLength: 1, maxLength, size: 'max' }))
    .map(([opened, puts, rest]): Script => [...opened, ...puts, ...rest.flat(), look]);
}

/** Some definitions first, then steps; three in four are followed by a look. */
export const script: fc.Arbitrary<Script> = scriptOf(definitionsFirst, step, 24);

// A trait and a segment over sliding windows of what bursts send: there histories are summed up. And two where order
// matters: there a row lets go of what is late next.
const slidingFirst: fc.Arbitrary<Step[]> = fc
  .tuple(traitDefinition, duration, duration, fc.oneof(count, manyCount), ordered, ordered, definitionsFirst)
  .map(([trait, traitWindow, segmentWindow, times, s2, s3, rest]) => [
    { do: 'put', kind: 'segments', key: 's2', definition: { where: s2 } },
    { do: 'put', kind: 'segments', key: 's3', definition: { where: s3 } },
    {
      do: 'put',
      kind: 'traits',
      key: 't1',
      definition: trait.type === 'formula' ? trait : { ...trait, event: 'a*', within: traitWindow },
    },
    {
      do: 'put',
      kind: 'segments',
      key: 's1',
      definition: { where: { event: 'a', count: times, within: segmentWindow } },
    },
    ...rest.filter(({ key: taken }) => !['t1', 's1', 's2', 's3'].includes(taken)),
  ]);

/** The same with bursts: fewer steps, longer histories. */
export const burstScript: fc.Arbitrary<Script> = scriptOf(
  slidingFirst,
  fc.oneof(
    { weight: 6, arbitrary: step },
    { weight: 2, arbitrary: alone(burst) },
    { weight: 2, arbitrary: overtaken },
    { weight: 3, arbitrary: alone(clock) },
  ),
  14,
);
