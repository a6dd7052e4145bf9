// What is kept of a message that was refused, so that its author can find, mend and replay it.
// Invariant: as sent, at most one message's size, and never with a key or a signature in it.
import type { RefusedMessage } from './accepted.ts';
import { stringifyAnyDepth } from './clean.ts';
import { readableSentAt } from './event-time.ts';
import { readId } from './ids.ts';
import { type JsonObject, type JsonValue, MAX_MESSAGE_BYTES, type RejectionCode } from './message.ts';
import type { ParseOptions } from './parse-options.ts';
import { isMissing, isObject } from './shape.ts';

/** How much of a too large message is kept to recognise it by, in bytes. */
export const KEPT_OF_TOO_LARGE_BYTES = 1_024;

/** A refusal on its way out of the checks; `parseMessage` catches it. */
export class Refusal {
  constructor(
    readonly code: RejectionCode,
    readonly reason: string,
  ) {}
}

/** What is kept of a refused message: as sent, with what the request around it said, without its credentials. */
export function refuse(
  sent: JsonValue,
  messageId: string | null,
  refusal: Refusal,
  options: ParseOptions,
): { ok: false; refused: RefusedMessage } {
  const size = Buffer.byteLength(stringifyAnyDepth(sent));
  const isLarge = size > MAX_MESSAGE_BYTES;
  const text = stringifyAnyDepth(isObject(sent) ? withRequest(sent, options) : sent);
  const { code, reason } = isLarge && isObject(sent) ? tooLarge() : refusal;
  return {
    ok: false,
    refused: {
      code,
      reason,
      messageId: messageId ?? (isObject(sent) ? sentMessageId(sent, options) : null),
      kind: options.kind,
      receivedAt: options.receivedAt,
      sentAt: sentAtOf(sent, options),
      text: isLarge
        ? firstBytes(isObject(sent) ? idsFirst(sent, text) : text, KEPT_OF_TOO_LARGE_BYTES)
        : text,
    },
  };
}

/** A replay sees the message alone, so the route's type and the batch's context are put into it. */
function withRequest(sent: JsonObject, options: ParseOptions): JsonObject {
  const kept: JsonObject = {};
  for (const key of Object.keys(sent)) {
    if (key !== '__proto__' && key !== 'writeKey' && key !== 'userSignature')
      kept[key] = sent[key] as JsonValue;
  }
  if (options.routeType) kept.type = options.routeType;
  if (options.batchContext && (isMissing(kept.context) || isObject(kept.context)))
    kept.context = { ...options.batchContext, ...(kept.context ?? {}) };
  return kept;
}

/** Who is named in what is kept, wherever it stood: else nobody could tell whose it is, and it would outlive them. */
function idsFirst(sent: JsonObject, text: string): string {
  const ids: JsonObject = {};
  for (const field of ['userId', 'anonymousId', 'previousId']) {
    const id = readId(sent[field]);
    if (id !== undefined) ids[field] = id;
  }
  const start = JSON.stringify(ids);
  return start === '{}' ? text : `${start.slice(0, -1)},${text.slice(1)}`;
}

function firstBytes(text: string, bytes: number): string {
  const cut = Buffer.from(text.slice(0, bytes)).subarray(0, bytes);
  // A character cut in half decodes to U+FFFD at the very end; leave it out.
  return cut.toString('utf8').replace(/\ufffd+$/, '');
}

/** The messageId as far as it can be told of a message that is refused unread. */
export function sentMessageId(item: JsonObject, options: ParseOptions): string | null {
  return options.replayOf?.messageId ?? readId(item.messageId) ?? null;
}

export function sentAtOf(item: JsonValue, options: ParseOptions): string | number | null {
  if (options.replayOf) return options.replayOf.sentAt;
  return readableSentAt(isObject(item) ? item.sentAt : undefined, options.batchSentAt);
}

export function tooLarge(): Refusal {
  return new Refusal('message_too_large', `a message may have at most ${MAX_MESSAGE_BYTES} bytes of JSON`);
}

export function invalid(reason: string): Refusal {
  return new Refusal('invalid_field', reason);
}
