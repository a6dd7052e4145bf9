// Folds people anew beside the lane, for messages that would hold it up: a late link to a device may move the events
// of two people with long histories, and folding these takes as long as thousands of ordinary messages.
// Invariant: one message at a time, senders in turns; nothing is written here, and the lane puts each message through
// itself, with what was made or without.
import type { Changes } from '../storage/port.ts';
import type { AcceptedMessage } from '../wire/accepted.ts';
import { createFairQueue, type Job } from './fair-queue.ts';
import { type Folds, noFolds, noteCommit } from './folds.ts';
import { ingestSlice } from './ingest-slice.ts';
import type { WorkingSet } from './working-set.ts';

/** A message that waits for its people. */
export interface Waiting<J extends Job> {
  message: AcceptedMessage;
  /** The request that it is the next message of. */
  job: J;
  /** How often they were folded for it in vain. */
  tries: number;
}

export interface Prepared<J extends Job> extends Waiting<J> {
  /** Null where folding failed: the lane will find out why. */
  folds: Folds | null;
}

export interface FoldBeside<J extends Job> {
  /** Begins when it is its turn. */
  add(waiting: Waiting<J>): void;
  /** There is something to `take`. */
  isMade(): boolean;
  /** What is made, once; with `done` it is over. */
  take(): Prepared<J> | null;
  /** What was taken was put through: the next one may begin. */
  done(): void;
}

/** What waits is bounded by the lane's queue, which it is part of. */
const UNBOUNDED = { messages: Infinity, bytes: Infinity };

export interface FoldBesideOptions<J extends Job> {
  now: () => number;
  /** A working set of its own for each message, never committed: the lane goes on with the other one. */
  copy: () => WorkingSet;
  /** Called when there is something to `take`. */
  onMade: () => void;
  /** False once the request that a message is of was given up. */
  isWanted: (job: J) => boolean;
}

/** @param set the lane's, whose commits are listened to */
export function createFoldBeside<J extends Job>(
  set: WorkingSet,
  { now, copy, onMade, isWanted }: FoldBesideOptions<J>,
): FoldBeside<J> {
  const queue = createFairQueue<Job & { waiting: Waiting<J> }>(UNBOUNDED);
  let isBusy = false;
  let made: Prepared<J> | null = null;
  let stopListening = (): void => {};

  function next(): void {
    if (isBusy) return;
    const waiting = takeWanted();
    if (!waiting) return;
    isBusy = true;
    make(waiting.message).then((folds) => {
      made = { ...waiting, folds };
      onMade();
    });
  }

  function takeWanted(): Waiting<J> | null {
    for (;;) {
      const [part] = queue.take(1);
      if (!part) return null;
      const { waiting } = part.job;
      if (isWanted(waiting.job)) return waiting;
    }
  }

  async function make(message: AcceptedMessage): Promise<Folds | null> {
    const folds = noFolds(set.program);
    const hear = (changes: Changes): void => noteCommit(folds, changes);
    set.watchers.add(hear);
    stopListening = () => set.watchers.delete(hear);
    try {
      await ingestSlice(copy(), [message], {
        clock: now(),
        fresh: new Set(),
        begin() {},
        through: () => true,
        folds,
      });
      folds.isMade = true;
      return folds;
    } catch {
      return null;
    }
  }

  return {
    add(waiting) {
      queue.add({ sender: waiting.job.sender, size: 1, bytes: 0, waiting });
      next();
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
  };
}
