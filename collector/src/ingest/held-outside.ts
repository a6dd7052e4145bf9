// What is kept of a person beside their row: distinct values of leaves, and matches that the row let go of.
// Invariant: what the commit being prepared says goes before what the store has.

import { orderKeys } from '../engine/aggregates.ts';
import { decodeBlock, type ShedBlock, type StoredShed } from '../engine/shed.ts';
import type { DistinctKey, DistinctOf, ShedKey, Store } from '../storage/port.ts';
import type { DistinctDraft, Draft } from './draft.ts';
import { createRanking } from './ranking.ts';

/** More values than anybody has. */
const ALL = 2 ** 40;

export interface HeldOutside {
  /** How often a value that is kept outside of the row occurred. */
  distinctCount(key: DistinctKey): Promise<number>;
  setDistinct(key: DistinctKey, count: number): void;
  /** Throws away the values of a leaf, or of a window of it, whatever was left of them. */
  clearDistinct(of: DistinctOf): void;
  /** The commonest value of a sliding window, the smallest of several; null without any. */
  commonestOf(of: DistinctOf): Promise<[key: string, count: number] | null>;
  /** The first values of a leaf, or of a window of it, by text, and how often they occur; all unless limited. */
  firstOf(of: DistinctOf, limit?: number): Promise<[key: string, count: number][]>;
  /** The blocks of matches kept outside of the row, by number, all or from one on; those that cannot be read are null. */
  shedBlocks(person: number, leaf: number, from?: number): Promise<Map<number, ShedBlock | null>>;
  /** Puts a block there, or (null) takes it away. */
  setShed(key: ShedKey, block: ShedBlock | null): void;
  /** Throws away all values and matches kept outside of the person's row. */
  clearOutside(person: number): void;
}

interface Means {
  read: Store['read'];
  query: Store['query'];
  /** Of the commit being prepared. */
  draft(): Draft;
}

export function createHeldOutside({ read, query, draft }: Means): HeldOutside {
  const nameOf = ({ person, leaf, window }: DistinctOf): string => `${person} ${leaf} ${window ?? ''}`;
  const known = (of: DistinctOf) => draft().distinct.get(nameOf(of));

  function toChange({ person, leaf, window }: DistinctOf): DistinctDraft {
    const of: DistinctOf = window === undefined ? { person, leaf } : { person, leaf, window };
    const changed = known(of) ?? { ...of, counts: new Map(), isCleared: false };
    draft().distinct.set(nameOf(of), changed);
    return changed;
  }

  /** Whether what the store has of these is thrown away. */
  const isGone = (of: DistinctOf): boolean =>
    known(of)?.isCleared === true || draft().clearedOutside.has(of.person);

  return {
    async distinctCount(at) {
      const fresh = known(at)?.counts.get(at.key);
      if (fresh !== undefined) return fresh;
      if (isGone(at)) return 0;
      return (await read({ distinct: [at] })).distinct[0] ?? 0;
    },
    setDistinct(at, count) {
      const { counts, ranking } = toChange(at);
      counts.set(at.key, count);
      ranking?.note(at.key, count);
    },
    clearDistinct(of) {
      const changed = toChange(of);
      changed.isCleared = true;
      changed.counts.clear();
      delete changed.ranking;
    },
    async commonestOf(of) {
      const changed = toChange(of);
      changed.ranking ??= createRanking(changed.counts, async (from, limit) =>
        isGone(of) ? [] : query({ ask: 'commonest-distinct', ...of, from, limit }),
      );
      return changed.ranking.top();
    },
    async firstOf(of, limit = ALL) {
      const counts = known(of)?.counts ?? new Map<string, number>();
      const here = [...counts].filter(([, count]) => count > 0);
      const stored = isGone(of)
        ? []
        : await query({ ask: 'first-distinct', ...of, limit: counts.size + limit });
      const first = [...stored.filter(([key]) => !counts.has(key)), ...here];
      return first.sort(([a], [b]) => orderKeys(a, b)).slice(0, limit);
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
