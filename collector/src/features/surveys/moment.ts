// What somebody is doing, as far as the batch they just sent says.
// Invariant: only what the sender of the last message did, and only just now, counts: a batch may hold several
// people's messages, old ones and such as are dated ahead.
import type { EngineMessage } from '../../engine/filter.ts';
import { stampOf } from '../../engine/stamp.ts';
import { engineMessage } from '../../ingest/stored-message.ts';
import type { AcceptedMessage } from '../../wire/accepted.ts';
import type { JsonObject } from '../../wire/message.ts';
import { isObject } from '../../wire/shape.ts';
import { MAX_URL_CHARS } from '../../wire/url-pattern.ts';
import type { Moment } from './decide.ts';

/** What was done longer ago is no moment to ask about it, ms: queues bring messages of days. */
const MOMENT_MS = 5 * 60_000;

/**
 * Text of messages that is looked into at most, the newest first: parsing so much of the worst JSON takes some 20 ms,
 * and a context that a batch has once is in each of its messages.
 */
const MOMENT_CHARS = 256 * 1024;

/** `clock` in epoch ms. */
export function momentOf(
  last: AcceptedMessage | null,
  messages: readonly AcceptedMessage[],
  clock: number,
): Moment {
  const newest: EngineMessage[] = [];
  let chars = 0;
  for (const message of messages.toReversed()) {
    if (last === null || !isBySender(message, last) || !isNow(message.time, clock)) continue;
    chars += message.text.length;
    if (chars > MOMENT_CHARS && newest.length > 0) break;
    newest.push(engineMessageOf(message));
  }
  newest.reverse();
  let url: string | null | undefined;
  return {
    // Nearly nobody asks.
    get url() {
      if (url === undefined) url = lastUrlOf(newest);
      return url;
    },
    messages: newest,
  };
}

/** With a body of its own, which is parsed when it is asked for and goes with the answer. */
function engineMessageOf(message: AcceptedMessage): EngineMessage {
  const { type, name, groupId, text } = message;
  const event = type === 'track' ? name : null;
  return engineMessage({ stamp: stampOf(message), type, event, groupId, text, expired: 0 });
}

/** By the user; by the device only where no other user is named: people share devices. */
function isBySender({ userId, anonymousId }: AcceptedMessage, last: AcceptedMessage): boolean {
  if (userId !== null && last.userId !== null) return userId === last.userId;
  return anonymousId !== null && anonymousId === last.anonymousId;
}

const isNow = (time: number, clock: number): boolean => time <= clock && time > clock - MOMENT_MS;

function lastUrlOf(messages: readonly EngineMessage[]): string | null {
  for (const message of messages.toReversed()) {
    const url = pageUrlOf(message.body());
    if (url !== null) return url;
  }
  return null;
}

function pageUrlOf({ context }: JsonObject): string | null {
  const page = isObject(context) ? context.page : null;
  const url = isObject(page) ? page.url : null;
  return typeof url === 'string' && url.length <= MAX_URL_CHARS ? url : null;
}
