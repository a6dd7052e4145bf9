// A file that one process at a time holds, and what that one wrote into it.
// Invariant: the system knows who holds it, not the text: it is free once its process is gone, and held for every
// container that reaches it. Whoever holds it holds the very file that is at the path.
import { closeSync, openSync, rmSync, statSync, unlinkSync } from 'node:fs';
import Database from 'better-sqlite3';

/** Whoever only looks holds it for an instant. */
const LOOK_MS = 500;
const TRIES = 5;

export interface HeldFile {
  /** Frees the file and removes it. */
  release(): void;
}

/**
 * Holds the file with this text in it, which no other holder writes, or says what its holder wrote (null: that one is
 * only just taking it).
 * @throws Error of the system or of SQLite where it cannot be written; nothing new is left of it then
 */
export function holdFile(path: string, text: string): HeldFile | { holder: string | null } {
  let held: HeldFile | { holder: string | null } | null = null;
  for (let tries = 0; tries < TRIES && held === null; tries++) held = tryToHold(path, text);
  return held ?? { holder: null };
}

/** Null: the file was another one a moment later, or none of ours. */
function tryToHold(path: string, text: string): HeldFile | { holder: string } | null {
  const isNew = create(path);
  const inode = inodeOf(path);
  const file = new Database(path, { timeout: LOOK_MS });
  try {
    // No second file beside it: there is nothing in it to lose.
    file.pragma('journal_mode = MEMORY');
    file.pragma('synchronous = OFF');
    file.exec('BEGIN IMMEDIATE');
    if (inodeOf(path) === inode) {
      file.exec('CREATE TABLE IF NOT EXISTS holder (text TEXT); DELETE FROM holder');
      file.prepare('INSERT INTO holder VALUES (?)').run(text);
      file.exec('COMMIT');
      // Held in a way that lets others read. Whoever comes in between has it, and is asked the next time.
      file.exec('BEGIN IMMEDIATE');
      return { release: () => release(path, inode, file) };
    }
    file.close();
    return null;
  } catch (error) {
    const holder = isCode(error, 'SQLITE_BUSY') ? textIn(file) : null;
    file.close();
    if (isCode(error, 'SQLITE_BUSY')) return holder === null || holder === text ? null : { holder };
    const isForeign = isCode(error, 'SQLITE_NOTADB') || isCode(error, 'SQLITE_CORRUPT');
    if (isNew || isForeign) rmSync(path, { force: true });
    if (isForeign) return null;
    throw error;
  }
}

/** What the holder of the file wrote into it; null where nobody holds it. Changes nothing. */
export function holderIn(path: string): string | null {
  let file: Database.Database;
  try {
    file = new Database(path, { timeout: 0, fileMustExist: true });
  } catch {
    return null;
  }
  try {
    file.exec('BEGIN IMMEDIATE');
    return null;
  } catch (error) {
    return isCode(error, 'SQLITE_BUSY') ? textIn(file) : null;
  } finally {
    file.close();
  }
}

function textIn(file: Database.Database): string | null {
  try {
    return (file.prepare('SELECT text FROM holder').pluck().get() as string | undefined) ?? null; // a column of text
  } catch {
    return null;
  }
}

/** For its owner only. Answers whether there was none. */
function create(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

const inodeOf = (path: string): number | null => statSync(path, { throwIfNoEntry: false })?.ino ?? null;

/** Removed while it is held: whoever opened it meanwhile sees that it is not at its path any more. */
function release(path: string, inode: number | null, file: Database.Database): void {
  if (!file.open) return;
  try {
    if (inodeOf(path) === inode) unlinkSync(path);
  } catch {
    // Gone already, or a system that keeps open files: it is free all the same.
  }
  file.close();
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith(code);
