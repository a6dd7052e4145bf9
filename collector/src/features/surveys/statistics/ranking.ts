// Items that people put in order: mean rank, Borda score, and how often each came first.
// Invariant: over complete rankings of m items Borda points sum to n m (m-1)/2.
import { DEFAULT_LEVEL, type Estimate, type Interval, intervalOf } from './estimate.ts';
import { mean } from './mean.ts';
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
  const valid = rankings.filter((order) => isValid(order, known));
  if (valid.length === 0) return null;
  const places = valid.map((order) => new Map(order.map((item, i) => [item, i + 1])));
  const ranked = known.map((item) => itemOf(item, places, known.length, level));
  return {
    n: valid.length,
    rejected: rankings.length - valid.length,
    items: ranked.toSorted((a, b) => b.points - a.points),
  };
}

function isValid(order: readonly string[], known: readonly string[]): boolean {
  return (
    order.length > 0 && new Set(order).size === order.length && order.every((item) => known.includes(item))
  );
}

function itemOf(
  item: string,
  people: readonly ReadonlyMap<string, number>[],
  items: number,
  level: number,
): RankedItem {
  const ranks = people.flatMap((places) => places.get(item) ?? []);
  const points = people.map((places) => items - (places.get(item) ?? items));
  const firsts = ranks.filter((rank) => rank === 1).length;
  const most = items - 1;
  return {
    item,
    rank: cut(mean(ranks, level), [1, items]),
    points: points.reduce((sum, point) => sum + point, 0),
    // With one item there is nothing to order.
    borda:
      most > 0
        ? cut(
            mean(
              points.map((point) => point / most),
              level,
            ),
            [0, 1],
          )
        : null,
    first: proportion(firsts, people.length, level),
  };
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
