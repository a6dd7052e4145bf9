// People folded anew for one message before the lane puts it through, and whether the lane may take them over.
// Invariant: taken over only if nothing that went into them has changed since; otherwise the lane folds them itself.

import type { Range } from '../engine/identity.ts';
import type { PersonState } from '../engine/person-state.ts';
import type { Program } from '../engine/program.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import type { Changes } from '../storage/port.ts';
import type { Gathered } from './shed-matches.ts';
import type { WorkingSet } from './working-set.ts';

/** A person as the messages filed in `ranges` say; null without any. */
export interface FoldedAnew {
  person: PersonState | null;
  /** What their leaves let go of. */
  gathered: Gathered;
  ranges: readonly Range[];
  /** Of the row that they had before; 0 without one. */
  version: number;
}

export interface Folds {
  readonly program: Program;
  /** Until they are made, people are folded into here instead of being put in place. */
  isMade: boolean;
  readonly people: Map<number, FoldedAnew>;
  /** Who went meanwhile: their row may have come back with the same version. */
  readonly gone: Set<number>;
}

export const noFolds = (program: Program): Folds => ({
  program,
  isMade: false,
  people: new Map(),
  gone: new Set(),
});

/** Hears of what is committed while people are folded, and until they are taken over. */
export function noteCommit(folds: Folds, { deletedPersons = [] }: Changes): void {
  for (const { id } of deletedPersons) folds.gone.add(id);
}

/**
 * Whether the people have the messages that they had. Every message of theirs, and every change of who they are,
 * writes their row anew. Changes of groups wait for each member, here as anywhere: a group that somebody comes into
 * by messages that are moved to them is one of whoever has these so far.
 */
export async function areCurrent(set: WorkingSet, folds: Folds): Promise<boolean> {
  if (folds.program !== set.program) return false;
  for (const [id, { version }] of folds.people) {
    await set.person(id);
    if (folds.gone.has(id) || set.rowVersion(id) !== version) return false;
  }
  return true;
}

/** Whether they are those whom the message touches now that it is put through, in all that a fold looks at. */
export async function stillHold(
  set: WorkingSet,
  folds: Folds,
  touched: ReadonlySet<number>,
): Promise<boolean> {
  if (!(await areCurrent(set, folds))) return false;
  for (const id of touched) {
    const made = folds.people.get(id);
    if (!made || !isSame(made.ranges, await set.rangesOf(id))) return false;
    // Somebody without a row may be listed too.
    if (made.person && made.person.lists.join() !== (await set.listsOf(id)).join()) return false;
  }
  return true;
}

const isSame = (a: readonly Range[], b: readonly Range[]): boolean =>
  a.length === b.length &&
  a.every(({ node, stretch: { from, to } }, i) => {
    const other = b[i] as Range; // as many
    return node === other.node && isSameEnd(from, other.stretch.from) && isSameEnd(to, other.stretch.to);
  });

const isSameEnd = (a: Stamp | null, b: Stamp | null): boolean =>
  a === b || (a !== null && b !== null && compareStamps(a, b) === 0);
