// Keeps the write-ahead log short: a thread copies it into the database beside the commits, which wait for the last of
// it alone.
// Invariant: durability does not depend on it; without the thread SQLite does the same by itself, slower.
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import type { Changes } from '../port.ts';

/**
 * Rows written between two checkpoints. One of up to 4 KiB changes at most two pages of as much that were not changed
 * since the last one, so that the log stays below some 64 MB, and grows past it with larger rows.
 */
const ROWS_BETWEEN = 8_000;
/** So few rows written meanwhile are copied while commits wait: some milliseconds of work, and the disk. */
const FEW_ROWS = 300;
/** Times the thread starts over, each on what was written meanwhile, before commits wait for what is left. */
const MAX_ROUNDS = 5;
/** Pages at which the main thread does it itself, should the other one not keep up: 256 MB. */
const MAX_LOG_PAGES = 64_000;
/** The same where there is no thread: at the default 1,000 p99 of a commit was nearly twice as high (design.md). */
const PAGES_WITHOUT_THREAD = 8_000;

/** better-sqlite3's own default. */
const BUSY_TIMEOUT_MS = 5_000;

export interface Checkpointer {
  /** Counts what was written, and has the log copied when it has grown. */
  committed(changes: Changes): void;
  /** Resolves while nothing is being copied: whoever begins to read then does not keep the log from beginning anew. */
  rests(): Promise<void>;
  /** To be waited for before a commit, without blocking: the last of the log is being copied. Undefined: it is not. */
  lastRound(): Promise<void> | undefined;
  /** Stops the thread; the database is closed afterwards. */
  close(): Promise<void>;
}

export function createCheckpointer(db: Database, path: string): Checkpointer {
  let thread: Worker | null = null;
  let isWorking = false;
  let waiting: (() => void)[] = [];
  let isBroken = false;
  let isClosing = false;
  let rows = 0;
  let rounds = 0;
  /** Nothing is written, so that this round copies the log whole and the next write begins it anew. */
  let isLast = false;
  /** The log may still hold pages with somebody who was erased. */
  let holdsErased = false;
  db.pragma(`wal_autocheckpoint = ${MAX_LOG_PAGES}`);

  function rest(): void {
    isWorking = false;
    isLast = false;
    if (!isClosing) thread?.unref();
    for (const go of waiting) go();
    waiting = [];
  }

  function untilRest(): Promise<void> {
    // Whoever waits keeps the process alive.
    thread?.ref();
    return new Promise((resolve) => waiting.push(resolve));
  }

  function giveUp(): void {
    isBroken = true;
    thread = null;
    rest();
    if (db.open) db.pragma(`wal_autocheckpoint = ${PAGES_WITHOUT_THREAD}`);
  }

  function start(): Worker {
    const started = new Worker(new URL('./checkpoint-thread.mjs', import.meta.url), {
      workerData: { path },
      execArgv: [],
    });
    started.unref();
    started.on('message', ({ done }: { done: boolean }) => {
      if (!done || isLast || !db.open) return rest();
      isLast = rows <= FEW_ROWS || rounds >= MAX_ROUNDS;
      ask(started);
    });
    started.on('error', giveUp);
    // However it ended: whoever waits for it, or closes it, goes on.
    started.once('exit', giveUp);
    return started;
  }

  /** Empties the log, unless a reader or the thread is in it: then the next commit tries again. */
  function scrub(): void {
    db.pragma('busy_timeout = 0');
    try {
      const [outcome] = db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]; // SQLite's one row
      holdsErased = outcome?.busy !== 0;
    } catch {
      // A full disk, say: the log holds everything, and the next commit tries again.
    } finally {
      db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    }
  }

  function ask(worker: Worker): void {
    rows = 0;
    rounds++;
    isWorking = true;
    worker.postMessage('checkpoint');
  }

  return {
    committed({ messages = [], persons = [], transitions = [], swaps, erasure }) {
      if (erasure) holdsErased = true;
      if (holdsErased) scrub();
      rows += messages.length + persons.length + transitions.length + (swaps ? ROWS_BETWEEN : 0);
      if (rows < ROWS_BETWEEN || isWorking || isBroken) return;
      rounds = 0;
      thread ??= start();
      ask(thread);
    },
    rests: () => (isWorking ? untilRest() : Promise.resolve()),
    lastRound: () => (isLast ? untilRest() : undefined),
    async close() {
      isClosing = true;
      const stopping = thread;
      if (!stopping) return;
      // From here on the process must not end before the thread has.
      stopping.ref();
      const gone = new Promise((resolve) => stopping.once('exit', resolve));
      stopping.postMessage('close');
      await gone;
    },
  };
}
