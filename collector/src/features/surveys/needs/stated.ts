// What people state about features: what they weighed best and worst, how they would feel, what they speak of.
// Invariant: people are counted, not answers; of one person's answers to one question the newest counts.
import type { SubmissionView } from '../../../engine/submission.ts';
import type { JsonValue } from '../../../wire/message.ts';
import { isObject } from '../../../wire/shape.ts';
import { estimateOf } from '../statistics/estimate.ts';
import {
  bestWorstScore,
  type Estimate,
  type Kano,
  type KanoCounts,
  kano,
  kanoCategory,
  proportion,
  studentQuantile,
} from '../statistics/index.ts';
import type { Board, SurveyMap } from './row.ts';

/** Notes of a conversation come in as submissions with this source. */
export const INTERVIEW = 'interview';

/** People whose answers are added up before others may go on: some 2 ms. */
const PEOPLE_AT_A_TIME = 500;
const LEVEL = 0.95;
const TAIL = (1 - LEVEL) / 2;

type Category = keyof KanoCounts;

/** One person's answers, as far as they matter. */
interface Person {
  /** By survey and question: the newest set, of rows, and its time. */
  sets: Map<string, { at: number; shown: readonly number[]; best: number | null; worst: number | null }>;
  /** By row, whichever survey asked. */
  felt: Map<number, { at: number; category: Category }>;
  /** By survey: rows spoken of in answers and in interviews. */
  spoken: Map<string, { answers: Set<number> | null; interviews: Set<number> | null }>;
}

export interface Weighed {
  best: number;
  worst: number;
  /** How often it was shown. */
  shown: number;
  /** (best - worst)/shown, -1 to 1. */
  score: Estimate;
  /** Standard error of the score; null for one person. */
  error: number | null;
}

export interface Spoken {
  /** People who speak of it, of all with a text. */
  share: Estimate | null;
  people: number;
  mentions: number;
  /** Of these, people with an interview. */
  interviews: { people: number; mentions: number };
}

export interface Stated {
  maxdiff: Weighed | null;
  kano: Kano | null;
  themes: Spoken | null;
}

export interface StatedReader {
  /** Takes one submission. */
  add(map: SurveyMap, person: number, submission: SubmissionView): void;
  /** One for each row. `pause` lets others go on. */
  finish(pause: () => Promise<void>): Promise<Stated[]>;
}

export function createStatedReader({ rows, maps }: Board): StatedReader {
  const people = new Map<number, Person>();
  return {
    add(map, id, submission) {
      const person = people.get(id) ?? { sets: new Map(), felt: new Map(), spoken: new Map() };
      people.set(id, person);
      addWeighed(person, map, submission);
      addFelt(person, map, submission);
      addSpoken(person, map, submission);
    },
    async finish(pause) {
      const sums = rows.map((_, row) =>
        emptySums(maps.some(({ spoken }) => spoken.some((of) => of.row === row))),
      );
      const speaking = new Map(maps.map((map) => [map.survey, new Set(map.spoken.map(({ row }) => row))]));
      let added = 0;
      for (const person of people.values()) {
        addUp(sums, person, speaking);
        if (++added % PEOPLE_AT_A_TIME === 0) await pause();
      }
      return sums.map(statedOf);
    },
  };
}

const nameOf = (survey: string, question: string): string => `${survey} ${question}`;

function addWeighed(
  { sets }: Person,
  { survey, weighed }: SurveyMap,
  { answers, lastAt }: SubmissionView,
): void {
  for (const [question, { options, rowOf }] of weighed) {
    const answer = answers[question];
    if (!isObject(answer)) continue;
    const { best, worst } = answer;
    if (typeof best !== 'string' || typeof worst !== 'string' || best === worst) continue;
    if (!options.has(best) || !options.has(worst)) continue;
    const name = nameOf(survey, question);
    if ((sets.get(name)?.at ?? -1) > lastAt) continue;
    const shown = [...options].flatMap((option) => rowOf.get(option) ?? []);
    sets.set(name, { at: lastAt, shown, best: rowOf.get(best) ?? null, worst: rowOf.get(worst) ?? null });
  }
}

function addFelt({ felt }: Person, map: SurveyMap, { answers, lastAt }: SubmissionView): void {
  for (const [question, row] of map.felt) {
    const category = categoryOf(answers[question]);
    if (category !== null && (felt.get(row)?.at ?? -1) <= lastAt) felt.set(row, { at: lastAt, category });
  }
}

function categoryOf(answer: JsonValue | undefined): Category | null {
  if (!isObject(answer)) return null;
  const { functional, dysfunctional } = answer;
  if (typeof functional !== 'string' || typeof dysfunctional !== 'string') return null;
  return kanoCategory(functional, dysfunctional);
}

function addSpoken(person: Person, map: SurveyMap, { answers, source }: SubmissionView): void {
  if (map.spoken.length === 0) return;
  const isInterview = source === INTERVIEW;
  // Notes may stand under names of their own; answers only where a text was asked for.
  const isText = (question: string): boolean =>
    map.openQuestions.has(question) || (isInterview && !map.questions.has(question));
  const texts = Object.entries(answers).flatMap(([question, text]) =>
    typeof text === 'string' && text.trim() !== '' && isText(question) ? [text] : [],
  );
  if (texts.length === 0) return;
  const held = person.spoken.get(map.survey) ?? { answers: null, interviews: null };
  person.spoken.set(map.survey, held);
  const side = isInterview ? 'interviews' : 'answers';
  const rows = held[side] ?? new Set<number>();
  held[side] = rows;
  for (const { row, test } of map.spoken) if (!rows.has(row) && texts.some(test)) rows.add(row);
}

/** Sums of one row over people; a person's d is best minus worst, s how often it was shown to them. */
interface Sums {
  n: number;
  best: number;
  worst: number;
  s: number;
  dd: number;
  ds: number;
  ss: number;
  kano: KanoCounts;
  hasTerms: boolean;
  speakers: number;
  mentions: number;
  interviews: { people: number; mentions: number };
}

const emptySums = (hasTerms: boolean): Sums => ({
  ...{ n: 0, best: 0, worst: 0, s: 0, dd: 0, ds: 0, ss: 0 },
  kano: { A: 0, O: 0, M: 0, I: 0, R: 0, Q: 0 },
  hasTerms,
  ...{ speakers: 0, mentions: 0, interviews: { people: 0, mentions: 0 } },
});

function addUp(sums: Sums[], person: Person, speaking: ReadonlyMap<string, ReadonlySet<number>>): void {
  const own = new Map<number, { best: number; worst: number; s: number }>();
  for (const { shown, best, worst } of person.sets.values())
    for (const row of shown) {
      const tally = own.get(row) ?? { best: 0, worst: 0, s: 0 };
      tally.s++;
      if (row === best) tally.best++;
      if (row === worst) tally.worst++;
      own.set(row, tally);
    }
  for (const [row, { best, worst, s }] of own) {
    const of = sums[row] as Sums; // rows of the board
    const d = best - worst;
    of.n++;
    of.best += best;
    of.worst += worst;
    of.s += s;
    of.dd += d * d;
    of.ds += d * s;
    of.ss += s * s;
  }
  for (const [row, { category }] of person.felt) (sums[row] as Sums).kano[category]++;
  addSpeaker(sums, person, speaking);
}

/** Somebody with texts in several surveys counts once for each row. */
function addSpeaker(
  sums: Sums[],
  { spoken }: Person,
  speaking: ReadonlyMap<string, ReadonlySet<number>>,
): void {
  const asked = new Map<number, { hit: boolean; interviewed: boolean; hitInInterview: boolean }>();
  for (const [survey, { answers, interviews }] of spoken)
    for (const row of speaking.get(survey) ?? []) {
      const one = asked.get(row) ?? { hit: false, interviewed: false, hitInInterview: false };
      one.hit ||= (answers?.has(row) ?? false) || (interviews?.has(row) ?? false);
      one.interviewed ||= interviews !== null;
      one.hitInInterview ||= interviews?.has(row) ?? false;
      asked.set(row, one);
    }
  for (const [row, { hit, interviewed, hitInInterview }] of asked) {
    const of = sums[row] as Sums; // rows of the board
    of.speakers++;
    if (hit) of.mentions++;
    if (interviewed) of.interviews.people++;
    if (hitInInterview) of.interviews.mentions++;
  }
}

function statedOf(sums: Sums): Stated {
  const { speakers, mentions, interviews } = sums;
  return {
    maxdiff: weighedOf(sums),
    kano: kano(sums.kano),
    themes: sums.hasTerms
      ? { share: proportion(mentions, speakers), people: speakers, mentions, interviews }
      : null,
  };
}

/**
 * The best-worst score with people as clusters, as `maxDiff` has it (W. Cochran, Sampling Techniques, 1977, ch. 6):
 * the squares of d - score*s are summed from their parts, so that nobody's tally needs to be kept.
 */
function weighedOf({ n, best, worst, s, dd, ds, ss }: Sums): Weighed | null {
  const value = bestWorstScore({ best, worst, shown: s });
  if (value === null) return null;
  const squares = Math.max(0, dd - 2 * value * ds + value * value * ss);
  const error = n < 2 ? null : Math.sqrt((n / (n - 1)) * squares) / s;
  const half = error === null ? 0 : studentQuantile(1 - TAIL, n - 1) * error;
  const score = estimateOf(value, n, [value - half, value + half], [-1, 1]);
  return score && { best, worst, shown: s, score, error };
}
