// Shares of answers and the difference of two shares, with their intervals.
// Invariant: the Wilson and Clopper-Pearson intervals contain their share and lie in 0 to 1.
import { betaQuantile, chiSquareUpperTail } from './distribution.ts';
import {
  areCounts,
  checkLevel,
  criticalZ,
  DEFAULT_LEVEL,
  type Estimate,
  estimateOf,
  finite,
  type Interval,
  intervalOf,
} from './estimate.ts';

const UNIT: Interval = [0, 1];
const DIFFERENCE: Interval = [-1, 1];

/**
 * The share `count / n` with Wilson's score interval, without continuity correction (E. B. Wilson, JASA 22,
 * 1927; R's `prop.test(correct = FALSE)`). Counts may be weighted. Null when n = 0 or count is not in 0..n.
 */
export function proportion(count: number, n: number, level = DEFAULT_LEVEL): Estimate | null {
  const z = criticalZ(level);
  if (!isShare(count, n)) return null;
  const share = count / n;
  const spread = (z * z) / n;
  const half = z * Math.sqrt((share * (1 - share)) / n + spread / n / 4);
  const at = (side: -1 | 1) => (share + spread / 2 + side * half) / (1 + spread);
  return estimateOf(share, n, [count === 0 ? 0 : at(-1), count === n ? 1 : at(1)], UNIT);
}

/**
 * Wilson's interval with the continuity correction of R's `prop.test`: min(1/2, |count - n/2|), so it
 * vanishes at a half (R. G. Newcombe, Statistics in Medicine 17, 1998, method 4, has 1/2 throughout).
 */
export function correctedProportion(count: number, n: number, level = DEFAULT_LEVEL): Estimate | null {
  const z = criticalZ(level);
  if (!isShare(count, n)) return null;
  const correction = Math.min(0.5, Math.abs(count - n / 2)) / n;
  const spread = (z * z) / n;
  const at = (side: -1 | 1) => {
    const share = count / n + side * correction;
    if (share <= 0 || share >= 1) return share <= 0 ? 0 : 1;
    return (
      (share + spread / 2 + side * z * Math.sqrt((share * (1 - share)) / n + spread / n / 4)) / (1 + spread)
    );
  };
  return estimateOf(count / n, n, [at(-1), at(1)], UNIT);
}

/**
 * The "exact" interval of C. Clopper and E. Pearson (Biometrika 26, 1934; R's `binom.test`), wider than its
 * level. Counts are whole numbers in theory; weighted ones are taken as they are.
 */
export function exactProportion(count: number, n: number, level = DEFAULT_LEVEL): Estimate | null {
  checkLevel(level);
  if (!isShare(count, n)) return null;
  const tail = (1 - level) / 2;
  const rest = n - count;
  const lower = count === 0 ? 0 : betaQuantile(tail, count, rest + 1);
  // The upper end is the lower end of the others' share, which keeps the digits of a small tail.
  const upper = rest === 0 ? 1 : 1 - betaQuantile(tail, rest, count + 1);
  return estimateOf(count / n, n, [lower, upper], UNIT);
}

export interface Share {
  count: number;
  n: number;
}

export interface ProportionDifference extends Estimate {
  /** R. G. Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, pp. 873-890, method 10): holds for few answers too. */
  newcombe: Interval | null;
  /** Pearson's, without continuity correction; null when both shares are 0 or both 1. */
  chiSquare: number | null;
  df: 1;
  p: number | null;
}

/**
 * first - second, with Wald's interval and the chi-square test of R's `prop.test(correct = FALSE)`; `n` is
 * that of both together. The interval is null where its width is 0; null altogether without answers on a side.
 */
export function compareProportions(
  first: Share,
  second: Share,
  level = DEFAULT_LEVEL,
): ProportionDifference | null {
  const z = criticalZ(level);
  const a = proportion(first.count, first.n, level);
  const b = proportion(second.count, second.n, level);
  if (!a?.interval || !b?.interval) return null;
  const value = a.value - b.value;
  const half = z * Math.sqrt((a.value * (1 - a.value)) / a.n + (b.value * (1 - b.value)) / b.n);
  const difference = estimateOf(value, a.n + b.n, [value - half, value + half], DIFFERENCE);
  if (!difference) return null;
  const below = Math.hypot(a.value - a.interval[0], b.interval[1] - b.value);
  const above = Math.hypot(a.interval[1] - a.value, b.value - b.interval[0]);
  const pooled = (first.count + second.count) / (a.n + b.n);
  const variance = pooled * (1 - pooled) * (1 / a.n + 1 / b.n);
  const chiSquare = finite((value * value) / variance);
  return {
    ...difference,
    newcombe: intervalOf([value - below, value + above], DIFFERENCE),
    chiSquare,
    df: 1,
    p: chiSquare === null ? null : chiSquareUpperTail(chiSquare, 1),
  };
}

function isShare(count: number, n: number): boolean {
  return areCounts([count, n]) && n > 0 && count <= n;
}
