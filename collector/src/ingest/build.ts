// Builds new definitions beside the ones in force, person by person, then switches in one commit.
// Invariant: until the switch every read is answered by the last complete set; live messages go on.

import { createBeside, type Seen } from './build-beside.ts';
import { NotStored } from './core.ts';
import type { DefinitionBook } from './definition-book.ts';
import { settleDue } from './due.ts';
import type { Done, Lane } from './lane.ts';
import { buildPerson } from './refold-person.ts';
import type { WorkingSet } from './working-set.ts';

/** People looked at in one go, whether they are built: some 2 ms where all of them are. */
const SLICE_LOOKS = 1_000;
/** People built in one commit at most. */
const SLICE_BUILDS = 200;
/** A commit is cut after so much work, so that live messages hardly wait. Speed only: no result depends on it. */
const SLICE_MS = 4;
/** Fewer people are built before a thread has started. Counted by their highest number: counting would take longer. */
const BESIDE_FROM_PEOPLE = 2_000;

export interface Builder {
  /** Starts building what the book wants, if it is not being built already. */
  start(): void;
  /** Share of people done, 0 to 1. */
  progress(): number;
  /** Builds what is to be built, without waiting for it. @throws what stopped the last build, unless that was the store */
  goOn(): void;
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
  /** Highest number of a person from which on leaves are folded beside the lane, where the store can. Default 2,000. */
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
  /** People by number: the last one when the build began, and up to whom they are built. */
  let last = 0;
  let reached = 0;

  async function run(): Promise<void> {
    try {
      while (book.building && !stopped) await buildGeneration(book.generation);
    } finally {
      beside.rest();
    }
  }

  async function buildGeneration(generation: number): Promise<void> {
    const isCurrent = (): boolean => book.building && book.generation === generation && !stopped;
    reached = 0;
    last = await set.store.query({ ask: 'last-person' });
    let seen: Seen = last >= besideFromPeople ? 'again' : 'some';
    while (seen === 'again' && isCurrent())
      seen = await beside.build(isCurrent, (far) => {
        // Begun again it passes those by who are built.
        reached = Math.max(reached, far);
      });
    // Once past everybody nobody is left to build: whoever comes after this began is built from the start, and
    // whoever was built stays so.
    let after: number | null = 0;
    while (after !== null && isCurrent()) after = await buildOnLane(isCurrent, generation, after);
    if (isCurrent()) await switchOver(generation);
  }

  /** Builds the next people after one. Answers how far it came; null: to the end, or nothing is to be built. */
  async function buildOnLane(
    isCurrent: () => boolean,
    generation: number,
    after: number,
  ): Promise<number | null> {
    let from = 0;
    const next = await lane.task(async (working, clock) => {
      from = performance.now();
      if (!isCurrent()) return { result: null, changed: false };
      return buildSlice(working, after, generation, clock);
    });
    if (next === null) return null;
    reached = Math.max(reached, next);
    await lane.giveWay(performance.now() - from);
    return next;
  }

  /** Puts the target in force once nobody is due, unless it is not to be any more. */
  async function switchOver(generation: number): Promise<void> {
    await settle();
    if (stopped) return;
    await lane.task(async (working, clock) => {
      const done = { result: undefined, changed: false };
      if (book.generation !== generation) return done;
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
      return done;
    });
  }

  function tellFailure(): void {
    if (failure === null) return;
    const error = failure;
    failure = null;
    throw error;
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
    progress: () => (book.building ? Math.min(1, last === 0 ? 0 : reached / last) : 1),
    goOn() {
      self.start();
      tellFailure();
    },
    async finished() {
      self.start();
      while (running) await running;
      if (stopped) await beside.close();
      tellFailure();
    },
    stop() {
      stopped = true;
      // A fold that takes long is cut short; `finished` waits for that.
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
): Promise<Done<number | null>> {
  const look = SLICE_LOOKS;
  const { ids, next } = await set.store.query({ ask: 'people-unbuilt', generation, after, look });
  const end = performance.now() + SLICE_MS;
  const some = ids.slice(0, SLICE_BUILDS);
  let built = 0;
  for (const id of some) {
    await buildPerson(set, id, { clock, cause: { operation: 'build' } });
    built++;
    if (performance.now() > end) break;
  }
  const result = built < ids.length ? (some[built - 1] as number) : next; // at least one was built
  return { result, changed: built > 0 && 'lazily' };
}
