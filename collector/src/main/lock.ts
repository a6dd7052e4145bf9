// One process a database: a file beside it that is held, with the holder's process id in it.
// Invariant: what a killed process held is free; in another container it is held as well, whatever ids mean there.
import { randomUUID } from 'node:crypto';
import { NotWritable } from '../ingest/core.ts';
import { type HeldFile, holderIn, holdFile } from '../storage/sqlite/held-file.ts';

/** Another process has the file. */
export class Locked extends Error {
  override readonly name = 'Locked';
  constructor(
    readonly database: string,
    /** As its own container counts; null while it is only just taking the file. */
    readonly pid: number | null,
  ) {
    const who = pid === null ? 'another process' : `process ${pid}`;
    super(`${database} is already served by ${who}; stop that one first, or use another TIDEMARK_DB`);
  }
}

export const lockPath = (database: string): string => `${database}.lock`;

/** @throws Locked, NotWritable */
export function takeLock(database: string): HeldFile {
  if (database === ':memory:') return { release() {} };
  let taken: ReturnType<typeof holdFile>;
  try {
    taken = holdFile(lockPath(database), JSON.stringify({ pid: process.pid, id: randomUUID() }));
  } catch (error) {
    throw error instanceof Error ? new NotWritable(database, error) : error;
  }
  if ('holder' in taken) throw new Locked(database, pidIn(taken.holder));
  return taken;
}

/** The process that has the file, or null. */
export const holderOf = (database: string): number | null => pidIn(holderIn(lockPath(database)));

/** @param text as `takeLock` writes it */
const pidIn = (text: string | null): number | null =>
  text === null ? null : (JSON.parse(text) as { pid: number }).pid;
