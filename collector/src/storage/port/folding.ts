// Folding beside the lane: what a backend offers that can read beside its writer.
// Invariant: a folder changes nothing; what it says holds for the version of the row that it saw.
import type { LeafPlan, LeafStates } from '../../engine/building.ts';
import type { Stamp } from '../../engine/stamp.ts';
import type { MessageFilter } from './reads.ts';

/** Leaves to be folded for people whose rows lack them. */
export interface FoldWork {
  leaves: readonly LeafPlan[];
  /** People are wanted whose rows were built for less. */
  generation: number;
  /** Of them those whose id leaves this remainder: each folder has its share. */
  share: { index: number; of: number };
  /** The messages that any of the leaves may match; all unless given. */
  only?: MessageFilter;
}

export interface FoldAsk {
  /** People after this one, by id. */
  after: number;
  /** All messages dated up to it took effect and are stored, epoch ms. */
  clock: number;
  /** Messages before this cannot matter to any of the leaves; null: all may. */
  from: Stamp | null;
}

/** One person's leaves, from the messages that were stored when their row had that version. */
export interface FoldedPerson {
  id: number;
  version: number;
  /** Null where the lane has to see for itself: messages dated after the clock are stored, or more than rows hold. */
  states: LeafStates | null;
}

/** Folds leaves beside the lane, a slice of people at a time: see `Store.openFolders`. */
export interface Folder {
  /** What `next` folds from now on. */
  begin(work: FoldWork): void;
  /** The next people by id, few enough that a slice takes some 30 ms; none: that was all. */
  next(ask: FoldAsk): Promise<FoldedPerson[]>;
  /** Ends at once; a `next` under way fails. */
  close(): Promise<void>;
}
