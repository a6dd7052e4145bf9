// Errors whose messages may be logged.
// Invariant: they hold nothing about anybody: ours say what happened to the file or a thread, SQLite's name tables and
// columns but no values.
import { BrokenFile, NotStored } from '../ingest/core.ts';

/** Errors of ours that are logged; others of ours are answers to somebody. */
export const isOurs = (error: Error): boolean => error instanceof NotStored || error instanceof BrokenFile;

/** SQLite's own, by the code it gives each of them. */
export const isOfDatabase = (error: Error): boolean =>
  error.name === 'SqliteError' && 'code' in error && /^SQLITE_[A-Z_]+$/.test(String(error.code));
