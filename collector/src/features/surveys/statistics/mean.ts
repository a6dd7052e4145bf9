// Means of answers on a scale, and what is read from a scale's counts: effort (CES) and satisfaction (CSAT).
// Invariant: an interval needs two answers that differ; it always contains its mean.
import {
  areCounts,
  checkLevel,
  criticalT,
  DEFAULT_LEVEL,
  type Estimate,
  estimateOf,
  finite,
  sumOf,
} from './estimate.ts';
import { proportion } from './proportion.ts';

export interface Mean extends Estimate {
  /** Sample standard deviation, divisor n - 1; null for one answer. */
  sd: number | null;
}

/**
 * Arithmetic mean with Student's t interval, m ± t(n-1) sd/√n ("Student", Biometrika 6, 1908; R's `t.test`).
 * Values that are no finite numbers are left out; null when none is left.
 */
export function mean(values: readonly number[], level = DEFAULT_LEVEL): Mean | null {
  const valid = values.filter(Number.isFinite);
  return moments(
    valid,
    valid.map(() => 1),
    level,
  );
}

/** The mean of a scale from its counts, `counts[i]` answers of `lowest + i`: CES on 1 to 7, a rating on 1 to 5. */
export function meanOfCounts(counts: readonly number[], lowest: number, level = DEFAULT_LEVEL): Mean | null {
  if (!areCounts(counts)) return null;
  return moments(
    counts.map((_, i) => lowest + i),
    counts,
    level,
  );
}

/** CSAT: the share of answers in the `boxes` highest values of a scale, with Wilson's interval. */
export function topBox(counts: readonly number[], boxes = 2, level = DEFAULT_LEVEL): Estimate | null {
  if (!areCounts(counts)) return null;
  return proportion(sumOf(boxes > 0 ? counts.slice(-boxes) : []), sumOf(counts), level);
}

function moments(values: readonly number[], counts: readonly number[], level: number): Mean | null {
  const n = sumOf(counts);
  checkLevel(level); // also without answers
  const value = sumOf(values.map((x, i) => x * (counts[i] as number))) / n;
  // Around the mean, not by the sum of squares, which cancels for large values close to each other.
  const squares = sumOf(values.map((x, i) => (x - value) ** 2 * (counts[i] as number)));
  const sd = n > 1 ? finite(Math.sqrt(squares / (n - 1))) : null;
  const half = sd === null ? Number.NaN : criticalT(level, n - 1) * (sd / Math.sqrt(n));
  const estimate = estimateOf(value, n, [value - half, value + half]);
  return estimate && { ...estimate, sd };
}
