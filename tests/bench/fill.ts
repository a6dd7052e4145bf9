// Fills a collector with the benchmark's messages, as fast as it takes them.
// Invariant: times move forward with the messages, as they do where a file grows to that size; ids never repeat.
import { createRandom } from '../random.ts';
import type { Caller } from './live.ts';
import { tell } from './report.ts';
import { message } from './traffic.ts';

export interface Filling {
  /** Messages sent before, by the same seed's earlier calls, and once this is done. */
  from: number;
  to: number;
  people: number;
  /** Time of the first message, and of the last, epoch ms. */
  since: number;
  until: number;
  /** Looked at between two batches: ends it early. */
  isFull?: () => boolean;
}

const BATCH = 2_000;
/** Batches under way: one is read while another is stored. */
const AT_ONCE = 4;
/** A message may be this much earlier than its place in the order says, ms. */
const JITTER_MS = 60_000;

/** @returns how many messages there are now */
export async function fill(caller: Caller, filling: Filling): Promise<number> {
  const { from, to, people, since, until, isFull = () => false } = filling;
  const random = createRandom(from + 1).next;
  let sent = from;
  const sender = async (): Promise<void> => {
    while (sent < to && !isFull()) {
      const first = sent;
      const count = Math.min(BATCH, to - sent);
      sent += count;
      const batch = Array.from({ length: count }, (_, i) => {
        const place = since + ((until - since) * (first + i)) / to;
        return {
          ...message(random, Math.floor(place - random() * JITTER_MS)),
          userId: `p${Math.floor(random() * people)}`,
        };
      });
      const { status, text } = await caller.post('/v1/batch', { batch });
      if (status !== 200) throw new Error(`the collector answered ${status}: ${text}`);
      tell(`${sent.toLocaleString('en')} messages`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  return sent;
}
