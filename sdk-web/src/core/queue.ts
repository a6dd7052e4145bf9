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
  /** What a text counts against the bounds. Default: its characters. */
  sizeOf?(text: string): number;
  /** Messages at which a batch is sent at once. */
  flushAt: number;
  /** How long a message waits for company, ms. */
  flushIntervalMs: number;
  /** Messages held at most. */
  maxMessages: number;
  /** JSON held at most, as `sizeOf` counts; a context that messages share counts once. */
  maxChars: number;
  /** JSON in one request at most, as `sizeOf` counts. */
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
/** Messages in one request; the collector takes 2,000. */
const MAX_BATCH = 500;

interface Entry {
  m: Queued;
  /** Size of its JSON. */
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
  /** Sends what fits into `room` at once, as the page may be gone next; never within a pause. */
  unload(room: number): void;
  /** Messages held. */
  size(): number;
  /** Sends again at once after a stop or a pause. */
  resume(): void;
  /** Forgets all that is held, as if it had never been taken in. */
  clear(): void;
  close(): void;
}

export function createQueue(parts: QueueParts): Queue {
  const { onLost, now, after, sizeOf = (text) => text.length } = parts;
  const waiting: Entry[] = [];
  const flying = new Set<Entry>();
  const waiters = new Set<Waiter>();
  let held = 0;
  let inFlight = 0;
  let failures = 0;
  let pausedUntil = 0;
  let stopped = false;
  let closed = false;
  let lastContext: string | undefined;
  let cancelTimer: (() => void) | null | undefined;

  const count = (): number => waiting.length + flying.size;

  function lose(entries: Entry[], code: string, message = code): void {
    settle(entries);
    onLost(
      { code, message },
      entries.map((entry) => entry.m),
    );
  }

  function settle(entries: Entry[], delivered?: boolean): void {
    for (const entry of entries) {
      held -= entry.n;
      for (const waiter of waiters) {
        if (!waiter.left.delete(entry)) continue;
        if (delivered) waiter.delivered++;
        else waiter.dropped++;
        if (!waiter.left.size) waiter.done();
      }
    }
    parts.onSettled?.(entries.map((entry) => entry.m));
  }

  /** Whether nothing may be sent now; after a pause it is looked at again. */
  function isHeldUp(): boolean {
    const pause = pausedUntil - now();
    if (pause > 0 && !closed) schedule(pause);
    return closed || stopped || pause > 0;
  }

  function schedule(ms: number): void {
    cancelTimer?.();
    // Timers count at most 24 days; a longer pause is looked at again then.
    cancelTimer = after(Math.min(ms, 1e9), () => {
      cancelTimer = null;
      pump(true);
    });
  }

  /** Sends what may go. `due`: also less than a full batch. */
  function pump(due?: boolean): void {
    if (isHeldUp()) return;
    while (inFlight < parts.maxInFlight && waiting.length && (due || waiting.length >= parts.flushAt))
      void deliver(takeBatch(parts.maxBatchChars));
    if (waiting.length && !cancelTimer && inFlight < parts.maxInFlight) schedule(parts.flushIntervalMs);
  }

  /** At least one message; more while they are alike and fit. */
  function takeBatch(room: number): Entry[] {
    const first = waiting[0] as Entry;
    let i = 0;
    for (const entry of waiting) {
      room -= entry.n;
      if (i && (entry.c !== first.c || room < 0 || i >= first.k)) break;
      i++;
    }
    return waiting.splice(0, i);
  }

  async function deliver(taken: Entry[]): Promise<void> {
    let due = waiters.size > 0;
    inFlight++;
    for (const entry of taken) flying.add(entry);
    const { status, retryAfter, body } = await parts.send(taken.map((entry) => entry.m));
    inFlight--;
    // Without those that were cleared meanwhile.
    const batch = taken.filter((entry) => flying.delete(entry));
    const isBad = status === 413 || status === 400;
    if (status >= 200 && status < 300) {
      failures = 0;
      const refused = new Map((body?.rejected ?? []).map((item) => [taken[item.index], item]));
      settle(
        batch.filter((entry) => !refused.has(entry)),
        true,
      );
      for (const entry of batch) {
        const fault = refused.get(entry);
        if (fault) lose([entry], fault.code, fault.message);
      }
      if (body) parts.onAnswer?.(body);
    } else if (status === 401 || status === 403) {
      waiting.unshift(...batch);
      if (!stopped) {
        stopped = true;
        onLost({ code: `http_${status}`, message: 'write key refused' }, []);
      }
    } else if (isBad && batch.length > 1) {
      for (const entry of batch) entry.k = (batch.length + 1) >> 1;
      waiting.unshift(...batch);
      due = true;
    } else if (isBad || (status && status < 500 && ![408, 425, 429].includes(status))) {
      lose(batch, `http_${status}`);
    } else {
      const spent = batch.filter((entry) => ++entry.t > parts.maxRetries);
      waiting.unshift(...batch.filter((entry) => entry.t <= parts.maxRetries));
      if (spent.length) lose(spent, `http_${status}`);
      // Requests that fail together are one failure.
      if (pausedUntil <= now()) failures++;
      const pause =
        Math.min((FIRST_PAUSE_MS / 2) * 2 ** failures, LAST_PAUSE_MS) * (0.5 + parts.random() / 2);
      // Retry-After is whole seconds or an HTTP date; nothing readable is none.
      const asked = retryAfter ? +retryAfter * 1000 || Date.parse(retryAfter) - now() : 0;
      pausedUntil = Math.max(pausedUntil, now() + Math.max(pause, asked || 0));
    }
    pump(due);
  }

  return {
    add(message) {
      const c = JSON.stringify(message.context) ?? '';
      const entry = {
        m: message,
        n: sizeOf(JSON.stringify({ ...message, context: 0 }) + (c === lastContext ? '' : c)),
        c,
        t: 0,
        k: MAX_BATCH,
      };
      if (closed || count() >= parts.maxMessages || held + entry.n > parts.maxChars) {
        const code = closed ? 'closed' : 'queue_full';
        onLost({ code, message: code }, [message]);
        return false;
      }
      lastContext = c;
      held += entry.n;
      waiting.push(entry);
      pump();
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
        const cancel = after(limitMs, waiter.done);
        if (!left.size) return waiter.done();
        waiters.add(waiter);
        pump(true);
      });
    },
    unload(room) {
      while (waiting.length && !isHeldUp()) {
        const first = waiting[0] as Entry;
        // Its context travels again with each batch, whoever it was counted for.
        room -= sizeOf(first.c);
        if (first.n > room) break;
        const batch = takeBatch(room);
        for (const entry of batch) room -= entry.n;
        void deliver(batch);
      }
    },
    size: count,
    resume() {
      stopped = false;
      failures = pausedUntil = 0;
      pump(true);
    },
    clear() {
      const all = [...waiting.splice(0), ...flying];
      flying.clear();
      settle(all);
    },
    close() {
      closed = true;
      cancelTimer?.();
      for (const waiter of waiters) waiter.done();
    },
  };
}
