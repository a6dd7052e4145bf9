// When time alone may change something of a person, and when messages must be read again for that.
// Invariant: a deadline noted may come early, never late.
import { type Leaf, leafOpening } from './leaf.ts';
import type { PersonState } from './person-state.ts';
import type { CompiledSegment, Program } from './program.ts';

/** Whether the person's row has the leaf, or would have it if anything had matched. */
export function isBuilt(program: Program, person: PersonState, leaf: number): boolean {
  return person.built >= program.generation || !program.buildingLeaves.has(leaf);
}

/** Notes when the leaf's messages must be read again. */
export function noteOpening(person: PersonState, leaf: Leaf, now: number): void {
  if (leaf.kind === 'aggregate' && leaf.windows.length === 0 && !leaf.filter?.relative) return;
  setDue(person, -leaf.id, leafOpening(leaf, person.leaves.get(leaf.id), now));
}

/** When time alone may change whether the person is in it. */
export function dueOf(
  program: Program,
  person: PersonState,
  { due, next }: CompiledSegment,
  now: number,
): number {
  if (person.anonymous) return Number.POSITIVE_INFINITY;
  // The switch looks at nobody: the deadline must be right by the leaves that it puts in place, too.
  const isNext = next !== null && person.built >= program.generation;
  return isNext ? Math.min(due(person, now), next.due(person, now)) : due(person, now);
}

/** @param key as in `PersonState.dues` */
export function setDue(person: PersonState, key: number, at: number): void {
  if (at !== Number.POSITIVE_INFINITY) person.dues.set(key, at);
  else person.dues.delete(key);
}

export function earliestDue(person: PersonState): number | null {
  let earliest = Number.POSITIVE_INFINITY;
  for (const at of person.dues.values()) if (at < earliest) earliest = at;
  return earliest === Number.POSITIVE_INFINITY ? null : earliest;
}

/** Whether a key of `PersonState.dues` is of a definition that is there no more. */
export const isGone = (program: Program, id: number): boolean =>
  id < 0 ? !program.leaves.has(-id) : program.indexOf(id) === undefined;

/** The earliest instant that the person's own deadlines name, without those of definitions that are gone. */
export function earliestKnown(program: Program, { dues }: PersonState): number | null {
  let earliest: number | null = null;
  for (const [id, at] of dues) {
    if (isGone(program, id)) continue;
    if (earliest === null || at < earliest) earliest = at;
  }
  return earliest;
}

/**
 * Deadlines of a settled person that come later than what the person's state says, or not at all. Those that
 * come earlier are right too: a summed-up block of messages is opened early, and how messages were summed up
 * depends on how they arrived.
 */
export function deadlinesMissed(
  program: Program,
  person: PersonState,
  now: number,
): { stored: Record<string, number | null>; due: Record<string, number> } {
  const missed: ReturnType<typeof deadlinesMissed> = { stored: {}, due: {} };
  const look = (name: string, id: number, due: number): void => {
    const stored = person.dues.get(id) ?? null;
    if (due === Number.POSITIVE_INFINITY || (stored !== null && stored <= due)) return;
    missed.stored[name] = stored;
    missed.due[name] = due;
  };
  for (const segment of program.segments)
    if (!segment.building || person.built >= program.generation)
      look(segment.key, segment.version, dueOf(program, person, segment, now));
  for (const [id, leaf] of program.leaves)
    if (isBuilt(program, person, id)) look(`leaf ${id}`, -id, leafOpening(leaf, person.leaves.get(id), now));
  return missed;
}
