// Builds people from leaves that were folded beside the lane: reading and folding are most of a build.
// Invariant: a person's states are taken only for the program they were folded for, by a row of the very
// version they were folded from, and while time has asked for nothing since; the lane builds all others.
import { foldFor, planOf } from '../engine/building.ts';
import type { Program } from '../engine/program.ts';
import type { FoldedPerson, Folder } from '../storage/port.ts';
import { buildPerson, type FoldedBeside } from './arrival.ts';
import type { Lane } from './lane.ts';
import { filterFor, reachStart } from './leaf-history.ts';
import type { WorkingSet } from './working-set.ts';

/** People taken over in one commit at most. */
const SLICE_PEOPLE = 100;
/** A commit is cut after so much work, so that live messages hardly wait. Speed only: no result depends on it. */
const SLICE_MS = 3;

export interface Beside {
  /**
   * Builds people in the order of their ids for as long as `isCurrent`. Resolves with the last one built; who
   * comes after, or was missed, is left to the lane.
   */
  build(isCurrent: () => boolean, onBuilt: (people: number) => void): Promise<number>;
  /** Ends the thread, and what it is folding. */
  close(): Promise<void>;
}

interface Slice {
  people: readonly FoldedPerson[];
  /** In force when it was asked for, and to be still. */
  program: Program;
  clock: number;
}

/** `onTrouble` hears, once, why folding failed; nothing is folded beside the lane from then on. */
export function createBeside(lane: Lane, set: WorkingSet, onTrouble?: (error: unknown) => void): Beside {
  let folder: Folder | null = null;
  /** The slice under way. */
  let asked: Promise<Slice | { failed: unknown }> | null = null;
  let isBroken = false;
  let closing: Promise<void> | undefined;

  async function begin(): Promise<{ folder: Folder; program: Program; clock: number } | null> {
    // Of a build that was given up.
    await asked;
    folder ??= set.store.openFolder?.() ?? null;
    if (!folder || isBroken) return null;
    // The lane's clock: what is dated up to it took effect.
    const { program, clock } = await lane.task(async (working, at) => ({
      result: { program: working.program, clock: at },
      changed: false,
    }));
    const { leaves } = foldFor(program);
    const only = filterFor(leaves);
    const { generation } = program;
    folder.begin({ leaves: leaves.map(planOf), generation, ...(only ? { only } : {}) });
    return { folder, program, clock };
  }

  function ask(from: Folder, program: Program, clock: number, after: number): void {
    const reach = reachStart(foldFor(program).leaves, clock);
    asked = from.next({ after, clock, from: reach }).then(
      (people) => ({ people, program, clock }),
      (failed: unknown) => ({ failed }),
    );
  }

  function giveUp(error: unknown): void {
    if (!folder) return;
    isBroken = true;
    onTrouble?.(error);
  }

  async function close(): Promise<void> {
    if (folder) closing = folder.close();
    folder = null;
    await closing;
  }

  return {
    async build(isCurrent, onBuilt) {
      let after = 0;
      const begun = await begin();
      if (!begun) return after;
      let { clock } = begun;
      ask(begun.folder, begun.program, clock, after);
      while (isCurrent()) {
        const slice = await asked;
        if (!slice) return after;
        if ('failed' in slice) {
          giveUp(slice.failed);
          return after;
        }
        const last = slice.people[slice.people.length - 1];
        if (!last) return after;
        // Folded while the lane takes over this one.
        ask(begun.folder, slice.program, clock, last.id);
        for (let from = 0; from < slice.people.length; ) {
          const taken = await takeOver(lane, slice, from, isCurrent);
          if (!taken) return after;
          clock = taken.clock;
          from += taken.people;
          onBuilt(taken.people);
        }
        after = last.id;
      }
      return after;
    },
    close,
  };
}

/** Builds some people of a slice in one commit. Null: that is not what is being built any more. */
async function takeOver(
  lane: Lane,
  { people, program, clock: foldedAt }: Slice,
  from: number,
  isCurrent: () => boolean,
): Promise<{ people: number; clock: number } | null> {
  const begun = performance.now();
  const taken = await lane.task(async (set, clock) => {
    if (!isCurrent() || set.program !== program) return { result: null, changed: false };
    const end = performance.now() + SLICE_MS;
    const some = people.slice(from, from + SLICE_PEOPLE);
    await set.load(some.map(({ id }) => id));
    let built = 0;
    for (const { id, version, states } of some) {
      const beside: FoldedBeside | undefined = states ? { version, states, clock: foldedAt } : undefined;
      await buildPerson(set, id, { clock, cause: { operation: 'build' } }, beside);
      built++;
      if (performance.now() > end) break;
    }
    return { result: { people: built, clock }, changed: 'lazily' };
  });
  if (taken) await lane.giveWay(performance.now() - begun);
  return taken;
}
