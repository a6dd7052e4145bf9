// The thread that computes results of large surveys: see `beside.ts` for the other end.
// Invariant: it reads and writes nothing; it gets a whole snapshot, answers once, and is ended.
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { FromResultsThread } from './beside.ts';
import { createUnpacking, type Parcel } from './parcels.ts';
import { resultsOf } from './results.ts';

/** Live messages go first where the cores are busy: a tenth of the ordinary share (nice 10). */
const NICENESS = 10;

const port = parentPort;
if (!port) throw new Error('results-thread is started by beside.ts');

// Only Linux knows the priority of one thread; elsewhere this would be the whole process's.
if (process.platform === 'linux') {
  try {
    setPriority(NICENESS);
  } catch {
    // A sandbox that forbids it: the thread is as quick as the others.
  }
}

const unpack = createUnpacking();
port.on('message', async (parcel: Parcel) => {
  const whole = unpack(parcel);
  if (whole) port.postMessage(await answer(whole));
});

async function answer({
  snapshot,
  period,
}: NonNullable<ReturnType<typeof unpack>>): Promise<FromResultsThread> {
  try {
    return { results: JSON.stringify(await resultsOf(snapshot, period)) };
  } catch (error) {
    return { failed: String(error) };
  }
}
