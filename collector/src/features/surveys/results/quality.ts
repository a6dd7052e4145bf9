// How long answering took, who was too fast to have read, and who gave one answer to everything.
// Invariant: people are only pointed at; nobody's answers are left out for it.
import type { JsonObject } from '../../../wire/message.ts';
import type { SurveyQuestion } from '../../../wire/survey.ts';
import { medianOf, speed, straightLines } from '../statistics/index.ts';
import type { Digest, Submission } from './digest.ts';
import { estimate } from './kind.ts';
import type { MatrixAnswer } from './matrix.ts';
import type { Pace } from './pace.ts';

/** Flagged submissions that are listed, the first by time. */
const MAX_LISTED = 100;

/** Seconds of a whole submission: what the page measured by question, else from its start to its completion. */
function secondsOf({ timings, tookMs }: Digest): number {
  let [sum, isMeasured] = [0, false];
  for (const ms of timings) {
    if (ms === undefined) continue;
    sum += ms;
    isMeasured = true;
  }
  if (isMeasured) return sum / 1_000;
  return tookMs === null ? Number.NaN : tookMs / 1_000;
}

/** Time to answer of completed submissions, in seconds. */
export function timingOf(completed: readonly Submission[]): JsonObject {
  const found = speed(completed.map(({ content }) => secondsOf(content)));
  const rule = (of: NonNullable<typeof found>['halfMedian'] | null) =>
    of && {
      threshold: of.threshold,
      count: of.speeders.length,
      share: estimate(of.share),
      submissions: listed(of.speeders, completed),
    };
  return {
    n: found?.n ?? 0,
    median: found?.median ?? null,
    mad: found?.mad ?? null,
    mean: found?.mean ?? null,
    sd: found?.sd ?? null,
    speeders: found && { halfMedian: rule(found.halfMedian), robust: rule(found.robust) },
  };
}

/** Seconds spent on one question: median, and median absolute deviation from it. */
export function questionTime(answered: readonly Submission[], place: number): JsonObject | null {
  const seconds = answered.flatMap(({ content }) => {
    const ms = content.timings[place];
    return ms === undefined ? [] : [ms / 1_000];
  });
  const median = medianOf(seconds);
  if (median === null) return null;
  return { n: seconds.length, median, mad: medianOf(seconds.map((time) => Math.abs(time - median))) };
}

/**
 * Who gave the same answer to every row of a matrix, or to all questions of one scale: a grid of at least four
 * answers. Somebody with several grids is a straight-liner when every one of them is straight.
 */
export async function straightLinersOf(
  records: readonly Submission[],
  questions: readonly SurveyQuestion[],
  pace: Pace,
): Promise<JsonObject> {
  const grids = gridsOf(questions);
  const judged: number[][] = [];
  for (const { content } of records) {
    if (judged.length % EVERY === 0) await pace();
    const answers = grids.map((read) => read(content)).filter((answer) => answer.length >= MIN_GRID_ANSWERS);
    // One grid stands for all: straight if each is.
    judged.push(answers.find((answer) => answer.some((one) => one !== answer[0])) ?? answers[0] ?? []);
  }
  await pace();
  const found = straightLines(judged);
  return {
    n: found?.n ?? 0,
    count: found?.straightLiners.length ?? 0,
    share: estimate(found?.share ?? null),
    submissions: listed(found?.straightLiners ?? [], records),
  };
}

/** Submissions looked at between two looks at the pace. */
const EVERY = 1_000;

/** As the statistics: in a shorter grid one answer throughout is nothing strange. */
const MIN_GRID_ANSWERS = 4;

type Grid = (digest: Digest) => number[];

function gridsOf(questions: readonly SurveyQuestion[]): Grid[] {
  const byScale = new Map<number, number[]>();
  const grids: Grid[] = [];
  questions.forEach(({ type, scale }, place) => {
    if (type === 'matrix') grids.push(({ answers }) => numbersOf((answers[place] ?? []) as MatrixAnswer));
    if (type === 'csat' || type === 'ces' || type === 'rating')
      byScale.set(scale, [...(byScale.get(scale) ?? []), place]);
  });
  for (const places of byScale.values())
    if (places.length >= MIN_GRID_ANSWERS)
      grids.push(({ answers }) => numbersOf(places.map((place) => answers[place])));
  return grids;
}

const numbersOf = (answers: readonly unknown[]): number[] =>
  answers.filter((answer): answer is number => typeof answer === 'number');

function listed(places: readonly number[], records: readonly Submission[]): JsonObject[] {
  return places.slice(0, MAX_LISTED).map((place) => {
    const { submissionId, profileId } = records[place] as Submission; // a place in the list
    return { submissionId, profileId };
  });
}
