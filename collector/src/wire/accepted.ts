// A message that passed every check of the wire, ready for the lane, and one that did not.
// Invariant: what is said here is not changed after parsing; `text` is exactly what will be stored, and `body` is
// nothing else than that, parsed, where it is in memory.
import type { JsonObject, MessageType, RejectionCode } from './message.ts';

/** Which keys a message came with: public web keys, or secret ones (server and admin together). */
export type KeyKind = 'web' | 'server';

/** A checked message. Ids are never blocked values here: those were dropped on parsing. */
export interface AcceptedMessage {
  readonly type: MessageType;
  readonly messageId: string;
  readonly kind: KeyKind;
  /** Sent with a server or admin key, or with a right user signature: its links come first. */
  readonly trusted: boolean;
  readonly userId: string | null;
  readonly anonymousId: string | null;
  readonly previousId: string | null;
  readonly groupId: string | null;
  readonly surveyId: string | null;
  /** Track: its event name. Page and screen: their name. Otherwise null. */
  readonly name: string | null;
  /** Corrected event time, epoch milliseconds. */
  readonly time: number;
  /** When the collector first received it, epoch milliseconds. */
  readonly receivedAt: number;
  /** `sentAt` as sent (its own before the batch's), or null: a refusal further on keeps it for a replay. */
  readonly sentAt: string | number | null;
  /**
   * The message as parsed: cleaned, batch context merged, without writeKey and userSignature. Null where it is not in
   * memory: see `bodyOf`.
   */
  body: JsonObject | null;
  /** JSON of `body`. */
  readonly text: string;
  /** A collector took it before, of whose export it is: what is asked at the door is not asked again. */
  readonly acceptedBefore?: true;
}

/** The message as parsed; from its text where it is not in memory, and from then on in memory until it is let go of. */
export function bodyOf(message: Pick<AcceptedMessage, 'body' | 'text'>): JsonObject {
  message.body ??= JSON.parse(message.text) as JsonObject; // JSON of an object
  return message.body;
}

/**
 * For whoever needs no more of a message than what is stored: some thirty small objects and texts, which the garbage
 * collector would otherwise copy for as long as the message waits for its commit.
 */
export function letGoOfBody(message: Pick<AcceptedMessage, 'body'>): void {
  message.body = null;
}

/** A message that was refused, as kept for `GET /api/rejected`. */
export interface RefusedMessage {
  readonly code: RejectionCode;
  readonly reason: string;
  readonly messageId: string | null;
  readonly kind: KeyKind;
  readonly receivedAt: number;
  /** The batch's `sentAt` as sent, needed to correct the time again on replay. */
  readonly sentAt: string | number | null;
  /** JSON of the message as sent (first 1 KiB of it when too large), never with a key or signature. */
  readonly text: string;
}
