// How often something took how long.
// Invariant: bounded: a count for each bound, whatever is measured.

export interface Spread {
  /** Upper bounds, seconds, rising. */
  readonly bounds: readonly number[];
  /** Measurements at or below each bound and above the one before. */
  readonly counts: readonly number[];
  /** All there were, those above the last bound too. */
  readonly count: number;
  /** Seconds in all. */
  readonly sum: number;
}

export interface Measured {
  add(seconds: number): void;
  spread(): Spread;
}

export function measure(bounds: readonly number[]): Measured {
  const counts = bounds.map(() => 0);
  let count = 0;
  let sum = 0;
  return {
    add(seconds) {
      count++;
      sum += seconds;
      const at = bounds.findIndex((bound) => seconds <= bound);
      if (at >= 0) counts[at] = (counts[at] ?? 0) + 1;
    },
    spread: () => ({ bounds, counts: [...counts], count, sum }),
  };
}
