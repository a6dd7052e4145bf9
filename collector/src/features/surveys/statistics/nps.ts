// Net promoter score: the share of promoters (9-10) minus that of detractors (0-6), on -1 to 1.
// Invariant: every interval lies in -1 to 1; a spread of 0 gives no Wald interval instead of "plus or minus 0".
import { normalTwoSided } from './distribution.ts';
import {
  areCounts,
  criticalZ,
  DEFAULT_LEVEL,
  type Estimate,
  estimateOf,
  finite,
  type Interval,
  intervalOf,
  sumOf,
} from './estimate.ts';

export interface NpsCounts {
  detractors: number;
  passives: number;
  promoters: number;
}

/** `interval` is the adjusted Wald interval, the one to show. */
export interface Nps extends Estimate, NpsCounts {
  /** Of one answer scored -1, 0 or 1: (promoters + detractors)/n - value². */
  variance: number;
  /** √(variance/n); null when all answers are of one kind. */
  standardError: number | null;
  /** Half the Wald interval's width; null likewise. */
  margin: number | null;
  wald: Interval | null;
  /** Two-sided p of "the score is 0"; null likewise. */
  p: number | null;
}

const RANGE: Interval = [-1, 1];
const LAST_DETRACTOR = 6;
const LAST_PASSIVE = 8;
/** Added answers of the adjusted interval: 3 in all, three quarters to each end. */
const ADDED = 3;
const ADDED_TO_EACH_END = 0.75;

/** Counts of a score list; what is no whole number from 0 to 10 is left out. */
export function npsCounts(scores: readonly number[]): NpsCounts {
  const counts = { detractors: 0, passives: 0, promoters: 0 };
  for (const score of scores) {
    if (!Number.isInteger(score) || score < 0 || score > 10) continue;
    if (score <= LAST_DETRACTOR) counts.detractors++;
    else if (score <= LAST_PASSIVE) counts.passives++;
    else counts.promoters++;
  }
  return counts;
}

/**
 * The score with its intervals. Variance of the three-outcome model and Wald interval: B. Rocks, Interval
 * estimation for the Net Promoter Score, The American Statistician 70 (2016); adjusted Wald (3 answers added,
 * ¾ promoters, ¾ detractors): the same, and J. Sauro at measuringu.com. Null without answers.
 */
export function nps(counts: NpsCounts, level = DEFAULT_LEVEL): Nps | null {
  const z = criticalZ(level);
  const plain = momentsOf(counts, 0, 0);
  if (!plain) return null;
  const adjusted = momentsOf(counts, ADDED, ADDED_TO_EACH_END) as Moments; // has answers by now
  const estimate = estimateOf(plain.value, plain.n, around(adjusted, z), RANGE);
  if (!estimate) return null;
  const standardError = plain.variance > 0 ? plain.standardError : null;
  return {
    ...estimate,
    ...{ detractors: counts.detractors, passives: counts.passives, promoters: counts.promoters },
    variance: plain.variance,
    standardError,
    margin: standardError === null ? null : z * standardError,
    wald: intervalOf(around(plain, z), RANGE),
    p: standardError === null ? null : normalTwoSided(plain.value / standardError),
  };
}

export interface NpsDifference extends Estimate {
  standardError: number | null;
  z: number | null;
  p: number | null;
}

/** first - second, on -2 to 2, with Wald's interval and test (Rocks 2016); those are null when neither side varies. */
export function compareNps(first: NpsCounts, second: NpsCounts, level = DEFAULT_LEVEL): NpsDifference | null {
  const critical = criticalZ(level);
  const a = momentsOf(first, 0, 0);
  const b = momentsOf(second, 0, 0);
  if (!a || !b) return null;
  const value = a.value - b.value;
  const error = Math.hypot(a.standardError, b.standardError);
  const half = critical * error;
  const estimate = estimateOf(value, a.n + b.n, [value - half, value + half], [-2, 2]);
  const z = error > 0 ? finite(value / error) : null;
  return (
    estimate && {
      ...estimate,
      standardError: error > 0 ? error : null,
      z,
      p: z === null ? null : normalTwoSided(z),
    }
  );
}

interface Moments {
  value: number;
  n: number;
  variance: number;
  standardError: number;
}

function momentsOf(counts: NpsCounts, added: number, addedToEnds: number): Moments | null {
  const { detractors, passives, promoters } = counts;
  const n = sumOf([detractors, passives, promoters]);
  if (!areCounts([detractors, passives, promoters]) || n === 0 || !Number.isFinite(n)) return null;
  const all = n + added;
  const value = (promoters - detractors) / all;
  const ends = (promoters + detractors + 2 * addedToEnds) / all;
  const variance = Math.max(0, ends - value * value); // rounding may leave -1e-17
  return { value, n, variance, standardError: Math.sqrt(variance / all) };
}

const around = ({ value, standardError }: Moments, z: number): Interval => [
  value - z * standardError,
  value + z * standardError,
];
