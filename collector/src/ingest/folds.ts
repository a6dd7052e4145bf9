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
}

export interface Folds {
  readonly program: Program;
  /** Until they are made, people are folded into here instead of being put in place. */
  isMade: boolean;
  readonly people: Map<number, FoldedAnew>;
  /** The groups that they are in, as they were seen: what `groupSeen` says. */
  readonly groups: Map<string, string>;
  /** Commits since then. */
  commits: number;
  /** Whose rows these wrote or removed. Every message of theirs, and every change of who they are, does. */
  readonly changed: Set<number>;
}

export const noFolds = (program: Program): Folds => ({
  program,
  isMade: false,
  people: new Map(),
  groups: new Map(),
  commits: 0,
  changed: new Set(),
});

/** Hears of what is committed while people are folded, and until they are taken over. */
export function noteCommit(folds: Folds, { persons = [], deletedPersons = [] }: Changes): void {
  folds.commits++;
  for (const { id } of [...persons, ...deletedPersons]) folds.changed.add(id);
}

/** Puts down what the people rest on beside their messages, once they are folded. */
export async function finishFolds(set: WorkingSet, folds: Folds): Promise<void> {
  for (const { person } of folds.people.values())
    for (const id of person?.groups.keys() ?? []) folds.groups.set(id, await groupSeen(set, id));
  folds.isMade = true;
}

async function groupSeen(set: WorkingSet, id: string): Promise<string> {
  const { revision, bag } = await set.group(id);
  return `${revision} ${JSON.stringify(bag)}`;
}

/** Whether the people have the messages that they had. */
export function areCurrent(set: WorkingSet, folds: Folds): boolean {
  if (folds.program !== set.program) return false;
  for (const id of folds.people.keys()) if (folds.changed.has(id)) return false;
  return true;
}

/**
 * Whether they are those whom the message touches now that it is put through, in all that a fold looks at. A group of
 * theirs that the message itself changes was changed by it.
 */
export async function stillHold(
  set: WorkingSet,
  folds: Folds,
  touched: ReadonlySet<number>,
): Promise<boolean> {
  if (!areCurrent(set, folds)) return false;
  for (const [id, seen] of folds.groups) if ((await groupSeen(set, id)) !== seen) return false;
  for (const id of touched) {
    const made = folds.people.get(id);
    if (!made || !isSame(made.ranges, await set.rangesOf(id))) return false;
    // Somebody without a row may be listed too.
    if (made.person && made.person.lists.join() !== (await set.listsOf(id)).join()) return false;
  }
  return true;
}

/** In whatever order: memory has them as they came to be, the store as they are filed. */
function isSame(made: readonly Range[], now: readonly Range[]): boolean {
  const [a, b] = [made, now].map((ranges) => [...ranges].sort(byPlace)) as [Range[], Range[]];
  return (
    a.length === b.length &&
    a.every((range, i) => {
      const other = b[i] as Range; // as many
      return byPlace(range, other) === 0 && compareEnds(range.stretch.to, other.stretch.to) === 0;
    })
  );
}

const byPlace = (a: Range, b: Range): number =>
  a.node - b.node || compareEnds(a.stretch.from, b.stretch.from);

/** Null is equal to itself alone. */
function compareEnds(a: Stamp | null, b: Stamp | null): number {
  if (a === null || b === null) return Number(b === null) - Number(a === null);
  return compareStamps(a, b);
}
