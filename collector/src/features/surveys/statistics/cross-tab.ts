// Two questions against each other: whether they depend, how much, and which cells stand out.
// Invariant: empty rows and columns take no part; marks hold for all cells together, by Holm's correction.
import { chiSquareUpperTail, normalTwoSided } from './distribution.ts';
import { areCounts, checkLevel, DEFAULT_LEVEL, type Estimate, sumOf } from './estimate.ts';
import { proportion } from './proportion.ts';

export interface CrossTabCell {
  count: number;
  /** What independence would give; null in an empty row or column, as all that follows from it. */
  expected: number | null;
  /** Share of its column, with Wilson's interval. */
  columnShare: Estimate | null;
  /** Adjusted residual, standard normal under independence. */
  residual: number | null;
  /** Two-sided p of the residual, corrected over all cells. */
  p: number | null;
  /** `above` or `below` what independence would give; null when not significant. */
  mark: 'above' | 'below' | null;
}

export interface CrossTab {
  n: number;
  chiSquare: number;
  df: number;
  p: number;
  /** 0 (independent) to 1. */
  cramersV: number;
  correction: Correction;
  /** Share of cells with fewer than 5 expected; past 0.2 the p values are rough (W. Cochran, Biometrics 10, 1954). */
  sparse: number;
  cells: CrossTabCell[][];
}

export type Correction = 'holm' | 'bonferroni';

const SPARSE_BELOW = 5;

/**
 * Pearson's chi-square without continuity correction (R's `chisq.test(correct = FALSE)`), Cramér's V (H.
 * Cramér, Mathematical Methods of Statistics, 1946), adjusted residuals (S. Haberman, Biometrics 29, 1973)
 * and marks by Holm's step-down correction (Scandinavian J. of Statistics 6, 1979) or Bonferroni's. `table` is
 * rows of counts, a missing cell being 0. Null with fewer than two rows or two columns that have answers.
 */
export function crossTab(
  table: readonly (readonly number[])[],
  { level = DEFAULT_LEVEL, correction = 'holm' }: { level?: number; correction?: Correction } = {},
): CrossTab | null {
  checkLevel(level);
  const width = table.reduce((most, row) => Math.max(most, row.length), 0);
  const counts = table.map((row) => Array.from({ length: width }, (_, j) => row[j] ?? 0));
  const rows = counts.map(sumOf);
  const columns = Array.from({ length: width }, (_, j) => sumOf(counts.map((row) => row[j] ?? 0)));
  const n = sumOf(rows);
  const answered = (sums: readonly number[]): number => sums.filter((sum) => sum > 0).length;
  const [height, breadth] = [answered(rows), answered(columns)];
  if (!counts.every(areCounts) || !Number.isFinite(n) || height < 2 || breadth < 2) return null;
  const cells = counts.map((row, i) =>
    row.map((count, j) => cellOf(count, rows[i] ?? 0, columns[j] ?? 0, n, level)),
  );
  const filled = cells.flat().filter(isFilled);
  // Counts so small that nothing can be expected of any cell.
  if (filled.length === 0) return null;
  const chiSquare = sumOf(filled.map(({ count, expected }) => (count / expected - 1) ** 2 * expected));
  const df = (height - 1) * (breadth - 1);
  if (!Number.isFinite(chiSquare)) return null;
  correct(filled, correction, 1 - level);
  return {
    n,
    chiSquare,
    df,
    p: chiSquareUpperTail(chiSquare, df),
    cramersV: Math.min(1, Math.sqrt(chiSquare / n / (Math.min(height, breadth) - 1))),
    correction,
    sparse: filled.filter(({ expected }) => expected < SPARSE_BELOW).length / filled.length,
    cells,
  };
}

type FilledCell = CrossTabCell & { expected: number; residual: number; p: number };

const isFilled = (cell: CrossTabCell): cell is FilledCell => cell.expected !== null;

function cellOf(count: number, row: number, column: number, n: number, level: number): CrossTabCell {
  const expected = row * (column / n);
  // Not proportion(): a column's sum may be below its only count by a rounding.
  const columnShare = proportion(Math.min(count, column), column, level);
  const residual = (count - expected) / Math.sqrt(expected * (1 - row / n) * (1 - column / n));
  if (!(expected > 0) || !Number.isFinite(residual))
    return { count, expected: null, columnShare, residual: null, p: null, mark: null };
  return { count, expected, columnShare, residual, p: normalTwoSided(residual), mark: null };
}

/** Replaces each cell's p by the corrected one, and marks those at or below `alpha`. */
function correct(cells: readonly FilledCell[], correction: Correction, alpha: number): void {
  const ordered = cells.toSorted((a, b) => a.p - b.p);
  let least = 0;
  ordered.forEach((cell, i) => {
    const tests = correction === 'holm' ? ordered.length - i : ordered.length;
    least = Math.max(least, Math.min(1, cell.p * tests));
    cell.p = least;
    if (least <= alpha) cell.mark = cell.residual > 0 ? 'above' : 'below';
  });
}
