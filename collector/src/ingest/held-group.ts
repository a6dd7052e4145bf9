// A group as the lane holds it: its traits, and changes that not every member was brought up to.
// Invariant: `log` is ascending; its first entry is where the members that lag furthest may stand, or a change that
// they need only hear of, being settled up to it.
import { emptyBag, restoreBag, type TraitBag } from '../engine/trait-bag.ts';
import type { GroupRow } from '../storage/port.ts';

/** A group in memory. */
export interface HeldGroup {
  readonly id: string;
  bag: TraitBag;
  /** Some message named it before. */
  isKnown: boolean;
  /** How many changes of its traits were written down for its members. */
  revision: number;
  log: Logged[];
}

export interface Logged {
  revision: number;
  /** Clock of the change, epoch ms. */
  at: number;
  bag: TraitBag;
}

export function restoreGroup(id: string, row: GroupRow | undefined): HeldGroup {
  const bagOf = (text: string): TraitBag => restoreBag(JSON.parse(text) as TraitBag); // written by the lane
  if (!row) return { id, bag: emptyBag(), isKnown: false, revision: 0, log: [] };
  const log = row.log.map(({ revision, at, text }) => ({ revision, at, bag: bagOf(text) }));
  return { id, bag: bagOf(row.text), isKnown: true, revision: row.revision, log };
}
