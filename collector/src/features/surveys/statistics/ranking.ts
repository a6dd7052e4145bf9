// Items that people put in order: mean rank, Borda score, and how often each came first.
// Invariant: over complete rankings of m items Borda points sum to n m (m-1)/2.
import { DEFAULT_LEVEL, type Estimate, type Interval, intervalOf, sumOf } from './estimate.ts';
import { meanOfCounts } from './mean.ts';
import { proportion } from './proportion.ts';

export interface RankedItem {
  item: string;
  /** Mean place among those who ranked it, 1 the best, with Student's t interval; null when nobody did. */
  rank: Estimate | null;
  /** m - 1 points for the first of m items, 0 for the last and for one not ranked. */
  points: number;
  /** Points of what can be had, 0 to 1, with Student's t interval. */
  borda: Estimate | null;
  /** Share of people who put it first, with Wilson's interval. */
  first: Estimate | null;
}

export interface Ranking {
  /** People with a valid ranking. */
  n: number;
  /** Rankings left out: empty, an unknown item, an item twice. */
  rejected: number;
  /** Most points first; ties in the order of `items`. */
  items: RankedItem[];
}

/**
 * Figures of every item (points: J.-C. de Borda, 1781). Each ranking is a list of items, best first; it may
 * be incomplete, and what it leaves out gets no points. Null without a valid one.
 */
export function ranking(
  rankings: readonly (readonly string[])[],
  items: readonly string[],
  level = DEFAULT_LEVEL,
): Ranking | null {
  const known = [...new Set(items)];
  const places = new Map(known.map((item, i) => [item, i]));
  // By item, how many put it first, second and so on: people are many, places few.
  const counts = known.map(() => new Array<number>(known.length).fill(0));
  let n = 0;
  for (const order of rankings) {
    if (!isValid(order, places)) continue;
    n++;
    order.forEach((item, rank) => {
      const own = counts[places.get(item) as number] as number[]; // isValid asked
      own[rank] = (own[rank] as number) + 1;
    });
  }
  if (n === 0) return null;
  const ranked = known.map((item, i) => itemOf(item, counts[i] as number[], n, level));
  return { n, rejected: rankings.length - n, items: ranked.toSorted((a, b) => b.points - a.points) };
}

function isValid(order: readonly string[], known: ReadonlyMap<string, number>): boolean {
  return order.length > 0 && new Set(order).size === order.length && order.every((item) => known.has(item));
}

function itemOf(item: string, byRank: readonly number[], people: number, level: number): RankedItem {
  const items = byRank.length;
  const most = items - 1;
  // The last place gives no points, and so does being left out.
  const byPoints = byRank.toReversed();
  byPoints[0] = (byPoints[0] as number) + people - sumOf(byRank);
  const points = meanOfCounts(byPoints, 0, level);
  return {
    item,
    rank: cut(meanOfCounts(byRank, 1, level), [1, items]),
    points: sumOf(byPoints.map((count, i) => count * i)),
    // With one item there is nothing to order.
    borda: points && most > 0 ? cut(scaled(points, most), [0, 1]) : null,
    first: proportion(byRank[0] as number, people, level),
  };
}

function scaled({ value, interval, n }: Estimate, by: number): Estimate {
  return { value: value / by, interval: interval && [interval[0] / by, interval[1] / by], n };
}

function cut(figure: Estimate | null, range: Interval): Estimate | null {
  return (
    figure && {
      value: figure.value,
      interval: figure.interval && intervalOf(figure.interval, range),
      n: figure.n,
    }
  );
}
