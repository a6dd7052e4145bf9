// Long computing in pieces: whoever computes asks now and then whether to let others in.
// Invariant: changes when something is computed, never what.
import type { Pace } from '../../../ingest/breathe.ts';

export { createPace, type Pace } from '../../../ingest/breathe.ts';

/** Runs steps to their end with a look at the pace between two of them. */
export async function runPaced<T>(steps: Generator<void, T>, pace: Pace): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await pace();
  }
}

/** Sorted in one go before runs are merged: some 2 ms. */
const RUN = 2_000;

/** Sorts in pieces, between which others are answered. */
export async function sortPaced<T>(
  list: readonly T[],
  compare: (a: T, b: T) => number,
  pace: Pace,
): Promise<T[]> {
  let runs: T[][] = [];
  for (let from = 0; from < list.length; from += RUN) {
    runs.push(list.slice(from, from + RUN).sort(compare));
    await pace();
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let i = 0; i < runs.length; i += 2)
      merged.push(await merge(runs[i] ?? [], runs[i + 1] ?? [], compare, pace));
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge<T>(a: T[], b: T[], compare: (a: T, b: T) => number, pace: Pace): Promise<T[]> {
  const merged: T[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    merged.push(compare(a[i] as T, b[j] as T) <= 0 ? (a[i++] as T) : (b[j++] as T));
    if (merged.length % RUN === 0) await pace();
  }
  return merged.concat(a.slice(i), b.slice(j));
}
