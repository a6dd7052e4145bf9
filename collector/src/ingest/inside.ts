// What the parts of the core share: one store, lane, book and working set, and the ways to read and change them.
// Invariant: reading one person settles nobody else; a full disk keeps nobody from reading.
import type { Program } from '../engine/program.ts';
import type { Store } from '../storage/port.ts';
import type { JsonValue } from '../wire/message.ts';
import { NotStored } from './core.ts';
import { type DefinitionBook, own } from './definition-book.ts';
import { passOver, settleMembers, settlePeople } from './due.ts';
import type { Lane } from './lane.ts';
import type { WorkingSet } from './working-set.ts';

export interface SettleOptions {
  /** Fails where nothing can be stored, and gives way to messages. */
  insist?: boolean;
  signal?: AbortSignal;
}

interface Means {
  readonly store: Store;
  readonly set: WorkingSet;
  readonly lane: Lane;
  readonly book: DefinitionBook;
  /** Another process may write the file. */
  readonly readOnly: boolean;
  /** The clock as of now, epoch ms; it never runs back. */
  tell(): number;
  /** A working set of its own, never committed: what it computes touches nobody. */
  copyWith(program: Program): WorkingSet;
}

export interface Inside extends Means {
  /** Runs an operation in the lane; it is committed if it was done. */
  operate<T>(work: (at: number) => Promise<T>, isDone: (result: T) => boolean): Promise<T>;
  /** Reads one person or none: everything due for others may wait. */
  read<T>(work: (at: number) => Promise<T>): Promise<T>;
  /** What time changed is written down on the way; a full disk keeps nobody from reading. */
  writeIfPossible(at: number): Promise<void>;
  /**
   * Settles everybody who is due, in slices between which messages go on. Where nothing can be stored,
   * reads (which do not `insist`) are answered as of what was. With a `signal` it may be left undone.
   */
  settleAll(options?: SettleOptions): Promise<void>;
  saveFacts(list: { name: string; value: JsonValue }[]): Promise<void>;
  /** The version that answers for a segment, if it is defined and has been built. */
  liveVersion(key: string): number | null;
}

export function createInside(means: Means): Inside {
  const { store, set, lane, book, readOnly, tell } = means;

  async function writeIfPossible(at: number): Promise<void> {
    try {
      await set.commit(at);
    } catch (error) {
      if (!(error instanceof NotStored)) throw error;
    }
  }

  let commits = 0;
  /** When somebody or a message is due next, as asked after so many commits: nothing else changes it in this process. */
  let known = { commits: -1, at: null as number | null };
  set.watchers.add(() => commits++);

  async function nextDue(): Promise<number | null> {
    if (readOnly || known.commits !== commits)
      known = { commits, at: await store.query({ ask: 'next-due' }) };
    return known.at;
  }

  async function settleAll({ insist = false, signal }: SettleOptions = {}): Promise<void> {
    const until = tell();
    const slice = async (work: (working: WorkingSet, at: number) => Promise<boolean>): Promise<boolean> => {
      const from = performance.now();
      const more = await lane.task(async (working, at) => ({
        result: await work(working, at),
        changed: true,
      }));
      if (insist) await lane.giveWay(performance.now() - from);
      return more;
    };
    try {
      while (!signal?.aborted) {
        const next = await nextDue();
        if (next === null || next > until) break;
        await slice(settlePeople);
        // Asked again whatever was stored: this would not end on an answer that is out of date.
        known.commits = -1;
      }
      // One pass each: what changes after this began is not asked for.
      for (const group of [...set.waiting]) {
        const pass = passOver(group);
        while (!signal?.aborted && (await slice((working, at) => settleMembers(working, pass, at))));
      }
    } catch (error) {
      if (!(error instanceof NotStored) || insist) throw error;
    }
  }

  return {
    ...means,
    operate: (work, isDone) =>
      lane.task(async (working, at) => {
        const result = await work(at);
        if (!isDone(result)) working.forget();
        return { result, changed: isDone(result) };
      }),
    read: (work) =>
      lane.task(async (_, at) => {
        const result = await work(at);
        await writeIfPossible(at);
        return { result, changed: false };
      }),
    writeIfPossible,
    settleAll,
    saveFacts: (list) =>
      lane.task(async (working) => {
        working.record({ facts: list });
        return { result: undefined, changed: true };
      }),
    liveVersion: (key) =>
      own(book.wanted.segments, key) ? (set.program.live.get(key)?.version ?? null) : null,
  };
}
