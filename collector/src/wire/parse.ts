// Judges one message as sent: a checked message, or a coded refusal that can be taken again later.
// Invariant: never throws on any JSON, and the same message, sentAt and receivedAt always give the same result.
//
// The first fault in this order names the refusal: no object; too large; nested too deep; messageId; type;
// userId and anonymousId; who it is about; the fields of its type; the missing signature; the time.
import type { AcceptedMessage, RefusedMessage } from './accepted.ts';
import { cleanObject, DIRTY, maybeLoneSurrogate, SOUND, soundnessOf, TOO_DEEP } from './clean.ts';
import { Edits } from './edits.ts';
import { eventTime } from './event-time.ts';
import { readId } from './ids.ts';
import {
  type JsonObject,
  type JsonValue,
  MAX_ANSWERS,
  MAX_MESSAGE_BYTES,
  MAX_NESTING,
  type MessageType,
  SURVEY_EVENT,
  SURVEY_STATUSES,
} from './message.ts';
import type { ParseOptions } from './parse-options.ts';
import { invalid, Refusal, refuse, sentAtOf, sentMessageId, tooLarge } from './refusal.ts';
import { isMissing, isObject } from './shape.ts';

export type { ParseOptions } from './parse-options.ts';

/** Its body is in memory. */
export interface ParsedMessage extends AcceptedMessage {
  body: JsonObject;
}
export type ParseResult = { ok: true; message: ParsedMessage } | { ok: false; refused: RefusedMessage };

const TYPES: ReadonlySet<unknown> = new Set<MessageType>([
  'identify',
  'track',
  'page',
  'screen',
  'group',
  'alias',
  'survey',
]);
const STATUSES: ReadonlySet<unknown> = new Set(SURVEY_STATUSES);

/** Credentials that clients put into messages: never stored. */
const CREDENTIALS = ['writeKey', 'userSignature'] as const;

export function parseMessage(item: JsonValue, options: ParseOptions): ParseResult {
  if (!isObject(item))
    return refuse(item, null, new Refusal('invalid_type', 'a message must be an object'), options);
  const soundness = soundnessOf(item);
  if (soundness === TOO_DEEP || options.isBatchContextTooDeep) {
    const reason = `must not be nested more than ${MAX_NESTING} levels deep`;
    return refuse(item, sentMessageId(item, options), new Refusal('invalid_field', reason), options);
  }
  const sound = soundness === DIRTY ? cleanObject(item) : item;
  const result = check(sound, item, options);
  // Rare: the JSON text is where a lone surrogate shows. What it may be part of is checked again, mended.
  if (soundness === SOUND && result.ok && maybeLoneSurrogate(result.message.text)) {
    return check(cleanObject(item), item, options);
  }
  return result;
}

/** @param sent the message before cleaning: its size counts, and it is what a refusal keeps. */
function check(item: JsonObject, sent: JsonObject, options: ParseOptions): ParseResult {
  let messageId: string | null = null;
  try {
    messageId = readMessageId(item, options);
    return { ok: true, message: accept(item, sent, messageId, options) };
  } catch (refusal) {
    if (refusal instanceof Refusal) return refuse(sent, messageId, refusal, options);
    throw refusal;
  }
}

function accept(
  item: JsonObject,
  sent: JsonObject,
  messageId: string | null,
  options: ParseOptions,
): ParsedMessage {
  const type = readType(item, options);
  const edits = new Edits(item);
  const userId = edits.id('userId');
  const anonymousId = edits.id('anonymousId');
  const previousId = edits.id('previousId');
  const groupId = edits.id('groupId');
  if (userId === null && anonymousId === null)
    throw new Refusal('missing_identity', 'userId or anonymousId is required');
  edits.record('context');
  edits.record('traits');
  edits.record('properties');
  const name = checkFields(type, item, { userId, previousId, groupId });
  const surveyId = type === 'survey' ? edits.requiredId('surveyId') : null;

  const trusted = options.kind === 'server' || (userId !== null && options.isProven(userId));
  if (options.requireSignature && !trusted && userId !== null && options.replayOf === undefined)
    throw new Refusal('signature_required', 'this source needs a right userSignature with a userId');

  const sentAt = sentAtOf(item, options);
  const time = eventTime(item, sentAt, options.receivedAt);
  if (time === undefined)
    throw new Refusal(
      'invalid_timestamp',
      'timestamp must be ISO 8601 or epoch milliseconds, years 1970 to 9999',
    );

  const id = messageId ?? options.newId();
  if (item.messageId !== id) edits.set('messageId', id);
  if (item.type !== type) edits.set('type', type);
  editContext(edits, type, options);
  for (const field of CREDENTIALS) if (Object.hasOwn(item, field)) edits.drop(field);
  const body = edits.body();
  const text = JSON.stringify(body);
  if (!options.acceptedBefore && isTooLarge(text, edits.droppedBytes, sent)) throw tooLarge();
  return {
    type,
    messageId: id,
    kind: options.kind,
    trusted,
    userId,
    anonymousId,
    previousId: type === 'alias' ? previousId : null,
    groupId: type === 'group' ? groupId : null,
    surveyId,
    name,
    time,
    receivedAt: options.receivedAt,
    sentAt,
    body,
    text,
  };
}

/** Fields each type cannot do without, and the name an event goes by. */
function checkFields(
  type: MessageType,
  item: JsonObject,
  ids: { userId: string | null; previousId: string | null; groupId: string | null },
): string | null {
  switch (type) {
    case 'track':
      if (item.event === undefined || item.event === null || item.event === '')
        throw new Refusal('missing_event', 'event is required');
      if (typeof item.event !== 'string') throw invalid('event must be text');
      if (item.event === SURVEY_EVENT) checkResponded(item);
      return item.event;
    case 'page':
    case 'screen':
      if (item.name === undefined || item.name === null) return null;
      if (typeof item.name !== 'string') throw invalid('name must be text');
      return item.name;
    case 'group':
      if (ids.groupId === null) throw invalid('groupId is required');
      return null;
    case 'alias':
      if (ids.userId === null) throw invalid('userId is required');
      if (ids.previousId === null) throw invalid('previousId is required');
      return null;
    case 'survey':
      checkSurvey(item);
      checkSubmissionId(item.submissionId);
      return null;
    default:
      return null;
  }
}

function checkSurvey(item: JsonObject): void {
  if (item.answers !== undefined && item.answers !== null && !isObject(item.answers))
    throw invalid('answers must be an object');
  for (const field of ['answers', 'timings', 'hidden'] as const) {
    const entries = item[field];
    if (isObject(entries) && Object.keys(entries).length > MAX_ANSWERS)
      throw invalid(`${field} must have at most ${MAX_ANSWERS} entries; no survey asks more`);
  }
  if (item.status !== undefined && item.status !== null && !STATUSES.has(item.status))
    throw invalid(`status must be one of ${SURVEY_STATUSES.join(', ')}`);
}

function checkSubmissionId(value: JsonValue | undefined, at = ''): void {
  if (value !== undefined && value !== null && readId(value) === undefined)
    throw invalid(`${at}submissionId must be text of 1 to 512 characters`);
}

/**
 * Segment's own survey event, where it names its survey: what stands for ids there is held to what ids are held to.
 * With anything else in their place it is an event like others.
 */
function checkResponded({ properties }: JsonObject): void {
  if (!isObject(properties)) return;
  const { surveyId, submissionId } = properties;
  if (typeof surveyId !== 'string' || surveyId === '') return;
  if (readId(surveyId) === undefined)
    throw invalid(
      'properties.surveyId must be text of 1 to 512 characters, none of them a control character',
    );
  if (typeof submissionId === 'string' && submissionId !== '') checkSubmissionId(submissionId, 'properties.');
}

function editContext(edits: Edits, type: MessageType, options: ParseOptions): void {
  let context = edits.current('context');
  if (options.batchContext) {
    context = isObject(context) ? { ...options.batchContext, ...context } : options.batchContext;
    edits.set('context', context);
  }
  if (options.ip && (isMissing(context) || (isObject(context) && isMissing(context.ip)))) {
    context = isObject(context) ? { ...context, ip: options.ip } : { ip: options.ip };
    edits.set('context', context);
  }
  if (!isObject(context)) return;
  if (type === 'identify' && isMissing(edits.current('traits')) && isObject(context.traits))
    edits.set('traits', context.traits);
  if (typeof context.userAgent === 'string') {
    const ua = options.readAgent(context.userAgent);
    const tm = isObject(context.tm) ? { ...context.tm, ua } : { ua };
    if (ua) edits.set('context', { ...context, tm });
  }
}

function readMessageId(item: JsonObject, options: ParseOptions): string | null {
  const given = options.replayOf?.messageId ?? item.messageId;
  if (isMissing(given)) return null;
  const id = readId(given);
  if (id === undefined) throw invalid('messageId must be text of 1 to 512 characters');
  return id;
}

function readType(item: JsonObject, options: ParseOptions): MessageType {
  const type = options.routeType ?? item.type;
  if (!isType(type)) throw new Refusal('invalid_type', `type must be one of ${[...TYPES].join(', ')}`);
  return type;
}

function isType(value: unknown): value is MessageType {
  return TYPES.has(value);
}

/** Measures the message as sent, but only where the stored text does not already show that it fits. */
function isTooLarge(text: string, droppedBytes: number, sent: JsonObject): boolean {
  // No character takes more than three bytes a code unit.
  if (3 * text.length + droppedBytes <= MAX_MESSAGE_BYTES) return false;
  if (Buffer.byteLength(text) + droppedBytes <= MAX_MESSAGE_BYTES) return false;
  return Buffer.byteLength(JSON.stringify(sent)) > MAX_MESSAGE_BYTES;
}
