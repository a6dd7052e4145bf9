// Makes the complete message of one call, as the text that is sent.
// Invariant: the text is plain JSON, fixed for ever; only SnapshotFault is thrown.
import { MAX_MESSAGE_BYTES } from '../../collector/src/wire/message.ts';
import { LIBRARY_VERSION } from '../../sdk-web/src/version.ts';
import { nextId } from './ids.ts';
import type { Fields, Message } from './params.ts';
import { isPlain } from './plain.ts';
import { SnapshotFault, snapshot } from './snapshot.ts';

/** Where a message's id and time come from. */
export interface Stamp {
  /** Epoch ms. */
  now(): number;
  /** A random UUID, version 4. */
  uuid(): string;
}

export interface Composed {
  /** May share parts with the caller's objects: to look at during the call, not to keep. */
  message: Message;
  text: string;
}

/**
 * Certainly too large for the collector: JSON may write a character in six that the collector counts as
 * three bytes. What is between is the collector's to judge.
 */
const MAX_TEXT_CHARS = 2 * MAX_MESSAGE_BYTES;
const LIBRARY = { name: '@tidemark/sdk-node', version: LIBRARY_VERSION };
const OWN_CONTEXT = { library: LIBRARY };

/**
 * The caller's fields, with `type`, an id, a time and the library's name.
 * @throws SnapshotFault when they are too deep or too large
 */
export function compose(type: string, params: unknown, stamp: Stamp): Composed {
  try {
    if (isPlain(params)) return write(assemble(type, fieldsOf(params), stamp));
  } catch (error) {
    if (error instanceof SnapshotFault) throw error;
    // A getter or a proxy that throws: the careful way leaves out what cannot be read.
  }
  return write(assemble(type, fieldsOf(snapshot(params)), stamp));
}

/** A message of which nothing but the call is known: for reporting what could not be composed. */
export const composeBare = (type: string, stamp: Stamp): Composed => write(assemble(type, {}, stamp));

export function write(message: Message): Composed {
  const text = JSON.stringify(message);
  if (text.length > MAX_TEXT_CHARS)
    throw new SnapshotFault('message_too_large', `more than ${MAX_MESSAGE_BYTES} bytes`);
  return { message, text };
}

function assemble(type: string, fields: Fields, stamp: Stamp): Message {
  const now = stamp.now();
  const message: Message = {
    type,
    messageId: idOf(fields.messageId) ?? nextId(now, stamp.uuid),
    timestamp: timeOf(fields.timestamp) ?? isoOf(now),
    context: fields.context ? { ...fieldsOf(fields.context), library: LIBRARY } : OWN_CONTEXT,
  };
  for (const key in fields) {
    switch (key) {
      case 'type':
      case 'messageId':
      case 'timestamp':
      case 'context':
      // Stamped at each request; a caller's own would pass for the sender's clock.
      case 'sentAt':
        break;
      default:
        message[key] = fields[key];
    }
  }
  return message;
}

export const hasIdentity = ({ userId, anonymousId }: Message): boolean =>
  isPresent(userId) || isPresent(anonymousId);

/** JSON writes NaN and the infinities as null. */
const isPresent = (id: unknown): boolean =>
  typeof id === 'number' ? Number.isFinite(id) : id !== undefined && id !== null && id !== '';

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};

const idOf = (id: unknown): string | undefined =>
  typeof id === 'number' ? String(id) : typeof id === 'string' && id !== '' ? id : undefined;

/** Text and numbers are the collector's to read, and to refuse. */
function timeOf(time: unknown): string | number | undefined {
  if (time instanceof Date) return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
  if (typeof time === 'number') return Number.isFinite(time) ? time : undefined;
  return typeof time === 'string' && time !== '' ? time : undefined;
}

let isoMs = Number.NaN;
let iso = '';

/** One text a millisecond: a tight loop would make thousands. */
function isoOf(now: number): string {
  if (now !== isoMs) {
    isoMs = now;
    iso = new Date(now).toISOString();
  }
  return iso;
}
