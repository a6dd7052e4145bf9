// The thread that copies the write-ahead log into the database: see `checkpointer.ts` for the other end.
// Invariant: it only ever makes passive checkpoints, which by themselves hold up neither writers nor readers.
// Plain JavaScript: a thread is started from a file, and Node 20 reads no TypeScript.
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

const db = new Database(workerData.path, { fileMustExist: true });
db.pragma('synchronous = FULL');
db.pragma('wal_autocheckpoint = 0');

parentPort?.on('message', (asked) => {
  if (asked === 'close') {
    db.close();
    parentPort?.close();
    return;
  }
  try {
    db.pragma('wal_checkpoint(PASSIVE)');
    parentPort?.postMessage({ done: true });
  } catch (error) {
    // A full disk, say: it is tried again after the next writes.
    parentPort?.postMessage({ done: false, reason: String(error) });
  }
});
