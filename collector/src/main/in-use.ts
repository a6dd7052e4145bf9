// Who has the database, told apart by whether they take commands for it.
// Invariant: what people read names a process and what to do, never a socket.
import { awaitSignOfLife, isServed } from './control.ts';
import { holderOf, Locked } from './lock.ts';
import { messageOf, UsageError } from './settings.ts';

/**
 * Whether commands go through a process that serves the file; if not, it is free to be opened here.
 *
 * @throws Locked while another command has it open, which answers nobody; UsageError where a process that serves it
 * does not answer
 */
export async function goesThroughServer(database: string): Promise<boolean> {
  if (database === ':memory:') return false;
  const pid = holderOf(database);
  if (pid === null) return false;
  if (!(await isServed(database))) throw new Locked(database, pid);
  try {
    await awaitSignOfLife(database);
  } catch (error) {
    throw new UsageError(
      `Process ${pid} serves ${database} and does not answer (${messageOf(error)}): see its log. One that is ` +
        'stopped goes on with `kill -CONT`.',
    );
  }
  return true;
}

export const inUse = (pid: number | null): string =>
  `in use by ${pid === null ? 'another process' : `process ${pid}`}, which takes no commands`;
/** Why that is. */
export const IN_USE = 'another command is at work on it, or a collector that is starting or stopping';

/** What to say of it: a collector is to be stopped, a command will end by itself. */
export async function wordsOfLocked({ database, pid, message }: Locked): Promise<string> {
  if (await isServed(database)) return message;
  return `${database} is ${inUse(pid)}: ${IN_USE}. Try again when it is done.`;
}
