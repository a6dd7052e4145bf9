// People folded anew from their messages, and brought up to definitions under construction.
// Invariant: what they are then does not depend on what they were.
import { build, type Folded as FoldedLeaves, foldFor, stillHolds } from '../engine/building.ts';
import { emitDifference, finishRefold, foldMessage } from '../engine/person.ts';
import { emptyPerson, hasOutside, type PersonState } from '../engine/person-state.ts';
import { createPace } from './breathe.ts';
import { type Clocked, occasionOf } from './fold-person.ts';
import type { FoldedAnew } from './folds.ts';
import { surroundingGroups, viewGroups } from './groups.ts';
import { foldHistory } from './leaf-history.ts';
import { keepRowSmall } from './outside-values.ts';
import { settle, settledPerson } from './settle.ts';
import { dropShed, type Gathered, gatherIn, keepGathered } from './shed-matches.ts';
import { engineMessage } from './stored-message.ts';
import type { WorkingSet } from './working-set.ts';

/** The person folded anew, and what that rests on. Changes nothing. */
export async function foldAnew(set: WorkingSet, id: number, clock: number): Promise<FoldedAnew> {
  const gathered: Gathered = new Map();
  const person = await foldedPerson(set, id, clock, gathered);
  return { person, gathered, ranges: await set.rangesOf(id) };
}

/**
 * Folds a person anew from their messages, unless that was `made` before, and logs what differs; one without
 * messages goes.
 */
export async function refoldPerson(
  set: WorkingSet,
  id: number,
  at: Clocked,
  made?: FoldedAnew,
): Promise<void> {
  const before = await set.person(id);
  const gathered: Gathered = made?.gathered ?? new Map();
  const after = made ? made.person : await foldedPerson(set, id, at.clock, gathered);
  // What came late in this slice is in it, and may belong to somebody else now.
  at.late?.people.delete(id);
  if (!after) {
    if (!before) return;
    const gone = occasionOf(set, id, { clock: at.clock, cause: { operation: 'merged' } });
    emitDifference(set.program, before.members, new Set(), gone);
    set.dropPerson(id);
    return;
  }
  if (before && hasOutside(before)) set.clearOutside(id);
  keepGathered(set, after, gathered);
  set.putPerson(after);
  // Folded at an earlier clock: what time did since is in the difference.
  if (made) await settle(set, after, at.clock, { emit: () => {} });
  keepRowSmall(set, after, at.clock);
  emitDifference(set.program, before?.members ?? new Set(), after.members, occasionOf(set, id, at));
}

/**
 * The person as their messages say at the clock, or null without any; `gathered` is what their leaves let go of.
 * Changes nothing.
 */
export async function foldedPerson(
  set: WorkingSet,
  id: number,
  clock: number,
  gathered: Gathered,
): Promise<PersonState | null> {
  const node = await set.nodeById(id);
  if (!node || node.root !== id) return null;
  const person = emptyPerson(id, set.program.generation, await set.nameOf(id));
  const gather = gatherIn(gathered);
  set.takeName(person);
  const pace = createPace();
  for await (const rows of set.historyPages(id, clock))
    for (const row of rows) {
      for (const shed of foldMessage(set.program, person, engineMessage(row), clock, true).rest?.shed ?? [])
        gather(shed);
      const pause = pace();
      if (pause) await pause;
    }
  if (person.eventCount === 0) return null;
  person.lists = await set.listsOf(id);
  finishRefold(set.program, person, clock, await surroundingGroups(set, person.groups.keys()), gather);
  return person;
}

/** Leaf states that were folded beside the lane, from the person's row at that version. */
export interface FoldedBeside extends FoldedLeaves {
  version: number;
}

/**
 * Brings a person up to the definitions under construction: only what those need is read, or nothing where
 * `beside` still holds. Null when there is no such person or nothing to build.
 */
export async function buildPerson(
  set: WorkingSet,
  id: number,
  at: Clocked,
  beside?: FoldedBeside,
): Promise<PersonState | null> {
  const { program } = set;
  // Every message of theirs, and every change of who they are, writes their row anew.
  const isSame = beside !== undefined && set.storedVersion(id) === beside.version;
  const person = await settledPerson(set, id, at.clock);
  if (!person || person.built >= program.generation) return null;
  await dropShed(set, person, foldFor(program).leaves);
  const gathered: Gathered = new Map();
  const folded =
    isSame && stillHolds(program, beside, at.clock)
      ? beside
      : {
          clock: at.clock,
          states: await foldHistory(set, id, foldFor(program), at.clock, gatherIn(gathered)),
        };
  await viewGroups(set, person);
  build(program, person, folded, occasionOf(set, id, at));
  keepRowSmall(set, person, at.clock);
  keepGathered(set, person, gathered);
  set.touch(person);
  return person;
}
