// How far people got: shown, started, completed, and at which question they gave up.
// Invariant: who got further also counts for every step before; shares are of the step they name.
import type { JsonObject } from '../../../wire/message.ts';
import type { SurveyQuestion } from '../../../wire/survey.ts';
import type { Digest } from './digest.ts';
import { shareOf } from './kind.ts';
import type { Pace } from './pace.ts';

/** Plain clients tell of answers only, so that whoever answered also counts as shown. */
export async function funnelOf(
  digests: readonly Digest[],
  questions: readonly SurveyQuestion[],
  pace: Pace,
): Promise<JsonObject> {
  const respondents = digests.filter(({ source }) => source === 'respondent');
  const shown = respondents.length;
  const begun = respondents.filter(isBegun);
  const completed = begun.filter(({ status }) => status === 'completed').length;
  const dismissed = respondents.filter(({ status }) => status === 'dismissed').length;
  return {
    shown,
    started: { ...shareOf(begun.length, shown) },
    completed: { ...shareOf(completed, shown), ofStarted: shareOf(completed, begun.length) },
    dismissed: { ...shareOf(dismissed, shown) },
    preview: digests.filter(({ source }) => source === 'preview').length,
    questions: await dropOff(begun, questions, pace),
  };
}

/** Answered at least something, or began without telling what. */
const isBegun = ({ status, answers }: Digest): boolean =>
  (status !== 'shown' && status !== 'dismissed') || answers.some((answer) => answer !== undefined);

/** Submissions looked at between two looks at the pace. */
const EVERY = 1_000;

async function dropOff(
  begun: readonly Digest[],
  questions: readonly SurveyQuestion[],
  pace: Pace,
): Promise<JsonObject[]> {
  const counts = questions.map(() => ({ reached: 0, answered: 0, dropped: 0 }));
  for (const [i, { path, answers, status }] of begun.entries()) {
    if (i % EVERY === 0) await pace();
    for (const place of path) {
      const count = counts[place] as (typeof counts)[number]; // of the same questions
      count.reached++;
      if (answers[place] !== undefined) count.answered++;
    }
    const last = path[path.length - 1];
    const isGivenUp = status !== 'completed' && last !== undefined && answers[last] === undefined;
    if (isGivenUp) (counts[last] as (typeof counts)[number]).dropped++;
  }
  return questions.map(({ id }, i) => {
    const { reached, answered, dropped } = counts[i] as (typeof counts)[number];
    const { share, interval } = shareOf(dropped, reached);
    return { id, reached, answered, dropped, dropOff: share, interval };
  });
}
