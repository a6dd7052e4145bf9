// Kano's model: what a pair of answers says about a feature, and what all pairs together do.
// Invariant: better and worse leave questionable (Q) and reverse (R) answers out of their base.
import { areCounts, DEFAULT_LEVEL, type Estimate, finite, sumOf } from './estimate.ts';
import { proportion } from './proportion.ts';

/** Attractive, one-dimensional, must-be, indifferent, reverse, questionable. */
export type KanoCategory = 'A' | 'O' | 'M' | 'I' | 'R' | 'Q';
export type KanoCounts = Record<KanoCategory, number>;

/** Answers to "if the feature is there" and "if it is not", in the order of the table. */
export const KANO_ANSWERS = ['like', 'must-be', 'neutral', 'live-with', 'dislike'] as const;
export type KanoAnswer = (typeof KANO_ANSWERS)[number];

/** Rows: functional question; columns: dysfunctional (Kano et al. 1984; Sauerwein et al. 1996). */
const TABLE = ['QAAAO', 'RIIIM', 'RIIIM', 'RIIIM', 'RRRRQ'] as const;

/** Which category wins a tie: what is felt when missing comes first (Berger et al. 1993: M > O > A > I). */
const TIE_ORDER: readonly KanoCategory[] = ['M', 'O', 'A', 'I', 'R', 'Q'];

/** The category of one pair of answers; null when one of them is no answer of the scale. */
export function kanoCategory(functional: string, dysfunctional: string): KanoCategory | null {
  const row = KANO_ANSWERS.indexOf(functional as KanoAnswer);
  const column = KANO_ANSWERS.indexOf(dysfunctional as KanoAnswer);
  return row < 0 || column < 0 ? null : ((TABLE[row] as string)[column] as KanoCategory);
}

/** Counts of many pairs `[functional, dysfunctional]`; unknown answers are left out. */
export function kanoCounts(pairs: readonly (readonly [string, string])[]): KanoCounts {
  const counts: KanoCounts = { A: 0, O: 0, M: 0, I: 0, R: 0, Q: 0 };
  for (const [functional, dysfunctional] of pairs) {
    const category = kanoCategory(functional, dysfunctional);
    if (category) counts[category]++;
  }
  return counts;
}

export interface Kano {
  n: number;
  counts: KanoCounts;
  /** The commonest; ties go by M > O > A > I > R > Q. */
  category: KanoCategory;
  /** (commonest - second)/n: near 0 the category is no finding (R. Lee and J. Newcomb 1997 ask for 0.06). */
  categoryStrength: number;
  /** (A + O + M)/n, with Wilson's interval: how much the feature matters at all. */
  totalStrength: Estimate | null;
  /** (A + O)/(A + O + M + I), 0 to 1, with Wilson's interval: what having it gains. Null without such answers. */
  better: Estimate | null;
  /** -(O + M)/(A + O + M + I), -1 to 0, with Wilson's interval: what lacking it costs. Null likewise. */
  worse: Estimate | null;
}

/** All figures of one feature (better and worse: C. Berger et al., Kano's methods, 1993). Null without answers. */
export function kano(counts: KanoCounts, level = DEFAULT_LEVEL): Kano | null {
  const { A, O, M, I, R, Q } = counts;
  const n = finite(sumOf([A, O, M, I, R, Q]));
  if (!areCounts([A, O, M, I, R, Q]) || !n) return null;
  const ranked = TIE_ORDER.toSorted((a, b) => counts[b] - counts[a]);
  const [first, second] = ranked as [KanoCategory, KanoCategory];
  const base = A + O + M + I;
  // Sums of fractions may pass their whole by a rounding.
  const part = (count: number, whole: number) => proportion(Math.min(count, whole), whole, level);
  return {
    n,
    counts: { A, O, M, I, R, Q },
    category: first,
    categoryStrength: (counts[first] - counts[second]) / n,
    totalStrength: part(A + O + M, n),
    better: part(A + O, base),
    worse: negated(part(O + M, base)),
  };
}

function negated(share: Estimate | null): Estimate | null {
  if (!share) return null;
  const { value, interval, n } = share;
  return { value: 0 - value, interval: interval && [0 - interval[1], 0 - interval[0]], n };
}
