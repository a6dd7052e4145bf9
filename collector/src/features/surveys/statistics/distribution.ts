// Probabilities and quantiles of the normal, chi-square, Student's t, beta and F distributions.
// Invariant: relative error below 1e-12 (tails below 1e-30: 1e-11); outside its domain each throws a RangeError.
import { betaFront, betaLower, gammaUpper } from './incomplete.ts';

/** Standard normal P(Z <= x), from the incomplete gamma function (DLMF 7.11.2). */
export function normalCdf(x: number): number {
  return normalUpperTail(-x);
}

/** Standard normal P(Z > x). */
export function normalUpperTail(x: number): number {
  check(!Number.isNaN(x), 'x', x);
  const tail = gammaUpper(0.5, (x * x) / 2) / 2;
  return x >= 0 ? tail : 1 - tail;
}

/** Standard normal quantile of 0 < p < 1. */
export function normalQuantile(p: number): number {
  checkProbability(p);
  return p < 0.5 ? -normalUpperQuantile(p) : normalUpperQuantile(1 - p);
}

/**
 * The x with P(Z > x) = p, 0 < p < 1. Starts at Abramowitz & Stegun 26.2.23 (error below 4.5e-4) and
 * sharpens that by Halley's method, whose three steps leave nothing but rounding.
 */
export function normalUpperQuantile(p: number): number {
  checkProbability(p);
  if (p > 0.5) return -normalUpperQuantile(1 - p);
  const t = Math.sqrt(-2 * Math.log(p));
  const above = 2.515517 + t * (0.802853 + t * 0.010328);
  const below = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  let x = t - above / below;
  for (let i = 0; i < 3; i++) {
    const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
    const step = (normalUpperTail(x) - p) / density;
    x += step / (1 - (step * x) / 2);
  }
  return x;
}

/** Two-sided p of a standard normal statistic. */
export function normalTwoSided(z: number): number {
  return Math.min(1, 2 * normalUpperTail(Math.abs(z)));
}

/** P(X > x) of chi-square with `df` > 0 degrees of freedom: Q(df/2, x/2) (DLMF 8.2.4). */
export function chiSquareUpperTail(x: number, df: number): number {
  check(!Number.isNaN(x), 'x', x);
  checkDf(df);
  return gammaUpper(df / 2, x / 2);
}

/** P(T > t) of Student's t with `df` > 0: half of I(df/2, 1/2) at df/(df+t²) (Abramowitz & Stegun 26.7.1). */
export function studentUpperTail(t: number, df: number): number {
  check(!Number.isNaN(t), 't', t);
  checkDf(df);
  const ratio = (t / df) * t;
  if (!Number.isFinite(ratio)) return t > 0 ? 0 : 1;
  const tail = betaLower(df / 2, 0.5, 1 / (1 + ratio), ratio / (1 + ratio)) / 2;
  return t >= 0 ? tail : 1 - tail;
}

/** Past this many degrees of freedom the expansion below is exact to double precision. */
const STUDENT_EXPANSION_FROM = 5_000;
/** No t that a double can square is larger. */
const MAX_T = 1e150;

/** Student's t quantile of 0 < p < 1 with `df` > 0. */
export function studentQuantile(p: number, df: number): number {
  checkProbability(p);
  return p < 0.5 ? -studentUpperQuantile(p, df) : studentUpperQuantile(1 - p, df);
}

/** The t with P(T > t) = p; Infinity past 1e150, which only df < 1 can reach. */
export function studentUpperQuantile(p: number, df: number): number {
  checkProbability(p);
  checkDf(df);
  if (p > 0.5) return -studentUpperQuantile(1 - p, df);
  if (p === 0.5) return 0;
  const start = studentExpansion(normalUpperQuantile(p), df);
  if (df >= STUDENT_EXPANSION_FROM) return start;
  let high = Math.max(start, 1);
  while (studentUpperTail(high, df) > p) {
    high *= 2;
    if (high > MAX_T) return Number.POSITIVE_INFINITY;
  }
  const slope = (t: number) => {
    const ratio = (t * t) / df;
    return -betaFront(df / 2, 0.5, 1 / (1 + ratio), ratio / (1 + ratio)) / t;
  };
  return solve((t) => studentUpperTail(t, df) - p, slope, [0, high], start);
}

/** Abramowitz & Stegun 26.7.5: Student's quantile from the normal one. */
function studentExpansion(z: number, df: number): number {
  const s = z * z;
  const terms = [
    (s + 1) / 4,
    ((5 * s + 16) * s + 3) / 96,
    (((3 * s + 19) * s + 17) * s - 15) / 384,
    ((((79 * s + 776) * s + 1482) * s - 1920) * s - 945) / 92160,
  ];
  return z * (1 + terms.reduceRight((sum, term) => (sum + term) / df, 0));
}

/** The x with I_x(a, b) = p, 0 < p < 1, a, b > 0. */
export function betaQuantile(p: number, a: number, b: number): number {
  checkProbability(p);
  check(a > 0 && Number.isFinite(a), 'a', a);
  check(b > 0 && Number.isFinite(b), 'b', b);
  const slope = (x: number) => betaFront(a, b, x, 1 - x) / (x * (1 - x));
  return solve((x) => betaLower(a, b, x, 1 - x) - p, slope, [0, 1], a / (a + b));
}

/** Quantile of F with `df1`, `df2` degrees of freedom, from the beta quantile (Abramowitz & Stegun 26.6.2). */
export function fQuantile(p: number, df1: number, df2: number): number {
  const x = betaQuantile(p, df1 / 2, df2 / 2);
  return (df2 * x) / (df1 * (1 - x));
}

/** Halvings that take a bracket of 1e16 below the spacing of doubles. */
const MAX_HALVINGS = 200;

/** The root of a monotone function inside a bracket: Newton's steps, halved where they would leave it. */
function solve(
  f: (x: number) => number,
  slope: (x: number) => number,
  bracket: [number, number],
  start: number,
): number {
  let [low, high] = bracket;
  const rising = f(high) > 0;
  let x = start > low && start < high ? start : (low + high) / 2;
  for (let i = 0; i < MAX_HALVINGS; i++) {
    const error = f(x);
    if (error === 0) return x;
    if (error > 0 === rising) high = x;
    else low = x;
    const newton = x - error / slope(x);
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - x) <= Number.EPSILON * Math.abs(x)) return next;
    x = next;
  }
  return x;
}

function checkProbability(p: number): void {
  check(p > 0 && p < 1, 'p', p);
}

function checkDf(df: number): void {
  check(df > 0 && Number.isFinite(df), 'df', df);
}

function check(holds: boolean, name: string, value: number): void {
  if (!holds) throw new RangeError(`${name} = ${value} lies outside the distribution's domain`);
}
