// What the threads beside the main one have in common: the file one starts from, and that it gives way.
// Invariant: knows nothing of what a thread does.
import { setPriority } from 'node:os';

/** Live messages go first where the cores are busy: a tenth of the ordinary share (nice 10). */
const NICENESS = 10;

/**
 * Published a thread is built into a file of its own; sources are started by way of a TypeScript loader.
 * @param name of the file, without its ending, beside the module that asks
 * @param asking `import.meta.url` of that module
 */
export const threadFile = (name: string, asking: string): URL =>
  new URL(asking.endsWith('.ts') ? `./${name}.dev.mjs` : `./${name}.js`, asking);

/** Called in a thread that may take its time. Only Linux knows the priority of one thread; elsewhere it is kept. */
export function giveWay(): void {
  // Elsewhere this would be the whole process's.
  if (process.platform !== 'linux') return;
  try {
    setPriority(NICENESS);
  } catch {
    // A sandbox that forbids it: the thread is as quick as the others.
  }
}
