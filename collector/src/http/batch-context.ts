// The context that a batch lays under each of its messages, judged once for all of them.
// Invariant: what goes into messages is as clean as they are, and cannot make a small body a huge one.
import {
  cleanObject,
  DIRTY,
  maybeLoneSurrogate,
  soundnessOf,
  stringifyAnyDepth,
  TOO_DEEP,
} from '../wire/clean.ts';
import { type JsonObject, type JsonValue, MAX_BODY_BYTES, MAX_MESSAGE_BYTES } from '../wire/message.ts';
import type { ParseOptions } from '../wire/parse-options.ts';
import { isObject } from '../wire/shape.ts';
import { ApiError } from './errors.ts';

/**
 * Bytes that a context may add to its batch, once it is in every message: 32 KiB in each of 2,000 would make
 * 64 MiB of a body of 100 KB. Clients' own contexts are some hundred bytes, and what is answered 413 is halved.
 */
const MAX_ADDED_BYTES = 4 * MAX_BODY_BYTES;
/** A context is one level below its message. */
const CONTEXT_DEPTH = 2;

/** Characters, about, that a batch's context adds to its messages: a small body may be a large one with it. */
export function charsAdded({ batch, context }: JsonObject): number {
  if (!Array.isArray(batch) || batch.length === 0 || !isObject(context)) return 0;
  return stringifyAnyDepth(context).length * batch.length;
}

/** @throws ApiError 413 when it could not be part of any message, or makes too much of all of them. */
export function readBatchContext(
  context: JsonValue | undefined,
  messages: number,
): Pick<ParseOptions, 'batchContext' | 'isBatchContextTooDeep'> {
  if (!isObject(context)) return { batchContext: null };
  const text = stringifyAnyDepth(context);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_MESSAGE_BYTES)
    throw tooLarge(`a batch's context may have at most ${MAX_MESSAGE_BYTES} bytes of JSON`);
  if (bytes * messages > MAX_ADDED_BYTES)
    throw tooLarge(
      `a batch's context may add at most ${MAX_ADDED_BYTES} bytes to its messages, in all; this one adds ` +
        `${bytes} to each of ${messages}`,
    );
  const soundness = soundnessOf(context, CONTEXT_DEPTH);
  if (soundness === TOO_DEEP) return { batchContext: context, isBatchContextTooDeep: true };
  const isDirty = soundness === DIRTY || maybeLoneSurrogate(text);
  return { batchContext: isDirty ? cleanObject(context) : context };
}

const tooLarge = (message: string): ApiError => new ApiError(413, 'context_too_large', message);
