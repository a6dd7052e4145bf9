// Total unduplicated reach and frequency: which few items together reach most people.
// Invariant: the work is bounded; a choice that was not compared with all others says so.
import { checkLevel, DEFAULT_LEVEL, type Estimate } from './estimate.ts';
import { proportion } from './proportion.ts';

export interface TurfChoice {
  /** Places of the items, ascending. */
  items: number[];
  /** Share of people with at least one of the items, with Wilson's interval. */
  reach: Estimate | null;
  /** People with at least one of them. */
  reached: number;
  /** Of all people together, how many of the items they have. */
  frequency: number;
}

export interface Turf {
  n: number;
  /** `exhaustive`: every combination was counted. `greedy`: items were added one by one, the best each time. */
  method: 'exhaustive' | 'greedy';
  /** Widest reach first, ties by frequency, then by the items' places. */
  choices: TurfChoice[];
}

/** Combinations, each its own overhead and a word for 32 people: some tenths of a second. */
const MAX_WORK = 20_000_000;
/** What a combination costs besides its words, measured in words. */
const OVERHEAD_WORDS = 32;
/** How many of the best are kept. */
const MAX_CHOICES = 20;

/**
 * The best sets of `size` items (G. Miaoulis, V. Free, H. Parsons, Marketing Research 2, 1990). `people[i][j]`
 * is whether person i has item j. Null without people, or when there are not `size` items.
 */
export function turf(
  people: readonly (readonly boolean[])[],
  size: number,
  level = DEFAULT_LEVEL,
): Turf | null {
  checkLevel(level);
  const count = people.reduce((most, row) => Math.max(most, row.length), 0);
  if (people.length === 0 || !Number.isInteger(size) || size < 1 || size > count) return null;
  const items = Array.from({ length: count }, (_, j) => bitsOf(people, j));
  const words = Math.ceil(people.length / 32);
  const exhaustive = combinations(count, size) * (OVERHEAD_WORDS + words) <= MAX_WORK;
  const found = exhaustive ? bestOf(items, size) : [greedy(items, size)];
  return {
    n: people.length,
    method: exhaustive ? 'exhaustive' : 'greedy',
    choices: found.map((choice) => ({ ...choice, reach: proportion(choice.reached, people.length, level) })),
  };
}

interface Item {
  bits: Uint32Array;
  people: number;
}
type Found = Omit<TurfChoice, 'reach'>;

function bitsOf(people: readonly (readonly boolean[])[], item: number): Item {
  const bits = new Uint32Array(Math.ceil(people.length / 32));
  people.forEach((row, i) => {
    if (row[item]) bits[i >> 5] = ((bits[i >> 5] as number) | (1 << (i & 31))) >>> 0;
  });
  return { bits, people: onesIn(bits) };
}

function onesIn(bits: Uint32Array): number {
  let ones = 0;
  for (const word of bits) {
    let v = word - ((word >>> 1) & 0x55555555);
    v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
    ones += Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return ones;
}

function union(a: Uint32Array, b: Uint32Array): Uint32Array {
  return a.map((word, i) => word | (b[i] as number));
}

function combinations(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result *= (n - k + i) / i;
  return result;
}

/** The best combinations, counted one by one in the order of their places. */
function bestOf(items: readonly Item[], size: number): Found[] {
  let best: Found[] = [];
  const consider = (found: Found) => {
    best.push(found);
    if (best.length >= 2 * MAX_CHOICES) best = best.toSorted(byReach).slice(0, MAX_CHOICES);
  };
  const walk = (chosen: number[], bits: Uint32Array, frequency: number) => {
    if (chosen.length === size) {
      consider({ items: chosen, reached: onesIn(bits), frequency });
      return;
    }
    const left = size - chosen.length;
    for (let j = (chosen.at(-1) ?? -1) + 1; j <= items.length - left; j++) {
      const item = items[j] as Item;
      walk([...chosen, j], union(bits, item.bits), frequency + item.people);
    }
  };
  walk([], new Uint32Array((items[0] as Item).bits.length), 0);
  return best.toSorted(byReach).slice(0, MAX_CHOICES); // sorting is stable: places break ties
}

/** Adds the item that widens reach most until there are `size`: at least 63 % of the best (Nemhauser et al. 1978). */
function greedy(items: readonly Item[], size: number): Found {
  let chosen: Found = { items: [], reached: 0, frequency: 0 };
  let bits: Uint32Array = new Uint32Array((items[0] as Item).bits.length);
  while (chosen.items.length < size) {
    const candidates = items.flatMap((item, j) =>
      chosen.items.includes(j)
        ? []
        : [
            {
              items: [...chosen.items, j],
              reached: onesIn(union(bits, item.bits)),
              frequency: chosen.frequency + item.people,
            },
          ],
    );
    chosen = candidates.toSorted(byReach)[0] as Found; // size <= items.length
    bits = union(bits, (items[chosen.items.at(-1) as number] as Item).bits);
  }
  return { ...chosen, items: chosen.items.toSorted((a, b) => a - b) };
}

const byReach = (a: Found, b: Found) => b.reached - a.reached || b.frequency - a.frequency;
