// Which words say most: within all answers (TF-IDF), and of one group against the rest (log-odds).
// Invariant: the same answers give the same order; ties go by the words themselves.
import { criticalZ, DEFAULT_LEVEL, type Interval, intervalOf } from './estimate.ts';

/** One answer as its words. */
export type Words = readonly string[];

export interface WeightedTerm {
  term: string;
  /** Answers that have it. */
  answers: number;
  /** Sum over answers of times used × ln(all answers / answers that have it). */
  weight: number;
}

/** Words by TF-IDF, heaviest first (K. Spärck Jones, J. Documentation 28, 1972; G. Salton and C. Buckley 1988). */
export function tfIdf(answers: readonly Words[]): WeightedTerm[] {
  const uses = new Map<string, number>();
  for (const words of answers) for (const word of words) uses.set(word, (uses.get(word) ?? 0) + 1);
  const having = countAnswers(answers);
  const terms = [...having].map(([term, count]) => ({
    term,
    answers: count,
    weight: (uses.get(term) as number) * Math.log(answers.length / count),
  }));
  return terms.sort((a, b) => b.weight - a.weight || compareTerms(a.term, b.term));
}

export interface KeyTerm {
  term: string;
  /** Answers of the group that have it. */
  group: number;
  /** Answers of the rest that have it. */
  rest: number;
  /** Log-odds ratio, group against rest, with its interval. */
  value: number;
  interval: Interval | null;
  /** value / standard error: past 2 the word is typical of the group, below -2 of the rest. */
  z: number;
}

/** The prior weighs as much as this many words, or as all there are if they are fewer. */
const PRIOR_WORDS = 500;

/**
 * Log-odds ratios with an informative Dirichlet prior, most typical of the group first (B. Monroe, M.
 * Colaresi, K. Quinn, Fightin' Words, Political Analysis 16, 2008, equations 16 and 19 to 22). The prior is
 * the words' distribution over both sides; an answer counts a word once, so that nobody makes a theme by
 * repeating it. Empty when a side has no words.
 */
export function keyTerms(group: readonly Words[], rest: readonly Words[], level = DEFAULT_LEVEL): KeyTerm[] {
  const z = criticalZ(level);
  const ours = countAnswers(group);
  const theirs = countAnswers(rest);
  const [n, m] = [sumOfCounts(ours), sumOfCounts(theirs)];
  if (n === 0 || m === 0) return [];
  const prior = Math.min(PRIOR_WORDS, n + m);
  const terms = [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((term): KeyTerm[] => {
    const [a, b] = [ours.get(term) ?? 0, theirs.get(term) ?? 0];
    const alpha = (prior * (a + b)) / (n + m);
    const odds = (count: number, all: number) => (count + alpha) / (all + prior - count - alpha);
    const value = Math.log(odds(a, n) / odds(b, m));
    const error = Math.sqrt(1 / (a + alpha) + 1 / (b + alpha));
    // The only word there is has no odds.
    if (!Number.isFinite(value)) return [];
    const interval = intervalOf([value - z * error, value + z * error]);
    return [{ term, group: a, rest: b, value, interval, z: value / error }];
  });
  return terms.sort((a, b) => b.z - a.z || compareTerms(a.term, b.term));
}

/** Answers that have each word. */
function countAnswers(answers: readonly Words[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const words of answers)
    for (const word of new Set(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function sumOfCounts(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

/** By UTF-16 units, whatever the machine's locale. */
export const compareTerms = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
