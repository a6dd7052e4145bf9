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
  const tallies = new Map<string, Tallies>();
  let [n, sets, all] = [0, 0, 0];
  for (const given of people) {
    const valid = given.filter(isValid);
    all += given.length;
    sets += valid.length;
    if (valid.length === 0) continue;
    n++;
    for (const [item, tally] of talliesOf(valid)) note(tallies, item, tally);
  }
  if (n === 0) return null;
  const results = items.map((item) => itemOf(item, [...(tallies.get(item)?.values() ?? [])], level));
  return {
    n,
    sets,
    rejected: all - sets,
    items: results.toSorted((a, b) => (b.score?.value ?? -2) - (a.score?.value ?? -2)),
  };
}

/** Different tallies of one item and how many people have each: people are many, tallies few. */
type Tallies = Map<string, { tally: BestWorstTally; people: number }>;

function note(tallies: Map<string, Tallies>, item: string, tally: BestWorstTally): void {
  const own = tallies.get(item) ?? new Map<string, { tally: BestWorstTally; people: number }>();
  const name = `${tally.best} ${tally.worst} ${tally.shown}`;
  const same = own.get(name) ?? { tally, people: 0 };
  same.people++;
  own.set(name, same);
  tallies.set(item, own);
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

function itemOf(
  item: string,
  own: readonly { tally: BestWorstTally; people: number }[],
  level: number,
): MaxDiffItem {
  const total: BestWorstTally = { best: 0, worst: 0, shown: 0 };
  for (const { tally, people } of own) {
    total.best += people * tally.best;
    total.worst += people * tally.worst;
    total.shown += people * tally.shown;
  }
  const value = bestWorstScore(total);
  const score = value === null ? null : scoreOf(value, total.shown, own, level);
  return { item, ...total, score, ratio: bestWorstRatio(total) };
}

function scoreOf(
  value: number,
  shown: number,
  own: readonly { tally: BestWorstTally; people: number }[],
  level: number,
): Estimate | null {
  const n = sumOf(own.map(({ people }) => people));
  if (n < 2) return estimateOf(value, n, null);
  const squares = sumOf(
    own.map(({ tally, people }) => people * (tally.best - tally.worst - value * tally.shown) ** 2),
  );
  const error = Math.sqrt((n / (n - 1)) * squares) / shown;
  const half = criticalT(level, n - 1) * error;
  return estimateOf(value, n, [value - half, value + half], [-1, 1]);
}
