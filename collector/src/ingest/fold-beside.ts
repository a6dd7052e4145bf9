// Folds people anew beside the lane, for messages that would hold it up: a late link between two long histories, say.
// Invariant: nothing is written here; the lane puts each message through itself, with what was made or without.
import type { Changes } from '../storage/port.ts';
import type { AcceptedMessage } from '../wire/accepted.ts';
import { type Amount, createFairQueue, type Job } from './fair-queue.ts';
import { type Folds, finishFolds, noFolds, noteCommit } from './folds.ts';
import { ingestSlice, nothingFresh } from './ingest-slice.ts';
import type { WorkingSet } from './working-set.ts';

/** A request whose next message waits for its people. */
export interface Waiting<J extends Job> {
  message: AcceptedMessage;
  job: J;
  /** Which of the request's messages it is. */
  at: number;
  /** How often they were folded for it in vain. */
  tries: number;
}

export interface Prepared<J extends Job> extends Waiting<J> {
  /** Null where folding failed. */
  folds: Folds | null;
}

export interface FoldBeside<J extends Job> {
  /** Lets a request wait for its turn. Answers those that find no room for it, itself perhaps. */
  add(waiting: Waiting<J>): Waiting<J>[];
  /** There is something to `take`. */
  isMade(): boolean;
  /** What is made, once. The next one begins when it is `done`. */
  take(): Prepared<J> | null;
  done(): void;
  /** Requests waiting, those being folded for and taken included. */
  jobs(): number;
  /** What of them waits for its turn. */
  waiting(): Amount;
}

/** What may wait: a quarter of what may wait for the lane, beside that. */
const MAX_WAITING: Amount = { messages: 5_000, bytes: 8 * 1024 * 1024 };

export interface FoldBesideOptions {
  now: () => number;
  /** A working set of its own for each message, never committed: the lane goes on with the other one. */
  copy: () => WorkingSet;
  /** Called when there is something to `take`. */
  onMade: () => void;
  /** Hears of a failure that nothing which happened meanwhile explains. */
  onTrouble?: ((error: unknown) => void) | undefined;
}

/** @param set the lane's, whose commits are listened to */
export function createFoldBeside<J extends Job>(
  set: WorkingSet,
  { now, copy, onMade, onTrouble }: FoldBesideOptions,
): FoldBeside<J> {
  const queue = createFairQueue<Job & { waiting: Waiting<J> }>(MAX_WAITING);
  let isBusy = false;
  let made: Prepared<J> | null = null;
  let stopListening = (): void => {};

  function next(): void {
    if (isBusy) return;
    const [part] = queue.take(1);
    if (!part) return;
    const { job } = part;
    queue.drop(job);
    isBusy = true;
    make(job.waiting.message).then((folds) => {
      made = { ...job.waiting, folds };
      onMade();
    });
  }

  async function make(message: AcceptedMessage): Promise<Folds | null> {
    const folds = noFolds(set.program);
    const hear = (changes: Changes): void => noteCommit(folds, changes);
    // Before the clock is read: what happens after that instant is heard of.
    set.watchers.add(hear);
    stopListening = () => set.watchers.delete(hear);
    const own = copy();
    try {
      await ingestSlice(own, [message], {
        clock: now(),
        fresh: nothingFresh(),
        begin() {},
        through: () => true,
        folds,
      });
      await finishFolds(own, folds);
      return folds;
    } catch (error) {
      // Half of what was read may be of before a commit, and half of after it.
      if (folds.commits === 0) onTrouble?.(error);
      return null;
    }
  }

  return {
    add(waiting) {
      const { sender, size, bytes } = waiting.job;
      const gone = queue.add({ sender, size, bytes, waiting });
      next();
      return gone.map((job) => job.waiting);
    },
    isMade: () => made !== null,
    take() {
      const taken = made;
      made = null;
      return taken;
    },
    done() {
      stopListening();
      isBusy = false;
      next();
    },
    jobs: () => queue.jobs() + Number(isBusy),
    waiting: () => queue.waiting(),
  };
}
