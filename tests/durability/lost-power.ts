// The files of a collector as they may be found after the power went at one of its commits.
// Invariant: what a commit waited for is on the disk; nothing else need be.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Store } from '../../collector/src/storage/port.ts';
import type { Random } from '../random.ts';
import { copyHalf, LOSSES, loseEnd, type Written, writtenOf } from './write-ahead-log.ts';

/** What of the files is on the disk for certain, right after a commit was written. */
export interface Disk {
  database: string;
  /** The log as of the last commit that waited for the disk, this one not counted. */
  before: Written;
  /** The same, this one counted. */
  after: Written;
  isLazy: boolean;
}

/** Tells of every commit before whoever made it hears that it is done. */
export function watchCommits(store: Store, database: string, onCommit: (disk: Disk) => Promise<void>): Store {
  let synced: Written = { salts: '', bytes: 0 };
  return {
    ...store,
    async commit(changes) {
      const committed = await store.commit(changes);
      const written = writtenOf(logOf(database));
      const isLazy = changes.lazy === true;
      // Where the log was begun anew, what came before is in the database, and nothing of this log need be there.
      const before = written.salts === synced.salts ? synced : { salts: written.salts, bytes: 0 };
      synced = isLazy ? before : written;
      await onCommit({ database, before, after: synced, isLazy });
      return committed;
    },
  };
}

const logOf = (database: string): Buffer =>
  existsSync(`${database}-wal`) ? readFileSync(`${database}-wal`) : Buffer.alloc(0);

/** What was put into a folder. */
export interface Left {
  /** In which way the rest is lost, in words. */
  how: string;
  /** The newest commit was written, and nobody had waited for the disk. */
  unsynced: boolean;
  halfCopied: boolean;
}

/** Puts into a folder what may be found after the power went. */
export function leave(folder: string, disk: Disk, random: Random): Left {
  mkdirSync(folder);
  const found = join(folder, 'tidemark.db');
  const log = logOf(disk.database);
  if (random.chance(0.25)) {
    // Before SQLite copies anything it syncs the log: so all of it is on the disk.
    const before = readFileSync(disk.database);
    writeFileSync(found, before);
    writeFileSync(`${found}-wal`, log);
    copyLogInto(found);
    writeFileSync(found, copyHalf(before, readFileSync(found), random));
    writeFileSync(`${found}-wal`, log);
    return { how: 'half copied', unsynced: false, halfCopied: true };
  }
  const isSynced = random.chance(0.3);
  const { bytes } = isSynced ? disk.after : disk.before;
  const loss = random.pick(LOSSES);
  copyFileSync(disk.database, found);
  writeFileSync(`${found}-wal`, loseEnd(log, bytes, loss, random));
  return {
    how: `${loss} from ${bytes} of ${log.length}${disk.isLazy ? ', lazy' : ''}`,
    unsynced: bytes < writtenOf(log).bytes,
    halfCopied: false,
  };
}

/** As the collector's thread does: the next write begins the log anew. */
export function copyLogInto(found: string): void {
  const database = new Database(found);
  database.pragma('wal_checkpoint(PASSIVE)');
  database.close();
}
