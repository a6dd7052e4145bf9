// Copies a database into a new file while others use it.
// Invariant: what resolves is a sound database of one instant on disk, readable by its owner alone; what fails
// leaves nothing behind.
import { fork } from 'node:child_process';
import { closeSync, fsyncSync, openSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BrokenFile } from '../port.ts';

/** Between two looks at how far the copy is. */
const LOOK_EVERY_MS = 200;

export interface CopyOptions {
  from: string;
  /** Must not exist. */
  to: string;
  /** Bytes that the copy will have at most, for the progress. */
  expectedBytes: number;
  /** Looks through all of the source first: index pages too, which copying does not read. */
  checkSource?: boolean;
  /** Hears of bytes written. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** What the process says at its end. */
type Outcome = { done: true } | { damage: string; of: string } | { failed: string };
type Said = Outcome | { stage: 'checking' };

/**
 * Uses VACUUM INTO: it reads one snapshot, and writes what is live and nothing else, so that not even a file
 * written by other hands passes deleted bytes on. SQLite's page-wise backup would start over with every commit.
 *
 * @throws BrokenFile for a source or copy that is damaged, Error for all else (a full disk, say)
 */
export async function copyDatabase(options: CopyOptions): Promise<void> {
  const { from, to, checkSource = false, signal } = options;
  signal?.throwIfAborted();
  // SQLite takes an empty file, and with it its mode.
  closeSync(openSync(to, 'wx', 0o600));
  try {
    const said = await copyInProcess({ from, to, checkSource }, options);
    if ('damage' in said) throw new BrokenFile(said.of, said.damage);
    if ('failed' in said) throw new Error(`${to} could not be written: ${said.failed}`);
    flush(to);
  } catch (error) {
    for (const path of [to, `${to}-journal`]) rmSync(path, { force: true });
    throw error;
  }
}

function copyInProcess(
  task: { from: string; to: string; checkSource: boolean },
  { to, expectedBytes, onProgress, signal }: CopyOptions,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const file = fileURLToPath(new URL('./copy-process.mjs', import.meta.url));
    const child = fork(file, [JSON.stringify(task)], { execArgv: [] });
    const look = setInterval(
      () => onProgress?.(Math.min(statSync(to).size, expectedBytes), expectedBytes),
      LOOK_EVERY_MS,
    );
    const stop = (): void => void child.kill('SIGKILL');
    signal?.addEventListener('abort', stop);
    let outcome: Outcome | null = null;
    child.on('message', (said) => {
      // Sent by copy-process.mjs.
      if ('stage' in (said as Said)) onProgress?.(expectedBytes, expectedBytes);
      else outcome = said as Outcome;
    });
    child.on('error', reject);
    child.on('close', () => {
      clearInterval(look);
      signal?.removeEventListener('abort', stop);
      if (outcome) resolve(outcome);
      else reject(signal?.reason ?? new Error('the copy was cut off'));
    });
  });
}

/** On disk when it returns: a file, or what a folder lists. */
export function flush(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
