// Blocks of a window's entries, and how they are stored in a person's row.
// Invariant: in time order, and all entries of one time are in one block.
import { type Packed, type Summary, timeOf } from './aggregates.ts';
import type { JsonBytes } from './json-bytes.ts';

/** Exact entries in time order, or a sealed summary of the `n` entries from `f` to `t` (inclusive). */
export type Block = { e: Packed[] } | Sealed;
export interface Sealed {
  f: number;
  t: number;
  n: number;
  a: Summary;
}

/** How a block is stored: bare times as the first one and the steps from each to the next, half as long. */
export type StoredBlock = Block | { d: number[] };

/** Writes `StoredBlock[]`. */
export const writeBlocks = (to: JsonBytes, blocks: readonly Block[]): void => to.list(blocks, writeBlock);

function writeBlock(to: JsonBytes, block: Block): void {
  if (isSealed(block) || typeof block.e[0] !== 'number') to.value(block);
  else writeTimes(to, block.e as number[]); // all entries of a leaf are of one shape
}

function writeTimes(to: JsonBytes, times: readonly number[]): void {
  to.raw('{"d":');
  let between = '[';
  let before = 0;
  for (const time of times) {
    to.raw(between);
    between = ',';
    to.number(time - before);
    before = time;
  }
  to.raw(']}');
}

export function restoreBlocks(stored: readonly StoredBlock[]): Block[] {
  return stored.map((block) => {
    if (!('d' in block)) return block;
    let time = 0;
    return {
      e: block.d.map((step) => {
        time += step;
        return time;
      }),
    };
  });
}

/** Blocks whose sealed ones were weighed: appending to the newest, which is not, leaves these the same. */
const weighed = new WeakMap<readonly Block[], number>();

/** Values that sealed blocks hold, all of theirs together; where they are more than `most`, some number above that. */
export function sealedWeight(blocks: readonly Block[], most: number): number {
  const known = weighed.get(blocks);
  if (known !== undefined) return known;
  // Never more than there are entries, which is quicker to know.
  let entries = 0;
  for (const block of blocks) if (isSealed(block)) entries += block.n;
  let weight = 0;
  if (entries <= most) weight = entries;
  else
    for (const block of blocks)
      if (isSealed(block) && weight <= most) weight += Object.keys(block.a as Record<string, number>).length; // of `values`
  weighed.set(blocks, weight);
  return weight;
}

/** The same blocks without what they sum up to. */
export const unsummed = (blocks: readonly Block[]): Block[] =>
  blocks.map((block) => (isSealed(block) ? { ...block, a: 0 } : block));

export const isSealed = (block: Block): block is Sealed => 'n' in block;
export const firstTime = (block: Block): number => (isSealed(block) ? block.f : timeOf(block.e[0] as Packed));
export const lastTime = (block: Block): number =>
  isSealed(block) ? block.t : timeOf(block.e[block.e.length - 1] as Packed);
