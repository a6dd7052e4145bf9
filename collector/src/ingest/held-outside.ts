// What is kept of a person beside their row: distinct values of leaves, and matches that the row let go of.
// Invariant: what the commit being prepared says goes before what the store has.
import { decodeBlock, type ShedBlock, type StoredShed } from '../engine/shed.ts';
import type { DistinctKey, ShedKey, Store } from '../storage/port.ts';
import type { Draft } from './draft.ts';

export interface HeldOutside {
  /** How often a value that is kept outside of the row occurred. */
  distinctCount(key: DistinctKey): Promise<number>;
  setDistinct(key: DistinctKey, count: number): void;
  /** The blocks of matches kept outside of the row, by number, all or from one on; those that cannot be read are null. */
  shedBlocks(person: number, leaf: number, from?: number): Promise<Map<number, ShedBlock | null>>;
  /** Puts a block there, or (null) takes it away. */
  setShed(key: ShedKey, block: ShedBlock | null): void;
  /** Throws away all values and matches kept outside of the person's row. */
  clearOutside(person: number): void;
}

interface Means {
  read: Store['read'];
  /** Of the commit being prepared. */
  draft(): Draft;
}

export function createHeldOutside({ read, draft }: Means): HeldOutside {
  return {
    async distinctCount({ person, leaf, key }) {
      const fresh = draft().distinct.get(`${person} ${leaf}`)?.counts.get(key);
      if (fresh !== undefined) return fresh;
      if (draft().clearedOutside.has(person)) return 0;
      return (await read({ distinct: [{ person, leaf, key }] })).distinct[0] ?? 0;
    },
    setDistinct({ person, leaf, key }, count) {
      const name = `${person} ${leaf}`;
      const known = draft().distinct.get(name) ?? { person, leaf, counts: new Map<string, number>() };
      known.counts.set(key, count);
      draft().distinct.set(name, known);
    },
    async shedBlocks(person, leaf, from = 0) {
      const blocks = new Map<number, ShedBlock | null>();
      if (!draft().clearedOutside.has(person)) {
        const [stored = []] = (await read({ shed: [{ person, leaf, from }] })).shed;
        for (const { no, ...block } of stored) blocks.set(no, readBlock(block));
      }
      for (const [no, block] of draft().shed.get(`${person} ${leaf}`)?.blocks ?? []) {
        if (no < from) continue;
        if (block) blocks.set(no, block);
        else blocks.delete(no);
      }
      return blocks;
    },
    setShed({ person, leaf, no }, block) {
      const name = `${person} ${leaf}`;
      const known = draft().shed.get(name) ?? { person, leaf, blocks: new Map<number, ShedBlock | null>() };
      known.blocks.set(no, block);
      draft().shed.set(name, known);
    },
    clearOutside(person) {
      draft().clearedOutside.add(person);
      for (const part of [draft().distinct, draft().shed])
        for (const [name, { person: of }] of part) if (of === person) part.delete(name);
    },
  };
}

/** Null for what was not written by us: whoever asked reads the messages instead. */
function readBlock(stored: StoredShed): ShedBlock | null {
  try {
    return decodeBlock(stored);
  } catch {
    return null;
  }
}
