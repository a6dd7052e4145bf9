// Chance from a seed: the same seed throws the same numbers on every machine.
// Invariant: 32-bit arithmetic only, so that no engine rounds differently.

export interface Dice {
  /** A whole number from 0 up to, not including, `below`. */
  int(below: number): number;
  chance(share: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** A whole number, for a seed of something else. */
  seed(): number;
}

/** Mulberry32 (Tommy Ettinger, public domain): one 32-bit state, good enough to draw requests. */
export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number): number => Math.floor(next() * below);
  return {
    int,
    chance: (share) => next() < share,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new Error('nothing to pick from');
      return items[int(items.length)] as T; // never past the end
    },
    seed: () => int(2 ** 31),
  };
}
