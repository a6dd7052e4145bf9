// Answers on a scale: net promoter score, satisfaction, effort and ratings.
// Invariant: an answer is a whole number on the scale, or its text; anything else is invalid.
import { toNumber } from '../../../engine/values.ts';
import type { JsonObject, JsonValue } from '../../../wire/message.ts';
import type { SurveyQuestion } from '../../../wire/survey.ts';
import { type Interval, meanOfCounts, nps, npsCounts, topBox } from '../statistics/index.ts';
import { estimate, type Kind, type Measure, shareOf } from './kind.ts';

const lowestOf = ({ type }: SurveyQuestion): number => (type === 'nps' ? 0 : 1);
const rangeOf = (question: SurveyQuestion): Interval => {
  const lowest = lowestOf(question);
  return [lowest, lowest + question.scale - 1];
};
/** Satisfied are the two highest values, on a scale of two or three points the highest. */
const boxesOf = ({ scale }: SurveyQuestion): number => (scale > 3 ? 2 : 1);

function scaleKind(
  figures: (counts: readonly number[], question: SurveyQuestion) => JsonObject,
  measure: (question: SurveyQuestion) => Measure<number>,
): Kind<number> {
  return {
    read(raw, question) {
      const [lowest, highest] = rangeOf(question);
      const value = typeof raw === 'object' ? undefined : toNumber(numeric(raw));
      return value !== undefined && Number.isInteger(value) && value >= lowest && value <= highest
        ? value
        : null;
    },
    figures(answers, question) {
      const lowest = lowestOf(question);
      const counts = new Array<number>(question.scale).fill(0);
      for (const answer of answers) counts[answer - lowest] = (counts[answer - lowest] as number) + 1;
      const mean = meanOfCounts(counts, lowest);
      return {
        ...figures(counts, question),
        mean: mean && { ...estimate(mean), sd: mean.sd },
        distribution: counts.map((count, i) => ({ value: lowest + i, ...shareOf(count, answers.length) })),
      };
    },
    measures: (question) => [measure(question)],
    categories: (question) => {
      const lowest = lowestOf(question);
      if (question.type === 'nps')
        return [
          { of: null, rows: ['detractor', 'passive', 'promoter'], rowOf: (score) => npsPart(score) + 1 },
        ];
      const rows = Array.from({ length: question.scale }, (_, i) => String(lowest + i));
      return [{ of: null, rows, rowOf: (answer) => answer - lowest }];
    },
  };
}

/** A yes or no is no number. */
const numeric = (raw: JsonValue): number | string | undefined =>
  typeof raw === 'number' || typeof raw === 'string' ? raw : undefined;

/** Detractor -1, passive 0, promoter 1. */
function npsPart(score: number): -1 | 0 | 1 {
  const { detractors, promoters } = npsCounts([score]);
  return (promoters - detractors) as -1 | 0 | 1; // one score is in one part
}

export const npsKind = scaleKind(
  (counts) => {
    const parts = { detractors: 0, passives: 0, promoters: 0 };
    const names = ['detractors', 'passives', 'promoters'] as const;
    counts.forEach((count, score) => {
      parts[names[npsPart(score) + 1] as (typeof names)[number]] += count;
    });
    const found = nps(parts);
    const n = parts.detractors + parts.passives + parts.promoters;
    return {
      score: found?.value ?? null,
      interval: found?.interval ?? null,
      margin: found?.margin ?? null,
      wald: found?.wald ?? null,
      standardError: found?.standardError ?? null,
      detractors: shareOf(parts.detractors, n),
      passives: shareOf(parts.passives, n),
      promoters: shareOf(parts.promoters, n),
    };
  },
  () => ({ figure: 'nps', of: null, score: npsPart, range: [-1, 1] }),
);

/** The share of satisfied answers. */
export const csatKind = scaleKind(
  (counts, question) => {
    const share = topBox(counts, boxesOf(question));
    return {
      score: share?.value ?? null,
      interval: share?.interval ?? null,
      satisfiedFrom: rangeOf(question)[1] - boxesOf(question) + 1,
    };
  },
  (question) => {
    const from = rangeOf(question)[1] - boxesOf(question) + 1;
    return { figure: 'share', of: null, score: (answer) => answer >= from, range: [0, 1] };
  },
);

/** The mean: of effort, and of ratings. */
export const meanKind = scaleKind(
  (counts, question) => {
    const mean = meanOfCounts(counts, lowestOf(question));
    const interval = mean?.interval ?? null;
    const [lowest, highest] = rangeOf(question);
    return {
      score: mean?.value ?? null,
      interval: interval && [Math.max(lowest, interval[0]), Math.min(highest, interval[1])],
    };
  },
  (question) => ({ figure: 'mean', of: null, score: (answer) => answer, range: rangeOf(question) }),
);
