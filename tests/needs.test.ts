// The needs board over HTTP: what is mapped, what is stated and what is done, against figures counted by hand.
// Invariant: talks to the collector only as a page, a back end or an admin could.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { proportion } from '../collector/src/features/surveys/statistics/index.ts';
import type { JsonObject, JsonValue } from '../collector/src/wire/message.ts';
import { T0, type TestCollector, WEB_KEY, withCollector } from './collector.ts';

const DAY = 86_400_000;
let serial = 0;
const iso = (time: number): string => new Date(time).toISOString();

interface Estimate {
  value: number;
  interval: [number, number] | null;
  n: number;
}
interface Feature {
  key: string;
  surveys: string[];
  stated: {
    importance: (Estimate & { from: string }) | null;
    maxdiff: { best: number; worst: number; shown: number; score: Estimate } | null;
    kano: { n: number; category: string; better: Estimate; worse: Estimate } | null;
    themes: { share: Estimate | null; mentions: number; interviews: JsonObject } | null;
  };
  revealed: {
    use: Estimate | null;
    retention: Record<'users' | 'nonUsers' | 'difference', Estimate | null> | null;
  };
  opportunity: (Omit<Estimate, 'n'> & { n: { stated: number; revealed: number } }) | null;
}
interface Board {
  at: string;
  within: string;
  segment: string | null;
  surveys: string[];
  people: number;
  features: Feature[];
}

const SURVEY = {
  name: 'What next?',
  questions: [
    { id: 'weigh', type: 'maxdiff', title: 'Best and worst?', options: ['export', 'dark', 'api'] },
    { id: 'dark', type: 'kano', title: 'With a dark mode?', absent: 'Without it?' },
    { id: 'more', type: 'open_text', title: 'What else?' },
  ],
  features: [
    { key: 'export', name: 'Export', event: 'Exported', maxdiff: 'export', terms: ['export*'] },
    {
      key: 'dark',
      name: 'Dark mode',
      event: 'Theme Changed',
      where: { path: 'properties.to', op: 'eq', value: 'dark' },
      kano: 'dark',
    },
    { key: 'api', name: 'API', maxdiff: 'api' },
    { key: 'talk', name: 'Talk', event: 'Talked', terms: ['talk'] },
  ],
};

const event = (userId: string, name: string, daysAgo: number, properties: JsonObject = {}): JsonObject => ({
  ...{ type: 'track', messageId: `n${++serial}`, userId, event: name, properties },
  timestamp: iso(T0 - daysAgo * DAY),
});
const answer = (userId: string, answers: JsonObject, more: JsonObject = {}): JsonObject => ({
  ...{
    type: 'survey',
    messageId: `n${++serial}`,
    userId,
    surveyId: 'next',
    answers,
    timestamp: iso(T0 - DAY),
  },
  ...more,
});

async function board(c: TestCollector, query = ''): Promise<Board> {
  const { status, text, json } = await c.api('GET', `/api/needs${query}`);
  if (status !== 200) throw new Error(`GET /api/needs: ${status} ${text}`);
  return json as unknown as Board;
}
const featureOf = ({ features }: Board, key: string): Feature => {
  const found = features.find((one) => one.key === key);
  if (!found) throw new Error(`there is no feature ${key}`);
  return found;
};

describe('a survey’s features', () => {
  const faultsOf = async (c: TestCollector, features: JsonValue): Promise<string[]> => {
    const { json } = await c.put('surveys', 's', { ...SURVEY, features });
    const details = (json.error as JsonObject | undefined)?.details as unknown as {
      pointer: string;
      message: string;
    }[];
    return (details ?? []).map(({ pointer, message }) => `${pointer} ${message}`);
  };

  it('are checked, each fault with its place', async () => {
    await withCollector({}, async (c) => {
      expect(await faultsOf(c, SURVEY.features)).toEqual([]);
      for (const [features, faults] of [
        [
          [{ key: 'a', name: 'A', maxdiff: 'cloud' }],
          ['/features/0/maxdiff there is no option of a maxdiff question "cloud"'],
        ],
        [[{ key: 'a', name: 'A', kano: 'weigh' }], ['/features/0/kano there is no kano question "weigh"']],
        [
          [
            { key: 'a', name: 'A' },
            { key: 'a', name: 'B' },
          ],
          ['/features/1/key key must be unique: "a" is there already'],
        ],
        [
          [
            { key: 'a', name: 'A', maxdiff: 'api' },
            { key: 'b', name: 'B', maxdiff: 'api' },
          ],
          ['/features/1/maxdiff maxdiff must be unique: "api" is another feature’s'],
        ],
        [
          [{ key: 'a', name: 'A', where: { path: 'name', op: 'exists' } }],
          ['/features/0/event event is required by where'],
        ],
        [[{ key: 'a', name: 'A', terms: ['...'] }], ['/features/0/terms/0 must hold a letter or a digit']],
        [
          [{ key: 'A', name: '' }],
          ['/features/0/key key must be a key', '/features/0/name name must not be empty'],
        ],
        [[{ key: 'a', name: 'A', needs: 1 }], ['/features/0/needs unknown field']],
      ] as [JsonValue, string[]][]) {
        const found = await faultsOf(c, features);
        expect(found).toHaveLength(faults.length);
        for (const [i, fault] of faults.entries()) expect(found[i]).toContain(fault);
      }
    });
  });

  it('change at once and are offered to nobody', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { next: { ...SURVEY, features: undefined } } });
      await c.send('web', [event('ann', 'Exported', 1)]);
      expect((await c.put('surveys', 'next', SURVEY)).json.status).toBe('ready');
      const { json } = await c.fetch(`/v1/me?userId=ann&writeKey=${WEB_KEY}`);
      expect(json.surveys).toMatchObject([{ key: 'next' }]);
      expect(JSON.stringify(json)).not.toContain('Dark mode');
    });
  });
});

describe('the needs board', () => {
  it('puts what people state beside what they do', async () => {
    await withCollector({}, async (c) => {
      await c.define({ surveys: { next: SURVEY } });
      await c.send('server', [
        // Weighed: export 2 best, 1 worst of 3; api 0 best, 1 worst of 3.
        answer('ann', {
          weigh: { best: 'export', worst: 'api' },
          dark: { functional: 'like', dysfunctional: 'dislike' },
        }),
        answer('bob', { weigh: { best: 'export', worst: 'dark' }, more: 'Exporting as CSV' }),
        answer('cat', {
          weigh: { best: 'dark', worst: 'export' },
          dark: { functional: 'neutral', dysfunctional: 'neutral' },
          more: 'Nothing',
        }),
        answer('dan', { notes: 'wants to talk about exports' }, { source: 'interview' }),
        // Use in the last 30 days: ann and bob exported; cat went dark, dan to light.
        event('ann', 'Exported', 2),
        event('bob', 'Exported', 29.9),
        event('cat', 'Exported', 30),
        event('cat', 'Theme Changed', 3, { to: 'dark' }),
        event('dan', 'Theme Changed', 3, { to: 'light' }),
        // Active 30 to 60 days ago: ann (exported then), cat (exported then), eve and fay (did not); eve is gone.
        event('ann', 'Exported', 45),
        event('eve', 'Opened', 40),
        event('fay', 'Opened', 40),
        event('fay', 'Opened', 1),
      ]);
      const found = await board(c);
      expect(found).toMatchObject({
        at: iso(T0),
        within: '30d',
        segment: null,
        surveys: ['next'],
        people: 6,
      });

      const exported = featureOf(found, 'export');
      expect(exported.stated.maxdiff).toMatchObject({ best: 2, worst: 1, shown: 3, score: { n: 3 } });
      expect(exported.stated.maxdiff?.score.value).toBeCloseTo(1 / 3, 12);
      expect(exported.stated.importance).toMatchObject({ n: 3, from: 'maxdiff' });
      expect(exported.stated.importance?.value).toBeCloseTo(2 / 3, 12);
      expect(exported.stated.themes).toMatchObject({ mentions: 2, interviews: { people: 1, mentions: 1 } });
      expect(exported.stated.themes?.share).toEqual(JSON.parse(JSON.stringify(proportion(2, 3))));
      expect(exported.revealed.use).toEqual(JSON.parse(JSON.stringify(proportion(2, 6))));
      expect(exported.revealed.retention).toMatchObject({
        users: { value: 1, n: 2 },
        nonUsers: { value: 0.5, n: 2 },
        difference: { value: 0.5, n: 4 },
      });
      // (2/3 + (2/3 - 1/3)) / 2.
      expect(exported.opportunity).toMatchObject({ n: { stated: 3, revealed: 6 } });
      expect(exported.opportunity?.value).toBeCloseTo(0.5, 12);
      expect(exported.opportunity?.interval?.[0]).toBeLessThan(0.5);
      expect(exported.opportunity?.interval?.[1]).toBeGreaterThan(0.5);

      const dark = featureOf(found, 'dark');
      expect(dark.stated.kano).toMatchObject({ n: 2, better: { value: 0.5 }, worse: { value: -0.5 } });
      expect(dark.stated).toMatchObject({
        maxdiff: null,
        themes: null,
        importance: { value: 0.5, from: 'kano' },
      });
      expect(dark.revealed.use?.value).toBeCloseTo(1 / 6, 12);

      const api = featureOf(found, 'api');
      expect(api.stated.maxdiff).toMatchObject({ best: 0, worst: 1, shown: 3 });
      expect([api.revealed, api.opportunity]).toEqual([{ use: null, retention: null }, null]);

      // 0.5; then dark with (1/2 + 1/3) / 2 = 0.42, talk with (1/3 + 1/3) / 2; what is not known comes last.
      expect(found.features.map(({ key }) => key)).toEqual(['export', 'dark', 'talk', 'api']);
    });
  });

  it('looks at one segment on both sides, at its members of now', async () => {
    await withCollector({}, async (c) => {
      const pro = { where: { trait: 'plan', op: 'eq', value: 'pro' } };
      const gone = { where: { event: 'Opened', within: '10d' } };
      await c.define({ surveys: { next: SURVEY }, segments: { pro, gone } });
      await c.send('server', [
        {
          type: 'identify',
          userId: 'ann',
          traits: { plan: 'pro' },
          messageId: 'seg1',
          timestamp: iso(T0 - DAY),
        },
        answer('ann', { weigh: { best: 'export', worst: 'api' } }),
        answer('bob', { weigh: { best: 'api', worst: 'export' } }),
        event('bob', 'Exported', 1),
        event('bob', 'Opened', 5),
      ]);
      const found = await board(c, '?segment=pro');
      expect([found.segment, found.people]).toEqual(['pro', 1]);
      expect(featureOf(found, 'export')).toMatchObject({
        stated: { maxdiff: { best: 1, worst: 0, score: { value: 1, interval: null, n: 1 } } },
        revealed: { use: { value: 0, n: 1 } },
        opportunity: { value: 1, interval: null },
      });
      expect((await board(c, '?segment=gone')).people).toBe(1);
      c.advance(6 * DAY);
      // Nobody ticked: whoever left by time alone is not counted.
      expect((await board(c, '?segment=gone')).people).toBe(0);
      expect(featureOf(await board(c, '?segment=gone'), 'export').revealed).toEqual({
        use: null,
        retention: { users: null, nonUsers: null, difference: null },
      });
    });
  });

  it('joins surveys that map the same feature, and reads only those asked for', async () => {
    await withCollector({}, async (c) => {
      const talk = {
        name: 'Interviews',
        questions: [{ id: 'note', type: 'open_text', title: 'Note' }],
        features: [{ key: 'export', name: 'Export', event: 'Exported', terms: ['csv'] }],
      };
      const plain = { name: 'Plain', questions: [{ id: 'q', type: 'nps', title: '?' }] };
      await c.define({ surveys: { next: SURVEY, talk, plain } });
      await c.send('server', [
        answer('ann', { more: 'export please' }),
        { ...answer('bob', { note: 'A CSV, he said' }), surveyId: 'talk', source: 'interview' },
      ]);
      const both = await board(c);
      expect([both.surveys, featureOf(both, 'export').surveys]).toEqual([
        ['next', 'talk'],
        ['next', 'talk'],
      ]);
      expect(featureOf(both, 'export').stated.themes).toMatchObject({
        mentions: 2,
        interviews: { mentions: 1 },
      });
      const one = await board(c, '?survey=talk');
      expect([one.surveys, one.features.length]).toEqual([['talk'], 1]);
      expect(featureOf(one, 'export').stated.themes).toMatchObject({ mentions: 1 });
      expect((await board(c, '?survey=talk&survey=next')).surveys).toEqual(['next', 'talk']);

      const refused = async (query: string) => {
        const { status, json } = await c.api('GET', `/api/needs?${query}`);
        return [status, (json.error as JsonObject).message];
      };
      expect(await refused('survey=none')).toEqual([404, expect.stringContaining('survey')]);
      expect(await refused('segment=none')).toEqual([404, expect.stringContaining('segment')]);
      expect(await refused('survey=plain')).toEqual([400, expect.stringContaining('maps no features')]);
      expect(await refused('within=month')).toEqual([400, expect.stringContaining('30d')]);
      expect(await refused('segmen=pro')).toEqual([400, expect.stringContaining('no parameter "segmen"')]);
      expect((await c.fetch('/api/needs')).status).toBe(401);
    });
  });

  it('has an empty board while no survey maps features', async () => {
    await withCollector({}, async (c) => {
      await c.send('web', [event('ann', 'Exported', 1)]);
      expect(await board(c)).toMatchObject({ surveys: [], people: 1, features: [] });
    });
  });

  it('counts use and retention as a count over all events does, devices and merges included', async () => {
    const names = ['Exported', 'Exported Again', 'Opened'];
    const sent = fc.array(
      fc.record({
        who: fc.nat(4),
        device: fc.boolean(),
        name: fc.constantFrom(...names),
        daysAgo: fc.constantFrom(-1, 0, 1, 9.5, 10, 10.5, 19, 20, 20.5, 40),
      }),
      { maxLength: 25 },
    );
    await fc.assert(
      fc.asyncProperty(
        sent,
        fc.constantFrom('Exported', 'Exported*', '*', '$page'),
        async (events, selector) => {
          await withCollector({}, async (c) => {
            const features = [{ key: 'f', name: 'F', event: selector }];
            await c.define({ surveys: { next: { ...SURVEY, features } } });
            await c.send('server', [
              ...events.map(({ who, device, name, daysAgo }) => {
                const { userId: _userId, ...rest } = event(`u${who}`, name, daysAgo);
                return device ? { ...rest, anonymousId: `d${who}` } : { ...rest, userId: `u${who}` };
              }),
              // Device 0 is user 0's from the start on; user 1 is user 2.
              {
                type: 'identify',
                userId: 'u0',
                anonymousId: 'd0',
                messageId: `n${++serial}`,
                timestamp: iso(T0 - 90 * DAY),
              },
              {
                type: 'alias',
                userId: 'u2',
                previousId: 'u1',
                messageId: `n${++serial}`,
                timestamp: iso(T0 - 90 * DAY),
              },
            ]);
            const personOf = ({ who, device }: { who: number; device: boolean }): string =>
              device ? (who === 0 ? 'u0' : who === 1 ? 'd1' : `d${who}`) : who === 1 ? 'u2' : `u${who}`;
            const picks = (name: string): boolean =>
              selector === '*' ||
              name === selector ||
              (selector === 'Exported*' && name.startsWith('Exported'));
            const people = new Set(['u0', 'u2']);
            for (const one of events) if (one.daysAgo >= 0) people.add(personOf(one));
            const did = (from: number, to: number, isUse: boolean): Set<string> =>
              new Set(
                events
                  .filter(({ daysAgo, name }) => daysAgo < from && daysAgo >= to && (!isUse || picks(name)))
                  .map(personOf),
              );
            const [used, active] = [did(10, 0, true), did(10, 0, false)];
            const [usedBefore, activeBefore] = [did(20, 10, true), did(20, 10, false)];
            const users = [...activeBefore].filter((who) => usedBefore.has(who));
            const others = [...activeBefore].filter((who) => !usedBefore.has(who));
            const share = (of: string[]) => proportion(of.filter((who) => active.has(who)).length, of.length);
            const found = featureOf(await board(c, '?within=10d'), 'f').revealed;
            expect(found).toMatchObject(
              JSON.parse(
                JSON.stringify({
                  use: proportion(used.size, people.size),
                  retention: { users: share(users), nonUsers: share(others) },
                }),
              ),
            );
          });
        },
      ),
      { numRuns: 40 },
    );
  });
});
