// The thread that computes results of large surveys: see `beside.ts` for the other end.
// Invariant: it reads and writes nothing; it gets a whole snapshot, answers once, and is ended.
import { parentPort } from 'node:worker_threads';
import { giveWay } from '../../../threads/beside.ts';
import type { FromResultsThread } from './beside.ts';
import { createUnpacking, type Parcel } from './parcels.ts';
import { resultsOf } from './results.ts';

const port = parentPort;
if (!port) throw new Error('results-thread is started by beside.ts');

giveWay();

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
