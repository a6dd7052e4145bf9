// Keeps a host awake that stops what it runs once a request is answered, until nothing is held.
// Invariant: one promise at a time; it covers the calls that are made before it settles.
import type { FlushResult } from '../../sdk-web/src/core/queue.ts';
import type { Host } from './host.ts';
import type { AnalyticsOptions } from './options.ts';

interface Means {
  /** What takes the promise; without it there is nothing to do. */
  keep(): AnalyticsOptions['waitUntil'];
  /** Messages held. */
  size(): number;
  flush(): Promise<FlushResult>;
  after: Host['after'];
  /** Runs what is not ours and may throw. */
  quietly(run: () => unknown): void;
}

/** Gives what is to be called after each message that was taken. */
export function createBurst({ keep, size, flush, after, quietly }: Means): () => void {
  let isUnderWay = false;

  async function run(): Promise<void> {
    // Calls of the same turn share a request.
    await new Promise<void>((resolve) => after(0, resolve));
    let pending = 0;
    while (size() > 0 && pending === 0) pending = (await flush()).pending;
    isUnderWay = false;
  }

  return () => {
    const take = keep();
    if (!take || isUnderWay) return;
    isUnderWay = true;
    const burst = run();
    quietly(() => take(burst));
  };
}
