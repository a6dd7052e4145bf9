// What every figure of a survey looks like: a value, how sure it is, and from how many answers.
// Invariant: plain JSON; no NaN or Infinity leaves this folder, and an interval's ends are in order.
import { normalUpperQuantile, studentUpperQuantile } from './distribution.ts';

/** Lower and upper end. */
export type Interval = [lower: number, upper: number];

/** A figure with its confidence interval, or null where the data cannot say how sure it is. */
export interface Estimate {
  value: number;
  interval: Interval | null;
  /** Answers it was computed from; not rounded, since counts may be weighted. */
  n: number;
}

/** Confidence level where the caller names none. */
export const DEFAULT_LEVEL = 0.95;

/** Half the width of a standard normal interval, 1.959963984540054 at 0.95. Throws a RangeError unless 0 < level < 1. */
export function criticalZ(level: number): number {
  checkLevel(level);
  return normalUpperQuantile((1 - level) / 2);
}

/** The same of Student's t with `df` > 0 degrees of freedom. */
export function criticalT(level: number, df: number): number {
  checkLevel(level);
  return studentUpperQuantile((1 - level) / 2, df);
}

/** Throws a RangeError unless 0 < level < 1: a level is the caller's to choose, not data. */
export function checkLevel(level: number): void {
  if (!(level > 0 && level < 1)) throw new RangeError(`level must lie between 0 and 1, not ${level}`);
}

/** The range of a figure that has none of its own. */
const ANY: Interval = [-Number.MAX_VALUE, Number.MAX_VALUE];

/**
 * The estimate, or null when the value is no finite number. `ends` are cut to `range`; they become null when
 * they are not finite or when nothing lies between them, because "plus or minus 0" is never what data say.
 */
export function estimateOf(
  value: number,
  n: number,
  ends: Interval | null,
  range: Interval = ANY,
): Estimate | null {
  if (!Number.isFinite(value) || !Number.isFinite(n)) return null;
  return { value, interval: ends && intervalOf(ends, range), n };
}

/** The ends cut to the range, or null when they are not finite or nothing lies between them. */
export function intervalOf([lower, upper]: Interval, range: Interval = ANY): Interval | null {
  if (!Number.isFinite(lower) || !Number.isFinite(upper) || !(lower < upper)) return null;
  const cut = (end: number) => Math.min(Math.max(end, range[0]), range[1]);
  return [cut(lower), cut(upper)];
}

/** The number, or null when it is NaN or infinite. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** Whether all of them are finite and none is below 0, as counts and weights must be. */
export function areCounts(values: readonly number[]): boolean {
  return values.every((value) => Number.isFinite(value) && value >= 0);
}

export function sumOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
