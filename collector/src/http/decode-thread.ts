// The thread that parses and judges large bodies: see `decoder.ts` for the other end.
// Invariant: holds one body at a time; whatever is wrong with it is told, and the next begins anew.
import { randomUUID } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { JsonObject, JsonValue } from '../wire/message.ts';
import { createAgentReader } from '../wire/user-agent.ts';
import { parseJson, requireObject } from './body.ts';
import type { FromDecoder, Part, ToDecoder } from './decoder.ts';
import { toApiError } from './errors.ts';
import { type Judged, judge } from './judge.ts';

const port = parentPort;
if (!port) throw new Error('decode-thread is started by decoder.ts');
const means = { newId: randomUUID, readAgent: createAgentReader() };
/** No route takes a longer list. */
const MAX_PICKED = 10_000;
/** What is handed over at once, in characters of text: reading it takes the other end a millisecond or two. */
const PART_CHARS = 256 * 1024;
/** So many messages take as long, however short they are. */
const PART_MESSAGES = 500;
let body: JsonObject | null = null;
/** What was judged and is not handed over yet. */
let left: (Part & Pick<Judged, 'places' | 'rejected'>) | null = null;

port.on('message', (told: ToDecoder) => {
  const answer = answerTo(told);
  if (answer) port.postMessage(answer);
});

function answerTo(told: ToDecoder): FromDecoder | null {
  try {
    if ('decode' in told) {
      const { buffer, byteOffset, byteLength } = told.decode;
      body = requireObject(parseJson(Buffer.from(buffer, byteOffset, byteLength)));
      return { head: { writeKey: textOf(body.writeKey), userSignature: textOf(body.userSignature) } };
    }
    if ('more' in told) return nextPart();
    const read = body;
    body = null;
    if ('drop' in told || read === null) return null;
    if ('pick' in told) return { picked: pick(read, told.pick) };
    const { messages, ...rest } = judge(read, told.judge, means);
    // Without the parsed body: copying it takes longer than parsing it again.
    left = { ...rest, messages: messages.map(({ body: _, ...message }) => message) };
    return nextPart();
  } catch (error) {
    body = null;
    left = null;
    const { status, code, message, options } = toApiError(error);
    return { failed: { status, code, message, cause: options.cause } };
  }
}

/** A part of what is left; with the last one everything else. */
function nextPart(): FromDecoder | null {
  if (left === null) return null;
  const room = { chars: PART_CHARS, messages: PART_MESSAGES };
  const part: Part = { messages: cut(left.messages, room), refused: cut(left.refused, room) };
  if (left.messages.length + left.refused.length > 0) return { part };
  const { places, rejected } = left;
  left = null;
  return { judged: { ...part, places, rejected } };
}

/** Takes the first of them away, as many as there is room for. */
function cut<T extends { text: string }>(from: T[], room: { chars: number; messages: number }): T[] {
  let count = 0;
  for (; count < from.length && room.chars > 0 && room.messages > 0; count++) {
    room.chars -= (from[count] as T).text.length;
    room.messages--;
  }
  return from.splice(0, count);
}

function pick(read: JsonObject, names: readonly string[]): JsonObject {
  const picked: JsonObject = {};
  for (const name of names) {
    const value = plain(read[name]);
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

const textOf = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

const isPlain = (value: JsonValue): boolean => typeof value !== 'object' || value === null;

/** What is cheap to hand over; anything else as an empty object, which no field of these takes. */
function plain(value: JsonValue | undefined): JsonValue | undefined {
  if (value === undefined || isPlain(value)) return value;
  return Array.isArray(value) && value.length <= MAX_PICKED && value.every(isPlain) ? value : {};
}
