// Sean Ellis's question: how would you feel if you could no longer use the product?
// Invariant: a verdict is given only when the whole interval lies on one side of the threshold.
import { areCounts, DEFAULT_LEVEL, type Estimate, sumOf } from './estimate.ts';
import { proportion } from './proportion.ts';

/** Answers by option; those who no longer use the product are no part of the base. */
export interface DisappointmentCounts {
  very: number;
  somewhat: number;
  not: number;
  noLongerUse?: number;
}

/** `value` is very/(very + somewhat + not) with Wilson's interval. */
export interface ProductMarketFit extends Estimate {
  threshold: number;
  verdict: 'above' | 'below' | 'undecided';
  /** Whether there are enough answers for a verdict. */
  enough: boolean;
}

/** Sean Ellis, 2009: companies above 40 % "very disappointed" found growth, those below struggled. */
export const FIT_THRESHOLD = 0.4;
/** Thirty answers, the least that guides to the question ask for; below it the verdict stays open. */
export const FIT_MINIMUM_ANSWERS = 30;

/** The score and its verdict; null when nobody is in the base. */
export function productMarketFit(
  counts: DisappointmentCounts,
  level = DEFAULT_LEVEL,
): ProductMarketFit | null {
  const parts = [counts.very, counts.somewhat, counts.not];
  const share = areCounts(parts) ? proportion(counts.very, sumOf(parts), level) : null;
  if (!share) return null;
  const enough = share.n >= FIT_MINIMUM_ANSWERS;
  return { ...share, threshold: FIT_THRESHOLD, verdict: enough ? verdictOf(share) : 'undecided', enough };
}

function verdictOf({ interval }: Estimate): ProductMarketFit['verdict'] {
  if (!interval) return 'undecided';
  if (interval[0] > FIT_THRESHOLD) return 'above';
  return interval[1] < FIT_THRESHOLD ? 'below' : 'undecided';
}
