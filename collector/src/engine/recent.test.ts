// The latest submissions against a count over all messages.
// Invariant: the order of messages, repeats and what is let go of make no difference to how many there are.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { JsonObject } from '../wire/message.ts';
import type { EngineMessage } from './filter.ts';
import { addToRecent, countSince, type RecentSpec, type RecentState } from './recent.ts';

const MOST = 3;
interface Said {
  time: number;
  survey: string;
  submission: string;
  status: string;
}
const said: fc.Arbitrary<Said> = fc.record({
  time: fc.nat({ max: 20 }),
  survey: fc.constantFrom('s', 't', 'u', 'v', 'w'),
  submission: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'é'),
  status: fc.constantFrom('shown', 'completed'),
});
const messageOf = ({ time, survey, submission, status }: Said, i = 0): EngineMessage => {
  const body: JsonObject = { surveyId: survey, submissionId: submission, status };
  return { stamp: [time, `m${i}`, 0], type: 'survey', event: null, groupId: null, body: () => body };
};
const fold = (spec: RecentSpec, all: readonly Said[]): RecentState | undefined =>
  all.reduce<RecentState | undefined>(
    (state, one, i) => addToRecent(spec, state, messageOf(one, i)) ?? state,
    undefined,
  );

const SHOWN: RecentSpec = { kind: 'recent', of: { survey: 's', statuses: ['shown'] }, most: MOST };
const SURVEYS: RecentSpec = { kind: 'recent', of: 'surveys', most: MOST };

it('counts each submission once, up to as many as are kept', () => {
  fc.assert(
    fc.property(fc.array(said, { maxLength: 40 }), fc.nat({ max: 20 }), (all, since) => {
      const isMeant = ({ survey, status, time }: Said) =>
        survey === 's' && status === 'shown' && time > since;
      const names = new Set(all.filter(isMeant).map(({ submission }) => submission));
      expect(countSince(fold(SHOWN, all), since)).toBe(Math.min(MOST, names.size));
    }),
  );
});

it('is the same whatever the order, with repeats or without', () => {
  const twice = fc
    .array(said, { maxLength: 30 })
    .chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length })),
    );
  fc.assert(
    fc.property(twice, fc.constantFrom(SHOWN, SURVEYS), ([all, shuffled], spec) => {
      expect(fold(spec, shuffled)).toEqual(fold(spec, all));
    }),
  );
});

it('tells whether another survey was heard of, whichever asks', () => {
  fc.assert(
    fc.property(fc.array(said, { maxLength: 40 }), fc.nat({ max: 20 }), (all, since) => {
      const state = fold(SURVEYS, all);
      for (const asking of ['s', 't', 'u', 'v', 'w', 'x']) {
        const isAnother = all.some(({ survey, time }) => survey !== asking && time > since);
        expect(countSince(state, since, asking) > 0).toBe(isAnother);
      }
    }),
  );
});

it('takes nothing of what is no response', () => {
  const body: JsonObject = { event: 'Survey Responded', properties: { answers: {} } };
  const message: EngineMessage = {
    ...{ stamp: [1, 'm', 0], type: 'track', event: 'Survey Responded', groupId: null },
    body: () => body,
  };
  expect(addToRecent(SURVEYS, undefined, message)).toBeNull();
});
