// Surveys as the collector keeps them: definitions, who is asked and why, closing, and answers as facts.
// Invariant: talks to the collector only as a page, a back end or an admin could.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../collector/src/wire/message.ts';
import { T0, type TestCollector, withCollector } from './collector.ts';

const DAY = 86_400_000;
let serial = 0;
const iso = (time: number): string => new Date(time).toISOString();

const ONE = [{ id: 'score', type: 'nps', title: 'Would you recommend us?' }];
const survey = (more: JsonObject = {}): JsonObject => ({ name: 'A survey', questions: ONE, ...more });

const message = (c: TestCollector, type: string, fields: JsonObject): JsonObject => ({
  type,
  messageId: `s${++serial}`,
  timestamp: iso(c.clock.now),
  ...fields,
});
const respond = (c: TestCollector, who: JsonObject, fields: JsonObject): JsonObject =>
  message(c, 'survey', { ...who, ...fields });
const page = (c: TestCollector, who: JsonObject, url = 'https://shop.example/'): JsonObject =>
  message(c, 'page', { ...who, context: { page: { url } } });

/** Sends messages as a page does and gives the keys of the surveys it is offered. */
async function offered(c: TestCollector, messages: JsonObject[]): Promise<string[]> {
  const { me } = await c.send('web', messages, {}, '?reply=me');
  if (!me) throw new Error('no view came with the answer');
  return (me.surveys as unknown as { key: string }[]).map(({ key }) => key);
}
const faultsOf = async (c: TestCollector, definition: JsonValue): Promise<string[]> => {
  const answer = await c.api('PUT', '/api/surveys/s', definition);
  const details = (answer.json.error as JsonObject | undefined)?.details as unknown as
    | { pointer: string; message: string }[]
    | undefined;
  return (details ?? []).map(({ pointer, message: text }) => `${pointer} ${text}`);
};
const gatesOf = async (c: TestCollector, key: string, id: string, more = ''): Promise<JsonObject> => {
  const answer = await c.api('GET', `/api/surveys/${key}/eligibility?id=${encodeURIComponent(id)}${more}`);
  expect(answer.status).toBe(200);
  return answer.json;
};
const held = ({ gates }: JsonObject): Record<string, JsonValue> =>
  Object.fromEntries((gates as JsonObject[]).map((gate) => [gate.gate as string, gate.holds as JsonValue]));

describe('definitions', () => {
  it('are put, read, listed, left alone when identical, and deleted', async () => {
    await withCollector({}, async (c) => {
      const made = await c.put('surveys', 'nps', survey());
      expect([made.status, made.json.status]).toEqual([201, 'ready']);
      expect((await c.put('surveys', 'nps', survey())).status).toBe(200);
      expect((await c.api('GET', '/api/surveys/nps')).json).toMatchObject({ key: 'nps', questions: ONE });
      expect((await c.all<{ key: string }>('/api/surveys')).map(({ key }) => key)).toEqual(['nps']);
      expect((await c.api('DELETE', '/api/surveys/nps')).status).toBe(204);
      expect((await c.api('GET', '/api/surveys/nps')).status).toBe(404);
      expect((await c.api('DELETE', '/api/surveys/nps')).status).toBe(404);
    });
  });

  it('are refused with a pointer to each fault', async () => {
    await withCollector({}, async (c) => {
      const asked = (more: JsonObject): JsonObject => ({ id: 'q', type: 'nps', title: 'T', ...more });
      const faults = (...questions: JsonObject[]) => faultsOf(c, survey({ questions }));
      expect(await faultsOf(c, { questions: ONE })).toEqual(['/name is required']);
      expect(await faultsOf(c, survey({ questions: [] }))).toEqual([
        '/questions questions must have at least one question',
      ]);
      expect(await faults(asked({}), asked({}))).toEqual([
        '/questions/1/id id must be unique: question 0 is "q" too',
      ]);
      expect(await faults(asked({ type: 'single_choice' }))).toEqual([
        '/questions/0/options options is required',
      ]);
      expect(await faults(asked({ options: ['a', 'b'] }))).toEqual([
        '/questions/0/options options is not used by nps',
      ]);
      expect(await faults(asked({ type: 'ranking', options: ['a', 'b', 'a'] }))).toEqual([
        '/questions/0/options/2 must be unique: "a" is there twice',
      ]);
      const later = asked({ id: 'r', type: 'open_text' });
      expect(await faults(asked({ title: '{{answer.none|x}} {{answer.r}}' }), later)).toEqual([
        '/questions/0/title there is no question "none" whose answer could stand here; give an earlier question’s id',
        '/questions/0/title title must not hold the answer to "r": it is asked later; only earlier ones are known',
      ]);
      expect(
        await faults(asked({}), { ...later, description: 'You said {{ answer.q }}, {{trait.name}}' }),
      ).toEqual([]);
      expect(await faults(asked({ title: '  ' }), { ...later, title: { en: '\t' } })).toEqual([
        '/questions/0/title title must not be blank',
        '/questions/1/title/en en must not be blank',
      ]);
      const branch = (type: string, op: string, value: JsonValue, more: JsonObject = {}) =>
        faults(asked({ type, ...more, next: [{ when: { op, value }, go: 'end' }] }), later);
      const options = ['a', 'b'];
      const never = '/questions/0/next/0/when/value never holds: ';
      expect(await branch('single_choice', 'eq', 'c', { options })).toEqual([`${never}the answers are a, b`]);
      expect(await branch('single_choice', 'in', ['c', 'd'], { options })).toHaveLength(1);
      expect(await branch('multiple_choice', 'includes', 'c', { options })).toHaveLength(1);
      expect(await branch('consent', 'eq', 'yes')).toEqual([`${never}the answers are accepted, declined`]);
      for (const [op, value] of [
        ['gt', 10],
        ['gte', 11],
        ['lt', 0],
        ['lte', -1],
        ['eq', 11],
        ['in', [11, 12]],
      ] as const)
        expect(await branch('nps', op, value as JsonValue)).toEqual([`${never}answers are from 0 to 10`]);
      expect(await branch('rating', 'lt', 1)).toEqual([`${never}answers are from 1 to 5`]);
      expect(await branch('single_choice', 'eq', 'c', { options, other: true })).toEqual([]);
      for (const [op, value] of [
        ['gte', 10],
        ['lte', 0],
        ['eq', '9'],
        ['in', [10, 11]],
        ['neq', 11],
      ] as const)
        expect(await branch('nps', op, value as JsonValue)).toEqual([]);
      expect(await branch('single_choice', 'in', ['b', 'c'], { options })).toEqual([]);
      expect(
        await faults(asked({ next: [{ go: 'r' }, { when: { op: 'eq', value: 1 }, go: 'end' }] }), later),
      ).toEqual([
        '/questions/0/next/1 is never reached: branch 0 has no when and is always taken; leave this out or put it before',
      ]);
      expect(await faults(asked({ next: [{ go: 'nowhere' }] }))).toEqual([
        '/questions/0/next/0/go there is no question "nowhere"; give a later question’s id or "end"',
      ]);
      expect(await faults(asked({}), asked({ id: 'r', next: [{ go: 'q' }] }))).toEqual([
        '/questions/1/next/0/go go must be a later question: going back would never end',
      ]);
      expect(await faults(asked({ next: [{ when: { op: 'gt' }, go: 'end' }] }))).toEqual([
        '/questions/0/next/0/when/value value is required',
      ]);
      expect(await faults(asked({ title: { zh: '好' } }))).toEqual([
        '/questions/0/title title must hold "en", the default language',
        '/questions/0/title/zh zh is none of languages: en',
      ]);
      expect(await faultsOf(c, survey({ thanks: { en: 'Thanks', fr: 'Merci' } }))).toEqual([
        '/thanks/fr fr is none of languages: en',
      ]);
      expect(await faultsOf(c, survey({ startAt: '2026-06-02', endAt: '2026-06-01' }))).toEqual([
        '/endAt endAt must be after startAt',
      ]);
      expect(await faultsOf(c, survey({ theme: { accent: 'url(https://evil.example/)' } }))).toEqual([
        '/theme/accent accent must be a colour, a length or a font',
      ]);
      for (const accent of ['red\nurl(x.png)', 'image-set("x.png" 1x)', 'rgb(1, 2', "'Arial", 'src("x")'])
        expect(await faultsOf(c, survey({ theme: { accent } }))).toHaveLength(1);
      const fine = { accent: 'oklch(0.5 0.1 200 / 50%)', font: '"Iowan Old Style", serif', radius: '12px' };
      expect(await faultsOf(c, survey({ theme: fine }))).toEqual([]);
      expect(await faultsOf(c, survey({ target: { delay: '60d' } }))).toEqual([
        '/target/delay delay must be at most 1h',
      ]);
      for (const url of ['shop.example/cart', '/cart#top', 'capacitor://x'])
        expect((await faultsOf(c, survey({ target: { url } })))[0]).toMatch(/^\/target\/url url must /);
      expect(await faultsOf(c, survey({ languages: ['en', 'EN'] }))).toEqual([
        '/languages/1 must be unique: "EN" is there twice',
      ]);
      expect(await faultsOf(c, survey({ languages: ['en_US'] }))).toEqual([
        '/languages/0 must be a language such as "en" or "zh-CN"; perhaps "en-US"',
      ]);
      expect(await faultsOf(c, survey({ languages: [] }))).toEqual([
        '/languages languages must have at least one language',
      ]);
      const choices = { type: 'multiple_choice', options: ['a', 'b'] };
      expect(await faults(asked({ ...choices, max: 3 }))).toEqual([
        '/questions/0/max max must be at most 2: there are no more to choose',
      ]);
      expect(await faults(asked({ ...choices, options: ['a', '__proto__'] }))).toEqual([
        '/questions/0/options/1 must not be "__proto__"; give it another id',
      ]);
      expect(await faults(asked({ labels: ['a', 'b', 'c'] }))).toEqual([
        '/questions/0/labels labels must be 2, for the ends, or 11, one for each point',
      ]);
      expect(await faults(asked({ scale: 10 }))).toEqual([
        '/questions/0/scale of nps is 0 to 10, which is 11 points; leave it out',
      ]);
      expect(await faultsOf(c, survey({ target: { segment: 'nobody' } }))).toEqual([
        '/target/segment there is no segment "nobody"; define it first',
      ]);
    });
  });

  it('take every type of question', async () => {
    await withCollector({}, async (c) => {
      const options = ['a', { id: 'b', label: { en: 'B', zh: '乙' } }, 'c'];
      const title = { en: 'T', zh: '题' };
      const questions = [
        ...['nps', 'csat', 'ces', 'rating'].map((type) => ({ type, labels: ['Bad', 'Good'] })),
        ...['single_choice', 'multiple_choice', 'ranking', 'maxdiff'].map((type) => ({ type, options })),
        { type: 'matrix', options, labels: ['No', 'Yes'] },
        { type: 'kano', absent: title },
        { type: 'price_sensitivity', currency: 'EUR' },
        ...['open_text', 'date', 'consent', 'info'].map((type) => ({ type })),
      ].map((asked) => ({ id: asked.type, title, ...asked }));
      expect(await faultsOf(c, survey({ questions, languages: ['en', 'zh'] }))).toEqual([]);
    });
  });

  it('name a segment exposed as far as themselves, from both sides', async () => {
    await withCollector({}, async (c) => {
      const where = { event: 'Exported' };
      await c.define({ segments: { secret: { where }, open: { where, expose: 'public' } } });
      const [fault] = await faultsOf(c, survey({ target: { segment: 'secret' } }));
      expect(fault).toMatch(/^\/target\/segment "secret" is exposed as "none" and the survey as "public"/);
      expect(await faultsOf(c, survey({ target: { segment: 'secret' }, expose: 'none' }))).toEqual([]);
      expect(await faultsOf(c, survey({ target: { segment: 'open' } }))).toEqual([]);
      const lowered = await c.put('segments', 'open', { where, expose: 'verified' });
      expect(lowered.status).toBe(422);
      expect((lowered.json.error as JsonObject).details).toMatchObject([{ pointer: '/expose' }]);
      const needed = await c.api('DELETE', '/api/segments/open');
      expect([needed.status, (needed.json.error as JsonObject).details]).toEqual([409, ['s']]);
    });
  });

  it('come from the file of definitions and go with it', async () => {
    await withCollector({ config: { surveys: { nps: survey() } } }, async (c) => {
      expect((await c.api('GET', '/api/surveys/nps')).json.status).toBe('ready');
      expect(await offered(c, [page(c, { anonymousId: 'a' })])).toEqual(['nps']);
    });
  });
});

describe('who is asked', () => {
  it('follows segment, sample, dates and the page, and says so gate by gate', async () => {
    await withCollector({}, async (c) => {
      await c.define({
        segments: { exporters: { where: { event: 'Exported' }, expose: 'public' } },
        surveys: {
          s: survey({
            target: { segment: 'exporters', url: '/cart*', sample: 100, delay: '5s' },
            startAt: iso(T0 - DAY),
            endAt: iso(T0 + DAY),
          }),
        },
      });
      const who = { userId: 'ada' };
      const cart = 'https://shop.example/cart/2?x=1';
      expect(await offered(c, [page(c, who, cart)])).toEqual([]);
      expect(held(await gatesOf(c, 's', 'user:ada'))).toEqual({
        open: true,
        segment: false,
        sample: true,
        frequency: true,
        url: null,
      });
      expect(await offered(c, [message(c, 'track', { ...who, event: 'Exported' }), page(c, who)])).toEqual(
        [],
      );
      expect(await offered(c, [page(c, who, cart)])).toEqual(['s']);
      const now = await gatesOf(c, 's', 'user:ada', `&url=${encodeURIComponent(cart)}`);
      expect(now).toMatchObject({ eligible: true, unknown: [], page: { delay: '5s' } });
      // What was decided in answer to the last batch.
      expect(now.last).toMatchObject({ at: iso(T0), eligible: true, gates: { url: true, segment: true } });
      c.advance(2 * DAY);
      expect(await offered(c, [page(c, who, cart)])).toEqual([]);
      expect((await gatesOf(c, 's', 'user:ada')).last).toMatchObject({
        eligible: false,
        gates: { open: false },
      });
    });
  });

  it('tells what is known, how far it is exposed, and what comes before it', async () => {
    await withCollector({}, async (c) => {
      const where = { all: [] };
      await c.define({
        segments: { all: { where, expose: 'public' } },
        surveys: {
          paged: survey({ priority: 9, target: { url: '/cart' } }),
          proven: survey({ priority: 8, expose: 'verified' }),
          hidden: survey({ priority: 7, expose: 'none' }),
          a: survey({ priority: 2, target: { segment: 'all' } }),
          b: survey(),
          c: survey(),
          d: survey(),
        },
      });
      await c.send('web', [page(c, { userId: 'ada' })]);
      const look = async (key: string, more = '') => {
        const { eligible, offered: isOffered, reason, unknown } = await gatesOf(c, key, 'user:ada', more);
        return [eligible, isOffered, reason, unknown];
      };
      expect(await look('paged')).toEqual([false, false, 'not known: url', ['url']]);
      expect(await look('paged', '&url=https://x.example/')).toEqual([false, false, 'closed: url', []]);
      expect(await look('hidden', '&verified=true')).toEqual([false, false, 'closed: expose', []]);
      expect(await look('proven')).toEqual([false, false, 'not known: expose', ['expose']]);
      expect(await look('proven', '&verified=false')).toEqual([false, false, 'closed: expose', []]);
      expect(await look('proven', '&verified=true')).toEqual([true, true, null, []]);
      expect(await look('c')).toEqual([true, true, null, []]);
      const rank = '3 surveys are offered at a time, and more important ones are: ';
      expect(await look('d')).toEqual([true, false, `${rank}a, b, c`, []]);
      expect(await look('c', '&url=https://x.example/cart')).toEqual([true, false, `${rank}paged, a, b`, []]);
      expect(await look('b', '&url=https://x.example/cart&verified=true')).toEqual([
        ...[true, false, `${rank}paged, proven, a`, []],
      ]);
      // What is said to be offered is.
      expect(await offered(c, [page(c, { userId: 'ada' })])).toEqual(['a', 'b', 'c']);
      expect(held(await gatesOf(c, 'a', 'user:ada'))).not.toHaveProperty('expose');
      // A public survey is offered as far as its segment is exposed.
      await c.put('surveys', 'a', survey({ priority: 2 }));
      await c.put('segments', 'all', { where });
      expect(await look('d')).toEqual([true, false, `${rank}a, b, c`, []]);
      for (const more of ['', '?id=user:ada&verified=yes', '?id=user:ada&uri=x', '?id=user:ada&url=cart'])
        expect((await c.api('GET', `/api/surveys/a/eligibility${more}`)).status).toBe(400);
      expect((await c.api('GET', '/api/surveys/a/responses?segment=all')).status).toBe(400);
    });
  });

  it('carries all a page needs and nothing of whom the survey is for', async () => {
    await withCollector({}, async (c) => {
      const target = {
        segment: 'all',
        event: { event: 'Exported' },
        delay: '5s',
        exitIntent: true,
        scroll: 50,
      };
      await c.define({
        segments: { all: { where: { all: [] }, expose: 'public' } },
        surveys: { s: survey({ target, theme: { accent: '#0a7' }, thanks: 'Thank you' }) },
      });
      const batch = [message(c, 'track', { userId: 'ada', event: 'Exported' })];
      const { me } = await c.send('web', batch, {}, '?reply=me');
      expect(me?.surveys).toEqual([
        {
          key: 's',
          version: expect.stringMatching(/^[0-9a-f]{8}$/),
          name: 'A survey',
          questions: [
            {
              id: 'score',
              type: 'nps',
              title: 'Would you recommend us?',
              required: false,
              options: [],
              other: false,
              scale: 11,
              labels: [],
              maxLength: 2_000,
              next: [],
            },
          ],
          languages: ['en'],
          theme: { accent: '#0a7' },
          presentation: 'popover',
          trigger: { delayMs: 5_000, exitIntent: true, scroll: 50 },
          thanks: 'Thank you',
        },
      ]);
    });
  });

  it('asks at an event of this very batch that its filter lets through', async () => {
    await withCollector({}, async (c) => {
      const event = {
        event: 'Order Completed',
        where: { path: 'properties.revenue', op: 'gte', value: 100 },
      };
      await c.define({ surveys: { s: survey({ target: { event } }) } });
      const order = (who: string, revenue: number) =>
        message(c, 'track', { anonymousId: who, event: 'Order Completed', properties: { revenue } });
      expect(await offered(c, [order('a', 99)])).toEqual([]);
      expect(await offered(c, [order('a', 100), page(c, { anonymousId: 'a' })])).toEqual(['s']);
      expect(await offered(c, [page(c, { anonymousId: 'a' })])).toEqual([]);
      // Somebody else's order in the same batch asks nobody.
      expect(await offered(c, [order('b', 100), page(c, { anonymousId: 'a' })])).toEqual([]);
    });
  });

  it('asks once in 90 days, on whichever device, also after cleared storage', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.define({ surveys: { s: survey() } });
      const [phone, laptop] = [{ anonymousId: 'phone' }, { anonymousId: 'laptop' }];
      const ada = { userId: 'ada' };
      await c.send('web', [
        message(c, 'identify', { ...phone, ...ada }),
        message(c, 'identify', { ...laptop, ...ada }),
      ]);
      expect(await offered(c, [page(c, { ...phone, ...ada })])).toEqual(['s']);
      await c.send('web', [respond(c, phone, { surveyId: 's', submissionId: '1', status: 'shown' })]);
      expect(await offered(c, [page(c, { ...phone, ...ada })])).toEqual([]);
      expect(await offered(c, [page(c, { ...laptop, ...ada })])).toEqual([]);
      expect(await offered(c, [page(c, laptop)])).toEqual([]);
      // Cleared: a new device until it is known again.
      expect(await offered(c, [page(c, { anonymousId: 'new' })])).toEqual(['s']);
      expect(await offered(c, [message(c, 'identify', { anonymousId: 'new', ...ada })])).toEqual([]);
      expect((await gatesOf(c, 's', 'user:ada')).gates).toContainEqual(
        expect.objectContaining({ gate: 'frequency', holds: false, shown: 1, answered: 0 }),
      );
      c.advance(90 * DAY - 1);
      expect(await offered(c, [page(c, laptop)])).toEqual([]);
      c.advance(1);
      expect(await offered(c, [page(c, laptop)])).toEqual(['s']);
      expect(await c.verify()).toEqual([]);
    });
  });

  it('counts what was shown before the survey was defined, and answers of plain clients', async () => {
    await withCollector({}, async (c) => {
      const plain = message(c, 'track', {
        userId: 'ada',
        event: 'Survey Responded',
        properties: { surveyId: 's', answers: { score: 9 } },
      });
      await c.send('web', [plain, page(c, { userId: 'bob' })]);
      await c.define({ surveys: { s: survey() } });
      expect(await offered(c, [page(c, { userId: 'ada' })])).toEqual([]);
      expect(await offered(c, [page(c, { userId: 'bob' })])).toEqual(['s']);
    });
  });

  it('asks nobody again who began, turned down or answered in whatever words', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey(), two: survey({ frequency: { times: 2 } }) } });
      const met = async (userId: string, fields: JsonObject) => {
        await c.send('server', [message(c, 'survey', { userId, submissionId: 'x', ...fields })]);
        return offered(c, [page(c, { userId })]);
      };
      for (const status of ['started', 'partial', 'dismissed'])
        expect(await met(`by ${status}`, { surveyId: 's', status })).toEqual(['two']);
      // One of two times.
      expect(await met('ada', { surveyId: 'two', status: 'dismissed' })).toEqual(['s', 'two']);
      const properties = { surveyId: 's', answers: {}, status: 'submitted' };
      await c.send('server', [message(c, 'track', { userId: 'bob', event: 'Survey Responded', properties })]);
      expect(await offered(c, [page(c, { userId: 'bob' })])).toEqual(['two']);
      // What else a message of another survey carries is no answer to this one.
      expect(await met('cy', { surveyId: 'other', properties })).toEqual(['s', 'two']);
    });
  });

  it('counts submissions, however many messages tell of one and under whichever id', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.define({ surveys: { s: survey({ frequency: { times: 2, coolDown: '1d' } }) } });
      const device = { anonymousId: 'd' };
      const shown = (who: JsonObject, submissionId: string) =>
        c.send('web', [respond(c, who, { surveyId: 's', submissionId, status: 'shown' })]);
      const gate = async () => (await gatesOf(c, 's', 'user:ada')).gates;
      await c.send('web', [message(c, 'identify', { ...device, userId: 'ada' })]);
      await shown(device, 'x');
      await shown(device, 'x');
      await shown({ userId: 'ada' }, 'x');
      expect(await gate()).toContainEqual(
        expect.objectContaining({ gate: 'frequency', holds: true, shown: 1 }),
      );
      expect(await offered(c, [page(c, device)])).toEqual(['s']);
      await shown(device, 'y');
      expect(await gate()).toContainEqual(
        expect.objectContaining({ gate: 'frequency', holds: false, shown: 2 }),
      );
      // Without a submissionId each message is a submission of its own.
      for (const surveyId of ['t', 't', 'u'])
        await c.send('web', [respond(c, device, { surveyId, status: 'dismissed' })]);
      expect(await gate()).toContainEqual(
        expect.objectContaining({ gate: 'coolDown', holds: false, otherSurveys: 2 }),
      );
      expect(await c.verify()).toEqual([]);
    });
  });

  it('keeps a distance between surveys and puts the most important first', async () => {
    await withCollector({}, async (c) => {
      await c.define({
        surveys: {
          b: survey({ priority: 5, frequency: { coolDown: '7d' } }),
          a: survey({ frequency: { coolDown: '7d' } }),
          always: survey({ frequency: { times: 100, every: '1d' } }),
        },
      });
      const who = { anonymousId: 'x' };
      expect(await offered(c, [page(c, who)])).toEqual(['b', 'a', 'always']);
      await c.send('web', [respond(c, who, { surveyId: 'b', submissionId: '1', status: 'shown' })]);
      expect(await offered(c, [page(c, who)])).toEqual(['always']);
      c.advance(7 * DAY);
      expect(await offered(c, [page(c, who)])).toEqual(['a', 'always']);
    });
  });

  it('draws a stable sample with the survey’s key as salt', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey({ target: { sample: 30 } }) } });
      // Of the contract: SHA-256(salt + ":" + id), first 6 bytes big-endian / 2^48 x 100.
      const placeOf = (id: string): number =>
        (createHash('sha256').update(`s:${id}`).digest().readUIntBE(0, 6) / 2 ** 48) * 100;
      const asked: number[] = [];
      for (let i = 0; i < 60; i++) {
        const first = await offered(c, [page(c, { userId: `u${i}` })]);
        expect(first).toEqual(placeOf(`u${i}`) < 30 ? ['s'] : []);
        expect(await offered(c, [page(c, { userId: `u${i}` })])).toEqual(first);
        asked.push(first.length);
      }
      expect(new Set(asked).size).toBe(2);
      const { gates } = await gatesOf(c, 's', 'user:u0');
      const sample = (gates as JsonObject[]).find(({ gate }) => gate === 'sample');
      expect(Number(sample?.place) < 30).toBe(asked[0] === 1);
    });
  });

  it('offers what is exposed to verified people to nobody else, and links to nobody what is exposed to none', async () => {
    await withCollector({}, async (c) => {
      await c.define({
        surveys: { known: survey({ expose: 'verified' }), hidden: survey({ expose: 'none' }) },
      });
      const read = async (key: string) =>
        (await c.fetch(`/v1/me?userId=ada&writeKey=${key}`)).json.surveys as unknown as { key: string }[];
      expect(await read('wk_web_for_tests')).toEqual([]);
      expect((await read('sk_server_for_tests')).map(({ key }) => key)).toEqual(['known']);
    });
  });

  it('is answered by /v1/me for pages it is told of', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey({ target: { url: 'https://*.example/a?x=*' } }) } });
      const read = async (url: string) =>
        (await c.fetch(`/v1/me?anonymousId=a&writeKey=wk_web_for_tests${url}`)).json.surveys;
      expect(await read('')).toEqual([]);
      expect(await read(`&url=${encodeURIComponent('https://b.example/a?x=1')}`)).toHaveLength(1);
      expect(await read(`&url=${encodeURIComponent('https://b.example/a?y=1')}`)).toEqual([]);
      const wrong = await c.fetch('/v1/me?anonymousId=a&writeKey=wk_web_for_tests&url=cart');
      expect(wrong.status).toBe(400);
    });
  });

  it('takes wrong questions about eligibility with advice', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey() } });
      expect((await c.api('GET', '/api/surveys/s/eligibility')).status).toBe(400);
      expect((await c.api('GET', '/api/surveys/s/eligibility?id=user:x')).status).toBe(404);
      expect((await c.api('GET', '/api/surveys/t/eligibility?id=user:x')).status).toBe(404);
      expect((await c.api('GET', '/api/surveys/s/eligibility?id=user:x&ulr=y')).text).toContain('ulr');
    });
  });
});

describe('closing', () => {
  it('takes exactly as many as the limit says of 100 at once', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.define({ surveys: { s: survey({ limit: 50 }) } });
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          c.send('web', [respond(c, { anonymousId: `a${i}` }, { surveyId: 's', answers: { score: 9 } })]),
        ),
      );
      expect(answers.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(50);
      expect(answers.flatMap(({ rejected }) => rejected.map(({ code }) => code))).toEqual(
        new Array(50).fill('survey_closed'),
      );
      expect(await c.all('/api/surveys/s/responses')).toHaveLength(50);
      expect(await c.all('/api/rejected')).toHaveLength(50);
      await c.reopen();
      const late = await c.send('server', [respond(c, { userId: 'late' }, { surveyId: 's' })]);
      expect(late.rejected[0]).toMatchObject({
        code: 'survey_closed',
        message: expect.stringContaining('50'),
      });
      // In one batch as well.
      await c.define({ surveys: { s: survey({ limit: 52 }) } });
      const more = ['p', 'q', 'r'].map((userId) =>
        respond(c, { userId }, { surveyId: 's', submissionId: 'one' }),
      );
      const last = await c.send('server', [...more, ...more]);
      expect([last.accepted, last.duplicates, last.rejected.length]).toEqual([2, 2, 2]);
      expect(await c.verify()).toEqual([]);
    });
  });

  it('lets a submission that was begun finish, and repeats of a completed one count once', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey({ limit: 1, endAt: iso(T0 + DAY) }) } });
      const say = async (userId: string, status: string) =>
        (
          await c.send('server', [
            respond(c, { userId }, { surveyId: 's', submissionId: 'x', status, answers: {} }),
          ])
        ).accepted;
      expect(await say('ada', 'started')).toBe(1);
      expect(await say('cy', 'shown')).toBe(1);
      expect(await say('bob', 'completed')).toBe(1);
      expect(await say('bob', 'completed')).toBe(1);
      // Whoever was only shown it has not begun, but may turn it down.
      expect(await say('cy', 'completed')).toBe(0);
      expect(await say('cy', 'dismissed')).toBe(1);
      expect(await say('dot', 'shown')).toBe(0);
      c.advance(2 * DAY);
      expect(await say('ada', 'partial')).toBe(1);
      expect(await say('ada', 'completed')).toBe(1);
    });
  });

  it('judges by when it was answered, not by when it arrived', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey({ startAt: iso(T0), endAt: iso(T0 + DAY) }) } });
      c.advance(3 * DAY);
      const at = async (time: number) =>
        (
          await c.send('server', [
            respond(c, { userId: `u${time}` }, { surveyId: 's', timestamp: iso(time) }),
          ])
        ).accepted;
      expect(await at(T0 - 1)).toBe(0);
      expect(await at(T0)).toBe(1);
      expect(await at(T0 + DAY)).toBe(1);
      expect(await at(T0 + DAY + 1)).toBe(0);
    });
  });

  it('gives no place to what was completed before it opens, whenever it was defined', async () => {
    await withCollector({ file: true }, async (c) => {
      const say = async (userId: string, time: number, submissionId = 'x') =>
        (
          await c.send('server', [
            respond(c, { userId }, { surveyId: 's', submissionId, timestamp: iso(time) }),
          ])
        ).accepted;
      c.advance(DAY);
      // Nobody has defined it yet.
      for (const [userId, time] of [
        ['ada', -1],
        ['ada', 5],
        ['bob', -1],
        ['cy', 0],
      ] as const)
        expect(await say(userId, T0 + time)).toBe(1);
      await c.define({ surveys: { s: survey({ limit: 4, startAt: iso(T0) }) } });
      const taken = async () => ((await gatesOf(c, 's', 'user:ada')).gates as JsonObject[])[0]?.completed;
      expect(await taken()).toBe(2);
      // Bob, who completed it before, completes it now, twice: he takes one place.
      expect([await say('bob', T0 + 7), await say('bob', T0 + 8), await taken()]).toEqual([1, 1, 3]);
      expect([await say('dot', T0 - 1), await say('dot', T0 + 1), await taken()]).toEqual([0, 1, 4]);
      expect(await say('eve', T0 + 1)).toBe(0);
      await c.define({ surveys: { s: survey({ limit: 4, startAt: iso(T0 + 1) }) } });
      expect([await taken(), await say('eve', T0 + 1), await say('fay', T0 + 1)]).toEqual([3, 1, 0]);
      await c.define({ surveys: { s: survey({ limit: 6 }) } });
      expect([await taken(), await say('gil', T0), await say('hal', T0)]).toEqual([5, 1, 0]);
    });
  });

  it('counts what came before and after it was undefined for a while', async () => {
    await withCollector({}, async (c) => {
      const say = async (userId: string) =>
        (await c.send('server', [respond(c, { userId }, { surveyId: 's', submissionId: 'x' })])).accepted;
      await c.define({ surveys: { s: survey({ limit: 9 }) } });
      expect(await say('ada')).toBe(1);
      expect((await c.api('DELETE', '/api/surveys/s')).status).toBe(204);
      expect([await say('bob'), await say('bob'), await say('cy')]).toEqual([1, 1, 1]);
      await c.define({ surveys: { s: survey({ limit: 4 }) } });
      expect([await say('dot'), await say('eve')]).toEqual([1, 0]);
    });
  });

  it('takes one for an undefined survey, and Segment’s own event like a survey message', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey({ limit: 1 }) } });
      expect((await c.send('web', [respond(c, { userId: 'ada' }, { surveyId: 'other' })])).accepted).toBe(1);
      const plain = (userId: string) =>
        message(c, 'track', {
          userId,
          event: 'Survey Responded',
          properties: { surveyId: 's', answers: {} },
        });
      const { accepted, rejected } = await c.send('web', [plain('ada'), plain('bob')]);
      expect([accepted, rejected[0]?.code]).toEqual([1, 'survey_closed']);
    });
  });
});

describe('answers', () => {
  it('put a detractor into a segment within the answer to their batch', async () => {
    await withCollector({}, async (c) => {
      const detractor = { survey: 's', question: 'score', op: 'lte', value: 6 };
      const exported = { event: 'Exported', count: { op: 'gte', value: 3 }, within: '7d' };
      await c.define({
        segments: { unhappy_exporters: { where: { all: [detractor, exported] }, expose: 'public' } },
        surveys: { s: survey() },
      });
      const who = { anonymousId: 'a' };
      const exports = [1, 2, 3].map(() => message(c, 'track', { ...who, event: 'Exported' }));
      expect((await c.send('web', exports, {}, '?reply=me')).me?.segments).toEqual([]);
      const answer = respond(c, who, { surveyId: 's', answers: { score: 3 } });
      expect((await c.send('web', [answer], {}, '?reply=me')).me?.segments).toEqual(['unhappy_exporters']);
    });
  });

  it('are the same whatever is repeated, reordered or sent in parts', async () => {
    const part = fc.record({
      answers: fc.dictionary(fc.constantFrom('q1', 'q2', 'q3'), fc.option(fc.integer({ min: 0, max: 10 }))),
      status: fc.constantFrom('shown', 'started', 'partial', 'completed'),
      submissionId: fc.constantFrom('one', 'two'),
      minute: fc.integer({ min: 0, max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(part, { minLength: 1, maxLength: 8 }),
        fc.infiniteStream(fc.nat()),
        async (parts, order) => {
          await withCollector({ now: T0 + DAY }, async (c) => {
            const sent = parts.map(({ minute, ...rest }, i) => ({
              ...respond(c, { userId: 'ada' }, { surveyId: 's', ...rest }),
              messageId: `m${i}`,
              timestamp: iso(T0 + minute * 60_000),
            }));
            const shuffled = [...sent, ...sent.slice(0, 3)]
              .map((one) => ({ one, place: order.next().value as number }))
              .sort((a, b) => a.place - b.place)
              .map(({ one }) => one);
            for (const one of shuffled) await c.send('server', [one]);
            const expected = new Map<string, JsonObject>();
            const inOrder = [...sent].sort((a, b) =>
              a.timestamp === b.timestamp
                ? a.messageId < b.messageId
                  ? -1
                  : 1
                : a.timestamp < b.timestamp
                  ? -1
                  : 1,
            );
            for (const { submissionId, answers } of inOrder as unknown as {
              submissionId: string;
              answers: JsonObject;
            }[])
              expected.set(submissionId, { ...expected.get(submissionId), ...answers });
            await c.define({ surveys: { s: survey() } });
            const rows = await c.all<{ submissionId: string; answers: JsonObject }>(
              '/api/surveys/s/responses',
              1,
            );
            expect(rows.map(({ submissionId }) => submissionId)).toEqual([...expected.keys()].sort());
            for (const { submissionId, answers } of rows)
              expect(answers).toEqual(
                Object.fromEntries(
                  Object.entries(expected.get(submissionId) ?? {}).filter(([, v]) => v !== null),
                ),
              );
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('wait for their time, and are gone with their person', async () => {
    await withCollector({ file: true }, async (c) => {
      await c.define({ surveys: { s: survey({ limit: 2 }) } });
      const say = (userId: string, time: number) =>
        c.send('server', [
          respond(c, { userId }, { surveyId: 's', answers: { score: 1 }, timestamp: iso(time) }),
        ]);
      expect((await say('ada', T0 + DAY)).accepted).toBe(1);
      expect((await say('bob', T0)).accepted).toBe(1);
      // One that waits takes its place.
      expect((await say('cy', T0)).rejected[0]?.code).toBe('survey_closed');
      const users = async () =>
        (await c.all<{ userId: string }>('/api/surveys/s/responses')).map(({ userId }) => userId).sort();
      expect(await users()).toEqual(['bob']);
      c.advance(DAY);
      expect(await users()).toEqual(['ada', 'bob']);
      await c.api('DELETE', '/api/profiles/user:bob');
      expect(await users()).toEqual(['ada']);
      expect((await say('cy', T0)).accepted).toBe(1);
      expect(await c.verify()).toEqual([]);
    });
  });

  it('belong to whoever the device belonged to, and to the survivor of a merge', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey() } });
      const device = { anonymousId: 'd' };
      await c.send('server', [respond(c, device, { surveyId: 's', answers: { score: 5 } })]);
      c.advance(1_000);
      await c.send('server', [message(c, 'identify', { ...device, userId: 'ada' })]);
      const rows = () => c.all<{ userId: string | null }>('/api/surveys/s/responses');
      expect(await rows()).toMatchObject([{ userId: 'ada', status: 'completed', answers: { score: 5 } }]);
      await c.send('server', [page(c, { userId: 'bob' })]);
      await c.api('POST', '/api/profiles/merge', { from: 'ada', into: 'bob' });
      expect(await rows()).toMatchObject([{ userId: 'bob' }]);
    });
  });
});

describe('what a stranger must not learn or do', () => {
  it('tells nobody of an unexposed segment while a survey or its segment is being built anew', async () => {
    await withCollector({}, async (c) => {
      const where = { event: 'Exported' };
      await c.define({
        segments: { secret: { where }, open: { where, expose: 'public' } },
        surveys: {
          hidden: survey({ target: { segment: 'secret' }, expose: 'none' }),
          open: survey({ target: { segment: 'open' } }),
        },
      });
      const people = Array.from({ length: 3_000 }, (_, i) =>
        i === 0 ? message(c, 'track', { userId: 'victim', event: 'Exported' }) : page(c, { userId: `u${i}` }),
      );
      for (let i = 0; i < people.length; i += 1_000) await c.send('server', people.slice(i, i + 1_000));
      const asked = async (userId: string) => {
        const answer = await c.fetch(`/v1/me?userId=${userId}&writeKey=wk_web_for_tests`);
        return (answer.json.surveys as unknown as { key: string }[]).map(({ key }) => key).sort();
      };
      expect([await asked('victim'), await asked('u1')]).toEqual([['open'], []]);
      // Both lose their segment; while that is built the gates in force still ask for it.
      const frequency = { times: 50, every: '30d' };
      expect((await c.put('surveys', 'hidden', survey({ frequency }))).json.status).toBe('building');
      expect((await c.put('surveys', 'open', survey({ frequency }))).json.status).toBe('building');
      expect((await c.put('segments', 'open', { where, expose: 'none' })).status).toBe(200);
      expect([await asked('victim'), await asked('u1')]).toEqual([[], []]);
      // One that was never built asks nobody.
      expect((await c.put('surveys', 'fresh', survey({ frequency }))).json.status).toBe('building');
      const fresh = await c.api('GET', '/api/surveys/fresh/eligibility?id=user:victim');
      expect([fresh.status, (fresh.json.error as JsonObject).code]).toEqual([409, 'building']);
      expect((await c.api('DELETE', '/api/surveys/fresh')).status).toBe(204);
      // A preview says so of what it refers to.
      expect((await c.put('segments', 'slow', { where })).json.status).toBe('building');
      const refers = { all: [{ segment: 'slow' }, { segment: 'never' }] };
      const preview = await c.api('POST', '/api/segments/preview', { where: refers });
      expect((preview.json.error as JsonObject).details).toEqual([
        { pointer: '/where/all/0/segment', message: 'is still being built; ask again when it is ready' },
        { pointer: '/where/all/1/segment', message: 'there is no segment "never"; define it first' },
      ]);
      // So it was for both: the build is still under way.
      expect((await c.api('GET', '/api/surveys/hidden')).json.status).toBe('building');
      await c.tick();
      expect([await asked('victim'), await asked('u1')]).toEqual([
        ['hidden', 'open'],
        ['hidden', 'open'],
      ]);
    });
  });

  it('tells nobody by a closed survey who was erased', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey({ endAt: iso(T0 - DAY) }) } });
      await c.send('server', [page(c, { userId: 'ada' })]);
      await c.api('DELETE', '/api/profiles/user:ada?suppress=true');
      const say = (userId: string) => c.send('web', [respond(c, { userId }, { surveyId: 's', answers: {} })]);
      const [erased, anybody] = [await say('ada'), await say('bob')];
      expect(erased.rejected.map(({ code, message: text }) => [code, text])).toEqual(
        anybody.rejected.map(({ code, message: text }) => [code, text]),
      );
      expect(erased.accepted).toBe(0);
      // Nothing of the erased one's message is kept.
      expect(
        (await c.all<{ message: JsonObject }>('/api/rejected')).map((row) => row.message.userId),
      ).toEqual(['bob']);
    });
  });

  it('lets a device’s submission finish once its user is known', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey({ limit: 1 }) } });
      const device = { anonymousId: 'd' };
      const say = async (who: JsonObject, submissionId: string, status: string) =>
        (await c.send('web', [respond(c, who, { surveyId: 's', submissionId, status, answers: {} })]))
          .accepted;
      expect(await say(device, 'x', 'started')).toBe(1);
      expect(await say({ userId: 'bob' }, 'y', 'completed')).toBe(1);
      expect(await say({ ...device, userId: 'ada' }, 'x', 'completed')).toBe(1);
      expect(await say({ ...device, userId: 'ada' }, 'z', 'completed')).toBe(0);
    });
  });

  it('asks by what the sender did just now, not by another user of the device, old or future messages', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey({ target: { event: { event: 'Exported' } } }) } });
      const device = { anonymousId: 'd' };
      const exported = (who: JsonObject, at = c.clock.now) => ({
        ...message(c, 'track', { ...who, event: 'Exported' }),
        timestamp: iso(at),
      });
      const ada = () => message(c, 'identify', { ...device, userId: 'ada' });
      expect(await offered(c, [exported({ ...device, userId: 'bob' }), ada()])).toEqual([]);
      expect(await offered(c, [exported({ ...device, userId: 'ada' }, T0 - DAY), ada()])).toEqual([]);
      expect(await offered(c, [exported({ ...device, userId: 'ada' }, T0 + DAY), ada()])).toEqual([]);
      expect(await offered(c, [exported(device), ada()])).toEqual(['s']);
    });
  });

  it('offers nobody anything for a batch that nobody sent', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey() } });
      expect(await offered(c, [])).toEqual([]);
      expect(await offered(c, [{ type: 'page' }])).toEqual([]);
    });
  });

  it('forgets decisions with their person and with their survey', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey() } });
      const last = async () => (await gatesOf(c, 's', 'user:ada')).last;
      await offered(c, [page(c, { userId: 'ada' })]);
      expect(await last()).not.toBeNull();
      await c.api('DELETE', '/api/surveys/s');
      await c.define({ surveys: { s: survey() } });
      expect(await last()).toBeNull();
      await offered(c, [page(c, { userId: 'ada' })]);
      await c.api('DELETE', '/api/profiles/user:ada');
      await c.send('server', [page(c, { userId: 'ada' })]);
      expect(await last()).toBeNull();
    });
  });

  it('takes no message with more answers than a survey can ask, and lists long submissions in pieces', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { s: survey() } });
      const answers = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`q${i}`, i]));
      const { rejected } = await c.send('web', [respond(c, { userId: 'ada' }, { surveyId: 's', answers })]);
      expect(rejected).toMatchObject([{ code: 'invalid_field', message: expect.stringContaining('200') }]);
      const parts = Array.from({ length: 450 }, (_, i) =>
        respond(
          c,
          { userId: i < 440 ? 'ada' : `u${i}` },
          {
            surveyId: 's',
            submissionId: 'long',
            status: 'partial',
            answers: { [`q${i % 150}`]: i },
          },
        ),
      );
      await c.send('server', parts);
      const rows = await c.all<{ userId: string; answers: JsonObject }>('/api/surveys/s/responses', 3);
      expect(rows).toHaveLength(11);
      expect(rows.find(({ userId }) => userId === 'ada')?.answers).toMatchObject({
        q0: 300,
        q139: 439,
        q149: 299,
      });
    });
  });
});
