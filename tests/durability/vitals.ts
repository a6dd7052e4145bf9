// How a collector is doing while it is loaded: memory, how long answers take, how long its loop is held up.
// Invariant: measured from outside, as a client and an operator would.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, unlessCutOff } from './client.ts';

/** Between two looks. */
const LOOK_EVERY_MS = 250;
/** Enough for a percentile, little enough to sort at every line of progress. */
const MAX_TIMES = 20_000;
const BYTES_A_MB = 1_000_000;

/** The newest of many durations. */
export interface Times {
  add(ms: number): void;
  /** The value that so many of one stay below; 0 where nothing was measured. */
  quantile(part: number): number;
}

export function createTimes(): Times {
  const times: number[] = [];
  let count = 0;
  return {
    add(ms) {
      times[count++ % MAX_TIMES] = ms;
    },
    quantile(part) {
      const sorted = [...times].sort((a, b) => a - b);
      return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
    },
  };
}

export interface Vitals {
  /** From a batch sent to its answer 200. */
  readonly batches: Times;
  readonly reads: Times;
  /**
   * Round trip of /healthz, which does nothing: how long the event loop lets a request wait, its p99 as the
   * collector tells it in /metrics put in where it does.
   */
  readonly loop: Times;
  /** Resident memory, MB: at the last look, and the most there was. */
  memoryMb(): { now: number; most: number };
  /** The client, its answers timed. */
  timed(client: Client): Client;
  /** Looks until `isOver`. */
  watch(client: Client, isOver: () => boolean): Promise<void>;
}

export function createVitals(): Vitals {
  const [batches, reads, loop] = [createTimes(), createTimes(), createTimes()];
  let [now, most] = [0, 0];

  async function time<T extends { status: number }>(times: Times, work: () => Promise<T>): Promise<T> {
    const from = performance.now();
    const answer = await work();
    if (answer.status === 200) times.add(performance.now() - from);
    return answer;
  }

  return {
    batches,
    reads,
    loop,
    memoryMb: () => ({ now, most }),
    timed: (client) => ({
      ...client,
      post: (batch, key) => time(batches, () => client.post(batch, key)),
      api: (method, path, body) =>
        method === 'GET' ? time(reads, () => client.api(method, path, body)) : client.api(method, path, body),
    }),
    async watch(client, isOver) {
      while (!isOver()) {
        await unlessCutOff(() => time(loop, () => client.get('/healthz')));
        const metrics = await unlessCutOff(() => client.get('/metrics'));
        const bytes = gauge(metrics?.text, /^process_resident_memory_bytes (\S+)/m);
        if (bytes !== null) {
          now = Math.round(bytes / BYTES_A_MB);
          most = Math.max(most, now);
        }
        const lagSeconds = gauge(metrics?.text, /^\S*event_?loop\S*(?:p99|0\.99)\S* (\S+)/m);
        if (lagSeconds !== null) loop.add(lagSeconds * 1_000);
        await sleep(LOOK_EVERY_MS);
      }
    },
  };
}

function gauge(text: string | undefined, line: RegExp): number | null {
  const value = Number(line.exec(text ?? '')?.[1]);
  return Number.isFinite(value) ? value : null;
}
