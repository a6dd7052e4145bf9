// `tidemark restore`: puts a backup in the database's place.
// Invariant: nothing is touched before the backup was read whole and found sound; what was there is kept aside,
// and at every instant there is either the old database or the whole new one.
import { chownSync, existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BrokenFile } from '../ingest/core.ts';
import { copyDatabase, flush } from '../storage/sqlite/copy.ts';
import { foldLog, type Inspection, inspectDatabase } from '../storage/sqlite/inspect.ts';
import { ForeignFile } from '../storage/sqlite/schema.ts';
import { refuseOwnFiles } from './backup.ts';
import { type Command, type Flags, megabytes, progressOf, report } from './command.ts';
import { socketPath } from './control.ts';
import { makeFolderOf } from './database-folder.ts';
import { untilSignal } from './interrupt.ts';
import { takeLock } from './lock.ts';
import { partialName } from './new-file.ts';
import { type Settings, UsageError } from './settings.ts';

export const restore: Command = { flags: {}, positionals: true, run: runRestore };

async function runRestore(flags: Flags, { database }: Settings, [name, ...rest]: string[]): Promise<number> {
  if (name === undefined || rest.length > 0)
    throw new UsageError('restore takes one backup: tidemark restore tidemark-backup.db');
  if (database === ':memory:')
    throw new UsageError('a backup cannot be restored into memory; set TIDEMARK_DB');
  const file = resolve(name);
  if (!existsSync(file)) throw new UsageError(`there is no backup ${file}`);
  if (!statSync(file).isFile())
    throw new UsageError(`${file} is no file; restore takes what \`tidemark backup\` wrote`);
  refuseOwnFiles(file, database);
  makeFolderOf(database);
  const lock = takeLock(database);
  try {
    const found = await checked(file);
    const partial = partialName(database);
    await copyOver(file, partial, found.liveBytes);
    const aside = putInPlace(partial, database);
    const clock = found.clock === null ? null : new Date(found.clock).toISOString();
    report(
      flags,
      { database, from: file, messages: found.messages, people: found.people, clock, keptAs: aside },
      `${database} is ${file} now: ${found.messages.toLocaleString('en')} messages of ` +
        `${found.people.toLocaleString('en')} people, up to ${clock ?? 'no time'}\n` +
        (aside === null ? '' : `What was there before is kept as ${aside}\n`),
    );
    return 0;
  } finally {
    lock.release();
  }
}

/** What the backup holds. @throws UsageError naming what is wrong with it */
async function checked(file: string): Promise<Inspection> {
  const found = await refusing(file, async () => inspectDatabase(file));
  if (found.schemaVersion > found.knownVersion)
    throw new UsageError(
      `${file} has schema version ${found.schemaVersion}; this Tidemark knows versions up to ` +
        `${found.knownVersion}. Restore it with the newer Tidemark that wrote it.`,
    );
  return found;
}

/** A damaged backup is no way out: another one is. */
async function refusing<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ForeignFile) throw new UsageError(`${error.message}; nothing was changed`);
    if (!(error instanceof BrokenFile)) throw error;
    throw new UsageError(
      `${file} is damaged or no backup (${error.damage}); nothing was changed. Take another backup.`,
    );
  }
}

async function copyOver(file: string, partial: string, expectedBytes: number): Promise<void> {
  const progress = progressOf('Restoring');
  const onProgress = (done: number, total: number) =>
    progress.update(done, total, `${megabytes(done)} of ${megabytes(total)}`);
  await untilSignal((signal) =>
    refusing(file, () =>
      copyDatabase({ from: file, to: partial, expectedBytes, checkSource: true, onProgress, signal }),
    ),
  );
  progress.finish();
}

/** Puts the new file in place; answers what the old one is called now, or null if there was none. */
function putInPlace(partial: string, database: string): string | null {
  const aside = existsSync(database) ? keepAside(database) : null;
  ownLike(aside ?? dirname(database), partial);
  // A log or an index of it would be taken for the new file's.
  for (const ending of ['-wal', '-shm']) rmSync(`${database}${ending}`, { force: true });
  rmSync(socketPath(database), { force: true });
  renameSync(partial, database);
  flush(dirname(database));
  return aside;
}

/** Gives the old file, and its log, a second name. */
function keepAside(database: string): string {
  const aside = freeName(`${database}.before-restore-${new Date().toISOString().replace(/[:.]/g, '-')}`);
  try {
    // A sound file is whole without its log then.
    foldLog(database);
  } catch {
    // A damaged one is kept as it is, with its log.
  }
  try {
    linkSync(database, aside);
  } catch {
    // No second name on this file system: for an instant there is no database.
    renameSync(database, aside);
  }
  if (existsSync(`${database}-wal`)) renameSync(`${database}-wal`, `${aside}-wal`);
  return aside;
}

/** Restored by root, it still is the collector's: as the old file was, or as its folder is. */
function ownLike(old: string, fresh: string): void {
  const { uid, gid } = statSync(old);
  if (process.getuid?.() === 0) chownSync(fresh, uid, gid);
}

function freeName(wanted: string): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}-${n}`;
    if (!existsSync(name)) return name;
  }
}
