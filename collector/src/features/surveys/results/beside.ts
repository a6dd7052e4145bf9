// Results of large surveys, computed by a thread beside the lane: this end of it.
// Invariant: a thread that fails, however it does, rejects; nothing of it is left behind.
import { Worker } from 'node:worker_threads';
import type { SurveySnapshot } from '../../../ingest/core.ts';
import { threadFile } from '../../../threads/beside.ts';
import type { JsonObject } from '../../../wire/message.ts';
import type { Digest } from './digest.ts';
import { createPace } from './pace.ts';
import { type Parcel, sendSnapshot } from './parcels.ts';
import type { Period } from './results.ts';

/** What the thread answers; the results as text, which is quicker to take over than so many small objects. */
export type FromResultsThread = { results: string } | { failed: string };

/** Heap of the thread in MiB: 100,000 submissions of 13 questions take some 400. */
const LIMITS = { maxOldGenerationSizeMb: 1_536, maxYoungGenerationSizeMb: 32 };

const THREAD = threadFile('results-thread', import.meta.url);

/** Takes the records out of the snapshot. */
export async function resultsBeside(snapshot: SurveySnapshot<Digest>, period: Period): Promise<JsonObject> {
  const thread = new Worker(THREAD, { execArgv: [], resourceLimits: LIMITS });
  try {
    const answered = new Promise<FromResultsThread>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', () => reject(new Error('the thread that computes results has ended')));
    });
    // Heard of below; it may fail while parcels are still sent.
    answered.catch(() => {});
    await sendSnapshot(snapshot, period, createPace(), (parcel: Parcel) => thread.postMessage(parcel));
    const told = await answered;
    if ('failed' in told) throw new Error(told.failed);
    return JSON.parse(told.results) as JsonObject; // written by results-thread.ts
  } finally {
    await thread.terminate();
  }
}
