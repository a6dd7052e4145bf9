// What an import keeps of the file it reads: how far it got, and what was rejected.
// Invariant: a checkpoint counts only for the same content and the same purpose; else the import begins anew. What was
// rejected is in its file before the checkpoint is past it.
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, fstatSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { refuseOwnFiles } from './backup.ts';
import type { Ask } from './operations.ts';
import { UsageError } from './settings.ts';
import { cannotWrite } from './system-error.ts';

const sha256 = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** Ids must not change when the same file is copied or touched: only its name and the mapping count. */
export function nameOf(file: string, mapping: unknown): string {
  const base = file.split(/[\\/]/).pop() ?? 'csv';
  return `${base}-${sha256(mapping).slice(0, 8)}`;
}

export interface Checkpoint {
  /** Rows or lines done by an import that was cut off. */
  read(): Promise<number>;
  /** Once everything before is stored. */
  write(row: number): Promise<void>;
  remove(): Promise<void>;
}

/**
 * Kept by the database, not beside the file: only what holds the rows can know that it does.
 *
 * @param purpose what the import does with the file; another one starts anew
 */
export function createCheckpoint(file: string, purpose: readonly unknown[], ask: Ask): Checkpoint {
  const found = statSync(file);
  // What a pipe held never comes again.
  const content = found.isFile() ? [found.dev, found.ino, found.size, found.mtimeMs] : [randomUUID()];
  const of = sha256([...purpose, file, ...content]);
  const reach = async (row: number): Promise<void> => void (await ask('import-reached', { of, row }));
  return {
    read: async () => (await ask('import-mark', { of })).row,
    write: reach,
    remove: () => reach(0),
  };
}

/**
 * @param input the file that is imported, null for stdin
 * @throws UsageError where writing rejected rows would destroy what is imported, or what it goes into
 */
export function refuseRejectFile(path: string, input: string | null, database: string): void {
  refuseOwnFiles(path, database);
  const there = statSync(path, { throwIfNoEntry: false });
  const read = input === null ? fstatSync(process.stdin.fd) : statSync(input, { throwIfNoEntry: false });
  // By whatever name and link.
  if (there?.isFile() && read?.ino === there.ino && read.dev === there.dev)
    throw new UsageError(`--rejects ${path} is the file that is imported; take another name`);
}

export interface Rejects {
  /** In the file when it returns. @throws UsageError when it cannot be written */
  write(entry: object): void;
  close(): void;
}

/**
 * Opened before anything is imported, so that no row is rejected without a place to say so; nothing is left where no
 * row was.
 *
 * @throws UsageError when it cannot be written
 */
export function createRejects(path: string, { append }: { append: boolean }): Rejects {
  const handle = openFor(path, append ? 'a' : 'w');
  return {
    write(entry) {
      try {
        writeFileSync(handle, `${JSON.stringify(entry)}\n`);
      } catch (error) {
        throw cannotWrite(path, error, '; the import stops here, and goes on when it is run again');
      }
    },
    close() {
      const found = fstatSync(handle);
      closeSync(handle);
      // A device is nobody's to remove.
      if (found.isFile() && found.size === 0) rmSync(path, { force: true });
    },
  };
}

function openFor(path: string, how: 'a' | 'w'): number {
  try {
    return openSync(path, how, 0o600);
  } catch (error) {
    throw cannotWrite(path, error, '; --rejects FILE says where rejected ones go');
  }
}
