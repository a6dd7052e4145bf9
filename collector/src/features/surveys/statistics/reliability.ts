// Whether several items measure one thing: Cronbach's alpha.
// Invariant: only people with an answer to every item count.
import { fQuantile } from './distribution.ts';
import { checkLevel, DEFAULT_LEVEL, type Estimate, estimateOf, type Interval, sumOf } from './estimate.ts';

/** At most 1, below 0 when items contradict each other. `n` are the people. */
export interface Reliability extends Estimate {
  items: number;
}

/**
 * k/(k-1) (1 - Σ item variances / variance of the sums) (L. Cronbach, Psychometrika 16, 1951), with the
 * interval of L. Feldt (Psychometrika 30, 1965): (1 - true)/(1 - found) is distributed as F(n-1, (n-1)(k-1)).
 * Rows are people, columns items; incomplete rows are left out. Null with fewer than two people or items, or
 * when everybody has the same sum.
 */
export function cronbachAlpha(
  rows: readonly (readonly (number | null)[])[],
  level = DEFAULT_LEVEL,
): Reliability | null {
  checkLevel(level);
  const items = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const complete = rows.filter(
    (row): row is readonly number[] =>
      row.length === items && row.every((x) => x !== null && Number.isFinite(x)),
  );
  const n = complete.length;
  if (n < 2 || items < 2) return null;
  const total = varianceOf(complete.map(sumOf));
  const parts = sumOf(
    Array.from({ length: items }, (_, j) => varianceOf(complete.map((row) => row[j] as number))),
  );
  const value = (items / (items - 1)) * (1 - parts / total);
  const estimate =
    Number.isFinite(value) && total > 0 ? estimateOf(value, n, feldt(value, n, items, level)) : null;
  return estimate && { ...estimate, items };
}

function feldt(value: number, n: number, items: number, level: number): Interval | null {
  if (value >= 1) return null; // items equal up to a constant: nothing left to vary
  const at = (p: number) => 1 - (1 - value) * fQuantile(p, n - 1, (n - 1) * (items - 1));
  const tail = (1 - level) / 2;
  return [at(1 - tail), at(tail)];
}

function varianceOf(values: readonly number[]): number {
  const average = sumOf(values) / values.length;
  return sumOf(values.map((x) => (x - average) ** 2)) / (values.length - 1);
}
