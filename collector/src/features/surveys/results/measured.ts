// The figures that groups are compared by, plain and weighted.
// Invariant: a mean's interval lies within what the answers could be.
import type { JsonObject } from '../../../wire/message.ts';
import type { SurveyQuestion } from '../../../wire/survey.ts';
import {
  type Estimate,
  meanOfCounts,
  nps,
  proportion,
  weightedMean,
  weightedProportion,
} from '../statistics/index.ts';
import { estimate, type Measure } from './kind.ts';
import { type Answer, KINDS } from './kinds.ts';
import type { Pace } from './pace.ts';

/** An answer and the weight of whoever gave it. */
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
    const tally = await tallyOf(measure, answers, (answer) => [answer, 1], pace);
    figures.push(named(measure, plain(measure, tally)));
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
    const tally = await tallyOf(measure, answers, ({ answer, weight }) => [answer, weight], pace);
    const found = weighted(tally);
    figures.push({ ...named(measure, found), effectiveN: found?.effectiveN ?? 0 });
  }
  return figures;
}

/** Answers of one score and weight, counted: people are many, scores and strata few. */
interface Alike {
  score: number | boolean;
  weight: number;
  count: number;
}

/** Answers looked at between two looks at the pace. */
const EVERY = 2_000;

async function tallyOf<T>(
  { score }: Measure<Answer>,
  list: readonly T[],
  read: (one: T) => [answer: Answer, weight: number],
  pace: Pace,
): Promise<Alike[]> {
  const byWeight = new Map<number, Map<number | boolean, Alike>>();
  for (let i = 0; i < list.length; i++) {
    if (i % EVERY === 0) await pace();
    const [answer, weight] = read(list[i] as T);
    const scored = score(answer);
    if (scored === null) continue;
    const byScore = byWeight.get(weight) ?? new Map<number | boolean, Alike>();
    const alike = byScore.get(scored) ?? { score: scored, weight, count: 0 };
    alike.count++;
    byScore.set(scored, alike);
    byWeight.set(weight, byScore);
  }
  return [...byWeight.values()].flatMap((byScore) => [...byScore.values()]);
}

function weighted(tally: readonly Alike[]) {
  return tally.every(({ score }) => typeof score === 'boolean')
    ? weightedProportion(tally.map(({ score, ...alike }) => ({ holds: score === true, ...alike })))
    : weightedMean(tally.map(({ score, ...alike }) => ({ value: Number(score), ...alike })));
}

function plain({ figure, range: [least, most] }: Measure<Answer>, tally: readonly Alike[]): Estimate | null {
  const count = (wanted: number | boolean) => tally.find(({ score }) => score === wanted)?.count ?? 0;
  const n = tally.reduce((sum, alike) => sum + alike.count, 0);
  if (figure === 'nps') return nps({ detractors: count(-1), passives: count(0), promoters: count(1) });
  if (figure === 'better') return proportion(count(1), n);
  if (figure === 'worse') return mirrored(proportion(count(-1), n));
  if (figure === 'share') return proportion(count(true), n);
  // Scores are whole numbers.
  const counts = Array.from({ length: most - least + 1 }, (_, i) => count(least + i));
  return meanOfCounts(counts, least);
}

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
