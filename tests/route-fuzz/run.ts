// Worlds one after another until the time or the requests are used up, or something is wrong.
// Invariant: world i of seed S is world 0 of seed S + i, so that one can be played again alone.
import { heapInUse } from '../heap.ts';
import { describeFailure } from './report.ts';
import { shrink } from './shrink.ts';
import { type Fault, openWorld, type Wave } from './world.ts';

/** Requests of one collector: enough for merges, erasures and builds to meet, few enough that a refold stays cheap. */
export const REQUESTS_A_WORLD = 2_000;
/** Worlds after which the heap is what it is: caches are warm, code is compiled. */
const WARM_UP_WORLDS = 4;
/** What the heap may grow by from then on, bytes, however many worlds follow. */
const MAX_GROWTH_BYTES = 24 * 2 ** 20;

export interface Progress {
  readonly worlds: number;
  readonly requests: number;
  /** Heap in use after a full collection, bytes. */
  readonly heap: number;
}

export interface RunOptions {
  readonly seed: number;
  readonly requests: number;
  /** When to stop, as `performance.now()` tells it. */
  readonly until?: number;
  readonly tell?: (progress: Progress) => void;
}

/** The report of the first failure, or null. */
export async function run({ seed, requests, until = Infinity, tell }: RunOptions): Promise<string | null> {
  let done = 0;
  let warm: number | null = null;
  for (let worlds = 0; done < requests && performance.now() < until; worlds++) {
    const most = Math.min(REQUESTS_A_WORLD, requests - done);
    const failed = await playWorld(seed + worlds, most);
    if (failed) return failed;
    done += most;
    const heap = heapInUse();
    tell?.({ worlds: worlds + 1, requests: done, heap });
    if (worlds === WARM_UP_WORLDS) warm = heap;
    if (warm !== null && heap > warm + MAX_GROWTH_BYTES)
      return `the heap grew from ${warm} to ${heap} bytes in ${worlds} worlds of seed ${seed}`;
  }
  return null;
}

async function playWorld(seed: number, requests: number): Promise<string | null> {
  const waves: Wave[] = [];
  const world = await openWorld(seed);
  let fault: Fault | null = null;
  try {
    for (let left = requests; left > 0 && fault === null; ) {
      const wave = world.draw(left);
      waves.push(wave);
      left -= wave.requests.length;
      fault = await world.play(wave);
    }
    fault ??= await world.verify();
  } finally {
    await world.close();
  }
  return fault && describeFailure(seed, { waves, fault }, await shrink(seed, { waves, fault }));
}
