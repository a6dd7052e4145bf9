// The commonest of many values of which ever more change: those of the store in order, and a heap of the changed.
// Invariant: each value is looked at a bounded number of times, however often the commonest is asked for.
import { orderKeys } from '../engine/aggregates.ts';

export type Counted = [key: string, count: number];

export interface Ranking {
  /** The value occurs so often now, whatever the store says; 0: no more. */
  note(key: string, count: number): void;
  /** Null without any. */
  top(): Promise<Counted | null>;
}

/** Values read at first; twice as many each time after that. */
const FIRST_READ = 32;

/** The commoner first, of equally common ones the smaller. */
const compareCounted = ([a, n]: Counted, [b, m]: Counted): number => m - n || orderKeys(a, b);

/**
 * @param counts what changed so far; looked at for as long as the ranking is
 * @param read so many of the store's values in order, from a place on; none where they are gone
 */
export function createRanking(
  counts: ReadonlyMap<string, number>,
  read: (from: number, limit: number) => Promise<readonly Counted[]>,
): Ranking {
  const heap: Counted[] = [];
  let stored: readonly Counted[] = [];
  /** Where `stored` begins and what of it was passed over. */
  let [from, at] = [0, 0];
  let isRead = false;

  function push(counted: Counted): void {
    let place = heap.push(counted) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (compareCounted(heap[parent] as Counted, counted) <= 0) break;
      heap[place] = heap[parent] as Counted;
      place = parent;
    }
    heap[place] = counted;
  }

  function pop(): void {
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      const other = heap[child + 1];
      if (other && compareCounted(other, heap[child] as Counted) < 0) child++;
      if (compareCounted(last, heap[child] as Counted) <= 0) break;
      heap[place] = heap[child] as Counted;
      place = child;
    }
    heap[place] = last;
  }

  /** The first of the store's that did not change. */
  async function unchanged(): Promise<Counted | null> {
    for (;;) {
      for (; at < stored.length; at++) {
        const counted = stored[at] as Counted;
        if (!counts.has(counted[0])) return counted;
      }
      if (isRead) return null;
      from += stored.length;
      const limit = Math.max(FIRST_READ, 2 * stored.length);
      stored = await read(from, limit);
      at = 0;
      isRead = stored.length < limit;
    }
  }

  for (const [key, count] of counts) if (count > 0) push([key, count]);
  return {
    note(key, count) {
      if (count > 0) push([key, count]);
    },
    async top() {
      while (heap[0] && counts.get(heap[0][0]) !== heap[0][1]) pop();
      const [changed] = heap;
      const other = await unchanged();
      if (!changed || !other) return changed ?? other;
      return compareCounted(changed, other) <= 0 ? changed : other;
    },
  };
}
