// From one request's JSON to checked messages and coded refusals.
// Invariant: the same here and on the decoder's thread: knows no store, no clock and no request.
import type { AcceptedMessage, KeyKind, RefusedMessage } from '../wire/accepted.ts';
import {
  type JsonObject,
  type JsonValue,
  MAX_BATCH_MESSAGES,
  type MessageType,
  type Rejection,
} from '../wire/message.ts';
import { type ParseOptions, parseMessage } from '../wire/parse.ts';
import { readBatchContext } from './batch-context.ts';
import { ApiError } from './errors.ts';
import { isSignedBy } from './signature.ts';

/** What the request and its sender say of all its messages. */
export interface Ask {
  /** The type a single route stands for; null on a batch. */
  routeType: MessageType | null;
  kind: KeyKind;
  /** Epoch ms of arrival. */
  receivedAt: number;
  requireSignature: boolean;
  /** What is kept of the sender's address. */
  ip: string | null;
  /** The signature that came with the request, and the secrets that may have made it. */
  signature: string | null;
  secrets: readonly string[];
}

export interface Judged {
  messages: AcceptedMessage[];
  /** The index of each in the request. */
  places: number[];
  refused: RefusedMessage[];
  rejected: Rejection[];
}

export type Means = Pick<ParseOptions, 'newId' | 'readAgent'>;

/** @throws ApiError 400 or 413 for a request that is refused as a whole */
export function judge(body: JsonObject, ask: Ask, means: Means): Judged {
  const { routeType, kind, receivedAt, requireSignature, ip } = ask;
  const items = routeType === null ? itemsOf(body) : [body];
  const options: ParseOptions = {
    routeType,
    kind,
    receivedAt,
    requireSignature,
    ip,
    isProven: proofOf(ask),
    batchSentAt: routeType === null ? body.sentAt : undefined,
    ...(routeType === null ? readBatchContext(body.context, items.length) : { batchContext: null }),
    ...means,
  };
  const judged: Judged = { messages: [], places: [], refused: [], rejected: [] };
  items.forEach((item, index) => {
    const result = parseMessage(item, options);
    if (result.ok) {
      judged.messages.push(result.message);
      judged.places.push(index);
      return;
    }
    judged.refused.push(result.refused);
    const { messageId, code, reason } = result.refused;
    judged.rejected.push({ index, messageId, code, message: reason });
  });
  return judged;
}

function itemsOf({ batch }: JsonObject): JsonValue[] {
  if (!Array.isArray(batch))
    throw new ApiError(400, 'invalid_body', 'the body must have a "batch", a list of messages');
  if (batch.length > MAX_BATCH_MESSAGES)
    throw new ApiError(
      413,
      'too_many_messages',
      `a batch may have at most ${MAX_BATCH_MESSAGES} messages; this one has ${batch.length}`,
    );
  return batch;
}

function proofOf({ signature, secrets }: Ask): (userId: string) => boolean {
  const proven = new Map<string, boolean>();
  return (userId) => {
    if (signature === null) return false;
    const known = proven.get(userId) ?? isSignedBy(secrets, userId, signature);
    proven.set(userId, known);
    return known;
  };
}
