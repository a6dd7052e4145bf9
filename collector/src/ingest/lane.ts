// The single-writer lane: everything that changes the store goes through it, one piece at a time.
// Invariant: an ingest resolves only after the commit that holds its last message; what is computed in one
// go and what one commit holds is bounded, so that nobody waits long behind it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { AcceptedMessage, RefusedMessage } from '../wire/accepted.ts';
import { breathe } from './breathe.ts';
import { type Outcome, Overloaded } from './core.ts';
import { arriveDue } from './due.ts';
import { type Amount, createFairQueue, type Part, type Sender } from './fair-queue.ts';
import { createFoldBeside, type Waiting } from './fold-beside.ts';
import { areCurrent, type Folds } from './folds.ts';
import { ingestSlice, nothingFresh } from './ingest-slice.ts';
import { countOutcomes, countRejected, type LaneCounts, noCounts } from './lane-counts.ts';
import {
  bytesOf,
  costs,
  cutAt,
  fitting,
  messagesOf,
  placeOf,
  type Requests,
  refusedOf,
  type Times,
} from './lane-slice.ts';
import { measure, type Spread } from './spread.ts';
import type { WorkingSet } from './working-set.ts';

/** Messages computed in one go, some 6 ms; between two slices new requests come in. */
const SLICE_MESSAGES = 200;
/**
 * Messages in one commit at most, where so many wait. A page of the database that several of them change is
 * written once: 1.9 pages a message at 200, 1.2 at 600; 2,000 cost some 3 % less CPU a message than 1,000. Storing so
 * many that were computed before takes some 25 ms.
 */
const GROUP_MESSAGES = 2_000;
/**
 * A slice also ends after so much work, ms, and begins a new turn: one message of a person with a long history may
 * cost more than 200 ordinary ones. Speed only: no result depends on it.
 */
const SLICE_MS = 10;
/** Work and text of one commit: whoever is in it waits for all of it. */
const GROUP_MS = 50;
/**
 * More work where commits are dear (somebody's row is large, the disk slow): two thirds of the time go to it. The
 * cheaper one of the last two decides, for one alone may have waited while the log was copied.
 */
const GROUP_COMMITS = 2;
const GROUP_BYTES = 2 * 1024 * 1024;
/**
 * A message that has people with so many messages folded anew waits while that is done beside the lane: some 5 ms of
 * work, about as long as a slice of others.
 */
const FOLD_BESIDE_MESSAGES = 500;
/** How often people are folded anew for a message while others send theirs; then the lane folds them, and all wait. */
const MAX_TRIES = 3;
/** Messages that may wait: some two seconds of work. Whoever waits longer is better told to come again. */
const MAX_WAITING_MESSAGES = 20_000;
/** Their text; what they were parsed into takes a few times as much. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** Who sends where nobody said so: imports and replays, which wait for each answer. */
const INSIDE: Sender = { key: '', address: '' };
/** What commits are told apart by, seconds: an fsync takes 0.2 to 0.4 ms, 2,000 messages some 25. */
const COMMIT_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
/** Messages count as arriving while the last ones are not older than this, ms. */
const LIVE_MS = 100;

export interface Lane {
  /** @throws Overloaded when too much waits already and most of it is the same sender's */
  ingest(input: {
    messages: AcceptedMessage[];
    refused: RefusedMessage[];
    sender?: Sender | undefined;
  }): Promise<Outcome[]>;
  /**
   * Runs `work` alone, between commits, after all messages due by its clock took effect; what it
   * recorded is committed if it says `changed`; `lazily`: what can be computed again need not be on the disk yet.
   */
  task<T>(work: (set: WorkingSet, clock: number) => Promise<Done<T>>): Promise<T>;
  /** Requests and tasks waiting. */
  depth(): number;
  /** Messages and bytes of their text waiting. */
  waiting(): Amount;
  /**
   * Lets messages go first after work of `tookMs` that nobody waits for, up to three quarters of the time;
   * returns at once while none arrive.
   */
  giveWay(tookMs: number): Promise<void>;
  counts: LaneCounts;
  /** What storing messages took. */
  commits(): Spread;
  /** False after a failed commit, until one succeeds. */
  writable(): boolean;
  /** Resolves when all that is queued now is done. */
  drained(): Promise<void>;
}

export interface Done<T> {
  result: T;
  changed: boolean | 'lazily';
}

interface IngestJob extends Requests {
  /** None of its messages waits any more for people to be folded. */
  foldsOnLane: boolean;
  outcomes: Outcome[];
  resolve(outcomes: Outcome[]): void;
  reject(error: unknown): void;
}
interface TaskJob {
  run(clock: number): Promise<Done<unknown>['changed']>;
  finish(): void;
  reject(error: unknown): void;
}

export interface LaneOptions {
  now: () => number;
  /** A working set over the same store, as it is after the last commit. */
  copy: () => WorkingSet;
  /** Milliseconds of real time, which only decide how much is done in one go. */
  elapsed?: (() => number) | undefined;
  /** From how many messages on people are folded beside the lane. Default 500. */
  foldBesideFromMessages?: number | undefined;
  /** Hears of what failed inside and was made good. */
  onTrouble?: ((error: unknown) => void) | undefined;
}

export function createLane(
  set: WorkingSet,
  {
    now,
    copy,
    elapsed = () => performance.now(),
    foldBesideFromMessages = FOLD_BESIDE_MESSAGES,
    onTrouble,
  }: LaneOptions,
): Lane {
  const queue = createFairQueue<IngestJob>({ messages: MAX_WAITING_MESSAGES, bytes: MAX_WAITING_BYTES });
  const tasks: TaskJob[] = [];
  const commits = measure(COMMIT_BOUNDS);
  const counts = noCounts();
  let running = false;
  let writable = true;
  let idle: (() => void)[] = [];
  let lastIngest = Number.NEGATIVE_INFINITY;
  /** What the last two commits of messages took, ms. */
  let [commitMs, commitMsBefore] = [0, 0];
  const beside = createFoldBeside<IngestJob>(set, { now, copy, onMade: begin, onTrouble });

  function begin(): void {
    if (running) return;
    running = true;
    // Not at once: requests that arrive in the same turn of the loop share the commit.
    setImmediate(run);
  }

  /** Messages and everything else in turn, so that neither holds up the other. */
  async function run(): Promise<void> {
    while (tasks.length > 0 || hasMessages()) {
      const task = tasks.shift();
      if (task) {
        await runTask(task);
        await breathe();
      }
      if (!hasMessages()) continue;
      await runGroup();
      await breathe();
    }
    running = false;
    // Some wait for people to be folded; then it goes on.
    if (beside.jobs() > 0) return;
    for (const wake of idle) wake();
    idle = [];
  }

  const hasMessages = (): boolean => queue.jobs() > 0 || beside.isMade();

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

  /** Slices computed one after another while more is waiting, then stored together. */
  async function runGroup(): Promise<void> {
    const group: Part<IngestJob>[] = [];
    const outcomes: Outcome[] = [];
    const fresh = nothingFresh();
    const mostMs = Math.max(GROUP_MS, GROUP_COMMITS * Math.min(commitMs, commitMsBefore));
    let [clock, items, bytes, worked] = [now(), 0, 0, 0];
    const opened = elapsed();
    let slice: Part<IngestJob>[] = [];
    let isLast = false;
    let waiting: Waiting<IngestJob> | null = null;
    const prepared = takePrepared();
    if (prepared) slice = [prepared.part];
    else if (queue.jobs() === 0) return;
    try {
      for (;;) {
        const folds = group.length === 0 ? prepared?.folds : undefined;
        if (slice.length === 0)
          slice = fitting(queue, queue.take(Math.min(SLICE_MESSAGES, GROUP_MESSAGES - items)));
        clock = now();
        await arriveDue(set, clock);
        const messages = slice.flatMap(messagesOf);
        const begun = elapsed();
        const times: Times = { begun, through: [], late: [], over: begun };
        const done = await ingestSlice(set, messages, {
          clock,
          fresh,
          begin() {
            times.begun = elapsed();
          },
          through(isLate) {
            const time = elapsed();
            times.through.push(time);
            times.late.push(isLate);
            return time > begun + SLICE_MS || set.isFull();
          },
          folds,
          waits: (count, nth) => count >= foldBesideFromMessages && !placeOf(slice, nth).job.foldsOnLane,
        });
        times.over = elapsed();
        // Without what the loop did between slices: other requests are read then.
        worked += times.over - begun;
        const reached = done.outcomes.length;
        const next = messages[reached];
        if (next && done.nextWaits) waiting = { message: next, ...placeOf(slice, reached), tries: 0 };
        if (next) slice = cutAt(queue, slice, reached);
        for (const { sender, messages, ms } of costs(slice, times)) queue.charge(sender, messages, ms);
        group.push(...slice);
        outcomes.push(...done.outcomes);
        items += slice.reduce((sum, { from, to }) => sum + to - from, 0);
        bytes += slice.reduce((sum, part) => sum + bytesOf(part), 0);
        slice = [];
        // Requests that arrived meanwhile are read, and share the commit: once, where nothing else waits. As long as
        // some arrive in each turn of the loop it would never end.
        if (queue.jobs() === 0) {
          if (isLast) break;
          isLast = true;
        }
        await breathe();
        if (waiting || queue.jobs() === 0 || tasks.length > 0) break;
        if (items >= GROUP_MESSAGES || bytes >= GROUP_BYTES) break;
        // Whoever sends little does not wait for more of those who send much, nor for messages that take long.
        if (group.some(isDone)) break;
        // What the loop does between slices is no work of theirs, but they wait for it.
        if (elapsed() > opened + 2 * mostMs) break;
        // Until it is stored nobody would see that its time has come.
        if (worked > mostMs || set.isFull() || messages.some(({ time }) => time > clock)) break;
      }
      const refused = group.flatMap(refusedOf);
      if (refused.length > 0) set.record({ refused });
      const from = elapsed();
      await commit(clock);
      [commitMs, commitMsBefore] = [elapsed() - from, commitMs];
      commits.add(commitMs / 1_000);
      countOutcomes(counts, outcomes);
      for (const { code } of refused) countRejected(counts, code);
    } catch (error) {
      set.forget();
      for (const { job } of [...group, ...slice]) {
        queue.drop(job);
        job.reject(error);
      }
      return;
    } finally {
      if (prepared) beside.done();
    }
    lastIngest = performance.now();
    let at = 0;
    for (const part of group) {
      const { job, to } = part;
      const { length } = messagesOf(part);
      job.outcomes.push(...outcomes.slice(at, at + length));
      at += length;
      if (to === job.size) job.resolve(job.outcomes);
    }
    if (waiting && queue.drop(waiting.job)) foldFor(waiting);
  }

  /** Keeps a request out of the queue until people are folded for its next message. */
  function foldFor(waiting: Waiting<IngestJob>): void {
    for (const { job, at } of beside.add(waiting)) {
      // Whoever sends so many of them pays with turns.
      job.foldsOnLane = true;
      queue.giveBack([{ job, from: at, to: job.size }], null);
    }
  }

  /** The message that people were folded for, to be put through by itself; if they changed since, it waits again. */
  function takePrepared(): { part: Part<IngestJob>; folds: Folds | null } | null {
    const prepared = beside.take();
    if (!prepared) return null;
    const { folds, message, job, at, tries } = prepared;
    if (tries < MAX_TRIES && !(folds && areCurrent(set, folds))) {
      foldFor({ message, job, at, tries: tries + 1 });
      beside.done();
      return null;
    }
    if (at + 1 < job.size) queue.giveBack([{ job, from: at + 1, to: job.size }], job.sender);
    return { part: { job, from: at, to: at + 1 }, folds };
  }

  /** The part's key has no more waiting, or its address has no more and all others' messages are dear. */
  function isDone({ job }: Part<IngestJob>): boolean {
    const { key, address } = job.sender;
    return !queue.isWaiting(key) || (!queue.isWaiting(key, address) && queue.areAllDear());
  }

  return {
    counts,
    commits: () => commits.spread(),
    ingest: ({ messages, refused, sender = INSIDE }) =>
      new Promise((resolve, reject) => {
        const size = messages.length + refused.length;
        const bytes = [...messages, ...refused].reduce((sum, { text }) => sum + text.length, 0);
        const gone = queue.add({
          messages,
          refused,
          sender,
          size,
          bytes,
          outcomes: [],
          foldsOnLane: false,
          resolve,
          reject,
        });
        counts.overloaded += gone.length;
        for (const job of gone) job.reject(new Overloaded('too much waits for being stored'));
        begin();
      }),
    task: (work) =>
      new Promise((resolve, reject) => {
        let finish = (): void => {};
        tasks.push({
          async run(clock) {
            const { result, changed } = await work(set, clock);
            finish = () => resolve(result);
            return changed;
          },
          finish: () => finish(),
          reject,
        });
        begin();
      }),
    depth: () => tasks.length + queue.jobs() + beside.jobs(),
    waiting() {
      const [here, there] = [queue.waiting(), beside.waiting()];
      return { messages: here.messages + there.messages, bytes: here.bytes + there.bytes };
    },
    async giveWay(tookMs) {
      const now = performance.now();
      if (now - lastIngest > LIVE_MS) return;
      do await sleep(1);
      while (running && performance.now() < now + 3 * tookMs);
    },
    writable: () => writable,
    drained: () =>
      running || beside.jobs() > 0 ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve(),
  };
}
