// What an import keeps beside the file it reads: how far it got, and what was rejected.
// Invariant: a checkpoint counts only for the same content and the same purpose; else the import begins anew.
import { createHash } from 'node:crypto';
import {
  createWriteStream,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  type WriteStream,
  writeFileSync,
} from 'node:fs';

const sha256 = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** Ids must not change when the same file is copied or touched: only its name and the mapping count. */
export function nameOf(file: string, mapping: unknown): string {
  const base = file.split(/[\\/]/).pop() ?? 'csv';
  return `${base}-${sha256(mapping).slice(0, 8)}`;
}

export interface Checkpoint {
  /** Rows or lines done by an import that was cut off. */
  read(): number;
  write(row: number): void;
  remove(): void;
}

/** @param purpose what the import does with the file; another one starts anew */
export function createCheckpoint(file: string, purpose: readonly unknown[]): Checkpoint {
  const { size, mtimeMs } = statSync(file);
  const path = `${file}.tidemark-import`;
  const state = sha256([...purpose, size, mtimeMs]);
  return {
    read() {
      try {
        const held = JSON.parse(readFileSync(path, 'utf8')) as { state: string; row: number }; // written below
        return held.state === state ? held.row : 0;
      } catch {
        return 0;
      }
    },
    write(row) {
      try {
        // Whole or not at all: an import killed while it writes goes on from the row before.
        writeFileSync(`${path}.new`, JSON.stringify({ state, row }));
        renameSync(`${path}.new`, path);
      } catch {
        // A read-only folder: the import still works, it only starts over when interrupted.
      }
    },
    remove() {
      for (const name of [path, `${path}.new`]) rmSync(name, { force: true });
    },
  };
}

export interface Rejects {
  write(entry: object): void;
  close(): Promise<void>;
}

/** The reject file is made with the first rejected row. */
export function createRejects(path: string, append: boolean): Rejects {
  let stream: WriteStream | null = null;
  if (!append) rmSync(path, { force: true });
  return {
    write(entry) {
      stream ??= createWriteStream(path, { flags: 'a', mode: 0o600 });
      stream.write(`${JSON.stringify(entry)}\n`);
    },
    close: () => new Promise((resolve) => (stream ? stream.end(() => resolve()) : resolve())),
  };
}
