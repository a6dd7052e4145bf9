// Takes a rejected message again, mended if a mended one is given.
// Invariant: it keeps the id, arrival and sentAt of its first arrival; the row goes once it is stored.
import type { IngestAnswer, JsonObject, JsonValue } from '../wire/message.ts';
import { parseMessage } from '../wire/parse.ts';
import { readJsonObject } from './body.ts';
import { ApiError } from './errors.ts';
import type { HttpParts } from './parts.ts';

/** Null when there is no such row. */
export async function replayRejected(
  { core, newId, readAgent }: HttpParts,
  id: number,
  request: Request,
): Promise<IngestAnswer | null> {
  const row = await core.rejectedRow(id);
  if (!row) return null;
  const given = await givenMessage(request);
  if (!given && row.code === 'suppressed')
    throw new ApiError(
      422,
      'not_kept',
      'nothing of this message was kept, since its person was erased and is refused from then on',
    );
  const item = given ?? storedMessage(row.text);
  const { kind, messageId, receivedAt, sentAt } = row;
  const result = parseMessage(item, {
    routeType: null,
    kind,
    receivedAt,
    batchSentAt: undefined,
    batchContext: null,
    requireSignature: false,
    isProven: () => false,
    newId,
    readAgent,
    replayOf: { messageId, sentAt },
  });
  const answer: IngestAnswer = { success: true, accepted: 0, duplicates: 0, rejected: [] };
  if (!result.ok) {
    const { refused } = result;
    // The one row is brought up to date, not doubled: rows are kept by messageId.
    if (refused.messageId !== null) await core.ingest({ messages: [], refused: [refused] });
    answer.rejected.push({
      index: 0,
      messageId: refused.messageId,
      code: refused.code,
      message: refused.reason,
    });
    return answer;
  }
  const [outcome] = await core.ingest({ messages: [result.message], refused: [] });
  if (typeof outcome === 'object') {
    answer.rejected.push({
      index: 0,
      messageId: result.message.messageId,
      code: outcome.code,
      message: outcome.reason,
    });
    return answer;
  }
  if (outcome === 'duplicate') answer.duplicates = 1;
  else answer.accepted = 1;
  await core.removeRejected(id);
  return answer;
}

/** The mended message of `{ message }`, if the request has a body. */
async function givenMessage(request: Request): Promise<JsonObject | null> {
  const length = request.headers.get('content-length');
  if (!request.body || length === '0') return null;
  const body = await readJsonObject(request).catch((error: unknown) => {
    if (length === null && error instanceof ApiError && error.code === 'invalid_json') return null;
    throw error;
  });
  const message: JsonValue | undefined = body?.message;
  if (message === undefined || message === null) return null;
  if (typeof message !== 'object' || Array.isArray(message))
    throw new ApiError(400, 'invalid_body', '"message" must be the mended message, an object');
  return message;
}

function storedMessage(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue; // JSON.parse gives nothing else
  } catch {
    throw new ApiError(
      422,
      'not_kept',
      'only the beginning of this message was kept; give the mended one as { "message": ... }',
    );
  }
}
