// The queue both SDKs share: bounded, batched, retried until answered or reported lost.
// Invariant: every message taken in is in the end delivered, held, or told to `onLost` exactly once;
// its messageId and timestamp never change.
import type { IngestAnswer } from '../../../collector/src/wire/message.ts';

/** A message as it waits: an object that JSON can write, complete but for `sentAt`. */
export interface Queued {
  messageId: string;
  context?: unknown;
  [field: string]: unknown;
}

/** What came back for one request. `status` 0 is no answer at all. */
export interface Answer {
  status: number;
  /** The Retry-After header as it came, or null. */
  retryAfter?: string | null;
  body?: Partial<IngestAnswer> | null;
}

export interface Loss {
  /** `queue_full`, `closed`, `http_<status>` (`http_0`: no answer), or a rejection code of the collector. */
  code: string;
  /** The collector's words where it gave some, else the code. */
  message: string;
}

export interface FlushResult {
  delivered: number;
  pending: number;
  dropped: number;
}

export interface QueueParts {
  /** Sends one batch; never rejects. Messages share one context (the same text). */
  send(batch: Queued[]): Promise<Answer>;
  /**
   * Hears of every loss. With no messages and `http_401` or `http_403` the key was refused: nothing more
   * is sent and what waits is kept; told once.
   */
  onLost(loss: Loss, messages: Queued[]): void;
  /** Messages that need no keeping any more: delivered or lost. */
  onSettled?(messages: Queued[]): void;
  onAnswer?(body: Partial<IngestAnswer>): void;
  now(): number;
  /** 0 up to 1, for jitter. */
  random(): number;
  /** Calls back after `ms`; the answer cancels. */
  after(ms: number, callback: () => void): () => void;
  /** Messages at which a batch is sent at once. */
  flushAt: number;
  /** How long a message waits for company, ms. */
  flushIntervalMs: number;
  /** Messages held at most. */
  maxMessages: number;
  /** JSON characters held at most. */
  maxChars: number;
  /** JSON characters in one request at most. */
  maxBatchChars: number;
  maxInFlight: number;
  /** Tries of one message after the first; Infinity by default in both SDKs. */
  maxRetries: number;
}

/** First pause after a failure, ms; doubled each time, with jitter. */
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 60_000;
/** `flush` answers by then, whatever the network does, ms. */
export const FLUSH_LIMIT_MS = 5_000;

interface Entry {
  m: Queued;
  /** Characters of its JSON. */
  n: number;
  /** Its context's text: messages of one batch share it. */
  c: string;
  /** Failed tries. */
  t: number;
  /** Messages its batch may have at most: halved when a batch was too large or unreadable. */
  k: number;
}

interface Waiter {
  left: Set<Entry>;
  done(): void;
  delivered: number;
  dropped: number;
}

export interface Queue {
  /** Takes a message in; false if it was refused (and reported). */
  add(message: Queued): boolean;
  flush(limitMs?: number): Promise<FlushResult>;
  /** Takes what waits out of the queue, up to so many JSON characters: for sending while unloading. */
  peek(maxChars: number): Queued[][];
  /** Messages held. */
  size(): number;
  /** Sends again at once after a stop or a pause. */
  resume(): void;
  close(): void;
}

export function createQueue(parts: QueueParts): Queue {
  const waiting: Entry[] = [];
  const flying = new Set<Entry>();
  const waiters = new Set<Waiter>();
  let chars = 0;
  let inFlight = 0;
  let failures = 0;
  let pausedUntil = 0;
  let stopped = false;
  let closed = false;
  let cancelTimer: (() => void) | null = null;

  const held = (): number => waiting.length + flying.size;

  function lose(entries: Entry[], code: string, message = code): void {
    settle(entries, false);
    parts.onLost(
      { code, message },
      entries.map((entry) => entry.m),
    );
  }

  function settle(entries: Entry[], delivered: boolean): void {
    for (const entry of entries) {
      flying.delete(entry);
      chars -= entry.n;
      for (const waiter of waiters) {
        if (!waiter.left.delete(entry)) continue;
        if (delivered) waiter.delivered++;
        else waiter.dropped++;
        if (!waiter.left.size) waiter.done();
      }
    }
    parts.onSettled?.(entries.map((entry) => entry.m));
  }

  function schedule(ms: number): void {
    cancelTimer?.();
    // Timers count at most 24 days; a longer pause is looked at again then.
    cancelTimer = parts.after(Math.min(ms, 1e9), () => {
      cancelTimer = null;
      pump(true);
    });
  }

  /** Sends what may go. `due`: also less than a full batch. */
  function pump(due: boolean): void {
    const pause = pausedUntil - parts.now();
    if (closed || stopped) return;
    if (pause > 0) {
      schedule(pause);
      return;
    }
    while (inFlight < parts.maxInFlight && waiting.length && (due || waiting.length >= parts.flushAt))
      void deliver(takeBatch());
    if (waiting.length && !cancelTimer && inFlight < parts.maxInFlight) schedule(parts.flushIntervalMs);
  }

  function takeBatch(): Entry[] {
    let n = 0;
    let count = 0;
    const first = waiting[0] as Entry;
    for (const entry of waiting) {
      if (count && (entry.c !== first.c || n + entry.n > parts.maxBatchChars || count >= first.k)) break;
      n += entry.n;
      count++;
    }
    return waiting.splice(0, count);
  }

  async function deliver(batch: Entry[]): Promise<void> {
    let due = waiters.size > 0;
    inFlight++;
    for (const entry of batch) flying.add(entry);
    const { status, retryAfter, body } = await parts.send(batch.map((entry) => entry.m));
    inFlight--;
    for (const entry of batch) flying.delete(entry);
    if (status >= 200 && status < 300) {
      failures = 0;
      const refused = new Map((body?.rejected ?? []).map((item) => [item.index, item]));
      settle(
        batch.filter((_, i) => !refused.has(i)),
        true,
      );
      for (const [i, { code, message }] of refused) if (batch[i]) lose([batch[i]], code, message);
      if (body) parts.onAnswer?.(body);
    } else if (status === 401 || status === 403) {
      waiting.unshift(...batch);
      if (!stopped) {
        stopped = true;
        lose([], `http_${status}`, 'write key refused');
      }
    } else if ((status === 413 || status === 400) && batch.length > 1) {
      for (const entry of batch) entry.k = (batch.length + 1) >> 1;
      waiting.unshift(...batch);
      due = true;
    } else if (status && status !== 408 && status !== 425 && status !== 429 && status < 500) {
      lose(batch, `http_${status}`);
    } else {
      retry(batch, status, retryAfter);
    }
    pump(due);
  }

  function retry(batch: Entry[], status: number, retryAfter: string | null | undefined): void {
    const spent = batch.filter((entry) => ++entry.t > parts.maxRetries);
    waiting.unshift(...batch.filter((entry) => entry.t <= parts.maxRetries));
    if (spent.length) lose(spent, `http_${status}`);
    // Requests that fail together are one failure.
    if (pausedUntil <= parts.now()) failures++;
    const pause = Math.min((FIRST_PAUSE_MS / 2) * 2 ** failures, LAST_PAUSE_MS) * (0.5 + parts.random() / 2);
    pausedUntil = Math.max(
      pausedUntil,
      parts.now() + Math.max(pause, readRetryAfter(retryAfter, parts.now())),
    );
  }

  return {
    add(message) {
      const text = JSON.stringify(message);
      const entry = {
        m: message,
        n: text.length,
        c: JSON.stringify(message.context) ?? '',
        t: 0,
        k: MAX_BATCH,
      };
      if (closed || held() >= parts.maxMessages || chars + entry.n > parts.maxChars) {
        const code = closed ? 'closed' : 'queue_full';
        parts.onLost({ code, message: code }, [message]);
        return false;
      }
      chars += entry.n;
      waiting.push(entry);
      pump(false);
      return true;
    },
    flush(limitMs = FLUSH_LIMIT_MS) {
      return new Promise((resolve) => {
        const left = new Set([...waiting, ...flying]);
        const waiter: Waiter = {
          left,
          delivered: 0,
          dropped: 0,
          done() {
            cancel();
            waiters.delete(waiter);
            resolve({ delivered: waiter.delivered, pending: left.size, dropped: waiter.dropped });
          },
        };
        const cancel = parts.after(limitMs, waiter.done);
        if (!left.size) return waiter.done();
        waiters.add(waiter);
        pump(true);
      });
    },
    peek(maxChars) {
      const batches: Queued[][] = [];
      let room = maxChars;
      let last: Entry | undefined;
      for (const entry of waiting) {
        // The context travels once a batch.
        const shared = last?.c === entry.c;
        const cost = entry.n - (shared ? entry.c.length : 0);
        if (cost > room) break;
        room -= cost;
        if (shared) (batches[batches.length - 1] as Queued[]).push(entry.m);
        else batches.push([entry.m]);
        last = entry;
      }
      return batches;
    },
    size: held,
    resume() {
      stopped = false;
      failures = 0;
      pausedUntil = 0;
      pump(true);
    },
    close() {
      closed = true;
      cancelTimer?.();
      for (const waiter of waiters) waiter.done();
    },
  };
}

/** Messages in one request; the collector takes 2,000. */
const MAX_BATCH = 500;

/** Whole seconds or an HTTP date, to ms from now; nothing readable is 0. */
function readRetryAfter(value: string | null | undefined, now: number): number {
  return Math.max(0, value ? +value * 1000 || Date.parse(value) - now : 0) || 0;
}
