// A thread that reads and folds beside the lane, for building definitions: this end of it.
// Invariant: a thread that fails, however it does, rejects what is asked of it and harms nothing else.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { threadFile } from '../../threads/beside.ts';
import type { FoldAsk, FoldedPerson, Folder, FoldWork } from '../port.ts';
import type { Checkpointer } from './checkpointer.ts';

/** What the thread is started with. */
export interface ForThread {
  path: string;
  /** Its one number is no longer 0: whatever is under way is to end. */
  stop: Int32Array;
}
export type FromFolder = { work: FoldWork } | { next: FoldAsk } | { close: true };
export type FromThread = { people: string } | { failed: string };

/**
 * Heap of the thread in MiB, a page of messages and the states of one slice many times over. Short-lived
 * objects get little room: with the default the thread takes some 40 MiB more and is no quicker.
 */
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8 };

const THREAD = threadFile('fold-thread', import.meta.url);

/** More would wait for the lane, which takes some 2 us a message to their 6 each. */
const MAX_FOLDERS = 2;

export function createFolders(path: string, checkpointer: Pick<Checkpointer, 'rests'>): Folder[] {
  // Even on two cores: in a large file a thread mostly waits for pages, and one alone is a third as quick.
  const count = Math.min(MAX_FOLDERS, availableParallelism());
  return Array.from({ length: count }, () => createFolder(path, checkpointer));
}

function createFolder(path: string, checkpointer: Pick<Checkpointer, 'rests'>): Folder {
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const data: ForThread = { path, stop };
  const thread = new Worker(THREAD, { workerData: data, execArgv: [], resourceLimits: LIMITS });
  thread.unref();
  let waiting: { resolve(people: FoldedPerson[]): void; reject(error: Error): void } | null = null;
  let failure: Error | null = null;
  let isClosing = false;
  const gone = new Promise<void>((resolve) => {
    thread.once('exit', () => {
      fail(new Error('the thread that folds beside the lane has ended'));
      resolve();
    });
  });
  thread.on('error', fail);
  thread.on('message', (told: FromThread) => {
    const asked = waiting;
    waiting = null;
    // Closed it is waited for, whatever it tells until then.
    if (!isClosing) thread.unref();
    if ('failed' in told) asked?.reject(new Error(told.failed));
    else asked?.resolve(JSON.parse(told.people) as FoldedPerson[]); // written by fold-thread.ts
  });

  function fail(error: Error): void {
    failure ??= error;
    waiting?.reject(failure);
    waiting = null;
  }

  function send(message: FromFolder): void {
    thread.postMessage(message);
  }

  return {
    begin: (work) => send({ work }),
    async next(ask) {
      if (waiting) throw new Error('one slice at a time');
      // A snapshot taken while the log is copied would keep it from beginning anew.
      await checkpointer.rests();
      return new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        waiting = { resolve, reject };
        // Whoever waits for the build waits for the thread.
        thread.ref();
        send({ next: ask });
      });
    },
    async close() {
      isClosing = true;
      Atomics.store(stop, 0, 1);
      thread.ref();
      send({ close: true });
      await gone;
    },
  };
}
