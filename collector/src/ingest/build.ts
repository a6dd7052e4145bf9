// Builds new definitions beside the ones in force, person by person, then switches in one commit.
// Invariant: until the switch every read is answered by the last complete set; live messages go on.
import { buildPerson } from './arrival.ts';
import { createBeside, type Seen } from './build-beside.ts';
import { NotStored } from './core.ts';
import type { DefinitionBook } from './definition-book.ts';
import { settleDue } from './due.ts';
import type { Done, Lane } from './lane.ts';
import type { WorkingSet } from './working-set.ts';

/** People built in one commit at most. */
const SLICE_BUILDS = 200;
/** A commit is cut after so much work, so that live messages hardly wait. Speed only: no result depends on it. */
const SLICE_MS = 4;
/** Fewer people are built before a thread has started. */
const BESIDE_FROM_PEOPLE = 2_000;

export interface Builder {
  /** Starts building what the book wants, if it is not being built already. */
  start(): void;
  /** Share of people done, 0 to 1. */
  progress(): number;
  /** Resolves when nothing is building; throws what stopped a build, unless that was the store. */
  finished(): Promise<void>;
  stop(): void;
}

export interface BuilderParts {
  lane: Lane;
  book: DefinitionBook;
  set: WorkingSet;
  /** Settles everybody who is due, in slices between which messages go on. */
  settle(): Promise<void>;
  /** Switches the program in memory after the switch was committed. */
  onSwitch(): void;
  /** People from which on leaves are folded beside the lane, where the store can. Default 2,000. */
  besideFromPeople?: number | undefined;
  /** Hears, once, that folding beside the lane failed; the lane does it all from then on. */
  onTrouble?: ((error: unknown) => void) | undefined;
}

export function createBuilder({
  lane,
  book,
  set,
  settle,
  onSwitch,
  besideFromPeople = BESIDE_FROM_PEOPLE,
  onTrouble,
}: BuilderParts): Builder {
  const beside = createBeside(lane, set, onTrouble);
  let running: Promise<void> | null = null;
  let stopped = false;
  /** What stopped the last build and is no fault of the disk: told to whoever waits for it. */
  let failure: unknown = null;
  let done = 0;
  let total = 0;

  async function run(): Promise<void> {
    try {
      while (book.building && !stopped) await buildGeneration(book.generation);
    } finally {
      await beside.close();
    }
  }

  async function buildGeneration(generation: number): Promise<void> {
    const isCurrent = (): boolean => book.building && book.generation === generation && !stopped;
    done = 0;
    total = await set.store.query({ ask: 'people-count' });
    let seen: Seen = total >= besideFromPeople ? 'again' : 'some';
    while (seen === 'again' && isCurrent()) seen = await beside.build(isCurrent, count);
    let isAllSeen = seen === 'all';
    let after = 0;
    while (isCurrent()) {
      if (!isAllSeen) {
        const last = await buildOnLane(isCurrent, generation, after);
        if (last === null) return;
        after = last;
        isAllSeen = last === 0;
      } else if (await switchOver(generation)) return;
      else isAllSeen = false;
    }
  }

  function count(people: number): void {
    done += people;
  }

  /** Builds the next people after one. Answers the last of them, 0 without any. Null: nothing is to be built. */
  async function buildOnLane(
    isCurrent: () => boolean,
    generation: number,
    after: number,
  ): Promise<number | null> {
    let from = 0;
    const step = await lane.task(async (working, clock) => {
      from = performance.now();
      if (!isCurrent()) return { result: null, changed: false };
      return buildSlice(working, after, generation, clock);
    });
    if (step === null) return null;
    count(step.people);
    if (step.last > 0) await lane.giveWay(performance.now() - from);
    return step.last;
  }

  /** Puts the target in force once nobody is left to build or due. False: somebody was. */
  async function switchOver(generation: number): Promise<boolean> {
    await settle();
    if (stopped) return false;
    return lane.task(async (working, clock) => {
      if (book.generation !== generation) return { result: false, changed: false };
      const left = await working.store.query({ ask: 'people-unbuilt', generation, after: 0, limit: 1 });
      if (left.length > 0) return { result: false, changed: false };
      // What fell due since.
      while (await settleDue(working, clock)) await working.commit(clock);
      const list = book.swaps(working.program);
      const before = book.encode();
      book.finish();
      working.record({ swaps: { list, at: clock }, facts: [{ name: 'definitions', value: book.encode() }] });
      try {
        await working.commit(clock);
      } catch (error) {
        book.restore(before);
        throw error;
      }
      onSwitch();
      return { result: true, changed: false };
    });
  }

  const self: Builder = {
    start() {
      if (running || stopped || !book.building) return;
      running = run().then(
        () => {
          running = null;
          self.start();
        },
        (error: unknown) => {
          running = null;
          // The store did not take a slice (disk full, say): the next tick tries again.
          if (!(error instanceof NotStored)) failure = error;
        },
      );
    },
    progress: () => (book.building ? Math.min(1, total === 0 ? 0 : done / total) : 1),
    async finished() {
      self.start();
      while (running) await running;
      if (failure === null) return;
      const error = failure;
      failure = null;
      throw error;
    },
    stop() {
      stopped = true;
      // A fold that takes long is cut short; the build waits for that itself.
      void beside.close();
    },
  };
  return self;
}

async function buildSlice(
  set: WorkingSet,
  after: number,
  generation: number,
  clock: number,
): Promise<Done<{ last: number; people: number }>> {
  const ids = await set.store.query({ ask: 'people-unbuilt', generation, after, limit: SLICE_BUILDS });
  const end = performance.now() + SLICE_MS;
  const done: number[] = [];
  for (const id of ids) {
    await buildPerson(set, id, { clock, cause: { operation: 'build' } });
    done.push(id);
    if (performance.now() > end) break;
  }
  return {
    result: { last: done[done.length - 1] ?? 0, people: done.length },
    changed: done.length > 0 && 'lazily',
  };
}
