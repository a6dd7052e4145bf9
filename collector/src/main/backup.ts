// `tidemark backup`: one consistent file, also of a database that is being served.
// Invariant: the collector is not held up; what has the backup's name is whole, checked and on disk.
import { existsSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { copyDatabase } from '../storage/sqlite/copy.ts';
import { inspectDatabase } from '../storage/sqlite/inspect.ts';
import { type Command, type Flags, megabytes, progressOf, report, tell } from './command.ts';
import { untilSignal } from './interrupt.ts';
import { existsAlready, partialName, publish } from './new-file.ts';
import { type Settings, UsageError } from './settings.ts';
import { cannotWrite } from './system-error.ts';

export const backup: Command = {
  flags: { force: { type: 'boolean' } },
  positionals: true,
  run: runBackup,
};

interface BackedUp {
  file: string;
  bytes: number;
  messages: number;
  people: number;
  /** The collector's clock at the last commit in it, ISO 8601; null for a database that never had one. */
  clock: string | null;
  schemaVersion: number;
}

async function runBackup(flags: Flags, { database }: Settings, [name, ...rest]: string[]): Promise<number> {
  if (name === undefined || rest.length > 0)
    throw new UsageError('backup takes one file to write: tidemark backup tidemark-backup.db');
  requireDatabase(database);
  const file = resolve(name);
  const force = flags.force === true;
  refuseOwnFiles(file, database);
  if (!force && existsSync(file)) throw existsAlready(file);

  const partial = partialName(file);
  const progress = progressOf('Backing up');
  try {
    await untilSignal(async (signal) => {
      const { liveBytes: expectedBytes } = inspectDatabase(database);
      const onProgress = (done: number, total: number) =>
        progress.update(done, total, `${megabytes(done)} of ${megabytes(total)}`);
      await copyDatabase({ from: database, to: partial, expectedBytes, onProgress, signal });
    });
    progress.finish();
    publish(partial, file, { replace: force });
  } catch (error) {
    // The system's own; what is wrong with the database itself has its words already.
    throw error instanceof Error && 'errno' in error ? cannotWrite(file, error) : error;
  }
  const { messages, people, clock, schemaVersion } = inspectDatabase(file);
  const result: BackedUp = {
    file,
    bytes: statSync(file).size,
    messages,
    people,
    clock: clock === null ? null : new Date(clock).toISOString(),
    schemaVersion,
  };
  report(
    flags,
    result,
    `${file}: ${megabytes(result.bytes)}, ${messages.toLocaleString('en')} messages of ` +
      `${people.toLocaleString('en')} people, up to ${result.clock ?? 'no time'}; checked\n`,
  );
  if (flags.json !== true) tell('It holds everything, hashes of keys and the signing secret included.\n');
  return 0;
}

/** @throws UsageError when there is nothing that could be read */
export function requireDatabase(database: string): void {
  if (database === ':memory:') throw new UsageError('a database in memory is gone with its process');
  if (!existsSync(database)) throw new UsageError(`there is no database ${database}`);
}

/** Not even by force: the database, its log, lock and socket. */
export function refuseOwnFiles(file: string, database: string): void {
  const real = (path: string): string => (existsSync(path) ? realpathSync(path) : path);
  for (const ending of ['', '-wal', '-shm', '.lock', '.sock'])
    if (real(file) === real(`${database}${ending}`))
      throw new UsageError(`${file} belongs to the database itself; take another name`);
}
