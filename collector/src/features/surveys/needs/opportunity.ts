// The opportunity of a feature: how important it is, and how far its use lags behind.
// Invariant: lies in 0 to 1, as do the ends of its interval; the same figures give the same interval.
import { estimateOf } from '../statistics/estimate.ts';
import { betaQuantile, type Estimate, studentQuantile } from '../statistics/index.ts';
import type { Stated } from './stated.ts';

/** Points at which each distribution is taken: 10,000 pairs give ends that are stable to the third digit. */
const POINTS = 100;
const LEVEL = 0.95;
/** Added to hits and misses: Jeffreys' prior of a share. */
const PRIOR = 0.5;

export type ImportanceSource = 'maxdiff' | 'kano' | 'themes';

/** 0 to 1. */
export interface Importance extends Estimate {
  from: ImportanceSource;
}

/** A figure of 0 to 1 with the quantiles of what it may be; null quantiles where nothing says how sure it is. */
interface Uncertain {
  value: number;
  quantiles: number[] | null;
}

/**
 * How important a feature is stated to be: its best-worst score brought to 0 to 1, else the share of people to whom
 * it matters at all by Kano (A, O or M), else the share of those with a text who speak of it. The three are no
 * common scale: `from` says which it is.
 */
export function importanceOf({ maxdiff, kano, themes }: Stated): Importance | null {
  if (maxdiff) {
    const { value, interval, n } = maxdiff.score;
    const half = (x: number) => (x + 1) / 2;
    return {
      value: half(value),
      interval: interval && [half(interval[0]), half(interval[1])],
      n,
      from: 'maxdiff',
    };
  }
  if (kano?.totalStrength) return { ...kano.totalStrength, from: 'kano' };
  return themes?.share ? { ...themes.share, from: 'themes' } : null;
}

export interface Opportunity {
  /** (importance + max(importance - use, 0)) / 2, 0 to 1. */
  value: number;
  interval: Estimate['interval'];
  n: { stated: number; revealed: number };
}

/**
 * Ulwick's opportunity with use in the place of satisfaction (A. W. Ulwick, "Turn customer input into innovation",
 * Harvard Business Review 80(1), 2002; What Customers Want, 2005), halved so that it lies in 0 to 1.
 *
 * The interval propagates both distributions through the formula (JCGM 101:2008, Supplement 1 to the GUM), over a
 * grid of their quantiles instead of random draws: Student's t for a best-worst score, Jeffreys' Beta for a share.
 * No delta method, since the formula has a kink where importance equals use. Statements and use are taken as
 * independent of each other.
 */
export function opportunityOf(stated: Stated, use: Estimate | null): Opportunity | null {
  const importance = importanceOf(stated);
  if (!importance || !use) return null;
  const value = score(importance.value, use.value);
  const both = [uncertainImportance(stated, importance), uncertainShare(use)] as const;
  const found = estimateOf(value, importance.n, endsOf(...both), [0, 1]);
  return found && { value, interval: found.interval, n: { stated: importance.n, revealed: use.n } };
}

const score = (importance: number, use: number): number => (importance + Math.max(importance - use, 0)) / 2;

function uncertainImportance({ maxdiff }: Stated, importance: Importance): Uncertain {
  if (importance.from !== 'maxdiff' || !maxdiff) return uncertainShare(importance);
  const { error, score: of } = maxdiff;
  if (error === null || of.interval === null) return { value: importance.value, quantiles: null };
  const at = (p: number) => importance.value + (studentQuantile(p, of.n - 1) * error) / 2;
  return { value: importance.value, quantiles: grid((p) => Math.min(1, Math.max(0, at(p)))) };
}

function uncertainShare({ value, n }: Estimate): Uncertain {
  const hits = value * n;
  const quantiles = n > 0 ? grid((p) => betaQuantile(p, hits + PRIOR, n - hits + PRIOR)) : null;
  return { value, quantiles };
}

/** The middles of equal parts. */
const grid = (quantile: (p: number) => number): number[] =>
  Array.from({ length: POINTS }, (_, i) => quantile((i + 0.5) / POINTS));

function endsOf(importance: Uncertain, use: Uncertain): [number, number] | null {
  if (!importance.quantiles || !use.quantiles) return null;
  const values = new Float64Array(POINTS * POINTS);
  let at = 0;
  for (const stated of importance.quantiles)
    for (const used of use.quantiles) values[at++] = score(stated, used);
  values.sort();
  const end = (p: number): number => values[Math.floor(p * values.length)] as number; // p < 1
  return [end((1 - LEVEL) / 2), end((1 + LEVEL) / 2)];
}
