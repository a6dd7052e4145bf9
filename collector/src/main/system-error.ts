// What the system says of a file, in words.
// Invariant: neither a call nor a path is in them: the path may be one that nobody typed.
import { getSystemErrorMap } from 'node:util';
import { messageOf, UsageError } from './settings.ts';

/** `no space left on device (ENOSPC)` */
export function reasonOf(error: unknown): string {
  const errno = error instanceof Error && 'errno' in error ? Number(error.errno) : Number.NaN;
  const [code, words] = getSystemErrorMap().get(errno) ?? [];
  return code === undefined ? messageOf(error) : `${words} (${code})`;
}

/** @param more what that means, and what to do */
export const cannotWrite = (file: string, cause: unknown, more = ''): UsageError =>
  new UsageError(`${file} cannot be written: ${reasonOf(cause)}${more}`, { cause });
