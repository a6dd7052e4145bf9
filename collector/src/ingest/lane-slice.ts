// What the lane takes from its queue to compute in one go.
// Invariant: of each request what is taken and what goes back together are what was there, in its order.
import type { AcceptedMessage, RefusedMessage } from '../wire/accepted.ts';
import type { FairQueue, Job, Part, Sender } from './fair-queue.ts';

/** Text computed in one go: parsing 256 KiB of the worst JSON takes some 20 ms. */
const SLICE_BYTES = 256 * 1024;

/** A request: its messages, and after them what was refused of it. */
export interface Requests extends Job {
  messages: AcceptedMessage[];
  refused: RefusedMessage[];
}

export const messagesOf = ({ job, from, to }: Part<Requests>): AcceptedMessage[] =>
  job.messages.slice(from, to);

export function refusedOf({ job, from, to }: Part<Requests>): RefusedMessage[] {
  const { length } = job.messages;
  return job.refused.slice(Math.max(0, from - length), Math.max(0, to - length));
}

export const bytesOf = (part: Part<Requests>): number =>
  [...messagesOf(part), ...refusedOf(part)].reduce((sum, { text }) => sum + text.length, 0);

/** Which message of which request the n-th message of a slice is. */
export function placeOf<J extends Requests>(
  slice: readonly Part<J>[],
  messages: number,
): { job: J; at: number } {
  let left = messages;
  for (const part of slice) {
    const { length } = messagesOf(part);
    if (length > left) return { job: part.job, at: part.from + left };
    left -= length;
  }
  throw new Error('there are not so many');
}

/** What messages of a sender took, ms. */
export interface Cost {
  sender: Sender;
  messages: number;
  ms: number;
}

/** When what was done of a slice, ms on any clock. */
export interface Times {
  /** The first message, after what was read for all of them. */
  begun: number;
  /** Each message. */
  through: number[];
  /** Which of them left work for the end. */
  late: boolean[];
  /** All of it. */
  over: number;
}

/** What a slice cost whom: their own messages, and the work at its end that these left. */
export function costs(slice: readonly Part<Requests>[], { begun, through, late, over }: Times): Cost[] {
  const atEnd = (over - (through.at(-1) ?? over)) / Math.max(1, late.filter(Boolean).length);
  const costOf = (i: number): number =>
    (through[i] ?? over) - (through[i - 1] ?? begun) + (late[i] ? atEnd : 0);
  let at = 0;
  return slice.map((part) => {
    const { length } = messagesOf(part);
    let ms = 0;
    for (const end = at + length; at < end; at++) ms += costOf(at);
    return { sender: part.job.sender, messages: length, ms };
  });
}

/** As much as may be computed in one go, one message at least; the rest goes back. */
export function fitting<J extends Requests>(queue: FairQueue<J>, slice: Part<J>[]): Part<J>[] {
  let bytes = 0;
  let items = 0;
  for (const { job, from, to } of slice)
    for (let i = from; i < to; i++) {
      bytes += (job.messages[i] ?? job.refused[i - job.messages.length])?.text.length ?? 0;
      if (bytes > SLICE_BYTES && items > 0) return cut(queue, slice, items);
      items++;
    }
  return slice;
}

/** The slice up to its n-th message; what is behind it goes back. */
export function cutAt<J extends Requests>(
  queue: FairQueue<J>,
  slice: Part<J>[],
  messages: number,
): Part<J>[] {
  let items = 0;
  let left = messages;
  for (const part of slice) {
    const { length } = messagesOf(part);
    if (length > left) return cut(queue, slice, items + left);
    left -= length;
    items += part.to - part.from;
  }
  return slice;
}

function cut<J extends Requests>(queue: FairQueue<J>, slice: Part<J>[], items: number): Part<J>[] {
  const kept: Part<J>[] = [];
  const rest: Part<J>[] = [];
  let left = items;
  for (const { job, from, to } of slice) {
    const end = Math.min(to, from + left);
    left -= end - from;
    // One without anything in it stays where it is in the order.
    if (end > from || (from === to && rest.length === 0)) kept.push({ job, from, to: end });
    if (end < to || (from === to && rest.length > 0)) rest.push({ job, from: end, to });
  }
  queue.giveBack(rest, kept.at(-1)?.job.sender ?? null);
  return kept;
}
