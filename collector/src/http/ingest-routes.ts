// Ingest: Segment's HTTP tracking API.
// Invariant: an answer of 200 comes after the commit; one bad message never sinks the others.
import type { Hono } from 'hono';
import { momentOf } from '../features/surveys/moment.ts';
import type { AcceptedMessage, RefusedMessage } from '../wire/accepted.ts';
import {
  type IngestAnswer,
  type JsonObject,
  type JsonValue,
  MAX_BATCH_MESSAGES,
  MAX_MESSAGE_BYTES,
  type MessageType,
  type Rejection,
} from '../wire/message.ts';
import { type ParseOptions, parseMessage } from '../wire/parse.ts';
import { admitWriter, type Writer } from './admission.ts';
import { readJsonObject } from './body.ts';
import { ApiError } from './errors.ts';
import { readMe } from './me-routes.ts';
import type { HttpParts } from './parts.ts';

const SINGLE_ROUTES: Record<string, MessageType> = {
  identify: 'identify',
  i: 'identify',
  track: 'track',
  t: 'track',
  page: 'page',
  p: 'page',
  screen: 'screen',
  s: 'screen',
  group: 'group',
  g: 'group',
  alias: 'alias',
  a: 'alias',
  survey: 'survey',
};

export function addIngestRoutes(app: Hono, parts: HttpParts): void {
  for (const path of ['/v1/batch', '/v1/b', '/beacon/v1/batch']) {
    app.post(path, async (c) => c.json(await ingestBatch(parts, c.req.raw, c.env)));
  }
  for (const [name, type] of Object.entries(SINGLE_ROUTES)) {
    app.post(`/v1/${name}`, async (c) => c.json(await ingestOne(parts, c.req.raw, c.env, type)));
  }
}

async function ingestBatch(parts: HttpParts, request: Request, env: unknown): Promise<IngestAnswer> {
  const received = parts.core.now();
  const body = await readJsonObject(request);
  const caller = admit(parts, request, env, body);
  const { batch } = body;
  if (!Array.isArray(batch))
    throw new ApiError(400, 'invalid_body', 'the body must have a "batch", a list of messages');
  if (batch.length > MAX_BATCH_MESSAGES)
    throw new ApiError(
      413,
      'too_many_messages',
      `a batch may have at most ${MAX_BATCH_MESSAGES} messages; this one has ${batch.length}`,
    );
  return ingest(parts, caller, batch, {
    ...optionsOf(parts, caller, received),
    batchSentAt: body.sentAt,
    batchContext: contextOf(body.context),
  });
}

async function ingestOne(
  parts: HttpParts,
  request: Request,
  env: unknown,
  type: MessageType,
): Promise<IngestAnswer> {
  const received = parts.core.now();
  const body = await readJsonObject(request);
  const caller = admit(parts, request, env, body);
  const answer = await ingest(parts, caller, [body], {
    ...optionsOf(parts, caller, received),
    routeType: type,
  });
  const [rejection] = answer.rejected;
  if (rejection?.code === 'message_too_large')
    throw new ApiError(
      413,
      'message_too_large',
      `a message may have at most ${MAX_MESSAGE_BYTES} bytes of JSON`,
    );
  return answer;
}

/** A batch's context larger than a message could not be part of any. */
function contextOf(context: JsonValue | undefined): JsonObject | null {
  if (typeof context !== 'object' || context === null || Array.isArray(context)) return null;
  if (Buffer.byteLength(JSON.stringify(context)) > MAX_MESSAGE_BYTES)
    throw new ApiError(
      413,
      'context_too_large',
      `a batch's context may have at most ${MAX_MESSAGE_BYTES} bytes of JSON`,
    );
  return context;
}

interface Caller extends Writer {
  signature: string | null;
  wantsMe: boolean;
}

function admit(parts: HttpParts, request: Request, env: unknown, body: JsonObject): Caller {
  const writer = admitWriter(parts, request, env, body.writeKey);
  const header = request.headers.get('x-tidemark-signature');
  const inBody = typeof body.userSignature === 'string' ? body.userSignature : null;
  const wantsMe = new URL(request.url).searchParams.get('reply') === 'me';
  return { ...writer, signature: header ?? inBody, wantsMe };
}

function optionsOf(
  { access, newId, readAgent }: HttpParts,
  { kind, signature }: Caller,
  receivedAt: number,
): ParseOptions {
  const proven = new Map<string, boolean>();
  return {
    routeType: null,
    kind,
    receivedAt,
    batchSentAt: undefined,
    batchContext: null,
    requireSignature: kind === 'web' && access.source().requireSignature,
    isProven(userId) {
      if (signature === null) return false;
      const known = proven.get(userId) ?? access.proves(userId, signature);
      proven.set(userId, known);
      return known;
    },
    newId,
    readAgent,
  };
}

async function ingest(
  parts: HttpParts,
  caller: Caller,
  items: readonly JsonValue[],
  options: ParseOptions,
): Promise<IngestAnswer> {
  const messages: AcceptedMessage[] = [];
  const refused: RefusedMessage[] = [];
  const places: number[] = [];
  const rejected: Rejection[] = [];
  items.forEach((item, index) => {
    const result = parseMessage(item, options);
    if (result.ok) {
      messages.push(result.message);
      places.push(index);
    } else {
      refused.push(result.refused);
      const { messageId, code, reason } = result.refused;
      rejected.push({ index, messageId, code, message: reason });
    }
  });
  const outcomes =
    items.length > 0 ? await parts.core.ingest({ messages, refused, sender: caller.sender }) : [];
  const answer: IngestAnswer = { success: true, accepted: 0, duplicates: 0, rejected };
  let last: AcceptedMessage | null = null;
  const taken: AcceptedMessage[] = [];
  outcomes.forEach((outcome, i) => {
    const message = messages[i] as AcceptedMessage;
    if (typeof outcome === 'object') {
      const { code, reason } = outcome;
      rejected.push({ index: places[i] as number, messageId: message.messageId, code, message: reason });
      return;
    }
    if (outcome === 'accepted') answer.accepted++;
    else answer.duplicates++;
    last = message;
    taken.push(message);
  });
  rejected.sort((a, b) => a.index - b.index);
  if (caller.wantsMe) answer.me = await meOf(parts, caller, { last, messages: taken }, options);
  return answer;
}

/** The view of the last message's sender, as far as they are proven. */
async function meOf(
  parts: HttpParts,
  { kind, signature }: Caller,
  { last, messages }: { last: AcceptedMessage | null; messages: readonly AcceptedMessage[] },
  options: ParseOptions,
): Promise<NonNullable<IngestAnswer['me']>> {
  const userId = last?.userId ?? null;
  const isProven = userId !== null && (kind === 'server' || options.isProven(userId));
  if (kind === 'web' && signature !== null && userId !== null && !isProven)
    return { error: 'invalid_signature' };
  const anonymousId = last?.anonymousId ?? null;
  const view = await readMe(
    parts,
    { userId, anonymousId, verified: isProven },
    momentOf(last, messages, parts.core.now()),
  );
  // Nobody sent this batch: there is nobody to ask.
  return last === null ? { ...view, surveys: [] } : view;
}
