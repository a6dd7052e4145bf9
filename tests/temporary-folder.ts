// A folder for tests that need files.
// Invariant: each test finds it empty, and nothing of it outlives the test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/**
 * For each test of the file, or of the block it is called in, a new folder.
 * @param name what it is for, as a part of its name
 * @returns a path in it, or its own where no names are given
 */
export function useFolder(name: string): (...names: string[]) => string {
  let folder: string | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), `tidemark-${name}-`));
  });
  afterEach(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });
  return (...names) => {
    if (folder === undefined) throw new Error('there is a folder only while a test runs');
    return join(folder, ...names);
  };
}
