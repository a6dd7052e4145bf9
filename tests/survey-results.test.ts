// A survey's results through HTTP: published and computed examples, filters, groups, funnel, weights.
// Invariant: answers go in as a client sends them; figures are held against numbers worked out elsewhere.
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../collector/src/wire/message.ts';
import { T0, type TestCollector, withCollector } from './collector.ts';

const DAY = 86_400_000;
const iso = (time: number): string => new Date(time).toISOString();
let serial = 0;

type Json = JsonObject;

/** A survey message of somebody; a new submission unless told otherwise. */
const respond = (userId: string, answers: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'survey',
  surveyId: 's',
  messageId: `r${++serial}`,
  timestamp: iso(T0),
  userId,
  answers,
  ...more,
});

async function ask(c: TestCollector, query = ''): Promise<Json> {
  const answer = await c.api('GET', `/api/surveys/s/results${query}`);
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.json as Json;
}

/** One question asked of people who give these answers: its results. */
async function figuresOf(question: JsonObject, answers: readonly JsonValue[], query = ''): Promise<Json> {
  let results: Json = {};
  await withCollector({}, async (c) => {
    await c.define({ surveys: { s: { name: 'S', questions: [{ id: 'q', title: 'Q', ...question }] } } });
    const sent = answers.map((q, i) => respond(`u${i}`, { q }));
    for (let from = 0; from < sent.length; from += 2_000)
      await c.send('server', sent.slice(from, from + 2_000));
    results = (await ask(c, query)).questions as Json;
  });
  return results.q as Json;
}

const repeat = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value);
const near = (value: number) => expect.closeTo(value, 8);

describe('figures of a question', () => {
  it('NPS: R’s adjusted Wald interval of 10, 20, 70; what is no score is invalid', async () => {
    const nps = await figuresOf({ type: 'nps' }, [
      ...repeat(10, 3),
      ...repeat(20, 8),
      ...repeat(69, 10),
      '9',
      ...[14, -1, 7.5, 'many', true, { best: 'a' }],
    ]);
    expect(nps).toMatchObject({
      type: 'nps',
      n: 100,
      invalid: 6,
      score: near(0.6),
      margin: near(0.130009302787),
      interval: [near(0.452697602538), near(0.712350941151)],
      wald: [near(0.469990697213), near(0.730009302787)],
      detractors: { count: 10, share: near(0.1) },
      promoters: { count: 70 },
    });
  });

  it('NPS of the package testdata: 0.1 ± 0.0559 over 1,000', async () => {
    const counts = [74, 10, 22, 35, 40, 140, 41, 57, 119, 227, 235];
    const nps = await figuresOf(
      { type: 'nps' },
      counts.flatMap((count, score) => repeat(count, score)),
    );
    expect(nps).toMatchObject({
      n: 1_000,
      score: near(0.1),
      standardError: near(0.0285306852354),
      wald: [near(0.0440808844844), near(0.1559191155156)],
    });
    expect((nps.distribution as Json[]).map(({ count }) => count)).toEqual(counts);
  });

  it('NPS of one kind only has an interval and no margin of 0', async () => {
    expect(await figuresOf({ type: 'nps' }, repeat(10, 10))).toMatchObject({
      score: 1,
      margin: null,
      wald: null,
      interval: [near(0.475035515448), 1],
    });
  });

  it('shares: Wilson’s interval of 81/263, 0/20 and 1/1', async () => {
    const choice = { type: 'single_choice', options: ['yes', 'no'] };
    const share = async (yes: number, n: number) =>
      ((await figuresOf(choice, [...repeat(yes, 'yes'), ...repeat(n - yes, 'no')])).options as Json[])[0];
    expect(await share(81, 263)).toMatchObject({
      id: 'yes',
      count: 81,
      interval: [near(0.2552885199), near(0.366209577)],
    });
    expect(await share(0, 20)).toMatchObject({ share: 0, interval: [0, near(0.1611251581)] });
    expect(await share(1, 1)).toMatchObject({ share: 1, interval: [near(0.2065493144), 1] });
  });

  it('choices: unknown options are invalid, several of many, one’s own where asked for', async () => {
    const single = await figuresOf({ type: 'single_choice', options: ['1', 'two'], other: true }, [
      1,
      'two',
      'mine',
      ' mine ',
      ['two'],
    ]);
    expect(single).toMatchObject({
      n: 4,
      invalid: 1,
      options: [{ count: 1 }, { count: 1 }],
      other: { count: 2, answers: [{ text: 'mine', count: 2 }] },
    });
    const many = await figuresOf({ type: 'multiple_choice', options: ['a', 'b', 'c'], max: 2 }, [
      ['a', 'b'],
      ['a'],
      ['a', 'a'],
      ['a', 'b', 'c'],
      ['d'],
      'a',
      [],
    ]);
    expect(many).toMatchObject({
      n: 2,
      invalid: 4,
      options: [{ count: 2, share: 1 }, { count: 1 }, { count: 0 }],
    });
  });

  it('CSAT: top two of five 0.60; CES: mean 5.48', async () => {
    const csat = [...repeat(38, 5), ...repeat(22, 4), ...repeat(40, 3)];
    expect(await figuresOf({ type: 'csat' }, csat)).toMatchObject({
      score: near(0.6),
      interval: [near(0.5020025867910619), near(0.6905987135675411)],
      satisfiedFrom: 4,
    });
    const ces = [2, 3, 5, 10, 20, 35, 25].flatMap((count, i) => repeat(count, i + 1));
    expect(await figuresOf({ type: 'ces' }, ces)).toMatchObject({ n: 100, score: near(5.48) });
  });

  it('product-market fit: 40 of 100 is undecided, 373 of 731 is above', async () => {
    const fit = { type: 'single_choice', measure: 'pmf', options: ['very', 'somewhat', 'not', 'gone'] };
    const of = (very: number, n: number) =>
      figuresOf(fit, [...repeat(very, 'very'), ...repeat(n - very, 'not'), ...repeat(5, 'gone')]);
    expect(await of(40, 100)).toMatchObject({
      n: 105,
      base: 100,
      score: near(0.4),
      interval: [near(0.3094012864), near(0.4979974132)],
      verdict: 'undecided',
    });
    expect(await of(373, 731)).toMatchObject({
      verdict: 'above',
      interval: [near(0.4740627756), near(0.5463497907)],
    });
    expect(await of(12, 29)).toMatchObject({ enough: false, verdict: 'undecided' });
  });

  it('Kano: 30, 20, 25, 20, 3, 2 is attractive by a hair', async () => {
    const pair = (functional: string, dysfunctional: string) => ({ functional, dysfunctional });
    const kano = await figuresOf({ type: 'kano', absent: 'And without?' }, [
      ...repeat(30, pair('like', 'neutral')),
      ...repeat(20, pair('like', 'dislike')),
      ...repeat(25, pair('must-be', 'dislike')),
      ...repeat(20, pair('neutral', 'live-with')),
      ...repeat(3, pair('dislike', 'like')),
      ...repeat(2, pair('like', 'like')),
      ...[pair('like', 'perhaps'), { functional: 'like' }, 'like'],
    ]);
    expect(kano).toMatchObject({
      n: 100,
      invalid: 3,
      category: 'A',
      better: { value: near(0.526315789474), n: 95 },
      worse: { value: near(-0.473684210526) },
      categoryStrength: near(0.05),
    });
  });

  it('MaxDiff: the six sets of Displayr’s example, as six questions', async () => {
    await withCollector({}, async (c) => {
      const sets = ['CDE', 'ADE', 'BDF', 'ACF', 'ABC', 'BEF'];
      const questions = sets.map((set, i) => ({
        id: `q${i}`,
        type: 'maxdiff',
        title: 'T',
        options: [...set],
      }));
      await c.define({ surveys: { s: { name: 'S', questions } } });
      const [best, worst] = ['CABCCB', 'EEFFBF'];
      const answers = Object.fromEntries(sets.map((_, i) => [`q${i}`, { best: best[i], worst: worst[i] }]));
      await c.send('server', [
        respond('ada', answers as JsonObject),
        respond('bob', { q0: { best: 'C', worst: 'C' }, q1: { best: 'B', worst: 'A' } }),
      ]);
      const { maxdiff, questions: single } = await ask(c);
      expect(maxdiff).toHaveLength(1);
      expect((maxdiff as Json[])[0]).toMatchObject({ n: 1, sets: 6 });
      const scores = (maxdiff as unknown as [{ items: Json[] }])[0].items.map((item) => [
        item.id,
        (item.best as number) - (item.worst as number),
        (item.score as Json).value,
      ]);
      expect(scores.slice(0, 1)).toEqual([['C', 3, 1]]);
      expect(Object.fromEntries(scores.map(([id, net]) => [id, net]))).toEqual({
        A: 1,
        B: 1,
        C: 3,
        D: 0,
        E: -2,
        F: -3,
      });
      expect(scores.find(([id]) => id === 'E')?.[2]).toBeCloseTo(-2 / 3, 10);
      expect((single as Json).q0).toMatchObject({ n: 1, invalid: 1 });
    });
  });

  it('prices: the four points of example A, two people out of order left out', async () => {
    const [tooCheap, cheap, expensive, tooExpensive] = [
      [2, 3, 3, 4, 4, 5, 5, 6, 6, 7],
      [5, 6, 6, 7, 8, 8, 9, 9, 10, 11],
      [8, 9, 10, 10, 11, 12, 12, 13, 14, 15],
      [10, 12, 12, 13, 14, 15, 16, 17, 18, 20],
    ] as [number[], number[], number[], number[]];
    const stated = tooCheap.map((price, i) => ({
      tooCheap: String(price),
      cheap: `${cheap[i]}.0`,
      expensive: String(expensive[i]),
      tooExpensive: String(tooExpensive[i]),
    }));
    const disordered = [
      { tooCheap: '9', cheap: '7', expensive: '12', tooExpensive: '15' },
      { tooCheap: '5', cheap: '5', expensive: '9', tooExpensive: '11' },
    ];
    const free = { tooCheap: 'free', cheap: '1', expensive: '2', tooExpensive: '3' };
    const prices = await figuresOf({ type: 'price_sensitivity' }, [...stated, ...disordered, free]);
    expect(prices).toMatchObject({
      n: 10,
      invalid: 3,
      pmc: { value: near(5.6) },
      pme: { value: near(12) },
      idp: { value: near(9) },
      opp: { value: near(7) },
    });
  });

  it('rankings, matrices, dates and consent', async () => {
    const ranked = await figuresOf({ type: 'ranking', options: ['a', 'b', 'c'] }, [
      ['a', 'b', 'c'],
      ['a', 'c', 'b'],
      ['b', 'a', 'c'],
      ['a'],
      ['a', 'a'],
      ['d'],
    ]);
    expect(ranked).toMatchObject({ n: 4, invalid: 2 });
    expect((ranked.items as Json[])[0]).toMatchObject({
      id: 'a',
      points: 7,
      rank: { value: 1.25 },
      first: { value: 0.75 },
      borda: { value: 0.875 },
    });
    const rows = [
      [4, 5, 3, 5],
      [2, 2, 3, 1],
      [5, 4, 5, 5],
      [3, 3, 2, 3],
      [1, 2, 1, 2],
    ].map((row) => Object.fromEntries(row.map((value, i) => [`r${i}`, String(value)])));
    const matrix = await figuresOf(
      { type: 'matrix', options: ['r0', 'r1', 'r2', 'r3'], labels: ['1', '2', '3', '4', '5'] },
      [...rows, { r0: '9' }, { zz: '1' }],
    );
    expect(matrix).toMatchObject({ n: 5, invalid: 2, reliability: { value: near(0.929547844374) } });
    expect((matrix.rows as Json[])[0]).toMatchObject({ id: 'r0', n: 5, mean: { value: 3 } });
    const dates = await figuresOf({ type: 'date' }, [
      '2026-01-03',
      '2026-01-01',
      '2026-01-31',
      '2026-02-30',
      5,
    ]);
    expect(dates).toMatchObject({
      n: 3,
      invalid: 2,
      earliest: '2026-01-01',
      median: '2026-01-03',
      latest: '2026-01-31',
    });
    const consent = await figuresOf({ type: 'consent' }, [...repeat(3, 'accepted'), 'declined', 'maybe']);
    expect(consent).toMatchObject({ n: 4, invalid: 1, accepted: 3, score: 0.75 });
  });

  it('nobody’s answers are null, not NaN', async () => {
    for (const [type, more] of Object.entries({
      ...{
        nps: {},
        csat: {},
        ces: {},
        rating: {},
        open_text: {},
        kano: {},
        price_sensitivity: {},
        date: {},
        consent: {},
      },
      ...{ single_choice: { options: ['a', 'b'] }, ranking: { options: ['a', 'b'] }, info: {} },
      ...{ maxdiff: { options: ['a', 'b', 'c'] }, matrix: { options: ['a'], labels: ['1', '2'] } },
    })) {
      const figures = await figuresOf({ type, ...more }, []);
      expect(figures, type).toMatchObject({ type, n: 0, invalid: 0 });
      if ('score' in figures) expect([figures.score, figures.interval], type).toEqual([null, null]);
    }
  });
});

const SURVEY = {
  name: 'S',
  questions: [
    { id: 'score', type: 'nps', title: 'Score' },
    { id: 'why', type: 'open_text', title: 'Why', next: [{ go: 'end' }] },
    { id: 'never', type: 'nps', title: 'Never asked' },
  ],
};

describe('which submissions count', () => {
  it('completed and partial ones, joined over a person’s ids; interviews and dismissals apart', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: SURVEY } });
      const begun = {
        type: 'survey',
        surveyId: 's',
        submissionId: 'x',
        anonymousId: 'd',
        timestamp: iso(T0),
      };
      await c.send('server', [
        { ...begun, messageId: 'a', status: 'partial', answers: { score: 3 } },
        { type: 'identify', messageId: 'b', userId: 'ada', anonymousId: 'd', timestamp: iso(T0 + 1) },
        respond('ada', { why: 'slow export' }, { submissionId: 'x', timestamp: iso(T0 + 2) }),
        respond('bob', { score: 9 }, { status: 'partial' }),
        respond('cy', { score: 10, why: 'slow export' }, { source: 'interview' }),
        respond('dot', {}, { status: 'dismissed' }),
        respond('eve', {}, { status: 'shown' }),
        respond('fay', { score: 9 }, { status: 'partial', submissionId: 'f' }),
        respond('fay', {}, { status: 'dismissed', submissionId: 'f' }),
        respond('gil', {}, { status: 'started' }),
        respond('me', {}, { source: 'preview' }),
      ]);
      c.advance(1_000);
      const { n, partial, interviews, questions, funnel } = await ask(c);
      expect([n, partial, interviews]).toEqual([1, 2, 1]);
      expect(questions).toMatchObject({
        score: { n: 3, detractors: { count: 1 } },
        why: { n: 1, interviews: 1 },
      });
      const [theme] = (questions as unknown as { why: { themes: Json[] } }).why.themes;
      expect(theme).toMatchObject({ count: 1, share: 1, interviews: 1 });
      expect(funnel).toMatchObject({
        shown: 6,
        started: { count: 4 },
        completed: { count: 1, ofStarted: { share: 0.25 } },
        dismissed: { count: 2 },
        preview: 1,
        questions: [
          { id: 'score', reached: 4, answered: 3, dropped: 1 },
          { id: 'why', reached: 3, answered: 1, dropped: 2 },
          { id: 'never', reached: 0, answered: 0, dropped: 0, dropOff: null },
        ],
      });
    });
  });

  it('by segment and by time; bad parameters are named', async () => {
    await withCollector({}, async (c) => {
      await c.define({ segments: { big: { where: { event: 'Big' } } }, surveys: { s: SURVEY } });
      await c.send('server', [
        respond('ada', { score: 9 }),
        respond('bob', { score: 1 }, { timestamp: iso(T0 - DAY) }),
        { type: 'track', event: 'Big', messageId: 'big', userId: 'bob', timestamp: iso(T0) },
      ]);
      const scores = async (query: string) => {
        const { n, questions } = await ask(c, query);
        return [n, (questions as { score: Json }).score.score];
      };
      expect(await scores('')).toEqual([2, 0]);
      expect(await scores('?segment=big')).toEqual([1, -1]);
      expect(await scores('?from=2026-06-10')).toEqual([1, 1]);
      expect(await scores('?to=2026-06-09')).toEqual([1, -1]);
      expect(await scores(`?from=${iso(T0 - DAY)}&to=${iso(T0 - DAY)}`)).toEqual([1, -1]);
      expect(await scores('?from=2027-01-01')).toEqual([0, null]);
      for (const [query, name] of [
        ['from=yesterday', 'from'],
        ['to=2026-02-30', 'to'],
        ['from=2026-06-11&to=2026-06-10', 'to'],
        ['segment=nobody', 'segment'],
        ['by=segment:nobody', 'by'],
        ['by=computed:nobody', 'by'],
        ['by=', 'by'],
        ['form=2026-06-10', 'form'],
      ]) {
        const { status, json } = await c.api('GET', `/api/surveys/s/results?${query}`);
        expect([status, (json.error as JsonObject).message], query).toEqual([
          400,
          expect.stringContaining(name as string),
        ]);
      }
      expect((await c.api('GET', '/api/surveys/t/results')).status).toBe(404);
      expect((await c.fetch('/api/surveys/s/results')).status).toBe(401);
    });
  });
});

describe('groups', () => {
  it('the cross-tab of R: chi-square 13.33, V 0.258, residuals marked', async () => {
    await withCollector({}, async (c) => {
      const question = { id: 'q', type: 'single_choice', title: 'Q', options: ['a', 'b', 'c'] };
      await c.define({
        segments: { x: { where: { trait: 'plan', op: 'eq', value: 'pro' } } },
        traits: { visits: { type: 'count', event: 'Visit' } },
        surveys: { s: { name: 'S', questions: [question] } },
      });
      const sent: JsonObject[] = [];
      [
        [30, 20, 50],
        [45, 30, 25],
      ].forEach((counts, group) => {
        counts.forEach((count, option) => {
          for (let i = 0; i < count; i++) {
            const userId = `u${group}-${option}-${i}`;
            const plan = group === 0 ? 'pro' : 'free';
            sent.push({
              type: 'identify',
              messageId: `i${userId}`,
              userId,
              traits: { plan },
              timestamp: iso(T0),
            });
            sent.push(respond(userId, { q: 'abc'[option] as string }));
          }
        });
      });
      await c.send('server', sent);
      const { groups } = await ask(c, '?by=plan');
      expect(groups).toMatchObject({
        by: { kind: 'trait', key: 'plan' },
        groups: [
          { value: 'free', other: false, n: 100 },
          { value: 'pro', n: 100 },
        ],
      });
      const [tab] = (groups as unknown as { crossTabs: { q: Json[] } }).crossTabs.q;
      expect(tab).toMatchObject({
        n: 200,
        chiSquare: near(13.3333333333),
        df: 2,
        p: near(0.00127263380134),
        cramersV: near(0.258198889747),
        correction: 'holm',
      });
      const third = (tab as unknown as { rows: { cells: Json[] }[] }).rows[2]?.cells;
      expect(third).toMatchObject([
        { count: 25, residual: near(-3.6514837167), mark: 'below' },
        { count: 50, residual: near(3.6514837167), mark: 'above', share: near(0.5) },
      ]);
      const other = async (by: string) => ((await ask(c, `?by=${by}`)).groups as Json).by;
      expect(await other('x')).toEqual({ kind: 'segment', key: 'x' });
      expect(await other('visits')).toEqual({ kind: 'computed', key: 'visits' });
      expect(await other('trait:x')).toEqual({ kind: 'trait', key: 'x' });
      const inOut = (await ask(c, '?by=segment:x')).groups as Json;
      expect(inOut.groups).toMatchObject([
        { value: 'in', n: 100 },
        { value: 'out', n: 100 },
      ]);
    });
  });

  it('a computed trait whose window slides is read at the clock of the answer; past 12 groups the rest are one', async () => {
    await withCollector({}, async (c) => {
      const visits = { type: 'count', event: 'Visit', within: '2d' };
      await c.define({ traits: { visits }, surveys: { s: SURVEY } });
      const sent: JsonObject[] = [];
      for (let i = 0; i < 15; i++) {
        const userId = `u${i}`;
        sent.push(respond(userId, { score: i % 11 }, { timestamp: iso(T0 - DAY) }));
        for (let j = 0; j < i; j++)
          sent.push({
            type: 'track',
            event: 'Visit',
            messageId: `v${i}-${j}`,
            userId,
            timestamp: iso(T0 - DAY),
          });
      }
      await c.send('server', sent);
      const groups = async () => ((await ask(c, '?by=visits')).groups as Json).groups as unknown as Json[];
      const before = await groups();
      expect(before).toHaveLength(13);
      expect(before[12]).toMatchObject({ value: null, other: true, n: 3 });
      c.advance(DAY);
      expect(await groups()).toMatchObject([{ value: 0, n: 15 }]);
    });
  });
});

describe('quality', () => {
  it('speeders by median and MAD, straight-liners', async () => {
    await withCollector({}, async (c) => {
      const options = ['r0', 'r1', 'r2', 'r3'];
      const question = { id: 'q', type: 'matrix', title: 'Q', options, labels: ['1', '2', '3'] };
      await c.define({ surveys: { s: { name: 'S', questions: [question] } } });
      const seconds = [60, 62, 58, 65, 70, 55, 61, 59, 20, 300];
      await c.send(
        'server',
        seconds.map((s, i) => {
          const q = Object.fromEntries(options.map((row, j) => [row, i < 2 ? '2' : String(1 + (j % 3))]));
          return respond(
            `u${i}`,
            { q },
            { submissionId: `s${i}`, timings: { q: s * 1_000, other: 1, bad: 'x' } },
          );
        }),
      );
      const { timing, straightLiners, questions } = await ask(c);
      expect(timing).toMatchObject({
        n: 10,
        median: 60.5,
        mad: 3.5,
        mean: 81,
        sd: near(78.1380544649),
        speeders: {
          halfMedian: { threshold: 30.25, count: 1, submissions: [{ submissionId: 's8' }] },
          robust: { count: 1 },
        },
      });
      expect(straightLiners).toMatchObject({
        n: 10,
        count: 2,
        submissions: [{ submissionId: 's0' }, { submissionId: 's1' }],
      });
      expect((questions as { q: Json }).q.seconds).toMatchObject({ n: 10, median: 60.5 });
    });
  });
});

describe('responders against the people asked', () => {
  it('weights 60 of one kind and 40 of another to halves: 0.375, Kish 96', async () => {
    await withCollector({}, async (c) => {
      const question = { id: 'q', type: 'single_choice', title: 'Q', options: ['yes', 'no'] };
      await c.define({ surveys: { s: { name: 'S', questions: [question] } } });
      const sent: JsonObject[] = [];
      const person = (userId: string, events: number) => {
        for (let i = 0; i < events; i++)
          sent.push({ type: 'track', event: 'E', messageId: `${userId}-${i}`, userId, timestamp: iso(T0) });
      };
      // 100 people with few events and 100 with many; 60 of the one and 40 of the other answer.
      for (let i = 0; i < 100; i++) {
        person(`few${i}`, 1);
        person(`many${i}`, 20);
        if (i < 60) sent.push(respond(`few${i}`, { q: i < 30 ? 'yes' : 'no' }));
        if (i < 40) sent.push(respond(`many${i}`, { q: i < 10 ? 'yes' : 'no' }));
      }
      for (let from = 0; from < sent.length; from += 2_000)
        await c.send('server', sent.slice(from, from + 2_000));
      const { questions, representation } = await ask(c);
      expect((questions as unknown as { q: { options: Json[] } }).q.options[0]).toMatchObject({ share: 0.4 });
      expect(representation).toMatchObject({
        frame: 200,
        responders: 100,
        outside: 0,
        responseRate: { share: 0.5 },
        weighting: {
          by: ['activity', 'tenure'],
          submissions: 100,
          effectiveN: near(96),
          designEffect: near(1.04166666667),
          questions: {
            q: [{ figure: 'share', of: 'yes', value: near(0.375), n: 100, effectiveN: near(96) }, {}],
          },
        },
      });
      const [activity] = (representation as unknown as { variables: { bands: Json[] }[] }).variables;
      expect(activity?.bands).toMatchObject([
        { frame: { count: 100, share: 0.5 }, responders: { count: 60 }, mark: 'over' },
        { frame: { count: 0 }, mark: null },
        { frame: { count: 100 }, responders: { count: 40 }, mark: 'under' },
        { frame: { count: 0 } },
      ]);
    });
  });

  it('only people of the targeted segment are the frame; thin strata are put together', async () => {
    await withCollector({}, async (c) => {
      await c.define({
        segments: { asked: { where: { event: 'Ask' }, expose: 'public' } },
        surveys: { s: { ...SURVEY, target: { segment: 'asked' } } },
      });
      const ask_ = (userId: string) => ({
        type: 'track',
        event: 'Ask',
        messageId: `a${userId}`,
        userId,
        timestamp: iso(T0),
      });
      await c.send('server', [
        ...['a', 'b', 'c'].map(ask_),
        respond('a', { score: 9 }),
        respond('z', { score: 1 }),
      ]);
      const { representation } = await ask(c);
      expect(representation).toMatchObject({
        frame: 3,
        responders: 1,
        outside: 1,
        weighting: { strata: [{ frame: 3, responders: 1, weight: 1 }], submissions: 1, effectiveN: 1 },
      });
      expect((await ask(c, '?from=2027-01-01')).representation).toMatchObject({
        frame: 3,
        responders: 0,
        weighting: null,
      });
    });
  });
});

describe('definitions', () => {
  it('say what asks for product-market fit', async () => {
    await withCollector({}, async (c) => {
      const put = async (more: JsonObject) => {
        const questions = [{ id: 'q', type: 'single_choice', title: 'Q', measure: 'pmf', ...more }];
        const { status, json } = await c.put('surveys', 's', { name: 'S', questions });
        return [
          status,
          ((json.error as JsonObject | undefined)?.details as unknown as { pointer: string }[])?.[0]?.pointer,
        ];
      };
      expect(await put({ options: ['very', 'somewhat', 'not'] })).toEqual([201, undefined]);
      expect(await put({ options: ['very', 'not'] })).toEqual([422, '/questions/0/options']);
      expect(await put({ options: ['a', 'b', 'c'], measure: 'nps' })).toEqual([422, '/questions/0/measure']);
      expect(await put({ type: 'nps' })).toEqual([422, '/questions/0/measure']);
    });
  });
});
