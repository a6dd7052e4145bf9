// Who answered against whom the survey is for, and figures weighted so that the one looks like the other.
// Invariant: weights exist for responders inside the frame only, are never 0 or infinite, and sum to their number.
import type { Activity } from '../../../engine/person-state.ts';
import type { SurveySnapshot } from '../../../ingest/core.ts';
import type { JsonObject } from '../../../wire/message.ts';
import type { SurveyQuestion } from '../../../wire/survey.ts';
import { designEffect, effectiveN, postStratify } from '../statistics/index.ts';
import type { Submission } from './digest.ts';
import { shareOf } from './kind.ts';
import { type Weighted, weightedFigures } from './measured.ts';
import type { Pace } from './pace.ts';
import { type Cell, collapse, MIN_RESPONDERS, VARIABLES, type Variable, WEIGHTED_BY } from './strata.ts';

/** People looked at between two looks at the pace. */
const EVERY = 500;

type Frame = Pick<SurveySnapshot<unknown>, 'at' | 'frame' | 'filter'>;

/** Null while the segment that the survey is for is being built. */
export async function representationOf(
  snapshot: Frame,
  submissions: readonly Submission[],
  questions: readonly SurveyQuestion[],
  pace: Pace,
): Promise<JsonObject | null> {
  const { frame, filter, at } = snapshot;
  if (!frame) return null;
  const people = new Set(submissions.map(({ person }) => person));
  const counted = await countPeople({ frame, filter, at }, people, pace);
  const { size, responders, bands, cells } = counted;
  const { strata, weightOf } = weightsOf(cells, frame, at);
  const inside = submissions.filter(({ person }) => isIn({ frame, filter }, person));
  const weights = inside.map(({ person }) => weightOf(person));
  const isWeighted = inside.length > 0 && weights.every((weight) => weight !== null);
  return {
    frame: size,
    responders,
    outside: people.size - responders,
    responseRate: shareOf(responders, size),
    variables: VARIABLES.map((variable, i) => compared(variable, bands[i] ?? [], { size, responders })),
    weighting: isWeighted
      ? {
          by: WEIGHTED_BY.map(({ name }) => name),
          leastResponders: MIN_RESPONDERS,
          strata,
          submissions: inside.length,
          effectiveN: effectiveN(weights as number[]), // none is null
          designEffect: designEffect(weights as number[]),
          questions: await weightedQuestions(inside, weights as number[], questions, pace),
        }
      : null,
  };
}

interface Count {
  frame: number;
  responders: number;
}

const isIn = ({ frame, filter }: Pick<Frame, 'frame' | 'filter'>, person: number): boolean =>
  (frame?.has(person) ?? false) && (filter?.has(person) ?? true);

async function countPeople(
  { frame, filter, at }: Frame & { frame: ReadonlyMap<number, Activity> },
  people: ReadonlySet<number>,
  pace: Pace,
) {
  const bands = VARIABLES.map((variable) => variable.bands.map((): Count => ({ frame: 0, responders: 0 })));
  const [rows, columns] = WEIGHTED_BY;
  const cells: Cell[] = rows.bands.flatMap((_, row) =>
    columns.bands.map((_band, column): Cell => ({ parts: [[row, column]], frame: 0, responders: 0 })),
  );
  let [size, responders, seen] = [0, 0, 0];
  for (const [person, activity] of frame) {
    if (++seen % EVERY === 0) await pace();
    if (!isIn({ frame, filter }, person)) continue;
    const answered = Number(people.has(person));
    size++;
    responders += answered;
    const counts = VARIABLES.map((variable, i) => bands[i]?.[variable.bandOf(activity, at)]);
    for (const count of [...counts, cells[placeOf(activity, at)]]) {
      if (!count) continue;
      count.frame++;
      count.responders += answered;
    }
  }
  return { size, responders, bands, cells };
}

function placeOf(activity: Activity, at: number): number {
  const [rows, columns] = WEIGHTED_BY;
  return rows.bandOf(activity, at) * columns.bands.length + columns.bandOf(activity, at);
}

function compared(
  { name, bands }: Variable,
  counts: readonly Count[],
  { size, responders }: { size: number; responders: number },
): JsonObject {
  return {
    name,
    bands: bands.map((band, i) => {
      const { frame, responders: answered } = counts[i] ?? { frame: 0, responders: 0 };
      const frameShare = size > 0 ? frame / size : null;
      const { share, interval } = shareOf(answered, responders);
      return {
        band,
        frame: { count: frame, share: frameShare },
        responders: { count: answered, share, interval },
        responseRate: shareOf(answered, frame),
        mark: markOf(frameShare, interval),
      };
    }),
  };
}

/** Whether more or fewer of them answered than their part of the frame, past chance. */
function markOf(share: number | null, interval: readonly number[] | null): 'over' | 'under' | null {
  const [lower, upper] = interval ?? [];
  if (share === null || lower === undefined || upper === undefined) return null;
  return share < lower ? 'over' : share > upper ? 'under' : null;
}

/** Strata with the weight of their people, and a person's weight; null where nobody can be weighted. */
function weightsOf(cells: readonly Cell[], frame: ReadonlyMap<number, Activity>, at: number) {
  const strata = collapse(cells);
  const weights = postStratify(
    strata.map(({ responders }) => responders),
    strata.map((stratum) => stratum.frame),
  );
  const byCell = new Map<number, number>();
  const columns = WEIGHTED_BY[1].bands.length;
  strata.forEach(({ parts }, i) => {
    for (const [row, column] of parts) byCell.set(row * columns + column, weights?.[i] ?? Number.NaN);
  });
  return {
    strata: strata.map((stratum, i) => ({
      bands: stratum.parts.map(([row, column]) => [
        WEIGHTED_BY[0].bands[row] ?? '',
        WEIGHTED_BY[1].bands[column] ?? '',
      ]),
      frame: stratum.frame,
      responders: stratum.responders,
      weight: weights?.[i] ?? null,
    })),
    weightOf(person: number): number | null {
      const activity = frame.get(person);
      const weight = activity && byCell.get(placeOf(activity, at));
      return weight !== undefined && Number.isFinite(weight) ? weight : null;
    },
  };
}

async function weightedQuestions(
  submissions: readonly Submission[],
  weights: readonly number[],
  questions: readonly SurveyQuestion[],
  pace: Pace,
): Promise<JsonObject> {
  const figures: JsonObject = {};
  for (const [place, question] of questions.entries()) {
    const answers: Weighted[] = [];
    for (let i = 0; i < submissions.length; i++) {
      const answer = submissions[i]?.content.answers[place];
      if (answer !== undefined && answer !== null) answers.push({ answer, weight: weights[i] as number });
    }
    await pace();
    figures[question.id] = await weightedFigures(question, answers, pace);
  }
  return figures;
}
