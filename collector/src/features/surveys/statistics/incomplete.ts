// The incomplete gamma and beta functions, on which every distribution here rests.
// Invariant: a relative error below 1e-12 in either tail down to 1e-30 (1e-11 further out), arguments up to 1e6.

/** More steps than any argument up to 1e6 needs (about the square root of it, times five). */
const MAX_STEPS = 20_000;
/** Lentz's method must not divide by 0. */
const TINY = 1e-300;

/**
 * Upper regularised incomplete gamma function Q(a, x), a > 0, x >= 0. Series (DLMF 8.11.4) left of a + 1,
 * continued fraction (DLMF 8.9.2) right of it.
 */
export function gammaUpper(a: number, x: number): number {
  if (x <= 0) return 1;
  if (!Number.isFinite(x)) return 0;
  const density = Math.exp(-stirlingError(a) - deviance(a, x)) / Math.sqrt(2 * Math.PI * a); // x^a e^-x / gamma(a+1)
  return x < a + 1 ? 1 - density * gammaSeries(a, x) : density * a * gammaFraction(a, x);
}

function gammaSeries(a: number, x: number): number {
  let term = 1;
  let sum = 1;
  for (let i = 1; i < MAX_STEPS; i++) {
    term *= x / (a + i);
    sum += term;
    if (term < sum * Number.EPSILON) break;
  }
  return sum;
}

function gammaFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < MAX_STEPS; i++) {
    const step = -i * (i - a);
    b += 2;
    d = 1 / nonZero(step * d + b);
    c = nonZero(b + step / c);
    const factor = d * c;
    h *= factor;
    if (Math.abs(factor - 1) <= Number.EPSILON) break;
  }
  return h;
}

/**
 * Regularised incomplete beta function I_x(a, b), a, b > 0, by its continued fraction: the even part of DLMF 8.17.22,
 * as A. DiDonato and A. Morris write it (ACM TOMS 18, 1992, algorithm 708).
 * `y` is 1 - x, given apart because near x = 1 the subtraction would lose it.
 */
export function betaLower(a: number, b: number, x: number, y: number): number {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  const front = betaFront(a, b, x, y);
  if (x < (a + 1) / (a + b + 2)) return front * betaFraction(a, b, x, y);
  return 1 - front * betaFraction(b, a, y, x);
}

/** x^a y^b / B(a, b): the beta density times x y. C. Loader, Fast and accurate computation of binomial probabilities (2000). */
export function betaFront(a: number, b: number, x: number, y: number): number {
  const n = a + b;
  const logarithm =
    stirlingError(n) - stirlingError(a) - stirlingError(b) - deviance(a, n * x) - deviance(b, n * y);
  return Math.exp(logarithm) * Math.sqrt(((a / n) * b) / (2 * Math.PI));
}

/** `shift` can be had from x or from y; the one that cancels less keeps the digits where a or b is large. */
function betaFraction(a: number, b: number, x: number, y: number): number {
  const shift = (a > b ? (a + b) * y - b : a - (a + b) * x) + 1;
  let d = (a + 1) / (a * nonZero(shift));
  let c = 1 / TINY;
  let h = d;
  for (let n = 1; n < MAX_STEPS; n++) {
    const odd = a + 2 * n - 1;
    const above = ((a + n - 1) / odd) * ((a + b + n - 1) / odd) * n * (b - n) * x * x;
    const below = n + (n * (b - n) * x) / odd + ((a + n) / (odd + 2)) * (shift + n * (1 + y));
    d = 1 / nonZero(below + above * d);
    c = nonZero(below + above / c);
    h *= c * d;
    if (Math.abs(c * d - 1) <= Number.EPSILON) break;
  }
  return h;
}

const nonZero = (value: number) => (Math.abs(value) < TINY ? TINY : value);

/** From here on the five terms below are exact to double precision. */
const STIRLING_FROM = 16;

/** log n! minus Stirling's formula, n > 0 (Loader 2000); below 16 by its recurrence. */
function stirlingError(n: number): number {
  let sum = 0;
  let m = n;
  for (; m < STIRLING_FROM; m++) sum += (m + 0.5) * Math.log1p(1 / m) - 1;
  const square = m * m;
  const series = 1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square;
  return sum + series / m;
}

/** x log(x / mean) + mean - x without the loss of digits where both are near (Loader 2000). */
function deviance(x: number, mean: number): number {
  const gap = x - mean;
  if (Math.abs(gap) >= 0.1 * (x + mean)) return x * Math.log(x / mean) - gap;
  const v = gap / (x + mean);
  let sum = gap * v;
  let term = 2 * x * v;
  for (let j = 3; j < MAX_STEPS; j += 2) {
    term *= v * v;
    const next = sum + term / j;
    if (next === sum) break;
    sum = next;
  }
  return sum;
}
