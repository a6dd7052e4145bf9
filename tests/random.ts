// A small seeded generator for tests that draw: of it a seed is all (mulberry32).
// Invariant: the same seed gives the same numbers, whatever else is drawn beside it.

export interface Random {
  /** At least 0, below 1. */
  next(): number;
  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number;
  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number;
  /** True in so many of one. */
  chance(part: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** A whole number, for a seed of something else. */
  seed(): number;
}

export function createRandom(seed: number): Random {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number): number => Math.floor(next() * end);
  return {
    next,
    below,
    whole: (from, to) => from + below(to - from + 1),
    chance: (part) => next() < part,
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new Error('nothing to pick from');
      return list[below(list.length)] as T; // never past the end
    },
    seed: () => below(2 ** 31),
  };
}
