// Van Westendorp's price sensitivity meter: the acceptable range of prices and the points inside it.
// Invariant: people whose prices are not in strict order are counted and, unless asked for, left out.
import { criticalZ, DEFAULT_LEVEL, type Estimate, estimateOf, sumOf } from './estimate.ts';
import {
  crossings,
  PRICE_QUESTIONS,
  type PriceCurves,
  priceCurves,
  type StatedPrices,
} from './price-curves.ts';
import { effectiveN } from './weighting.ts';

export interface PriceOptions {
  /** Leave out people without tooCheap < cheap < expensive < tooExpensive; default true. */
  validate?: boolean;
  /** Which curves bound the range; default `standard`. */
  range?: 'standard' | 'narrower';
  /** Which crossing counts when there are several; default `min`, the first. */
  crossing?: 'min' | 'max' | 'mean';
  /** Confidence level; default 0.95. */
  level?: number;
}

export interface PriceSensitivity {
  /** People in the curves. */
  n: number;
  /** People left out or, with `validate: false`, taken in though their prices are not in order. */
  invalid: number;
  /** Point of marginal cheapness: the lower end of the acceptable range. */
  pmc: Estimate | null;
  /** Point of marginal expensiveness: its upper end. */
  pme: Estimate | null;
  /** Indifference price. */
  idp: Estimate | null;
  /** Optimal price: the fewest refuse. */
  opp: Estimate | null;
  curves: PriceCurves;
}

/** Prices above this are typing errors, and sums of them would lose their digits. */
const MAX_PRICE = 1e12;

/**
 * The four points (P. van Westendorp, NSS price sensitivity meter, ESOMAR 1976), with the curves' ends and
 * the options of R's `pricesensitivitymeter`. Standard range: "not cheap" crosses "too cheap" and "not
 * expensive" crosses "too expensive"; narrower: "expensive" crosses "too cheap" and "cheap" crosses "too
 * expensive". People of weight 0 count
 * as invalid. Null when nobody is left.
 */
export function priceSensitivity(
  people: readonly StatedPrices[],
  options: PriceOptions = {},
): PriceSensitivity | null {
  const { validate = true, range = 'standard', level = DEFAULT_LEVEL } = options;
  const z = criticalZ(level);
  const readable = people.filter(isReadable);
  const used = validate ? readable.filter(isOrdered) : readable;
  const size = effectiveN(used.map(({ weight }) => weight ?? 1));
  if (size === null) return null;
  const curves = priceCurves(used);
  const { tooCheap, cheap, expensive, tooExpensive } = curves;
  const between = (rising: number[], falling: number[]) =>
    pointOf(curves.prices, rising, falling, { z, size, n: used.length, crossing: options.crossing ?? 'min' });
  const narrow = range === 'narrower';
  return {
    n: used.length,
    invalid: people.length - readable.filter(isOrdered).length,
    pmc: between(narrow ? expensive : cheap, tooCheap),
    pme: between(tooExpensive, narrow ? cheap : expensive),
    idp: between(expensive, cheap),
    opp: between(tooExpensive, tooCheap),
    curves,
  };
}

function isReadable(person: StatedPrices): boolean {
  const { weight = 1 } = person;
  if (!(weight > 0 && weight <= MAX_PRICE)) return false; // a price that weighs nothing is no step of a curve
  return PRICE_QUESTIONS.every((question) => person[question] >= 0 && person[question] <= MAX_PRICE);
}

function isOrdered({ tooCheap, cheap, expensive, tooExpensive }: StatedPrices): boolean {
  return tooCheap < cheap && cheap < expensive && expensive < tooExpensive;
}

interface PointSettings {
  z: number;
  /** Kish's effective number of people. */
  size: number;
  n: number;
  crossing: 'min' | 'max' | 'mean';
}

/**
 * Where those who say `rising` (share A) outnumber those who have not yet said `falling` (share B = 1 - its
 * curve). Nobody with prices in order does both, so at every price A - B is the mean of -1, 0 and 1, and
 * the interval is the set of prices at which a sign test does not tell A from B: (A - B)² n <= z² (A + B)
 * (Q. McNemar, Psychometrika 12, 1947; a test turned into an interval, as R. Woodruff, JASA 47, 1952). It
 * has no random part and needs 4 people at 95 %; without validation it is wider than its level.
 */
function pointOf(
  prices: readonly number[],
  rising: readonly number[],
  falling: readonly number[],
  { z, size, n, crossing }: PointSettings,
): Estimate | null {
  // Rising minus what is left of falling; 1 - (1 - x) would turn touching curves into crossing ones.
  const gaps = rising.map((share, i) => exactZero(share + (falling[i] as number) - 1));
  const found = crossings(prices, gaps);
  const [first, last] = [found[0], found.at(-1)];
  if (first === undefined || last === undefined) return null;
  const value = { min: first, max: last, mean: sumOf(found) / found.length }[crossing];
  const reach = rising.map((share, i) => z * Math.sqrt((share + 1 - (falling[i] as number)) / size));
  const lower = crossings(
    prices,
    gaps.map((gap, i) => gap + (reach[i] as number)),
  )[0];
  const upper = crossings(
    prices,
    gaps.map((gap, i) => gap - (reach[i] as number)),
  ).at(-1);
  const ends = [0, prices.length - 1].map((i) => (gaps[i] as number) ** 2 - (reach[i] as number) ** 2);
  const bounded = lower !== undefined && upper !== undefined && ends.every((end) => end > 0);
  return estimateOf(value, n, bounded ? [Math.min(lower, value), Math.max(upper, value)] : null);
}

/** Two shares whose sum is 1 but for rounding do meet. */
const exactZero = (gap: number) => (Math.abs(gap) < 1e-12 ? 0 : gap);
