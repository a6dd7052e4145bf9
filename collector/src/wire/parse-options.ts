// What `parseMessage` needs to know besides the message itself.
// Invariant: one object serves all messages of a request.
import type { KeyKind } from './accepted.ts';
import type { JsonObject, JsonValue, MessageType } from './message.ts';
import type { AgentReader } from './user-agent.ts';

/** What one request's messages have in common. */
export interface ParseOptions {
  /** The type that a single route stands for; it wins over the body's. Null on a batch. */
  routeType: MessageType | null;
  kind: KeyKind;
  /** Whether a right user signature came with the request for this user. Secret keys need none. */
  isProven: (userId: string) => boolean;
  /** Refuse web-key messages whose userId is not proven. */
  requireSignature: boolean;
  /** Epoch milliseconds of the first arrival. */
  receivedAt: number;
  batchSentAt: JsonValue | undefined;
  /** Laid under each message's own context, whose keys win. Clean, and at most MAX_MESSAGE_BYTES of JSON. */
  batchContext: JsonObject | null;
  /** It is nested so deep that no message may have it. */
  isBatchContextTooDeep?: true;
  /** The sender's address, to be kept in a context that says none. Null: it is not kept. */
  ip?: string | null;
  newId: () => string;
  readAgent: AgentReader;
  /** A stored message: with its batch's context and what its user agent says it may be larger than as sent. */
  acceptedBefore?: true;
  /** Taken again: the id and sentAt of the first arrival stand, whatever the mended message says. */
  replayOf?: { messageId: string | null; sentAt: string | number | null };
}
