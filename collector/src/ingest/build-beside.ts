// Builds people from leaves that were folded beside the lane: reading and folding are most of a build.
// Invariant: a person's states are taken only for the program they were folded for, by a row of the very
// version they were folded from, and while time has asked for nothing since; the lane builds all others.
import { foldFor, planOf } from '../engine/building.ts';
import type { Program } from '../engine/program.ts';
import type { FoldedPerson, Folder } from '../storage/port.ts';
import type { Lane } from './lane.ts';
import { filterFor, reachStart } from './leaf-history.ts';
import { buildPerson } from './refold-person.ts';
import type { WorkingSet } from './working-set.ts';

/** People taken over in one commit at most. */
const SLICE_PEOPLE = 100;
/** A commit is cut after so much work, so that live messages hardly wait. Speed only: no result depends on it. */
const SLICE_MS = 3;
/**
 * How long threads are kept for the next build, ms: definitions are often applied one after the other, and starting
 * both takes some 140 ms of CPU and 30 MB each time.
 */
const KEPT_MS = 10_000;

/**
 * How far a build came: to everybody, who was missed apart; not so far, and the lane has to look for those who
 * are left; or it is to begin again, since the program was compiled anew for the same end.
 */
export type Seen = 'all' | 'some' | 'again';

export interface Beside {
  /** Builds people for as long as `isCurrent`; `onReached` hears up to which number all of them are built. */
  build(isCurrent: () => boolean, onReached: (far: number) => void): Promise<Seen>;
  /** Nothing is to be built: the threads end unless something is again soon. */
  rest(): void;
  /** Ends the threads, and what they are folding. */
  close(): Promise<void>;
}

interface Slice {
  people: readonly FoldedPerson[];
  /** In force when it was asked for, and to be still. */
  program: Program;
  clock: number;
}

/** One folder with its share of the people. */
interface Stream {
  folder: Folder;
  /** The slice under way, perhaps of a build that was given up. */
  asked: Promise<Slice | { failed: unknown }> | null;
}

/** `onTrouble` hears, once, why folding failed; nothing is folded beside the lane from then on. */
export function createBeside(lane: Lane, set: WorkingSet, onTrouble?: (error: unknown) => void): Beside {
  let streams: Stream[] = [];
  let isBroken = false;
  let closing: Promise<unknown> | undefined;
  let ending: ReturnType<typeof setTimeout> | undefined;

  /** The lane's clock: what is dated up to it took effect. */
  const look = () =>
    lane.task(async ({ program }, clock) => ({ result: { program, clock }, changed: false }));

  function ask(stream: Stream, program: Program, clock: number, after: number): void {
    const from = reachStart(foldFor(program).leaves, clock);
    stream.asked = stream.folder.next({ after, clock, from }).then(
      (people) => ({ people, program, clock }),
      (failed: unknown) => ({ failed }),
    );
  }

  function giveUp(error: unknown): void {
    // Closed, a fold under way fails: that is no trouble.
    if (isBroken || streams.length === 0) return;
    isBroken = true;
    onTrouble?.(error);
  }

  async function close(): Promise<void> {
    clearTimeout(ending);
    if (streams.length > 0) closing = Promise.all([closing, ...streams.map(({ folder }) => folder.close())]);
    streams = [];
    await closing;
  }

  return {
    async build(isCurrent, onReached) {
      clearTimeout(ending);
      if (isBroken) return 'some';
      if (streams.length === 0)
        streams = (set.store.openFolders?.() ?? []).map((folder) => ({ folder, asked: null }));
      const { program, clock } = await look();
      const goesOn = (): boolean => !isBroken && isCurrent();
      const reached = streams.map(() => 0);

      async function follow(stream: Stream, index: number): Promise<Seen> {
        await stream.asked;
        const { leaves } = foldFor(program);
        const only = filterFor(leaves);
        const share = { index, of: streams.length };
        const { generation } = program;
        stream.folder.begin({ leaves: leaves.map(planOf), generation, share, ...(only ? { only } : {}) });
        let now = clock;
        ask(stream, program, now, 0);
        while (goesOn()) {
          const slice = await stream.asked;
          if (!slice) break;
          if ('failed' in slice) {
            giveUp(slice.failed);
            break;
          }
          const last = slice.people[slice.people.length - 1];
          if (!last) {
            reached[index] = Number.POSITIVE_INFINITY;
            return 'all';
          }
          // Folded while the lane takes over this one.
          ask(stream, program, now, last.id);
          for (let from = 0; from < slice.people.length; ) {
            const taken = await takeOver(lane, slice, from, goesOn);
            if (!taken) return goesOn() ? 'again' : 'some';
            now = taken.clock;
            from += taken.people;
            reached[index] = slice.people[from - 1]?.id ?? 0;
            onReached(Math.min(...reached));
          }
        }
        return 'some';
      }

      const seen = await Promise.all(streams.map(follow));
      if (seen.length > 0 && seen.every((far) => far === 'all')) return 'all';
      return seen.includes('again') ? 'again' : 'some';
    },
    rest() {
      clearTimeout(ending);
      ending = setTimeout(close, isBroken ? 0 : KEPT_MS).unref();
    },
    close,
  };
}

/** Builds some people of a slice in one commit. Null: that is not what is being built any more. */
async function takeOver(
  lane: Lane,
  { people, program, clock: foldedAt }: Slice,
  from: number,
  goesOn: () => boolean,
): Promise<{ people: number; clock: number } | null> {
  // Without the time it waited itself.
  let begun = 0;
  const taken = await lane.task(async (set, clock) => {
    begun = performance.now();
    if (!goesOn() || set.program !== program) return { result: null, changed: false };
    const some = people.slice(from, from + SLICE_PEOPLE);
    await set.visit(some.map(({ id }) => id));
    let built = 0;
    for (const { id, version, states } of some) {
      const beside = states ? { version, states, clock: foldedAt } : undefined;
      await buildPerson(set, id, { clock, cause: { operation: 'build' } }, beside);
      built++;
      if (performance.now() > begun + SLICE_MS) break;
    }
    return { result: { people: built, clock }, changed: 'lazily' };
  });
  if (taken) await lane.giveWay(performance.now() - begun);
  return taken;
}
