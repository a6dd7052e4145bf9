// Opens one SQLite file as a store.
// Invariant: one writer, WAL and synchronous=FULL, so that a resolved commit survives power loss.
import { closeSync, existsSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Store } from '../port.ts';
import { createCheckpointer } from './checkpointer.ts';
import { createCommit } from './commit.ts';
import { guarded, onWholeFile, type Unguarded } from './damage.ts';
import { createFolders } from './folder.ts';
import { createQuery } from './query.ts';
import { createRead } from './read.ts';
import { watchPlace } from './same-place.ts';
import { migrate, requireCurrent, requireOurs } from './schema.ts';
import { createTerms } from './terms.ts';
import { requireWritable } from './writable.ts';

/** Page cache in KiB: upper index levels of some ten million messages. */
const CACHE_KIB = 32_000;

export interface SqliteOptions {
  /** A file path or `:memory:`. */
  path: string;
  readOnly?: boolean;
}

/**
 * @throws NotWritable, NewerFile, OlderFile when only reading, ForeignFile for another program's database, BrokenFile
 * for one that is damaged or no database.
 */
export function openSqlite(options: SqliteOptions): Store {
  return guarded(
    onWholeFile(options.path, () => openWhole(options)),
    options.path,
  );
}

function openWhole({ path, readOnly = false }: SqliteOptions): Unguarded {
  const inMemory = path === ':memory:';
  if (!inMemory && !readOnly) requireWritable(path);
  if (!inMemory && !readOnly && !existsSync(path)) closeSync(openSync(path, 'a', 0o600));
  if (!inMemory && !readOnly && existsSync(`${path}-wal`)) requireOursUnfolded(path);
  const db = new Database(path, { readonly: readOnly, fileMustExist: readOnly });
  try {
    requireOurs(db, path);
    if (!readOnly) {
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
      // What is deleted or overwritten is zeroed: nothing of an erased person stays in a page. Costs 1 to 5 %.
      db.pragma('secure_delete = ON');
      migrate(db);
    } else {
      requireCurrent(db);
      // One snapshot for as long as the store is open, whatever the writer does meanwhile.
      db.exec('BEGIN');
    }
    db.pragma(`cache_size = -${CACHE_KIB}`);
    db.pragma('temp_store = MEMORY');
  } catch (error) {
    db.close();
    throw error;
  }
  const terms = createTerms(db);
  const commit = createCommit(db, terms);
  const requireSamePlace = inMemory || readOnly ? null : watchPlace(path);
  const checkpointer = inMemory || readOnly ? null : createCheckpointer(db, path);
  return {
    ...(checkpointer
      ? { openFolders: () => createFolders(path, checkpointer), beforeCommit: checkpointer.lastRound }
      : {}),
    read: createRead(db, terms),
    async commit(changes) {
      const committed = await commit(changes);
      requireSamePlace?.();
      checkpointer?.committed(changes);
      return committed;
    },
    query: createQuery(db, terms),
    async close() {
      await checkpointer?.close();
      db.close();
    },
  };
}

/** By a connection that only reads: one that may write copies another program's log into its database as it closes. */
function requireOursUnfolded(path: string): void {
  const db = new Database(path, { readonly: true, fileMustExist: true });
  try {
    requireOurs(db, path);
  } finally {
    db.close();
  }
}
