// Looks before a file is opened for writing whether it can be written, since SQLite opens what it can only read.
// Invariant: touches nothing: where it refuses, the file is as it was, with no log beside it that nobody can write.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { NotWritable } from '../port.ts';

/** @throws NotWritable, which names the way out */
export function requireWritable(path: string): void {
  const companions = ['', '-wal', '-shm'].map((end) => path + end).filter((file) => existsSync(file));
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    for (const file of companions) accessSync(file, constants.R_OK | constants.W_OK);
  } catch (error) {
    if (error instanceof Error) throw new NotWritable(path, error);
    throw error;
  }
  if (companions.includes(path) && statSync(path).isDirectory())
    throw new NotWritable(path, new Error('it is a folder'));
}
