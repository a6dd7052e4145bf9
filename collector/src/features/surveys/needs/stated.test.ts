// What people state, summed up over submissions.
// Invariant: best-worst scores are compared with `maxDiff`, which keeps every person's sets.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SubmissionView } from '../../../engine/submission.ts';
import { parseDefinition, type SurveyDefinition } from '../../../wire/definitions.ts';
import type { JsonObject } from '../../../wire/message.ts';
import { type BestWorstSet, maxDiff } from '../statistics/maxdiff.ts';
import { boardOf } from './row.ts';
import { createStatedReader, type Stated } from './stated.ts';

function survey(json: object): SurveyDefinition {
  const parsed = parseDefinition('surveys', json);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.value;
}
const submission = (answers: JsonObject, lastAt = 1, source: string | null = null): SubmissionView => ({
  ...{ status: 'completed', answers, timings: {}, hidden: {}, version: null, language: null, trigger: null },
  ...{ source, at: {}, firstAt: lastAt, lastAt },
});

const ITEMS = ['a', 'b', 'c', 'd'];
const weigh = survey({
  name: 'Weigh',
  questions: [
    { id: 'first', type: 'maxdiff', title: '?', options: ITEMS },
    { id: 'second', type: 'maxdiff', title: '?', options: ['a', 'b', 'c', 'e'] },
    { id: 'felt', type: 'kano', title: '?' },
    { id: 'why', type: 'open_text', title: '?' },
    { id: 'score', type: 'nps', title: '?' },
  ],
  features: [
    ...ITEMS.map((id) => ({ key: id, name: id, event: id, maxdiff: id })),
    { key: 'felt', name: 'Felt', kano: 'felt' },
    { key: 'said', name: 'Said', terms: ['export*'] },
  ],
});

async function stated(
  surveys: [string, SurveyDefinition][],
  submissions: [survey: string, person: number, submission: SubmissionView][],
): Promise<Map<string, Stated>> {
  const board = boardOf(surveys);
  const reader = createStatedReader(board);
  for (const [key, person, view] of submissions)
    for (const map of board.maps) if (map.survey === key) reader.add(map, person, view);
  const all = await reader.finish(async () => {});
  return new Map(board.rows.map(({ key }, i) => [key, all[i] as Stated]));
}
const ofOne = (submissions: [number, SubmissionView][]) =>
  stated(
    [['s', weigh]],
    submissions.map(([person, view]) => ['s', person, view]),
  );

describe('what is weighed', () => {
  const pick = fc.tuple(fc.constantFrom(...ITEMS, 'e', 'z'), fc.constantFrom(...ITEMS, 'e', 'z'));
  it('gives the scores and intervals of maxDiff over the newest sets of people', async () => {
    const drawn = fc.array(
      fc.record({ person: fc.nat(5), question: fc.constantFrom('first', 'second'), pick, at: fc.nat(3) }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(drawn, async (answers) => {
        const found = await ofOne(
          answers.map(({ person, question, pick: [best, worst], at }) => [
            person,
            submission({ [question]: { best, worst } }, at),
          ]),
        );
        const newest = new Map<string, { person: number; at: number; set: BestWorstSet }>();
        for (const {
          person,
          question,
          pick: [best, worst],
          at,
        } of answers) {
          const shown = question === 'first' ? ITEMS : ['a', 'b', 'c', 'e'];
          if (best === worst || !shown.includes(best) || !shown.includes(worst)) continue;
          const held = newest.get(`${person} ${question}`);
          if (!held || at >= held.at)
            newest.set(`${person} ${question}`, { person, at, set: { shown, best, worst } });
        }
        const people = [0, 1, 2, 3, 4, 5].map((person) =>
          [...newest.values()].filter((of) => of.person === person).map(({ set }) => set),
        );
        const expected = maxDiff(people, ITEMS);
        for (const item of ITEMS) {
          const oracle = expected?.items.find((of) => of.item === item);
          const own = found.get(item)?.maxdiff ?? null;
          if (!oracle?.score) {
            expect(own).toBeNull();
            continue;
          }
          expect(own).toMatchObject({ best: oracle.best, worst: oracle.worst, shown: oracle.shown });
          expect(own?.score.n).toBe(oracle.score.n);
          expect(own?.score.value).toBeCloseTo(oracle.score.value, 12);
          expect(own?.score.interval === null).toBe(oracle.score.interval === null);
          oracle.score.interval?.forEach((end, i) => {
            expect(own?.score.interval?.[i]).toBeCloseTo(end, 9);
          });
        }
      }),
    );
  });
});

describe('what is felt', () => {
  it('counts people by their newest pair of answers, in the words that pages send', async () => {
    const found = await ofOne([
      [1, submission({ felt: { functional: 'like', dysfunctional: 'dislike' } }, 1)],
      [2, submission({ felt: { functional: 'like', dysfunctional: 'live-with' } }, 1)],
      [3, submission({ felt: { functional: 'must-be', dysfunctional: 'dislike' } }, 5)],
      [3, submission({ felt: { functional: 'neutral', dysfunctional: 'neutral' } }, 2)],
      [4, submission({ felt: { functional: 'perhaps', dysfunctional: 'dislike' } }, 1)],
      [5, submission({ felt: 'like' }, 1)],
    ]);
    expect(found.get('felt')?.kano).toMatchObject({ n: 3, counts: { A: 1, O: 1, M: 1, I: 0, R: 0, Q: 0 } });
    expect(found.get('a')?.kano).toBeNull();
  });
});

describe('what is spoken of', () => {
  it('counts people with a text, in answers and in interviews', async () => {
    const found = await ofOne([
      [1, submission({ why: 'I need to export', score: 9 })],
      [1, submission({ why: 'nothing' })],
      [2, submission({ why: 'all fine' })],
      [3, submission({ why: '  ' })],
      [4, submission({ score: 3 })],
      [5, submission({ notes: 'They talked about exports for an hour' }, 1, 'interview')],
      [6, submission({ notes: 'exports' })],
      [7, submission({ why: 'none', score: 'export' as never }, 1, 'interview')],
    ]);
    expect(found.get('said')?.themes).toEqual({
      share: expect.objectContaining({ value: 0.5, n: 4 }),
      people: 4,
      mentions: 2,
      interviews: { people: 2, mentions: 1 },
    });
    expect(found.get('a')?.themes).toBeNull();
  });

  it('has no share while nobody wrote anything', async () => {
    expect((await ofOne([])).get('said')?.themes).toMatchObject({ share: null, people: 0 });
  });

  it('counts somebody once for a feature that two surveys speak of, and tells other features apart', async () => {
    const talk = (features: object[]) =>
      survey({ name: 'Talk', questions: [{ id: 'note', type: 'open_text', title: '?' }], features });
    const found = await stated(
      [
        ['s', weigh],
        ['talk', talk([{ key: 'said', name: 'Said', terms: ['csv'] }])],
        ['other', talk([{ key: 'said', name: 'Said', event: 'Said', terms: ['csv'] }])],
      ],
      [
        ['s', 1, submission({ why: 'export' })],
        ['talk', 1, submission({ note: 'no word of it' }, 1, 'interview')],
        ['talk', 2, submission({ note: 'csv' }, 1, 'interview')],
        ['other', 3, submission({ note: 'csv' })],
      ],
    );
    // Two rows of the key "said"; the later one is that with an event of its own.
    expect(found.get('said')?.themes).toMatchObject({ people: 1, mentions: 1 });
    const board = boardOf([
      ['s', weigh],
      ['talk', talk([{ key: 'said', name: 'Said', terms: ['csv'] }])],
    ]);
    expect(board.rows.find(({ key }) => key === 'said')?.surveys).toEqual(['s', 'talk']);
  });
});
