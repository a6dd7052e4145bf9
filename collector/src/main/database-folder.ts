// The folder that a database is to be in.
// Invariant: what was made outlives a power loss, as the database in it will.
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { NotWritable } from '../ingest/core.ts';
import { flush } from '../storage/sqlite/copy.ts';

/** @throws NotWritable */
export function makeFolderOf(database: string): void {
  if (database === ':memory:') return;
  const folder = resolve(dirname(database));
  let first: string | undefined;
  try {
    first = mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw error instanceof Error ? new NotWritable(database, error) : error;
  }
  // SQLite syncs the folder of its files, nobody the one above. Windows syncs no folders.
  if (first === undefined || process.platform === 'win32') return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) flush(dirname(made));
}
