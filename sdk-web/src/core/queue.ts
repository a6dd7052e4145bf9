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

/**
 * What came back for one request. `status` 0 is no answer at all, and neither is one below 400 whose body does
 * not say `success`: a redirect, or the page of something in between, such as a place to sign in.
 */
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
  /** Sends one batch; never rejects. Messages share one context (the same text) and one proof. */
  send(batch: Queued[], proof?: string): Promise<Answer>;
  /** Asked as a message is taken in; the answer tells its proof, as far as it is known when it is sent. */
  proofOf?(message: Queued): () => string | undefined;
  /**
   * Hears of every loss. With no messages and `http_401` or `http_403` the key was refused: nothing more
   * is sent and what waits is kept; told once.
   */
  onLost(loss: Loss, messages: Queued[]): void;
  /** A message is taken in that was nowhere before: its context as JSON, or empty, and the rest as JSON. */
  onTaken?(message: Queued, context: string, text: string): void;
  /** Messages that need no keeping any more: delivered or lost. */
  onSettled?(messages: Queued[]): void;
  onAnswer?(body: Partial<IngestAnswer>): void;
  /** Epoch ms: for a Retry-After that is a date. Pauses are the timers' own, whatever the clock does. */
  now(): number;
  /** 0 up to 1, for jitter. */
  random(): number;
  /** Calls back after `ms`; the answer cancels. */
  after(ms: number, callback: () => void): () => void;
  /** What a text counts against the bounds. */
  sizeOf(text: string): number;
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
/** Timers count at most 24 days: a longer pause is cut to this, ms. */
const LONGEST_MS = 1e9;
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
  /** Tells what proves its user: likewise. */
  p: (() => string | undefined) | undefined;
  /** Failed tries. */
  t: number;
  /** Messages its batch may have at most: halved when a batch was too large or unreadable. */
  k: number;
  /** Delivered (true) or lost; not set while it is held. */
  d?: boolean;
}

export interface Queue {
  /**
   * Takes a message in; false if it was refused (and reported).
   * @param spare it can wait: only while half of the room is free, and a refusal is not reported
   */
  add(message: Queued, spare?: boolean): boolean;
  flush(limitMs?: number): Promise<FlushResult>;
  /** Sends what fits into `room` at once, as the page may be gone next; never within a pause. */
  unload(room: number): void;
  /** Messages held. */
  size(): number;
  /** Whether nothing may be sent now: a pause, a stop, the end. */
  isHeldUp(): boolean | undefined;
  /** Sends again at once after a pause for want of an answer; what the collector asked for stays. */
  resume(): void;
  /** Nothing keeps these: where nothing may be sent now, they are lost as `queue_full`. */
  refuse(messages: Queued[]): void;
  /** Forgets all that is held, as if it had never been taken in. */
  clear(): void;
  /** @param last nothing keeps what is unsent: it is lost as `closed` */
  close(last?: boolean): void;
}

export function createQueue(parts: QueueParts): Queue {
  const { onLost, now, after, sizeOf } = parts;
  const waiting: Entry[] = [];
  const flying = new Set<Entry>();
  /** One for each flush: looks whether it is done; `late` says that it must be. */
  const waiters = new Set<(late?: boolean) => void>();
  /** One for each pause, with the status it is for: ends it. */
  const pauses = new Map<() => void, number>();
  let held = 0;
  let inFlight = 0;
  let failures = 0;
  let stopped: boolean | undefined;
  let closed: boolean | undefined;
  /** What is unsent when it is closed is lost. */
  let isLast: boolean | undefined;
  let lastContext: string | undefined;
  let cancelTimer: (() => void) | null | undefined;

  const messagesOf = (entries: Entry[]): Queued[] => entries.map((entry) => entry.m);
  const size = (): number => waiting.length + flying.size;

  function settle(entries: Entry[], delivered = false): void {
    for (const entry of entries) {
      held -= entry.n;
      entry.d = delivered;
    }
    parts.onSettled?.(messagesOf(entries));
    for (const look of waiters) look();
  }

  function lose(entries: Entry[], code: string, message = code): void {
    settle(entries);
    if (entries.length) onLost({ code, message }, messagesOf(entries));
  }

  const isHeldUp = (): boolean | undefined => closed || stopped || pauses.size > 0;

  function pause(ms: number, status: number): void {
    const end = (): void => {
      cancel();
      pauses.delete(end);
      pump(true);
    };
    const cancel = after(Math.min(ms, LONGEST_MS), end);
    pauses.set(end, status);
  }

  /** Sends what may go. `due`: also less than a full batch. */
  function pump(due?: boolean): void {
    if (isHeldUp()) return;
    while (inFlight < parts.maxInFlight && waiting.length && (due || waiting.length >= parts.flushAt))
      deliver(parts.maxBatchChars);
    if (waiting.length && !cancelTimer && inFlight < parts.maxInFlight)
      cancelTimer = after(parts.flushIntervalMs, () => {
        cancelTimer = null;
        pump(true);
      });
  }

  /** Sends at least one message; more while they are alike and fit. Answers what room is left. */
  function deliver(room: number): number {
    const first = waiting[0] as Entry;
    const proof = first.p?.();
    let i = 0;
    for (const entry of waiting) {
      if (i && (entry.c !== first.c || room < entry.n || i >= first.k || entry.p?.() !== proof)) break;
      room -= entry.n;
      i++;
    }
    const batch = waiting.splice(0, i);
    for (const entry of batch) flying.add(entry);
    inFlight++;
    void parts.send(messagesOf(batch), proof).then((answer) => {
      inFlight--;
      pump(take(answer, batch));
    });
    return room;
  }

  /** What an answer means for its batch. Answers whether the next is due. */
  function take({ status: given, retryAfter, body }: Answer, sent: Entry[]): boolean {
    const status = given < 400 && !body?.success ? 0 : given;
    // Without those that were cleared meanwhile.
    const batch = sent.filter((entry) => flying.delete(entry));
    const code = `http_${status}`;
    if (status && status < 400) {
      failures = 0;
      const faults = new Map(body?.rejected?.map((item) => [sent[item.index], item]));
      settle(
        batch.filter((entry) => !faults.has(entry)),
        true,
      );
      for (const entry of batch) {
        const fault = faults.get(entry);
        if (fault) lose([entry], fault.code, fault.message);
      }
      if (body) parts.onAnswer?.(body);
    } else if (!status || status > 499 || /408|42[59]/.test(code)) {
      const spent = batch.filter((entry) => ++entry.t > parts.maxRetries);
      waiting.unshift(...batch.filter((entry) => entry.t <= parts.maxRetries));
      lose(spent, code);
      // Requests that fail together are one failure.
      if (!pauses.size) failures++;
      const patience =
        Math.min((FIRST_PAUSE_MS / 4) * 2 ** failures, LAST_PAUSE_MS / 2) * (1 + parts.random());
      // Retry-After is whole seconds or an HTTP date; nothing readable is none.
      const asked = retryAfter ? +retryAfter * 1000 || Date.parse(retryAfter) - now() : 0;
      pause(Math.max(patience, asked || 0), status);
    } else if (/40[13]/.test(code)) {
      waiting.unshift(...batch);
      if (!stopped) onLost({ code, message: code }, []);
      stopped = true;
    } else if (/400|413/.test(code) && batch.length > 1) {
      for (const entry of batch) entry.k = (batch.length + 1) >> 1;
      waiting.unshift(...batch);
      return true;
    } else lose(batch, code);
    if (isLast) lose(waiting.splice(0), 'closed');
    return waiters.size > 0;
  }

  return {
    add(message, spare) {
      const c = JSON.stringify(message.context) ?? '';
      const text = JSON.stringify({ ...message, context: 0 });
      const n = sizeOf(c === lastContext ? text : text + c);
      const wanted = spare ? parts.maxChars / 2 : n;
      if (closed || size() >= parts.maxMessages || held + wanted > parts.maxChars) {
        const code = closed ? 'closed' : 'queue_full';
        if (!spare) onLost({ code, message: code }, [message]);
        return false;
      }
      if (!spare) parts.onTaken?.(message, c, text);
      lastContext = c;
      held += n;
      waiting.push({ m: message, n, c, p: parts.proofOf?.(message), t: 0, k: MAX_BATCH });
      pump();
      return true;
    },
    flush: (limitMs = FLUSH_LIMIT_MS) =>
      new Promise((resolve) => {
        const all = [...waiting, ...flying];
        const count = (d?: boolean): number => all.filter((entry) => entry.d === d).length;
        const look = (late?: boolean): void => {
          const pending = count();
          if (pending && !late) return;
          cancel();
          waiters.delete(look);
          resolve({ delivered: count(true), pending, dropped: count(false) });
        };
        const cancel = after(limitMs, () => look(true));
        waiters.add(look);
        pump(true);
        look();
      }),
    unload(room) {
      // A context travels again with each batch, whoever it was counted for.
      for (let first = waiting[0]; first && !isHeldUp(); first = waiting[0]) {
        room -= sizeOf(first.c);
        if (room < first.n) break;
        room = deliver(room);
      }
    },
    size,
    isHeldUp,
    resume() {
      for (const [end, status] of pauses)
        if (!status) {
          failures = 0;
          end();
        }
      pump(true);
    },
    refuse(messages) {
      if (!isHeldUp()) return;
      for (const message of messages) {
        const place = waiting.findIndex((entry) => entry.m === message);
        if (place >= 0) lose(waiting.splice(place, 1), 'queue_full');
      }
    },
    clear() {
      const all = [...waiting.splice(0), ...flying];
      flying.clear();
      settle(all);
    },
    close(last) {
      closed = true;
      isLast = last;
      cancelTimer?.();
      for (const [end] of pauses) end();
      if (last) lose(waiting.splice(0), 'closed');
      for (const look of waiters) look(true);
    },
  };
}
