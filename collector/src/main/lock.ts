// One process a database: a file beside it that is held, with the holder's process id in it.
// Invariant: what a killed process held is free; in another container it is held as well, whatever ids mean there.
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
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

interface Holder {
  pid: number;
  /** In a lock of an earlier version: when that process started, as far as the system tells. */
  started?: string;
}

/** @throws Locked, NotWritable */
export function takeLock(database: string): HeldFile {
  if (database === ':memory:') return { release() {} };
  const path = lockPath(database);
  const isThere = existsSync(path);
  let taken: ReturnType<typeof holdFile>;
  try {
    taken = holdFile(path, JSON.stringify({ pid: process.pid, id: randomUUID() }), { isHeldBy });
  } catch (error) {
    // One that is there and cannot be written is somebody else's.
    throw error instanceof Error ? new NotWritable(isThere ? path : database, error) : error;
  }
  if ('holder' in taken) throw new Locked(database, holderOfText(taken.holder)?.pid ?? null);
  return taken;
}

/** The process that has the file, or null. */
export const holderOf = (database: string): number | null =>
  holderOfText(holderIn(lockPath(database), { isHeldBy }))?.pid ?? null;

/** Versions before wrote who holds it, and nothing else: it is held for as long as that process is there. */
function isHeldBy(text: string): boolean {
  const holder = holderOfText(text);
  return holder !== null && isAlive(holder.pid) && startOf(holder.pid) === holder.started;
}

function holderOfText(text: string | null): Holder | null {
  try {
    const holder = JSON.parse(text ?? 'null') as Holder | null; // as `takeLock` writes it, or a version before
    return typeof holder?.pid === 'number' ? holder : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** On Linux the start time of a process in clock ticks; elsewhere nothing is known. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
