// A file that one process at a time holds, and what that one wrote into it.
// Invariant: the system knows who holds it, not the text: it is free once its process is gone, and held for every
// container that reaches it. The file itself stays: whoever opened it must never be left with one that was removed.
import { chownSync, closeSync, openSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';

/** Whoever only looks holds it for an instant. */
const TAKE_MS = 500;
const LOOK_MS = 50;
const TRIES = 5;

export interface HeldFile {
  /** Frees the file. */
  release(): void;
}

export interface HoldOptions {
  /** Whether what stands in a file that is none of ours still holds it: versions before wrote plain text. */
  isHeldBy?: (text: string) => boolean;
}

/**
 * Holds the file with this text in it, which no other holder writes, or says what its holder wrote (null: that one is
 * only just taking it).
 * @throws Error of the system or of SQLite where it cannot be written; nothing new is left of it then
 */
export function holdFile(
  path: string,
  text: string,
  options: HoldOptions = {},
): HeldFile | { holder: string | null } {
  let held: HeldFile | { holder: string | null } | null = null;
  for (let tries = 0; tries < TRIES && held === null; tries++) held = tryToHold(path, text, options);
  return held ?? { holder: null };
}

/** Null: somebody came in between, or the file was none of ours and is now. */
function tryToHold(
  path: string,
  text: string,
  { isHeldBy }: HoldOptions,
): HeldFile | { holder: string } | null {
  const isNew = create(path);
  const file = new Database(path, { timeout: TAKE_MS });
  try {
    // No second file beside it: there is nothing in it to lose.
    file.pragma('journal_mode = MEMORY');
    file.pragma('synchronous = OFF');
    file.exec('BEGIN IMMEDIATE');
    file.exec('CREATE TABLE IF NOT EXISTS holder (text TEXT); DELETE FROM holder');
    file.prepare('INSERT INTO holder VALUES (?)').run(text);
    file.exec('COMMIT');
    // Held in a way that lets others read. Whoever comes in between has it, and is asked the next time.
    file.exec('BEGIN IMMEDIATE');
    return { release: () => void file.close() };
  } catch (error) {
    const isBusy = isCode(error, 'SQLITE_BUSY');
    const holder = isBusy ? textIn(file) : null;
    file.close();
    if (isBusy) return holder === null || holder === text ? null : { holder };
    if (!isForeign(error)) {
      if (isNew) rmSync(path, { force: true });
      throw error;
    }
    const left = readFileSync(path, 'utf8');
    if (isHeldBy?.(left)) return { holder: left };
    truncateSync(path);
    return null;
  }
}

/** What the holder of the file wrote into it; null where nobody holds it. Changes nothing. */
export function holderIn(path: string, { isHeldBy }: HoldOptions = {}): string | null {
  let file: Database.Database;
  try {
    file = new Database(path, { timeout: LOOK_MS, fileMustExist: true });
  } catch {
    return null;
  }
  try {
    file.exec('BEGIN IMMEDIATE');
    return null;
  } catch (error) {
    if (isCode(error, 'SQLITE_BUSY')) return textIn(file);
    const left = isForeign(error) ? readFileSync(path, 'utf8') : '';
    return isHeldBy?.(left) ? left : null;
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
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
  // What root made would be in the way of whoever serves.
  if (process.getuid?.() === 0) {
    const { uid, gid } = statSync(dirname(path));
    chownSync(path, uid, gid);
  }
  return true;
}

const isForeign = (error: unknown): boolean =>
  isCode(error, 'SQLITE_NOTADB') || isCode(error, 'SQLITE_CORRUPT');

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith(code);
