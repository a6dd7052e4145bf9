// The lines of an export: messages in Segment's shape, and beside them what a file knows of its own.
// Invariant: a message read back from its line has the same id, time, key, trust and content as before.
import { z } from 'zod';
import type { KeyKind } from './accepted.ts';
import { readTime } from './instant.ts';
import type { JsonObject, JsonValue } from './message.ts';
import { type ParseResult, parseMessage } from './parse.ts';
import { isMissing, isObject } from './shape.ts';
import type { AgentReader } from './user-agent.ts';

/** Version of the format; one that only adds lines or fields keeps it. */
export const TRANSFER_VERSION = 1;
/** Lines that are no messages begin like this. */
const RECORD = 'tidemark.';
/** Hashes in one line, so that lines stay short. */
export const HASHES_PER_LINE = 1_000;

/** What the exported line says in its own way, and the stored message as it was sent. */
const OWN_FIELDS = ['timestamp', 'originalTimestamp', 'sentAt', 'receivedAt', 'tidemark'] as const;

const iso = (ms: number): string => new Date(ms).toISOString();

/** A message as it is stored, as far as a line needs it. */
export interface StoredMessage {
  /** Its JSON. */
  text: string;
  /** Corrected event time and first arrival, epoch ms. */
  time: number;
  receivedAt: number;
  key: KeyKind;
  trusted: boolean;
}

/**
 * The line of a message. `timestamp` is the corrected time and there is no `sentAt`, so that nobody who reads the
 * line corrects it again; `tidemark` holds what Segment's shape has no place for.
 */
export function lineOfMessage(message: StoredMessage, { plain = false } = {}): JsonObject {
  const body = JSON.parse(message.text) as JsonObject; // stored by the lane
  const sent: JsonObject = {};
  for (const field of OWN_FIELDS) {
    const value = body[field];
    if (value !== undefined) sent[field] = value;
    delete body[field];
  }
  const timestamp = iso(message.time);
  const line: JsonObject = { ...body, timestamp, receivedAt: iso(message.receivedAt) };
  if (plain) return line;
  const isAsSent = sent.timestamp === timestamp && Object.keys(sent).length === 1;
  line.tidemark = {
    key: message.key,
    ...(message.key === 'web' && message.trusted ? { signed: true } : {}),
    ...(isAsSent ? {} : { sent }),
  };
  return line;
}

const envelope = z.object({
  key: z.enum(['web', 'server']),
  signed: z.literal(true).optional(),
  sent: z.record(z.string(), z.unknown()).optional(),
});

export interface LineOptions {
  /** The collector's clock, epoch ms. */
  now: number;
  newId: () => string;
  readAgent: AgentReader;
}

/** Judges a line that holds a message: one of an export as what it was, any other as of a server key. */
export function messageOfLine(item: JsonValue, options: LineOptions): ParseResult {
  const said = isObject(item) && isObject(item.tidemark) ? envelope.safeParse(item.tidemark) : null;
  return isObject(item) && said?.success ? exported(item, said.data, options) : foreign(item, options);
}

const COMMON = {
  routeType: null,
  requireSignature: false,
  batchSentAt: undefined,
  batchContext: null,
} as const;

function exported(
  item: JsonObject,
  { key, signed, sent }: z.infer<typeof envelope>,
  { now, newId }: LineOptions,
): ParseResult {
  const { tidemark: _, receivedAt, ...rest } = item;
  const result = parseMessage(rest, {
    ...COMMON,
    kind: key,
    isProven: () => signed === true,
    receivedAt: instantOf(receivedAt) ?? now,
    newId,
    // What a user agent says was read when the message came.
    readAgent: () => null,
    replayOf: { messageId: null, sentAt: null },
    acceptedBefore: true,
  });
  if (!result.ok) return result;
  const { message } = result;
  if (!sent) return { ok: true, message: { ...message, acceptedBefore: true } };
  const body = { ...message.body };
  delete body.timestamp;
  for (const field of OWN_FIELDS) if (sent[field] !== undefined) body[field] = sent[field] as JsonValue; // it is JSON
  return { ok: true, message: { ...message, acceptedBefore: true, body, text: JSON.stringify(body) } };
}

/**
 * Of Segment's or RudderStack's dumps: their `timestamp` is corrected already. Without one `originalTimestamp` is,
 * by `sentAt` and `receivedAt`, if the line has both: the clock of this import has nothing to do with it.
 */
function foreign(item: JsonValue, { now, newId, readAgent }: LineOptions): ParseResult {
  const { receivedAt, ...rest }: JsonObject = isObject(item) ? item : {};
  const arrived = instantOf(receivedAt);
  const isCorrected = !isMissing(rest.timestamp) && rest.timestamp !== '';
  const sentAt = isCorrected || arrived === undefined || !isTime(rest.sentAt) ? null : rest.sentAt;
  return parseMessage(isObject(item) ? rest : item, {
    ...COMMON,
    kind: 'server',
    isProven: () => false,
    receivedAt: arrived ?? now,
    newId,
    readAgent,
    replayOf: { messageId: null, sentAt },
  });
}

const isTime = (value: JsonValue | undefined): value is string | number =>
  (typeof value === 'string' || typeof value === 'number') && readTime(value) !== undefined;

const instantOf = (value: JsonValue | undefined): number | undefined =>
  isTime(value) ? readTime(value) : undefined;

const instant = z.string().refine((text) => readTime(text) !== undefined, 'must be an ISO 8601 time');
const id = z.string().min(1);
const count = z.number().int().min(0);

const records = z.discriminatedUnion('type', [
  /** The first line. */
  z.object({
    type: z.literal('tidemark.export'),
    version: z.number().int(),
    exportedAt: instant,
    /** The collector's clock at the last commit. */
    clock: instant.nullable(),
    timezone: z.string(),
    /** The key of profile ids and of hashes of the erased. A secret. */
    idKey: z.string().min(1),
    since: instant.nullable(),
  }),
  z.object({
    type: z.literal('tidemark.definitions'),
    traits: z.record(z.string(), z.unknown()),
    segments: z.record(z.string(), z.unknown()),
    surveys: z.record(z.string(), z.unknown()),
  }),
  /** A merge or unmerge by the API; `nth` of those that are the same in all else. */
  z.object({
    type: z.literal('tidemark.operation'),
    operation: z.enum(['merge', 'unmerge']),
    userId: id,
    into: id.nullable(),
    at: instant,
    nth: z.number().int().min(1),
  }),
  /** Somebody on a static list, by the id it was given for. */
  z.object({ type: z.literal('tidemark.listed'), segment: id, id: z.string().regex(/^(user|anon):/) }),
  /** A time of an erased person on a device that others use too. */
  z.object({
    type: z.literal('tidemark.erased-link'),
    /** Who it was: hashed, or by the userId once it is known again. */
    hash: id.nullable(),
    userId: id.nullable(),
    profileId: id,
    anonymousId: id,
    time: instant,
    place: z.string(),
    key: z.enum(['web', 'server']),
    trusted: z.boolean(),
  }),
  /** Ids of erased messages, which stay used up; `of` says by which key they are hashed. */
  z.object({
    type: z.literal('tidemark.used-ids'),
    of: id,
    key: z.enum(['web', 'server']),
    hashes: z.array(id).max(HASHES_PER_LINE),
  }),
  /** Ids of erased people that are refused. */
  z.object({ type: z.literal('tidemark.suppressed'), of: id, hashes: z.array(id).max(HASHES_PER_LINE) }),
  /** The last line: an export without it was cut off. */
  z.object({ type: z.literal('tidemark.end'), messages: count }),
]);

export type TransferRecord = z.infer<typeof records>;

export const isRecord = (item: JsonValue): item is JsonObject =>
  isObject(item) && typeof item.type === 'string' && item.type.startsWith(RECORD);

/** A line that is no message, or what is wrong with it. */
export function readRecord(
  item: JsonObject,
): { ok: true; record: TransferRecord } | { ok: false; reason: string } {
  const parsed = records.safeParse(item);
  if (parsed.success) return { ok: true, record: parsed.data };
  const [issue] = parsed.error.issues;
  return { ok: false, reason: `${issue?.path.join('.') || 'type'}: ${issue?.message ?? 'not understood'}` };
}
