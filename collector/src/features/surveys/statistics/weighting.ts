// Weights that make a sample look like its population, and what they cost in precision.
// Invariant: intervals of weighted figures come from Kish's effective number of answers, never from their count.
import {
  areCounts,
  checkLevel,
  criticalT,
  DEFAULT_LEVEL,
  type Estimate,
  estimateOf,
  type Interval,
  sumOf,
} from './estimate.ts';
import { proportion } from './proportion.ts';

/**
 * A weight for each person of each stratum so that the strata have their shares of the population while the
 * weights sum to the number of people (D. Holt and T. Smith, Post stratification, JRSS A 142, 1979). `targets`
 * need not sum to 1. Null when a stratum of the population has nobody in the sample: no weight mends that.
 */
export function postStratify(counts: readonly number[], targets: readonly number[]): number[] | null {
  const total = sumOf(counts);
  const whole = sumOf(targets);
  if (!areCounts([...counts, ...targets, total, whole]) || counts.length !== targets.length) return null;
  if (total === 0 || whole === 0) return null;
  const weights = counts.map((count, i) => {
    const wanted = total * ((targets[i] as number) / whole);
    return wanted === 0 ? 0 : wanted / count;
  });
  return areCounts(weights) ? weights : null;
}

/** One margin: the category of each cell, and each category's share of the population, in any unit. */
export interface Margin {
  categories: readonly number[];
  targets: readonly number[];
}

/** Cells agree with their margins to this share of the total. */
const RAKING_TOLERANCE = 1e-12;
/** What rounding may leave when many thousand cells are summed; only where no round betters it. */
const RAKING_ROUNDING = 1e-9;
/** So many rounds in a row that better nothing mean that the margins contradict the cells. */
const MAX_IDLE_ROUNDS = 20;
/** A round that leaves more than this of the best so far betters nothing. */
const IDLE_ABOVE = 0.999;
/** Raking that can succeed is done in tens of rounds, and within this for the most lopsided of tables. */
const MAX_RAKING_ROUNDS = 2_000;

/**
 * Cells scaled until every margin has its targets, their total unchanged: iterative proportional fitting
 * (W. Deming and F. Stephan, Annals of Mathematical Statistics 11, 1940). A cell may be one person with count
 * 1; what comes out is then that person's weight. Null when no scaling can do it.
 */
export function rake(cells: readonly number[], margins: readonly Margin[]): number[] | null {
  const total = sumOf(cells);
  if (!areCounts([...cells, total]) || total === 0 || !margins.every((m) => isMargin(m, cells.length)))
    return null;
  let fitted = [...cells];
  let best = Number.POSITIVE_INFINITY;
  let idle = 0;
  for (let round = 0; round < MAX_RAKING_ROUNDS && idle < MAX_IDLE_ROUNDS; round++) {
    let off = 0;
    for (const margin of margins) {
      const step = fit(fitted, margin, total);
      if (!step) return null;
      fitted = step.cells;
      off = Math.max(off, step.off);
    }
    if (off <= RAKING_TOLERANCE) return fitted;
    idle = off > best * IDLE_ABOVE ? idle + 1 : 0;
    best = Math.min(best, off);
  }
  return best <= RAKING_ROUNDING ? fitted : null;
}

function isMargin({ categories, targets }: Margin, cells: number): boolean {
  const whole = sumOf(targets);
  return (
    categories.length === cells &&
    categories.every((category) => Number.isInteger(category) && targets[category] !== undefined) &&
    areCounts([...targets, whole]) &&
    whole > 0
  );
}

/** The cells scaled to one margin, and how far off it they were, as a share of the total. */
function fit(cells: readonly number[], { categories, targets }: Margin, total: number) {
  const sums = new Array<number>(targets.length).fill(0);
  for (let i = 0; i < cells.length; i++) {
    const category = categories[i] as number;
    sums[category] = (sums[category] as number) + (cells[i] as number);
  }
  const whole = sumOf(targets);
  const wanted = targets.map((target) => total * (target / whole));
  const off = Math.max(...wanted.map((want, i) => Math.abs(want - (sums[i] as number)) / total));
  const factors = wanted.map((want, i) => (want === 0 ? 0 : want / (sums[i] as number)));
  if (!areCounts(factors)) return null;
  return { cells: cells.map((cell, i) => cell * (factors[categories[i] as number] as number)), off };
}

/** Kish's effective number of answers, (Σw)²/Σw² (L. Kish, Survey Sampling, 1965); null when all weights are 0. */
export function effectiveN(weights: readonly number[]): number | null {
  return baseOf(weights.map((weight) => ({ weight })))?.effectiveN ?? null;
}

/** Kish's design effect of weighting, n/effectiveN, at least 1; people of weight 0 count in n. Null likewise. */
export function designEffect(weights: readonly number[]): number | null {
  const effective = effectiveN(weights);
  return effective === null ? null : weights.length / effective;
}

/** `n` are the answers as counted. */
export interface WeightedEstimate extends Estimate {
  effectiveN: number;
  designEffect: number;
}

/** Answers alike may be given once, with their `count`; 1 unless given. */
interface Alike {
  weight: number;
  count?: number;
}

/** The weighted share of `holds`, with Wilson's interval at the effective n. Null when all weights are 0. */
export function weightedProportion(
  answers: readonly (Alike & { holds: boolean })[],
  level = DEFAULT_LEVEL,
): WeightedEstimate | null {
  checkLevel(level);
  const base = baseOf(answers);
  if (!base) return null;
  const share = base.average(answers.map(({ holds }) => (holds ? 1 : 0)));
  const atEffective = proportion(share * base.effectiveN, base.effectiveN, level);
  return weighted(base, share, atEffective?.interval ?? null, [0, 1]);
}

/**
 * The weighted mean with Student's t interval at the effective n: standard error sd/√(effective n), degrees of
 * freedom effective n - 1. Null when all weights are 0; the interval needs an effective n of 2.
 */
export function weightedMean(
  answers: readonly (Alike & { value: number })[],
  level = DEFAULT_LEVEL,
): WeightedEstimate | null {
  checkLevel(level);
  const base = baseOf(answers);
  if (!base) return null;
  const n = base.effectiveN;
  const value = base.average(answers.map((answer) => answer.value));
  const spread = base.average(answers.map((answer) => (answer.value - value) ** 2));
  const half = n >= 2 ? criticalT(level, n - 1) * Math.sqrt(spread / (n - 1)) : Number.NaN;
  return weighted(base, value, [value - half, value + half]);
}

interface Base {
  n: number;
  /** Weighted mean of values in the order of the weights. */
  average(values: readonly number[]): number;
  effectiveN: number;
}

function baseOf(answers: readonly Alike[]): Base | null {
  const largest = answers.reduce((most, { weight }) => Math.max(most, weight), 0);
  if (!areCounts(answers.map(({ weight }) => weight)) || largest === 0) return null;
  // In units of the largest, so that squares neither overflow nor vanish.
  const scaled = answers.map(({ weight, count = 1 }) => (weight / largest) * count);
  const sum = sumOf(scaled);
  return {
    n: sumOf(answers.map(({ count = 1 }) => count)),
    average: (values) => sumOf(values.map((value, i) => value * (scaled[i] as number))) / sum,
    effectiveN: sum ** 2 / sumOf(answers.map(({ weight }, i) => (scaled[i] as number) * (weight / largest))),
  };
}

function weighted(
  base: Base,
  value: number,
  ends: Interval | null,
  range?: Interval,
): WeightedEstimate | null {
  const estimate = estimateOf(value, base.n, ends, range);
  return estimate && { ...estimate, effectiveN: base.effectiveN, designEffect: base.n / base.effectiveN };
}
