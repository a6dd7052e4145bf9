// Changes what is defined, and puts it in force where nothing must be built for it.
// Invariant: the book, the program in memory and the store agree after every change, done or failed.
import type { Builder } from './build.ts';
import { type DefinitionBook, own } from './definition-book.ts';
import { settleDue } from './due.ts';
import type { Inside } from './inside.ts';
import { compileRetention } from './retention.ts';
import type { WorkingSet } from './working-set.ts';

/** Changes the definitions in one task; back to how they were if it cannot be stored. */
export type Redefine = <T>(change: () => T) => Promise<T>;

/** Takes the book's program over; what no definition asks for any more goes with the next commit. */
export function recompile(set: WorkingSet, book: DefinitionBook): void {
  const before = set.program;
  set.program = book.compile();
  set.retention = compileRetention(book.retention);
  const droppedLists = [...before.allLists].filter((list) => !set.program.allLists.has(list));
  const droppedLeaves = [...before.leaves.values()]
    .filter(({ id }) => !set.program.leaves.has(id))
    .map(({ id }) => id);
  if (droppedLists.length + droppedLeaves.length > 0) set.record({ droppedLists, droppedLeaves });
}

export function createRedefine(
  { store, set, lane, book, settleAll }: Inside,
  builder: Pick<Builder, 'start'>,
): Redefine {
  /** Where the change needs nothing new (a deletion, say), it is in force at once. */
  async function putInForceIfBuilt(at: number): Promise<void> {
    const { program } = set;
    if (!book.building) return;
    if (
      program.buildingLeaves.size > 0 &&
      (await store.query({ ask: 'people', after: 0, limit: 1 })).length > 0
    )
      return;
    if (program.segments.some((segment) => segment.building)) {
      // A list that nobody is on yet is as good as built; so is anything while nobody is known.
      const people = await store.query({ ask: 'people', after: 0, limit: 1 });
      if (people.length > 0) return;
    }
    // What fell due since `settleAll`.
    while (await settleDue(set, at)) await set.commit(at);
    set.record({ swaps: { list: book.swaps(program), at } });
    book.finish();
    recompile(set, book);
  }

  return async (change) => {
    // Where the change is in force at once, everybody must be settled in its task: a wave would hold up messages.
    await settleAll();
    const result = await lane.task(async (working, at) => {
      const before = book.encode();
      const text = JSON.stringify(before);
      const surveys = Object.keys(book.wanted.surveys);
      try {
        const value = change();
        if (JSON.stringify(book.encode()) === text) return { result: value, changed: false };
        const abandoned = working.program.segments.filter((segment) => !segment.live);
        recompile(set, book);
        const dropped = abandoned
          .map(({ version }) => version)
          .filter((version) => working.program.indexOf(version) === undefined);
        if (dropped.length > 0) working.record({ droppedVersions: dropped });
        const droppedSurveys = surveys.filter((key) => !own(book.wanted.surveys, key));
        if (droppedSurveys.length > 0) working.record({ droppedSurveys });
        await putInForceIfBuilt(at);
        working.record({ facts: [{ name: 'definitions', value: book.encode() }] });
        await working.commit(at);
        return { result: value, changed: false };
      } catch (error) {
        book.restore(before);
        recompile(set, book);
        throw error;
      }
    });
    builder.start();
    return result;
  };
}
