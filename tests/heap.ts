// The heap as it is once everything that can go is gone.
// Invariant: collects before it looks; what it tells is therefore what is really kept.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
// A function of the engine, there once the flag is set.
const collect = runInNewContext('gc') as () => void;

/** Bytes in use after a full collection. */
export function heapInUse(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
