// Keeps the write-ahead log short without holding up commits: a thread copies it into the database.
// Invariant: durability does not depend on it; without the thread SQLite does the same by itself, slower.
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import type { Changes } from '../port.ts';

/**
 * Rows written between two checkpoints. Each changes at most two pages of 4 KiB that were not changed since
 * the last one, so that the log stays below some 64 MB.
 */
const ROWS_BETWEEN = 8_000;
/** So few rows written meanwhile the main thread copies itself, in a millisecond or two. */
const FEW_ROWS = 300;
/** Times the thread starts over, each on what was written meanwhile, before the main one copies what is left. */
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
  /** Stops the thread; the database is closed afterwards. */
  close(): Promise<void>;
}

export function createCheckpointer(db: Database, path: string): Checkpointer {
  let thread: Worker | null = null;
  let isWorking = false;
  let waiting: (() => void)[] = [];
  let isBroken = false;
  let rows = 0;
  let rounds = 0;
  /** The log may still hold pages with somebody who was erased. */
  let holdsErased = false;
  db.pragma(`wal_autocheckpoint = ${MAX_LOG_PAGES}`);

  function rest(): void {
    isWorking = false;
    for (const go of waiting) go();
    waiting = [];
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
      if (done && db.open) {
        if (rows > FEW_ROWS && rounds < MAX_ROUNDS) return ask(started);
        copyRest();
      }
      rest();
    });
    started.on('error', giveUp);
    // However it ended: whoever waits for it, or closes it, goes on.
    started.once('exit', giveUp);
    return started;
  }

  /** With this the log is copied whole, so that the next write begins it anew. */
  function copyRest(): void {
    try {
      db.pragma('wal_checkpoint(PASSIVE)');
    } catch {
      // A full disk, say: the log holds everything, and the next round tries again.
    }
  }

  /** Empties the log, unless a reader or the thread is in it: then the next commit tries again. */
  function scrub(): void {
    db.pragma('busy_timeout = 0');
    try {
      const [outcome] = db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]; // SQLite's one row
      holdsErased = outcome?.busy !== 0;
    } catch {
      // As for `copyRest`.
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
    rests: () => (isWorking ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
    async close() {
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
