// What somebody is doing, as far as the batch they just sent says.
// Invariant: only what the sender of the last message did, and only just now, counts: a batch may hold several
// people's messages, old ones and such as are dated ahead.
import { stampOf } from '../../engine/stamp.ts';
import { type AcceptedMessage, bodyOf } from '../../wire/accepted.ts';
import type { JsonObject } from '../../wire/message.ts';
import { isObject } from '../../wire/shape.ts';
import type { Moment } from './decide.ts';

/** What was done longer ago is no moment to ask about it, ms: queues bring messages of days. */
const MOMENT_MS = 5 * 60_000;

/** `clock` in epoch ms. */
export function momentOf(
  last: AcceptedMessage | null,
  messages: readonly AcceptedMessage[],
  clock: number,
): Moment {
  const own = messages.filter(
    (message) => last !== null && isBySender(message, last) && isNow(message.time, clock),
  );
  return {
    url: lastUrlOf(own),
    // Parsed when it is asked for.
    messages: own.map((message) => ({
      stamp: stampOf(message),
      type: message.type,
      event: message.type === 'track' ? message.name : null,
      groupId: message.groupId,
      body: () => bodyOf(message),
    })),
  };
}

/** By the user; by the device only where no other user is named: people share devices. */
function isBySender({ userId, anonymousId }: AcceptedMessage, last: AcceptedMessage): boolean {
  if (userId !== null && last.userId !== null) return userId === last.userId;
  return anonymousId !== null && anonymousId === last.anonymousId;
}

const isNow = (time: number, clock: number): boolean => time <= clock && time > clock - MOMENT_MS;

function lastUrlOf(messages: readonly AcceptedMessage[]): string | null {
  for (const message of messages.toReversed()) {
    const url = pageUrlOf(bodyOf(message));
    if (url !== null) return url;
  }
  return null;
}

function pageUrlOf({ context }: JsonObject): string | null {
  const page = isObject(context) ? context.page : null;
  return isObject(page) && typeof page.url === 'string' ? page.url : null;
}
