// What holds of results whatever is asked and answered: no failure, no NaN, simple counts, and no trace of the
// order in which messages came.
// Invariant: the counts are made here from what was sent, by code that shares nothing with the collector.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../collector/src/wire/message.ts';
import { T0, type TestCollector, withCollector } from './collector.ts';

const DAY = 86_400_000;
const iso = (time: number): string => new Date(time).toISOString();
const OPTIONS = ['a', 'b', 'c', 'constructor'];

/** Questions of every type; how many there are and which is drawn. */
const TYPES: Record<string, JsonObject> = {
  nps: {},
  csat: { scale: 7 },
  ces: {},
  rating: { scale: 2 },
  single_choice: { options: OPTIONS, other: true },
  multiple_choice: { options: OPTIONS },
  open_text: {},
  ranking: { options: OPTIONS },
  matrix: { options: OPTIONS, labels: ['1', '2', '3'] },
  maxdiff: { options: OPTIONS },
  kano: {},
  price_sensitivity: {},
  date: {},
  consent: {},
  info: {},
};
const KANO = ['like', 'must-be', 'neutral', 'live-with', 'dislike'];

const option = fc.constantFrom(...OPTIONS);
/** Answers that a question of the type takes. */
const GOOD: Record<string, fc.Arbitrary<JsonValue>> = {
  nps: fc.integer({ min: 0, max: 10 }),
  csat: fc.integer({ min: 1, max: 7 }),
  ces: fc.integer({ min: 1, max: 7 }),
  rating: fc.integer({ min: 1, max: 2 }),
  single_choice: option,
  multiple_choice: fc.uniqueArray(option, { minLength: 1 }),
  open_text: fc.constantFrom(
    'slow export',
    'export is slow',
    '导出功能太慢了',
    '<img src=x onerror=alert(1)>',
  ),
  ranking: fc.uniqueArray(option, { minLength: 1 }),
  matrix: fc.dictionary(option, fc.constantFrom('1', '2', '3'), { minKeys: 1 }),
  maxdiff: fc.constantFrom({ best: 'a', worst: 'b' }, { best: 'c', worst: 'constructor' }),
  kano: fc.record({ functional: fc.constantFrom(...KANO), dysfunctional: fc.constantFrom(...KANO) }),
  price_sensitivity: fc
    .tuple(
      fc.nat(9),
      fc.integer({ min: 10, max: 19 }),
      fc.integer({ min: 20, max: 29 }),
      fc.integer({ min: 30, max: 1e9 }),
    )
    .map(([tooCheap, cheap, expensive, tooExpensive]) => ({
      ...{ tooCheap: String(tooCheap), cheap, expensive, tooExpensive: `${tooExpensive}.5` },
    })),
  date: fc.constantFrom('2026-01-31', '1999-12-31T23:59:59Z'),
  consent: fc.constantFrom('accepted', 'declined'),
};
/** Answers that no question takes. Open text takes what is text or a number, own choices too. */
const bad = fc.constantFrom<JsonValue>(
  { __proto__: null, best: 'a', worst: 'a' },
  { tooCheap: '9', cheap: '1', expensive: '2', tooExpensive: 'NaN' },
  { functional: 'toString', dysfunctional: 'like' },
  { a: { b: 1 } },
  [['a']],
  [null],
  { best: ['a'], worst: 'b' },
  [{}],
);
const wild = fc.oneof(
  fc.constantFrom<JsonValue>(
    14,
    -1,
    1e308,
    5e-324,
    -0,
    7.5,
    true,
    false,
    'NaN',
    'Infinity',
    '1e999',
    '９',
    '__proto__',
    'x'.repeat(9_000),
  ),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

interface Given {
  kind: 'good' | 'bad' | 'none';
  value: JsonValue;
}
const none: Given = { kind: 'none', value: null };
const givenTo = (type: string): fc.Arbitrary<Given> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: (GOOD[type] ?? fc.constant(null)).map(
        (value): Given => (value === null ? none : { kind: 'good', value }),
      ),
    },
    { weight: 1, arbitrary: bad.map((value): Given => ({ kind: 'bad', value })) },
    { weight: 1, arbitrary: fc.constant(none) },
  );

const scenario = fc
  .uniqueArray(fc.constantFrom(...Object.keys(TYPES)), { minLength: 1, maxLength: 6 })
  .chain((types) =>
    fc.record({
      types: fc.constant(types),
      submissions: fc.array(
        fc.record({ who: fc.nat(7), done: fc.boolean(), answers: fc.tuple(...types.map(givenTo)) }),
        { maxLength: 40 },
      ),
    }),
  );

const definitionOf = (types: readonly string[]): JsonObject => ({
  name: 'S',
  questions: types.map((type) => ({ id: type, type, title: 'T', ...TYPES[type] })),
});

async function resultsOf(c: TestCollector, query = ''): Promise<JsonObject> {
  const answer = await c.api('GET', `/api/surveys/s/results${query}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.json;
}

/** Everything that is no number where one belongs: JSON writes NaN and Infinity as null. */
function checkFigures(value: JsonValue, path = ''): void {
  if (value === null || typeof value !== 'object') return;
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) checkFigures(item, `${path}/${i}`);
    return;
  }
  const { interval, value: estimate, share, score, count, figure } = value;
  // A row of a distribution has its place on the scale as value.
  const main = typeof share === 'number' ? share : typeof estimate === 'number' ? estimate : score;
  if (typeof count === 'number') expect(Number.isInteger(count), path).toBe(true);
  if (Array.isArray(interval)) {
    expect(
      interval.map((end) => typeof end),
      path,
    ).toEqual(['number', 'number']);
    const [lower, upper] = interval as [number, number];
    expect(lower <= upper, path).toBe(true);
    // The adjusted Wald interval of a single answer does not reach its score.
    const isNps = figure === 'nps' || value.type === 'nps';
    if (typeof main === 'number' && !(isNps && value.n === 1)) {
      expect(main >= lower - 1e-12, `${path} ${main} in ${interval}`).toBe(true);
      expect(main <= upper + 1e-12, `${path} ${main} in ${interval}`).toBe(true);
    }
  }
  for (const [key, item] of Object.entries(value)) checkFigures(item, `${path}/${key}`);
}

const sumOf = (rows: JsonValue | undefined, field: string): number =>
  (rows as JsonObject[]).reduce((sum, row) => sum + Number(row[field]), 0);

/** The parts into which a question's answers fall, by type: their shares sum to 1. */
function partsOf(type: string, figures: JsonObject): JsonValue | undefined {
  if (['nps', 'csat', 'ces', 'rating'].includes(type)) return figures.distribution;
  if (type === 'kano') return figures.categories;
  if (type === 'single_choice') return [...(figures.options as JsonObject[]), figures.other as JsonObject];
  return undefined;
}

describe('results', () => {
  it('count what was answered, whatever else was sent', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ types, submissions }) => {
        await withCollector({}, async (c) => {
          await c.define({ surveys: { s: definitionOf(types) } });
          const sent = submissions.map(({ who, done, answers }, i) => ({
            type: 'survey',
            surveyId: 's',
            messageId: `m${i}`,
            userId: `u${who}`,
            timestamp: iso(T0),
            status: done ? 'completed' : 'partial',
            answers: Object.fromEntries(types.map((type, j) => [type, answers[j]?.value ?? null])),
          }));
          await c.send('server', sent);
          const results = await resultsOf(c, '?by=trait:none');
          checkFigures(results);
          const isAnswered = (given: readonly Given[]) => given.some(({ kind }) => kind !== 'none');
          const answered = submissions.filter(({ done, answers }) => done || isAnswered(answers));
          expect(results.n).toBe(submissions.filter(({ done }) => done).length);
          expect(results.partial).toBe(answered.length - Number(results.n));
          types.forEach((type, j) => {
            const figures = (results.questions as Record<string, JsonObject>)[type] as JsonObject;
            const count = (kind: Given['kind']) =>
              answered.filter(({ answers }) => answers[j]?.kind === kind).length;
            expect([figures.n, figures.invalid], type).toEqual([count('good'), count('bad')]);
            const parts = partsOf(type, figures);
            if (!parts) return;
            expect(sumOf(parts, 'count'), type).toBe(figures.n);
            if (figures.n !== 0) expect(sumOf(parts, 'share'), type).toBeCloseTo(1, 9);
          });
          const { groups } = results.groups as JsonObject;
          expect(sumOf(groups, 'n')).toBe(results.n);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('are answered whatever is sent', async () => {
    const hostile = fc.array(
      fc.record({
        userId: fc.constantFrom('u1', 'u2', 'u3'),
        anonymousId: fc.constantFrom('d1', 'd2'),
        submissionId: fc.constantFrom('1', '2', '3', 'constructor'),
        status: fc.constantFrom('shown', 'started', 'partial', 'completed', 'dismissed', 'odd'),
        source: fc.constantFrom('interview', 'preview', 'x'),
        language: fc.constantFrom('en', 'zh', 'toString', 'xx-YY'),
        answers: fc.oneof(fc.dictionary(fc.constantFrom(...Object.keys(TYPES)), wild), wild),
        timings: fc.oneof(fc.dictionary(fc.constantFrom(...Object.keys(TYPES)), wild), wild),
        hidden: wild,
      }),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(
        hostile,
        fc.constantFrom('', '?by=u', '?by=n', '?by=trait:answers'),
        async (all, query) => {
          await withCollector({}, async (c) => {
            await c.define({
              traits: { n: { type: 'count', event: '$survey' } },
              surveys: { s: definitionOf(Object.keys(TYPES)) },
            });
            const sent = all.map((fields, i) => ({
              type: 'survey',
              surveyId: 's',
              messageId: `m${i}`,
              ...fields,
            }));
            await c.send('server', sent as unknown as JsonValue[]);
            const results = await resultsOf(c, query);
            checkFigures(results);
            for (const figures of Object.values(results.questions as Record<string, JsonObject>)) {
              const parts = partsOf(figures.type as string, figures);
              if (parts) expect(sumOf(parts, 'count')).toBe(figures.n);
            }
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** What does not depend on the numbers and keys that a file gives its people. */
function withoutIds(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutIds);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, key === 'profileId' ? null : withoutIds(item)]),
  );
}

const LAW_TYPES = ['nps', 'open_text', 'multiple_choice', 'matrix', 'ranking'];
const DEFINITIONS = {
  segments: { big: { where: { event: 'Big', within: '2d' } } },
  traits: { visits: { type: 'count', event: 'Big', within: '3d' } },
  surveys: { s: definitionOf(LAW_TYPES) },
};
const QUERIES = ['', '?by=big', '?by=visits', '?by=plan&segment=big', `?from=${iso(T0 - DAY)}`];

const step = fc.record({
  kind: fc.constantFrom('answer', 'answer', 'answer', 'link', 'big', 'plan'),
  user: fc.constantFrom('ada', 'bob', 'cy', null),
  device: fc.constantFrom('d1', 'd2', 'd3'),
  submission: fc.constantFrom('1', '2'),
  status: fc.constantFrom('shown', 'partial', 'completed', 'dismissed'),
  hours: fc.nat(60),
  answers: fc.record({
    nps: GOOD.nps as fc.Arbitrary<JsonValue>,
    open_text: GOOD.open_text as fc.Arbitrary<JsonValue>,
    multiple_choice: GOOD.multiple_choice as fc.Arbitrary<JsonValue>,
  }),
});

function messageOf(
  { kind, user, device, ...s }: typeof step extends fc.Arbitrary<infer S> ? S : never,
  i: number,
) {
  const ids = { anonymousId: device, ...(user === null ? {} : { userId: user }) };
  const base = { messageId: `m${i}`, timestamp: iso(T0 - s.hours * 3_600_000) };
  if (kind === 'link') return { ...base, ...ids, type: 'identify', userId: user ?? 'ada' };
  if (kind === 'big') return { ...base, ...ids, type: 'track', event: 'Big' };
  if (kind === 'plan') return { ...base, ...ids, type: 'identify', traits: { plan: s.submission } };
  const { submission: submissionId, status, answers } = s;
  // As a page sends it before anybody is known, and afterwards.
  const sender = user === null || s.hours % 2 === 0 ? { anonymousId: device } : { userId: user };
  return { ...base, ...sender, type: 'survey', surveyId: 's', submissionId, status, answers };
}

describe('the order of messages', () => {
  it('makes no difference, nor do repeats, merges that were undone, or erased people', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.infiniteStream(fc.nat()),
        fc.boolean(),
        async (steps, order, merges) => {
          const messages = steps.map(messageOf);
          const inOrder = messages.toSorted((a, b) =>
            a.timestamp === b.timestamp
              ? a.messageId < b.messageId
                ? -1
                : 1
              : a.timestamp < b.timestamp
                ? -1
                : 1,
          );
          const shuffled = [...messages, ...messages.slice(0, 3)]
            .map((one) => ({ one, place: order.next().value as number }))
            .toSorted((a, b) => a.place - b.place)
            .map(({ one }) => one);
          const gone = (c: TestCollector) => c.api('DELETE', '/api/profiles/user:gone');
          const read = async (c: TestCollector) => {
            const all = [];
            for (const query of QUERIES) all.push(withoutIds(await resultsOf(c, query)));
            return all;
          };
          const merge = (c: TestCollector, what: string, body: JsonObject) =>
            c.api('POST', `/api/profiles/${what}`, body);
          let wild_: JsonValue[] = [];
          await withCollector({}, async (c) => {
            for (const [i, one] of shuffled.entries()) {
              await c.send('server', [one as JsonObject]);
              if (i === 3) await c.define(DEFINITIONS);
              // Somebody who is erased afterwards, and a merge that is undone.
              if (i === 1)
                await c.send('server', [
                  {
                    type: 'survey',
                    surveyId: 's',
                    messageId: 'g',
                    userId: 'gone',
                    timestamp: iso(T0),
                    answers: { nps: 0 },
                  },
                ]);
              if (i === 2) await merge(c, 'merge', { from: 'ada', into: 'cy' });
              if (i === 2) await merge(c, 'unmerge', { userId: 'ada' });
              if (i === 4) await resultsOf(c);
            }
            await gone(c);
            await c.define(DEFINITIONS);
            if (merges) await merge(c, 'merge', { from: 'bob', into: 'cy' });
            wild_ = await read(c);
          });
          await withCollector({}, async (c) => {
            await c.define(DEFINITIONS);
            await c.send('server', inOrder as JsonObject[]);
            if (merges) await merge(c, 'merge', { from: 'bob', into: 'cy' });
            expect(wild_).toEqual(await read(c));
          });
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('results beside live messages', () => {
  it('are those of one instant', async () => {
    await withCollector({}, async (c) => {
      await c.define({
        segments: { big: { where: { event: 'Big' }, expose: 'public' } },
        traits: { visits: { type: 'count', event: 'Big' } },
        surveys: { s: { ...definitionOf(['nps']), target: { segment: 'big' } } },
      });
      let serial = 0;
      // Each batch is one commit: two people of the frame with one promoter and one detractor, begun on a device.
      const pair = (): JsonObject[] => {
        const n = ++serial;
        const base = { timestamp: iso(T0 - 1_000) };
        return [0, 10].flatMap((nps): JsonObject[] => {
          const [userId, anonymousId] = [`u${n}-${nps}`, `d${n}-${nps}`];
          const answer = { ...base, type: 'survey', surveyId: 's', submissionId: 'x' };
          return [
            { ...answer, anonymousId, messageId: `a${n}-${nps}`, status: 'partial', answers: { nps: 5 } },
            { ...base, type: 'identify', userId, anonymousId, messageId: `i${n}-${nps}` },
            {
              ...base,
              type: 'track',
              event: 'Big',
              userId,
              messageId: `t${n}-${nps}`,
              timestamp: iso(T0 - 2_000),
            },
            { ...answer, userId, messageId: `b${n}-${nps}`, answers: { nps }, timestamp: iso(T0) },
          ];
        });
      };
      for (let i = 0; i < 10; i++) await c.send('server', Array.from({ length: 30 }, pair).flat());
      let isDone = false;
      const feed = (async () => {
        while (!isDone) {
          await c.send('server', pair());
          if (serial % 20 === 0) {
            await c.api('POST', '/api/profiles/merge', { from: `u${serial}-0`, into: `u${serial}-10` });
            await c.api('POST', '/api/profiles/unmerge', { userId: `u${serial}-0` });
          }
        }
      })();
      const seen: number[] = [];
      const look = async (by: string) => {
        const before = 2 * (serial - 1);
        const results = await resultsOf(c, `?by=${by}`);
        const n = Number(results.n);
        seen.push(n);
        expect(n).toBeGreaterThanOrEqual(before);
        const { detractors, promoters, score } = (results.questions as { nps: JsonObject }).nps;
        const frame = results.representation as JsonObject;
        // A merge joins the two of a pair while it lasts: their submissions of one name become one.
        const merged = Number(frame.frame) % 2;
        expect([partial(results), frame.responders, frame.outside]).toEqual([0, n, 0]);
        expect(frame.frame).toBe(n);
        if (merged === 0) expect([score, detractors, promoters]).toEqual([0, share(n / 2), share(n / 2)]);
        expect(sumOf((results.groups as JsonObject).groups, 'n')).toBe(n);
        const groups = (results.groups as { groups: JsonObject[] }).groups.map(({ value }) => value);
        if (by === 'visits') expect(groups.filter((value) => value !== 2)).toEqual([1]);
        if (by === 'big') expect(groups).toEqual(['in']);
      };
      try {
        for (const by of ['visits', 'big', 'visits', 'trait:x']) await look(by);
      } finally {
        isDone = true;
        await feed;
      }
      // Messages did go on meanwhile.
      expect(new Set(seen).size).toBeGreaterThan(1);
    });
  });
});

const partial = (results: JsonObject) => results.partial;
const share = (count: number) => expect.objectContaining({ count });
