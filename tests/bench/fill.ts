// Fills a collector with the benchmark's messages, as fast as it takes them.
// Invariant: times move forward with the messages, as they do where a file grows to that size; ids never repeat.
import { createRandom } from '../random.ts';
import type { Caller } from './live.ts';
import { tell } from './report.ts';
import { message } from './traffic.ts';

export interface Filling {
  /** Messages sent before, and once this is done. */
  from: number;
  to: number;
  /** Everybody sends one message first; from then on somebody comes and sends a few at a time. */
  people: number;
  /** Times of the first message and of the last, epoch ms. */
  since: number;
  until: number;
  /** Looked at between two batches: ends it early. */
  isFull?: () => boolean;
}

/** Below the size from which on bodies are read on a thread, which costs more than it gains here. */
const BATCH = 250;
/** Batches under way: some are read while others are stored, up to eight in a commit. */
const AT_ONCE = 16;
/** Messages somebody sends in a row, as on a visit. */
const VISIT = 5;
/** A message may be this much earlier than its place in the order says, ms. */
const JITTER_MS = 60_000;

/** @returns how many messages there are now */
export async function fill(caller: Caller, filling: Filling): Promise<number> {
  const { from, to, isFull = () => false } = filling;
  const makeMessages = createVisits(filling);
  let sent = from;
  const sender = async (): Promise<void> => {
    while (sent < to && !isFull()) {
      const first = sent;
      sent = Math.min(sent + BATCH, to);
      const { status, text } = await caller.post('/v1/batch', { batch: makeMessages(first, sent) });
      if (status !== 200) throw new Error(`the collector answered ${status}: ${text}`);
      tell(`${sent.toLocaleString('en')} messages`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  return sent;
}

/** Makes the messages of those places in the order. */
export function createVisits({
  from,
  to,
  people,
  since,
  until,
}: Omit<Filling, 'isFull'>): (first: number, end: number) => object[] {
  const random = createRandom(from + 1);
  let visitor = 0;
  return (first, end) =>
    Array.from({ length: end - first }, (_, i) => {
      const place = first + i;
      if (place < people) visitor = place;
      else if (place % VISIT === 0) visitor = random.below(people);
      const time = since + ((until - since) * (place - from)) / (to - from) - random.below(JITTER_MS);
      return { ...message(random.next, Math.floor(time)), userId: `p${visitor}` };
    });
}
