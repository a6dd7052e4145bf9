// The figures that groups are compared by, plain and weighted.
// Invariant: a mean's interval lies within what the answers could be.
import type { JsonObject } from '../../../wire/message.ts';
import type { SurveyQuestion } from '../../../wire/survey.ts';
import {
  type Estimate,
  mean,
  nps,
  proportion,
  weightedMean,
  weightedProportion,
} from '../statistics/index.ts';
import { estimate, type Measure } from './kind.ts';
import { type Answer, KINDS } from './kinds.ts';
import type { Pace } from './pace.ts';

export interface Weighted {
  answer: Answer;
  weight: number;
}

/** Each figure of a question among these answers. */
export async function plainFigures(
  question: SurveyQuestion,
  answers: readonly Answer[],
  pace: Pace,
): Promise<JsonObject[]> {
  const figures: JsonObject[] = [];
  for (const measure of KINDS[question.type].measures(question)) {
    figures.push(named(measure, plain(measure, answers)));
    await pace();
  }
  return figures;
}

/** The same, weighted, with the effective number of answers. */
export async function weightedFigures(
  question: SurveyQuestion,
  answers: readonly Weighted[],
  pace: Pace,
): Promise<JsonObject[]> {
  const figures: JsonObject[] = [];
  for (const measure of KINDS[question.type].measures(question)) {
    const found = weighted(measure, answers);
    figures.push({ ...named(measure, found), effectiveN: found?.effectiveN ?? 0 });
    await pace();
  }
  return figures;
}

function weighted(measure: Measure<Answer>, answers: readonly Weighted[]) {
  const scored = answers.flatMap(({ answer, weight }) => {
    const score = measure.score(answer);
    return score === null ? [] : [{ score, weight }];
  });
  return isShare(scored)
    ? weightedProportion(scored.map(({ score, weight }) => ({ holds: score === true, weight })))
    : weightedMean(scored.map(({ score, weight }) => ({ value: Number(score), weight })));
}

function plain(measure: Measure<Answer>, answers: readonly Answer[]): Estimate | null {
  const scores = answers.map((answer) => measure.score(answer)).filter((score) => score !== null);
  const count = (wanted: number | boolean) =>
    scores.reduce<number>((sum, s) => sum + Number(s === wanted), 0);
  if (measure.figure === 'nps')
    return nps({ detractors: count(-1), passives: count(0), promoters: count(1) });
  if (measure.figure === 'better') return proportion(count(1), scores.length);
  if (measure.figure === 'worse') return mirrored(proportion(count(-1), scores.length));
  if (measure.figure === 'share') return proportion(count(true), scores.length);
  return mean(scores.map(Number));
}

const isShare = (scored: readonly { score: number | boolean }[]): boolean =>
  scored.every(({ score }) => typeof score === 'boolean');

/** A share told as a loss. */
function mirrored(share: Estimate | null): Estimate | null {
  if (!share) return null;
  const { value, interval, n } = share;
  return { value: 0 - value, interval: interval && [0 - interval[1], 0 - interval[0]], n };
}

function named({ figure, of, range: [least, most] }: Measure<Answer>, found: Estimate | null): JsonObject {
  const { value = null, interval = null, n = 0 } = estimate(found) ?? {};
  const ends = interval as Estimate['interval'];
  return {
    figure,
    of,
    value,
    interval: ends && [Math.max(least, ends[0]), Math.min(most, ends[1])],
    n,
  };
}
