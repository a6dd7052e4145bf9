// Results computed by the thread.
// Invariant: the same as computed here, to the byte; a thread that fails is done without.
import { expect, it } from 'vitest';
import type { Core, SurveySnapshot } from '../../../ingest/core.ts';
import type { SurveyDefinition } from '../../../wire/definitions.ts';
import type { JsonObject } from '../../../wire/message.ts';
import { resultsBeside } from './beside.ts';
import { type Digest, digestFor } from './digest.ts';
import { surveyResults } from './index.ts';
import { resultsOf } from './results.ts';

const T0 = Date.parse('2026-06-10T12:00:00Z');
/** More than one parcel of each kind. */
const PEOPLE = 2_300;
const EVER = { from: null, to: null };
const options = ['a', 'b', 'c'];
const definition: SurveyDefinition = {
  name: 'S',
  questions: [
    { id: 'nps', type: 'nps', title: 'T' },
    { id: 'one', type: 'single_choice', title: 'T', options },
    { id: 'matrix', type: 'matrix', title: 'T', options, labels: ['x', 'y'] },
    { id: 'best', type: 'maxdiff', title: 'T', options },
    { id: 'price', type: 'price_sensitivity', title: 'T' },
    { id: 'why', type: 'open_text', title: 'T' },
    { id: 'kano', type: 'kano', title: 'T', absent: 'U' },
  ],
};

function answersOf(i: number): JsonObject {
  const [first, second] = [options[i % 3], options[(i + 1) % 3]];
  return {
    // Every seventh is no answer to its question, every fifth was not asked.
    ...(i % 5 === 0 ? {} : { nps: i % 7 === 0 ? 99 : i % 11 }),
    one: first ?? 'a',
    matrix: { a: i % 2 ? 'x' : 'y', b: 'x' },
    best: { best: first ?? 'a', worst: second ?? 'b' },
    price: {
      tooCheap: `${i % 9}`,
      cheap: `${10 + (i % 9)}`,
      expensive: `${20 + (i % 9)}`,
      tooExpensive: '40',
    },
    why: i % 3 ? 'search is slow' : 'love the export',
    kano: { functional: 'like', dysfunctional: i % 2 ? 'dislike' : 'neutral' },
  };
}

function snapshot(by: 'trait' | 'segment' | null): SurveySnapshot<Digest> {
  const digest = digestFor(definition);
  const people = Array.from({ length: PEOPLE }, (_, i) => i);
  return {
    at: T0,
    definition,
    records: people.map((i) => ({
      ...{ submissionId: `s${i}`, person: i, profileId: `p${i}`, first: [T0 - i, `m${i}`, 0] },
      content: digest({
        ...{
          status: i % 9 ? 'completed' : 'partial',
          answers: answersOf(i),
          timings: { nps: 900 + i },
          hidden: {},
        },
        ...{ version: null, language: i % 2 ? 'en' : null, trigger: null, source: null },
        ...{ at: { started: T0 - 60_000, completed: T0 - i }, firstAt: T0 - 60_000, lastAt: T0 - i },
      }),
    })),
    frame: new Map(
      people.map((i) => [i + 50, { eventCount: i % 120, firstSeen: T0 - i * 3_600_000, lastSeen: T0 - i }]),
    ),
    filter: by === 'segment' ? new Set(people.filter((i) => i % 4)) : null,
    members: by === 'segment' ? new Set(people.filter((i) => i % 2)) : null,
    split: by && {
      ...{ kind: by, key: 'k' },
      values: by === 'trait' ? new Map(people.map((i) => [i, i % 3 ? 'pro' : null])) : null,
    },
  };
}

it('are those computed here', { timeout: 60_000 }, async () => {
  for (const by of ['trait', 'segment', null] as const) {
    const period = by === null ? { from: T0 - 1_000, to: T0 } : EVER;
    expect(await resultsBeside(snapshot(by), period)).toEqual(
      JSON.parse(JSON.stringify(await resultsOf(snapshot(by), period))),
    );
  }
});

it('are computed beside from a number of submissions on, and here where the thread fails', {
  timeout: 60_000,
}, async () => {
  const core: unknown = { surveySnapshot: async () => snapshot(null) };
  const troubles: unknown[] = [];
  const onTrouble = (error: unknown): unknown => troubles.push(error);
  // `surveySnapshot` is generic: this one knows one kind of content.
  const beside = (answer: () => Promise<JsonObject>, threadFrom: number) =>
    surveyResults(core as Pick<Core, 'surveySnapshot'>, { beside: answer, threadFrom, onTrouble })({
      survey: 's',
      segment: null,
      by: null,
      period: EVER,
    });
  expect(await beside(async () => ({ by: 'thread' }), PEOPLE)).toEqual({ by: 'thread' });
  const here = await resultsOf(snapshot(null), EVER);
  expect(await beside(async () => ({ by: 'thread' }), PEOPLE + 1)).toEqual(here);
  expect(troubles).toEqual([]);
  expect(await beside(() => Promise.reject(new Error('no thread')), 1)).toEqual(here);
  expect(troubles).toEqual([new Error('no thread')]);
});
