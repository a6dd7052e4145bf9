// The thread that reads and folds beside the lane: see `folder.ts` for the other end.
// Invariant: it never writes; between two slices it holds no snapshot; whatever fails is told, and the next
// slice begins anew.
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { giveWay } from '../../threads/beside.ts';
import type { FoldAsk, FoldedPerson } from '../port.ts';
import { createPeopleFold, type PeopleFold } from './fold-people.ts';
import type { ForThread, FromFolder, FromThread } from './folder.ts';

/** Page cache in KiB: the upper levels of the indexes, which every look-up walks through. */
const CACHE_KIB = 16_000;

const { path, stop } = workerData as ForThread; // given by folder.ts
const port = parentPort;
if (!port) throw new Error('fold-thread is started by folder.ts');

giveWay();

const db = new Database(path, { readonly: true, fileMustExist: true });
db.pragma(`cache_size = -${CACHE_KIB}`);
const mayGoOn = (): void => {
  if (Atomics.load(stop, 0) !== 0) throw new Error('the folder was closed');
};
let people: PeopleFold | null = null;
const slice = db.transaction((ask: FoldAsk): FoldedPerson[] => people?.next(ask) ?? []);

port.on('message', (asked: FromFolder) => {
  if ('close' in asked) {
    db.close();
    port.close();
  } else if ('work' in asked) {
    people = createPeopleFold(db, asked.work, mayGoOn);
  } else port.postMessage(answer(asked.next));
});

function answer(ask: FoldAsk): FromThread {
  try {
    // As text: parsing it costs the lane less than taking over so many small objects.
    return { people: JSON.stringify(slice(ask)) };
  } catch (error) {
    return { failed: String(error) };
  }
}
