// The storage seam: read by keys, commit changes, query for reports. All that crosses it is named from here.
// Invariant: no transaction crosses it. A commit names the versions it read; a store that has seen
// newer ones refuses it as stale, and the lane reads and computes again.
import type { Changes, Committed } from './port/changes.ts';
import type { Folder } from './port/folding.ts';
import type { Answers, Asked, Questions } from './port/queries.ts';
import type { ReadKeys, ReadResult } from './port/reads.ts';

export * from './port/changes.ts';
export type * from './port/folding.ts';
export type * from './port/queries.ts';
export type * from './port/reads.ts';
export * from './port/rows.ts';

/** The stored data itself is damaged: nothing that is tried again can help. */
export class BrokenFile extends Error {
  override readonly name = 'BrokenFile';
  constructor(
    readonly path: string,
    /** What the database says. */
    readonly damage: string,
    options?: ErrorOptions,
  ) {
    super(
      `${path} is damaged (${damage}). Stop what serves it and put a backup in its place with ` +
        '`tidemark restore BACKUP`; the damaged file is kept beside it.',
      options,
    );
  }
}

/** The file is no longer where it was opened: what is stored goes where nobody will look for it. */
export class LostFile extends BrokenFile {
  constructor(path: string, what: string) {
    super(path, what);
    this.message =
      `${path} ${what} while it was served; nothing is acknowledged any more. Stop what serves it; if the file was ` +
      'moved, move it back and its -wal with it, else put a backup in its place with `tidemark restore BACKUP`.';
  }
}

export interface Store {
  /**
   * Where the backend can read beside the lane: as many folders as are of use at a time. Each folds leaves at one
   * snapshot a slice; the lane takes only what is as old as the row it has. Whatever fails there rejects `next`
   * and harms nothing else.
   */
  openFolders?(): Folder[];
  /** @throws BrokenFile, as do the other two */
  read(keys: ReadKeys): Promise<ReadResult>;
  /** All or nothing; durable when it resolves, unless `lazy`. */
  commit(changes: Changes): Promise<Committed>;
  query<A extends keyof Questions>(query: Asked<A>): Promise<Answers[A]>;
  /** What was found damaged; from then on nothing is committed. Null as far as is known. */
  damage(): BrokenFile | null;
  close(): Promise<void>;
}

/** What can be done about a file that cannot be written, by the system's code for why. */
const WAYS_TO_WRITE: Readonly<Record<string, string>> = {
  EACCES: 'Give the user that runs Tidemark the right to write this file and its folder.',
  EPERM: 'Take away what protects it (on Linux see `lsattr`), or have its owner run Tidemark.',
  EROFS:
    'Its file system is mounted read-only: mount it for writing, or move the database to another one with ' +
    '`tidemark backup` and `tidemark restore`.',
  ENOSPC: 'The disk is full: make room and start again.',
  EDQUOT: 'The quota is used up: make room and start again.',
};

/** The file, or what must be beside it, cannot be written: nothing was opened. */
export class NotWritable extends Error {
  override readonly name = 'NotWritable';
  constructor(
    readonly path: string,
    cause: Error & { code?: unknown },
  ) {
    const way = WAYS_TO_WRITE[String(cause.code)] ?? 'See to that and start again.';
    super(`${path} cannot be written (${cause.message}). ${way}`, { cause });
  }
}
