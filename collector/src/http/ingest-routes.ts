// Ingest: Segment's HTTP tracking API.
// Invariant: an answer of 200 comes after the commit; one bad message never sinks the others.
import type { Hono } from 'hono';
import { momentOf } from '../features/surveys/moment.ts';
import type { AcceptedMessage } from '../wire/accepted.ts';
import {
  type IngestAnswer,
  type JsonObject,
  type JsonValue,
  MAX_MESSAGE_BYTES,
  type MessageType,
} from '../wire/message.ts';
import { gateFor, queryOf, type Writer } from './admission.ts';
import { charsAdded } from './batch-context.ts';
import { parseJson, requireObject } from './body.ts';
import { keptOf } from './caller.ts';
import { type Head, LARGE_BODY_BYTES } from './decoder.ts';
import { ApiError } from './errors.ts';
import { type Ask, type Judged, judge, type Means } from './judge.ts';
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

/** Segment's Ruby, older Java and .NET clients send their batches to /v1/import. */
const BATCH_ROUTES = ['/v1/batch', '/v1/b', '/v1/import', '/beacon/v1/batch'];

export function addIngestRoutes(app: Hono, parts: HttpParts): void {
  for (const path of BATCH_ROUTES) {
    app.post(path, async (c) => c.json(await ingestBatch(parts, c.req.raw, c.env)));
  }
  for (const [name, type] of Object.entries(SINGLE_ROUTES)) {
    app.post(`/v1/${name}`, async (c) => c.json(await ingestOne(parts, c.req.raw, c.env, type)));
  }
}

async function ingestBatch(parts: HttpParts, request: Request, env: unknown): Promise<IngestAnswer> {
  return ingest(parts, await judgeRequest(parts, request, env, null));
}

async function ingestOne(
  parts: HttpParts,
  request: Request,
  env: unknown,
  type: MessageType,
): Promise<IngestAnswer> {
  const answer = await ingest(parts, await judgeRequest(parts, request, env, type));
  const [rejection] = answer.rejected;
  if (rejection?.code === 'message_too_large')
    throw new ApiError(
      413,
      'message_too_large',
      `a message may have at most ${MAX_MESSAGE_BYTES} bytes of JSON`,
    );
  return answer;
}

interface Caller extends Writer {
  signature: string | null;
  wantsMe: boolean;
}

/**
 * A large body is judged on the decoder's thread, and one that its context makes large; any other one here: the same
 * either way.
 */
async function judgeRequest(
  parts: HttpParts,
  request: Request,
  env: unknown,
  routeType: MessageType | null,
): Promise<{ caller: Caller; judged: Judged }> {
  const { access, core, decoder, keepIp, newId, readAgent } = parts;
  const receivedAt = core.now();
  let caller: Caller | null = null;
  const gate = gateFor(parts, request, env);
  const admit = ({ writeKey, userSignature }: Head): Ask => {
    const writer = gate.admit(writeKey);
    const signature = request.headers.get('x-tidemark-signature') ?? userSignature ?? null;
    const wantsMe = queryOf(request, 'reply') === 'me';
    caller = { ...writer, signature, wantsMe };
    const { kind } = writer;
    const requireSignature = kind === 'web' && access.source().requireSignature;
    // A back end's address is nobody's.
    const ip = kind === 'web' ? keptOf(gate.address, keepIp) : null;
    return { routeType, kind, receivedAt, requireSignature, ip, signature, secrets: access.secrets() };
  };
  const bytes = await gate.read();
  const body = bytes.length > LARGE_BODY_BYTES ? null : requireObject(parseJson(bytes));
  const judged =
    body === null || charsAdded(body) > LARGE_BODY_BYTES
      ? await decoder.judge(bytes, gate.sender, admit)
      : judgeHere(body, admit, { newId, readAgent });
  if (caller === null) throw new Error('messages were judged before their sender was let in');
  return { caller, judged };
}

function judgeHere(body: JsonObject, admit: (head: Head) => Ask, means: Means): Judged {
  const text = (value: JsonValue | undefined): string | undefined =>
    typeof value === 'string' ? value : undefined;
  return judge(
    body,
    admit({ writeKey: text(body.writeKey), userSignature: text(body.userSignature) }),
    means,
  );
}

async function ingest(
  parts: HttpParts,
  { caller, judged }: { caller: Caller; judged: Judged },
): Promise<IngestAnswer> {
  const { messages, places, refused, rejected } = judged;
  const isEmpty = messages.length + refused.length === 0;
  const outcomes = isEmpty ? [] : await parts.core.ingest({ messages, refused, sender: caller.sender });
  const answer: IngestAnswer = { success: true, accepted: 0, duplicates: 0, rejected };
  let last: AcceptedMessage | null = null;
  const taken: AcceptedMessage[] = [];
  outcomes.forEach((outcome, i) => {
    const message = messages[i] as AcceptedMessage; // one outcome a message, in their order
    if (typeof outcome === 'object') {
      const { code, reason } = outcome;
      const index = places[i] as number; // likewise one place
      rejected.push({ index, messageId: message.messageId, code, message: reason });
      return;
    }
    if (outcome === 'accepted') answer.accepted++;
    else answer.duplicates++;
    last = message;
    taken.push(message);
  });
  rejected.sort((a, b) => a.index - b.index);
  if (caller.wantsMe) answer.me = await meOf(parts, caller, { last, messages: taken });
  return answer;
}

/** The view of the last message's sender, as far as they are proven. */
async function meOf(
  parts: HttpParts,
  { kind, signature }: Caller,
  { last, messages }: { last: AcceptedMessage | null; messages: readonly AcceptedMessage[] },
): Promise<NonNullable<IngestAnswer['me']>> {
  const userId = last?.userId ?? null;
  const isSigned = userId !== null && signature !== null && parts.access.proves(userId, signature);
  const isProven = userId !== null && (kind === 'server' || isSigned);
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
