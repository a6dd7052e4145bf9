// What every kind of question gives to results: how an answer is read, its figures, and what groups compare.
// Invariant: `read` alone decides which answers count; all that follows takes only what it let through.
import type { JsonObject, JsonValue } from '../../../wire/message.ts';
import type { SurveyQuestion } from '../../../wire/survey.ts';
import { type Estimate, type Interval, proportion } from '../statistics/index.ts';

/** A number or a yes of each answer; their mean or share is a figure that groups are compared by. */
export interface Measure<A> {
  figure: 'nps' | 'mean' | 'share' | 'rank' | 'better' | 'worse';
  /** The option, item or row it is about; null: the question. */
  of: string | null;
  /** A yes or no makes a share, with Wilson's interval. Null: the answer takes no part. */
  score(answer: A): number | boolean | null;
  /** Where a mean can lie. */
  range: Interval;
}

/** Rows of a table of answers against groups: which of them an answer is in. */
export interface Categories<A> {
  of: string | null;
  rows: readonly string[];
  rowOf(answer: A): number | null;
}

export interface Kind<A> {
  /** Null: no answer that the question takes. Called for what is not empty only. */
  read(raw: JsonValue, question: SurveyQuestion): A | null;
  figures(answers: readonly A[], question: SurveyQuestion): JsonObject;
  measures(question: SurveyQuestion): Measure<A>[];
  categories(question: SurveyQuestion): Categories<A>[];
}

/** What stands for no answer: nothing, blank text, nothing chosen. */
export function isEmptyAnswer(raw: JsonValue | undefined): boolean {
  if (raw === null || raw === undefined) return true;
  if (typeof raw === 'string') return raw.trim() === '';
  return typeof raw === 'object' && Object.keys(raw).length === 0;
}

/** An option's id as an answer gives it: text, or a number for its text. */
export function idOf(raw: JsonValue | undefined): string | null {
  return typeof raw === 'string' ? raw : typeof raw === 'number' ? String(raw) : null;
}

/** Places of options by id. */
export function placesOf(options: readonly { id: string }[]): ReadonlyMap<string, number> {
  return new Map(options.map(({ id }, i) => [id, i]));
}

/** A count as a share of `n` with Wilson's interval; null of nothing. */
export function shareOf(
  count: number,
  n: number,
): { count: number; share: number | null; interval: Interval | null } {
  const share = proportion(count, n);
  return { count, share: share?.value ?? null, interval: share?.interval ?? null };
}

/** An estimate as plain JSON. */
export function estimate(figure: Estimate | null): JsonObject | null {
  return figure && { value: figure.value, interval: figure.interval, n: figure.n };
}
