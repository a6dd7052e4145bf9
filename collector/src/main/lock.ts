// One collector a file: a lock file beside the database with the holder's process id.
// Invariant: a lock whose process is gone, or whose number another program has by now, is taken over.
import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { NotWritable } from '../ingest/core.ts';

export interface Lock {
  release(): void;
}

/** Another process serves the file. */
export class Locked extends Error {
  override readonly name = 'Locked';
  constructor(
    readonly database: string,
    readonly pid: number,
  ) {
    super(`${database} is already served by process ${pid}; stop that one first, or use another TIDEMARK_DB`);
  }
}

export const lockPath = (database: string): string => `${database}.lock`;

interface Holder {
  pid: number;
  /** When that process started, as far as the system tells; tells a reused number apart. */
  started: string;
}

/** @throws Locked, NotWritable */
export function takeLock(database: string): Lock {
  if (database === ':memory:') return { release() {} };
  const path = lockPath(database);
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid) });
  for (let tries = 0; tries < 3; tries++) {
    try {
      create(path, mine);
      return { release: () => release(path, mine) };
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error instanceof Error ? new NotWritable(database, error) : error;
    }
    const holder = holderOf(database);
    if (holder !== null) throw new Locked(database, holder);
    try {
      unlinkSync(path);
    } catch (error) {
      if (!isCode(error, 'ENOENT')) throw error;
    }
  }
  throw new Error(`the lock ${path} could not be taken`);
}

/** Leaves nothing behind where there is no room for its content. */
function create(path: string, text: string): void {
  const handle = openSync(path, 'wx', 0o600);
  try {
    writeSync(handle, text);
  } catch (error) {
    unlinkSync(path);
    throw error;
  } finally {
    closeSync(handle);
  }
}

/** The process that serves the file, or null. */
export function holderOf(database: string): number | null {
  let holder: Holder;
  try {
    holder = JSON.parse(readFileSync(lockPath(database), 'utf8')) as Holder; // written by takeLock
  } catch {
    return null;
  }
  if (!Number.isSafeInteger(holder.pid) || !isAlive(holder.pid)) return null;
  return startOf(holder.pid) === holder.started ? holder.pid : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
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

function release(path: string, mine: string): void {
  try {
    if (readFileSync(path, 'utf8') === mine) unlinkSync(path);
  } catch {
    // Gone already.
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
