// Best-worst scaling by counts: how often each item was named best and worst among those shown with it.
// Invariant: over all items best and worst counts have one sum, the number of sets that were answered validly.
import { checkLevel, criticalT, DEFAULT_LEVEL, type Estimate, estimateOf, sumOf } from './estimate.ts';

/** One set as one person answered it. */
export interface BestWorstSet {
  shown: readonly string[];
  best: string;
  worst: string;
}

export interface BestWorstTally {
  best: number;
  worst: number;
  /** How many times the item was shown. */
  shown: number;
}

export interface MaxDiffItem extends BestWorstTally {
  item: string;
  /** (best - worst)/shown, -1 to 1; null when never shown. The interval needs two people who differ. */
  score: Estimate | null;
  /** √(best/worst), proportional to the item's value; null when it was never worst. */
  ratio: number | null;
}

export interface MaxDiff {
  /** People with a valid set. */
  n: number;
  sets: number;
  /** Sets left out: best equal to worst, a choice that was not shown, an item shown twice. */
  rejected: number;
  /** Best first; ties in the order of `items`. */
  items: MaxDiffItem[];
}

/** The score of one tally, -1 to 1 (A. Finn and J. Louviere, J. Public Policy & Marketing 11, 1992); null when never shown. */
export function bestWorstScore({ best, worst, shown }: BestWorstTally): number | null {
  return shown > 0 ? (best - worst) / shown : null;
}

/** √(best/worst) (A. Marley and J. Louviere, J. Mathematical Psychology 49, 2005; R's support.BWS); null when worst = 0. */
export function bestWorstRatio({ best, worst }: BestWorstTally): number | null {
  return worst > 0 ? Math.sqrt(best / worst) : null;
}

/**
 * Counts of all people, each given as their sets; for one person's own counts pass that person alone.
 * Answers of one person belong together, so the interval takes people as clusters: Student's t on the
 * linearised variance of a ratio (W. Cochran, Sampling Techniques, 1977, ch. 6). Null without a valid set.
 */
export function maxDiff(
  people: readonly (readonly BestWorstSet[])[],
  items: readonly string[],
  level = DEFAULT_LEVEL,
): MaxDiff | null {
  checkLevel(level);
  const valid = people.map((sets) => sets.filter(isValid));
  const answered = valid.filter((sets) => sets.length > 0);
  if (answered.length === 0) return null;
  const tallies = answered.map(talliesOf);
  const sets = sumOf(answered.map(({ length }) => length));
  const results = items.map((item) => itemOf(item, tallies, level));
  return {
    n: answered.length,
    sets,
    rejected: sumOf(people.map(({ length }) => length)) - sets,
    items: results.toSorted((a, b) => (b.score?.value ?? -2) - (a.score?.value ?? -2)),
  };
}

function isValid({ shown, best, worst }: BestWorstSet): boolean {
  return (
    best !== worst && shown.includes(best) && shown.includes(worst) && new Set(shown).size === shown.length
  );
}

function talliesOf(sets: readonly BestWorstSet[]): Map<string, BestWorstTally> {
  const tallies = new Map<string, BestWorstTally>();
  for (const { shown, best, worst } of sets) {
    for (const item of shown) {
      const tally = tallies.get(item) ?? { best: 0, worst: 0, shown: 0 };
      tally.shown++;
      if (item === best) tally.best++;
      if (item === worst) tally.worst++;
      tallies.set(item, tally);
    }
  }
  return tallies;
}

function itemOf(item: string, people: readonly Map<string, BestWorstTally>[], level: number): MaxDiffItem {
  const own = people.flatMap((tallies) => tallies.get(item) ?? []);
  const total: BestWorstTally = { best: 0, worst: 0, shown: 0 };
  for (const tally of own) {
    total.best += tally.best;
    total.worst += tally.worst;
    total.shown += tally.shown;
  }
  const value = bestWorstScore(total);
  const score = value === null ? null : scoreOf(value, total.shown, own, level);
  return { item, ...total, score, ratio: bestWorstRatio(total) };
}

function scoreOf(value: number, shown: number, people: readonly BestWorstTally[], level: number) {
  const n = people.length;
  if (n < 2) return estimateOf(value, n, null);
  const squares = sumOf(people.map((tally) => (tally.best - tally.worst - value * tally.shown) ** 2));
  const error = Math.sqrt((n / (n - 1)) * squares) / shown;
  const half = criticalT(level, n - 1) * error;
  return estimateOf(value, n, [value - half, value + half], [-1, 1]);
}
