// What the core says of messages: what became of them, what arrived, what was refused, what was taken over.
// Invariant: plain data; nothing here knows SQL or HTTP.
import type { RefusedMessage } from '../../wire/accepted.ts';
import type { JsonValue, RejectionCode } from '../../wire/message.ts';

/** What became of one message, in the order given. */
export type Outcome = 'accepted' | 'duplicate' | { code: RejectionCode; reason: string };

export interface Page<T> {
  data: T[];
  /** Opaque place to go on from, or null at the end. */
  next: string | null;
}

/** One day (UTC) of event time. */
export interface DayLedger {
  /** Its start, epoch ms. */
  day: number;
  /** Messages the SDKs numbered, as far as later ones show. */
  expected: number;
  received: number;
  /** Losses that the SDKs reported themselves. */
  reported: number;
  /** SDK instances that claimed more than is plausible: of these only that is in the other numbers. */
  doubtful: number;
}

export interface RejectedView {
  id: number;
  receivedAt: string;
  code: RejectionCode;
  reason: string;
  messageId: string | null;
  /** As sent; text when it was too large or no JSON of its own. */
  message: JsonValue;
}

/** A kept rejection with what a replay needs. */
export interface RejectedRow extends RefusedMessage {
  readonly id: number;
}

export interface TransferOptions {
  /** Only what arrived from then on, epoch ms; null is everything. Definitions and lists are whole in any case. */
  since: number | null;
  /** Messages alone, without what only Tidemark reads. */
  onlyMessages: boolean;
}

/** What became of a record. `note` is for whoever imports. */
export interface TakenOver {
  outcome: 'taken' | 'known' | 'refused';
  note?: string;
}
