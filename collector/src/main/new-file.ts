// Puts a file that was written under another name where it belongs.
// Invariant: a reader sees the old file or the whole new one; nothing is overwritten unless that is wished.
import { existsSync, linkSync, renameSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { flush } from '../storage/sqlite/copy.ts';
import { UsageError } from './settings.ts';

/** Beside the file it will be, so that renaming is one step. */
export const partialName = (file: string): string => `${file}.partial-${process.pid}`;

export const existsAlready = (file: string): UsageError =>
  new UsageError(`${file} exists already; --force replaces it`);

export function publish(partial: string, file: string, { replace }: { replace: boolean }): void {
  if (replace) renameSync(partial, file);
  else moveToNew(partial, file);
  flush(dirname(file));
}

function moveToNew(partial: string, file: string): void {
  try {
    // A link, unlike a rename, fails where there is something.
    linkSync(partial, file);
  } catch (error) {
    if (existsSync(file)) throw existsAlready(file);
    if (!isWithoutLinks(error)) throw error;
    renameSync(partial, file);
    return;
  }
  unlinkSync(partial);
}

/** Some file systems know no second name for a file. */
function isWithoutLinks(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    /^(EPERM|ENOTSUP|ENOSYS|EOPNOTSUPP)$/.test(String(error.code))
  );
}
