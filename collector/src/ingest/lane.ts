// The single-writer lane: everything that changes the store goes through it, one piece at a time.
// Invariant: an ingest resolves only after the commit that holds its last message; what is computed in one
// go and what one commit holds is bounded, so that nobody waits long behind it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { AcceptedMessage, RefusedMessage } from '../wire/accepted.ts';
import { breathe } from './breathe.ts';
import type { Outcome } from './core.ts';
import { arriveDue } from './due.ts';
import { ingestSlice } from './ingest-slice.ts';
import type { WorkingSet } from './working-set.ts';

/** Messages computed in one go, some 6 ms; between two slices new requests come in. */
const SLICE_MESSAGES = 200;
/**
 * Messages in one commit at most, where so many wait. A page of the database that several of them change is
 * written once: 1.9 pages a message at 200, 1.2 at 600. Storing 1,000 that were computed before takes some 20 ms.
 */
const GROUP_MESSAGES = 1_000;
/** Messages count as arriving while the last ones are not older than this, ms. */
const LIVE_MS = 100;

export interface LaneCounts {
  accepted: number;
  duplicates: number;
  rejected: number;
  rejectedDropped: number;
}

export interface Lane {
  ingest(input: { messages: AcceptedMessage[]; refused: RefusedMessage[] }): Promise<Outcome[]>;
  /**
   * Runs `work` alone, between commits, after all messages due by its clock took effect; what it
   * recorded is committed if it says `changed`; `lazily`: what can be computed again need not be on the disk yet.
   */
  task<T>(work: (set: WorkingSet, clock: number) => Promise<Done<T>>): Promise<T>;
  /** Requests and tasks waiting. */
  depth(): number;
  /**
   * Lets messages go first after work of `tookMs` that nobody waits for, up to three quarters of the time;
   * returns at once while none arrive.
   */
  giveWay(tookMs: number): Promise<void>;
  counts: LaneCounts;
  /** False after a failed commit, until one succeeds. */
  writable(): boolean;
  /** Resolves when all that is queued now is done. */
  drained(): Promise<void>;
}

export interface Done<T> {
  result: T;
  changed: boolean | 'lazily';
}

interface IngestJob {
  kind: 'ingest';
  messages: AcceptedMessage[];
  refused: RefusedMessage[];
  /** Messages already taken into a commit. */
  taken: number;
  outcomes: Outcome[];
  resolve(outcomes: Outcome[]): void;
  reject(error: unknown): void;
}
interface TaskJob {
  kind: 'task';
  run(clock: number): Promise<Done<unknown>['changed']>;
  finish(): void;
  reject(error: unknown): void;
}

/** Some messages of a request. */
interface Part {
  job: IngestJob;
  from: number;
  to: number;
}

export function createLane(set: WorkingSet, now: () => number): Lane {
  const queue: (IngestJob | TaskJob)[] = [];
  const counts: LaneCounts = { accepted: 0, duplicates: 0, rejected: 0, rejectedDropped: 0 };
  let running = false;
  let writable = true;
  let idle: (() => void)[] = [];
  let lastIngest = Number.NEGATIVE_INFINITY;

  function enqueue(job: IngestJob | TaskJob): void {
    queue.push(job);
    if (running) return;
    running = true;
    // Not at once: requests that arrive in the same turn of the loop share the commit.
    setImmediate(run);
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const head = queue[0] as IngestJob | TaskJob;
      if (head.kind === 'task') {
        queue.shift();
        await runTask(head);
      } else await runGroup();
      await breathe();
    }
    running = false;
    for (const wake of idle) wake();
    idle = [];
  }

  async function runTask(job: TaskJob): Promise<void> {
    try {
      const clock = now();
      await arriveDue(set, clock);
      const changed = await job.run(clock);
      if (changed) await commit(clock, changed === 'lazily' ? 'lazy' : undefined);
      job.finish();
    } catch (error) {
      set.forget();
      job.reject(error);
    }
  }

  async function commit(clock: number, how?: 'lazy'): Promise<void> {
    try {
      counts.rejectedDropped += await set.commit(clock, how);
      writable = true;
    } catch (error) {
      writable = false;
      throw error;
    }
  }

  /** Messages of the ingests at the head of the queue, up to `room`. Jobs taken whole leave the queue. */
  function takeSlice(room: number): Part[] {
    const slice: Part[] = [];
    for (let job = queue[0]; job?.kind === 'ingest' && room > 0; job = queue[0]) {
      const to = Math.min(job.messages.length, job.taken + room);
      slice.push({ job, from: job.taken, to });
      room -= to - job.taken;
      job.taken = to;
      if (to < job.messages.length) break;
      queue.shift();
    }
    return slice;
  }

  /** Slices computed one after another while more is waiting, then stored together. */
  async function runGroup(): Promise<void> {
    const parts: Part[] = [];
    const outcomes: Outcome[] = [];
    const fresh = new Set<string>();
    let clock = now();
    try {
      for (;;) {
        const slice = takeSlice(Math.min(SLICE_MESSAGES, GROUP_MESSAGES - outcomes.length));
        parts.push(...slice);
        clock = now();
        await arriveDue(set, clock);
        const messages = slice.flatMap(({ job, from, to }) => job.messages.slice(from, to));
        outcomes.push(...(await ingestSlice(set, messages, clock, fresh)));
        if (queue[0]?.kind !== 'ingest' || outcomes.length >= GROUP_MESSAGES) break;
        // Until it is stored nobody would see that its time has come.
        if (messages.some(({ time }) => time > clock)) break;
        await breathe();
      }
      for (const { job, to } of parts) if (to === job.messages.length) recordRefused(job);
      await commit(clock);
      count(outcomes);
    } catch (error) {
      set.forget();
      for (const { job } of parts) job.reject(error);
      const [head] = queue;
      if (head?.kind === 'ingest' && head.taken > 0) queue.shift();
      return;
    }
    lastIngest = performance.now();
    let at = 0;
    for (const { job, from, to } of parts) {
      job.outcomes.push(...outcomes.slice(at, at + to - from));
      at += to - from;
      if (to === job.messages.length) job.resolve(job.outcomes);
    }
  }

  function recordRefused(job: IngestJob): void {
    if (job.refused.length > 0) set.record({ refused: job.refused });
    counts.rejected += job.refused.length;
  }

  function count(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      if (outcome === 'accepted') counts.accepted++;
      else if (outcome === 'duplicate') counts.duplicates++;
      else counts.rejected++;
    }
  }

  return {
    counts,
    ingest: ({ messages, refused }) =>
      new Promise((resolve, reject) => {
        enqueue({ kind: 'ingest', messages, refused, taken: 0, outcomes: [], resolve, reject });
      }),
    task: (work) =>
      new Promise((resolve, reject) => {
        let finish = (): void => {};
        enqueue({
          kind: 'task',
          async run(clock) {
            const { result, changed } = await work(set, clock);
            finish = () => resolve(result);
            return changed;
          },
          finish: () => finish(),
          reject,
        });
      }),
    depth: () => queue.length,
    async giveWay(tookMs) {
      const now = performance.now();
      if (now - lastIngest > LIVE_MS) return;
      do await sleep(1);
      while (running && performance.now() < now + 3 * tookMs);
    },
    writable: () => writable,
    drained: () => (running ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve()),
  };
}
