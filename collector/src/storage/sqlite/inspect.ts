// Looks at a database from outside, without opening it as a store: for backups, restoring and `doctor`.
// Invariant: reads only, a file of any schema version; what a version has no table for is absent.
import { existsSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { JsonValue } from '../../wire/message.ts';
import { onWholeFile } from './damage.ts';
import { ForeignFile, isOfTidemark, SCHEMA_VERSION } from './schema.ts';

export interface Inspection {
  schemaVersion: number;
  /** The version this program reads and writes. */
  knownVersion: number;
  /** Bytes of what is live: about what a backup takes. */
  liveBytes: number;
  /** Of the write-ahead log. */
  logBytes: number;
  /** The collector's clock at the last commit, epoch ms. */
  clock: number | null;
  messages: number;
  people: number;
  refused: { code: string; count: number }[];
  /** Everything kept beside the data, by name. */
  facts: Map<string, JsonValue>;
}

/** @throws BrokenFile, ForeignFile */
export function inspectDatabase(path: string): Inspection {
  return reading(path, (db) => {
    if (!isOfTidemark(db)) throw new ForeignFile(path);
    const number = (sql: string): number => db.prepare<[], number>(sql).pluck().get() ?? 0;
    const pragma = (name: string): number => db.pragma(name, { simple: true }) as number; // these are integers
    const facts = factsIn(db);
    const clock = facts.get('clock');
    return {
      schemaVersion: pragma('user_version'),
      knownVersion: SCHEMA_VERSION,
      liveBytes: (pragma('page_count') - pragma('freelist_count')) * pragma('page_size'),
      logBytes: existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0,
      clock: typeof clock === 'number' ? clock : null,
      messages: number('SELECT count(*) FROM message'),
      people: number('SELECT count(*) FROM person'),
      refused: db
        .prepare<[], { code: string; count: number }>(
          'SELECT code, count(*) AS count FROM refused GROUP BY code ORDER BY count DESC, code',
        )
        .all(),
      facts,
    };
  });
}

/** Everything kept beside the data, by name. @throws BrokenFile, and SQLite's error for a file of something else */
export const readFacts = (path: string): Map<string, JsonValue> => reading(path, factsIn);

function factsIn(db: Database.Database): Map<string, JsonValue> {
  const rows = db.prepare<[], { name: string; value: string }>('SELECT name, value FROM fact').all();
  return new Map(rows.map(({ name, value }) => [name, JSON.parse(value) as JsonValue])); // it gives nothing else
}

/** What SQLite's own check finds wrong first, or null. Reads the whole file. */
export function faultOfDatabase(path: string): string | null {
  return reading(path, (db) => {
    const said = db.pragma('quick_check(1)', { simple: true }) as string; // one row of text
    return said === 'ok' ? null : said;
  });
}

/** Copies the log into the database, where that can be done; it must be in nobody's use. */
export function foldLog(path: string): void {
  const db = new Database(path, { fileMustExist: true });
  try {
    db.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
}

function reading<T>(path: string, work: (db: Database.Database) => T): T {
  return onWholeFile(path, () => {
    const db = new Database(path, { readonly: true, fileMustExist: true });
    try {
      return work(db);
    } finally {
      db.close();
    }
  });
}
