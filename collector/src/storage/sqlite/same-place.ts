// Whether an opened file is still the one that its path names.
// Invariant: what went to a file that was deleted, moved or replaced is never said to be stored.
import { realpathSync, statSync } from 'node:fs';
import { LostFile } from '../port.ts';

type Place = { device: bigint; inode: bigint } | null;

/** Null: there is nothing. @throws nothing: what cannot be looked at counts as what it was before */
function placeOf(path: string, before: Place): Place {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return { device: dev, inode: ino };
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return isGone ? null : before;
  }
}

const isSame = (a: Place, b: Place): boolean => a?.device === b?.device && a?.inode === b?.inode;

/**
 * Looks at the database and its log, some microseconds. A system that numbers no files (inode 0) finds only what is
 * gone.
 * @returns a function that throws LostFile once either is another file than before
 */
export function watchPlace(path: string): () => void {
  const held = placeOf(path, null);
  // SQLite has it beside the file itself.
  const logPath = `${realpathSync(path)}-wal`;
  let log: Place = null;
  return () => {
    const now = placeOf(path, held);
    if (!isSame(now, held)) throw new LostFile(path, now ? 'was replaced' : 'was deleted or moved');
    const nowLog = placeOf(logPath, log);
    // SQLite makes it with the first commit and keeps it until the file is closed.
    if (log !== null && !isSame(nowLog, log))
      throw new LostFile(logPath, nowLog ? 'was replaced' : 'was deleted or moved');
    log = nowLog;
  };
}
