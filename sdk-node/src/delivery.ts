// What the client holds: bounded by count and bytes, on disk too where there is a spool, and on its way.
// Invariant: every entry taken in is answered for once, kept on disk, or given back by `abandon`.
import { MAX_MESSAGE_BYTES } from '../../collector/src/wire/message.ts';
import {
  createQueue,
  FLUSH_LIMIT_MS,
  type FlushResult,
  type Loss,
  type Queued,
} from '../../sdk-web/src/core/queue.ts';
import { Held } from './held.ts';
import type { Host } from './host.ts';
import type { Settings } from './options.ts';
import type { Sender } from './sender.ts';
import type { Shelf } from './shelf.ts';
import type { Recovered, Spool } from './spool.ts';

/** JSON characters of the weighed messages of a request; with the light ones within the collector's 4 MiB. */
const MAX_BATCH_CHARS = 500_000;
/** More would only queue in the collector's one lane. */
const MAX_IN_FLIGHT = 4;

export interface DeliveryParts {
  settings: Settings;
  host: Host;
  sender: Sender;
  spool: Spool | null;
  shelf: Shelf;
  /** Entries that are lost; with none and `http_401` or `http_403` the key was refused. */
  onLost(loss: Loss, entries: Held[]): void;
  onDelivered(entries: Held[]): void;
  /** The first entry is held, or the last one is gone. */
  onBusy(isBusy: boolean): void;
}

export interface Delivery {
  /** Takes an entry in; false if there is no room for it now. */
  add(entry: Held): boolean;
  /** Whether there is room for it in an empty queue. */
  fits(entry: Held): boolean;
  /** As the client's `flush`; also waits for what an earlier process left on disk, not for what cannot be sent. */
  flush(limitMs?: number): Promise<FlushResult>;
  /** As the client's `drain`. */
  drain(limitMs?: number): Promise<boolean>;
  size(): number;
  /** Whether the collector refused the key. */
  isStopped(): boolean;
  /** Sends no more; answers what it held, for `place` to tell what is on disk. */
  close(): Held[];
  /** What is held, while the process ends. */
  abandon(): Held[];
}

/** The queue gives back what `add` gave it, and that is always this. */
const ownEntries = (entries: Queued[]): Held[] => entries as Held[];

export function createDelivery(parts: DeliveryParts): Delivery {
  const { settings, host, sender, spool, shelf } = parts;
  const held = new Set<Held>();
  const draining = new Set<(hasRoom: boolean) => void>();
  let bytes = 0;
  let recovered = 0;
  /** What was refused last for want of room: `drain` waits until that would fit. */
  let wantedBytes = 0;
  let isCrowded = false;
  let isStopped = false;
  let isClosed = false;

  /** Requests under way. */
  let inFlight = 0;
  /** The queue's timers, by what they do. */
  const timers = new Set<() => void>();

  const queue = createQueue({
    send: (entries) => {
      inFlight++;
      const answer = sender.send(ownEntries(entries).map((entry) => entry.bytes));
      // The queue hears of the answer between these two.
      void answer.then(() => {
        inFlight--;
        queueMicrotask(endWaits);
      });
      return answer;
    },
    onLost: (loss, entries) => (entries.length > 0 ? lose(loss, ownEntries(entries)) : stop(loss)),
    // The queue settles what it lost just before it says so: delivered is what was not told by then.
    onSettled: (entries) => queueMicrotask(() => deliver(ownEntries(entries))),
    now: host.now,
    random: host.random,
    sizeOf: (text) => text.length,
    after: startTimer,
    flushAt: settings.flushAt,
    flushIntervalMs: settings.flushIntervalMs,
    // Bounded here, by the bytes too.
    maxMessages: Number.POSITIVE_INFINITY,
    maxChars: Number.POSITIVE_INFINITY,
    maxBatchChars: MAX_BATCH_CHARS,
    maxInFlight: MAX_IN_FLIGHT,
    maxRetries: settings.maxRetries,
  });

  function startTimer(ms: number, callback: () => void): () => void {
    const run = (): void => {
      cancel();
      callback();
    };
    const stopTimer = host.after(ms, run);
    const cancel = (): void => {
      timers.delete(run);
      stopTimer();
    };
    timers.add(run);
    return cancel;
  }

  /** A refused key, and nothing under way: the queue's flushes would wait out their limits for nothing. */
  function endWaits(): void {
    if (isStopped && inFlight === 0) for (const run of [...timers]) run();
  }

  const isRoomy = (): boolean =>
    held.size <= settings.maxQueue / 2 &&
    bytes <= Math.min(settings.maxQueueBytes / 2, settings.maxQueueBytes - wantedBytes);

  function hold(entry: Held): void {
    if (held.size === 0) parts.onBusy(true);
    held.add(entry);
    bytes += entry.size;
    // Full, or so full that the next message may not fit: `drain` waits from here on.
    if (held.size >= settings.maxQueue || bytes + MAX_MESSAGE_BYTES > settings.maxQueueBytes)
      isCrowded = true;
    queue.add(entry);
  }

  /** Those of them that were still held. */
  function release(entries: Held[]): Held[] {
    const released = entries.filter((entry) => held.delete(entry));
    for (const entry of released) {
      bytes -= entry.size;
      if (entry.isRecovered) recovered--;
    }
    spool?.settle(released);
    return released;
  }

  function deliver(entries: Held[]): void {
    const delivered = release(entries);
    if (delivered.length > 0) parts.onDelivered(delivered);
    afterRelease(delivered.length);
  }

  function lose(loss: Loss, entries: Held[]): void {
    // An aborted request may be given up again by the queue: it was told already.
    const lost = release(entries);
    if (lost.length > 0) parts.onLost(loss, lost);
    afterRelease(lost.length);
  }

  function afterRelease(count: number): void {
    if (isRoomy()) {
      isCrowded = false;
      for (const done of draining) done(true);
    }
    // After those that wait: what is on disk would take the room again and again.
    takeRecovered();
    if (count > 0 && held.size === 0) parts.onBusy(false);
  }

  function stop(loss: Loss): void {
    isStopped = true;
    for (const done of draining) done(false);
    parts.onLost({ ...loss, message: 'write key refused' }, []);
  }

  /** Of what an earlier process left as much as leaves half of the room for new calls. */
  function takeRecovered(): void {
    if (isClosed || isStopped || !isRoomy()) return;
    spool?.feed((found) => {
      if (!isRoomy()) return false;
      recovered++;
      hold(toHeld(found));
      return true;
    });
  }

  /** All that is held; what was in memory only goes to disk if that works by now. */
  function keepAll(): Held[] {
    if (spool) for (const entry of held) if (!entry.place) entry.keepIn(spool.write(entry.bytes));
    return [...held];
  }

  function toHeld({ text, place }: Recovered): Held {
    const entry = new Held(shelf.put(text));
    entry.keepIn(place, true);
    return entry;
  }

  spool?.onFound(takeRecovered);
  takeRecovered();

  return {
    add(entry) {
      if (held.size >= settings.maxQueue || bytes + entry.size > settings.maxQueueBytes) {
        isCrowded = true;
        wantedBytes = entry.size;
        return false;
      }
      wantedBytes = 0;
      if (spool) entry.keepIn(spool.write(entry.bytes));
      hold(entry);
      return true;
    },
    fits: (entry) => entry.size <= settings.maxQueueBytes,
    async flush(limitMs = FLUSH_LIMIT_MS) {
      const end = host.elapsed() + limitMs;
      const total = { delivered: 0, pending: 0, dropped: 0 };
      for (;;) {
        const flushed = queue.flush(Math.max(0, end - host.elapsed()));
        endWaits();
        const { delivered, pending, dropped } = await flushed;
        total.delivered += delivered;
        total.dropped += dropped;
        total.pending = pending;
        // What the queue just settled is released in a microtask, and makes room for what is on disk.
        await Promise.resolve();
        if (recovered === 0 || pending > 0 || isClosed || isStopped || host.elapsed() >= end) return total;
      }
    },
    drain(limitMs) {
      if (isClosed || isStopped) return Promise.resolve(false);
      if (!isCrowded || isRoomy()) return Promise.resolve(true);
      void queue.flush(0); // sends what would still wait for company
      const release = host.keepAlive();
      return new Promise((resolve) => {
        const done = (hasRoom: boolean): void => {
          draining.delete(done);
          cancel?.();
          release();
          resolve(hasRoom);
        };
        const cancel = limitMs === undefined ? undefined : host.after(limitMs, () => done(false));
        draining.add(done);
      });
    },
    size: () => held.size,
    isStopped: () => isStopped,
    close() {
      isClosed = true;
      queue.close();
      const rest = keepAll();
      held.clear();
      sender.abort();
      spool?.close();
      for (const done of draining) done(false);
      if (rest.length > 0) parts.onBusy(false);
      return rest;
    },
    abandon: keepAll,
  };
}
