// Ids as messages carry them: which values are ids at all, and which only look like one.
// Invariant: an id is 1 to MAX_ID_CHARS characters of text without control characters.
import { MAX_ID_CHARS } from './message.ts';

/** What broken clients send instead of an id, lower case, without white space. */
const BLOCKED = new Set([
  'null',
  'undefined',
  '0',
  '-1',
  'nan',
  'none',
  'nil',
  'unknown',
  'anonymous',
  'guest',
  'true',
  'false',
  '[objectobject]',
]);
const LONGEST_BLOCKED_CHARS = 14;
/** Code units a blocked value can begin with: most ids are passed by looking at one character. */
const BLOCKED_STARTS = new Set(
  [...BLOCKED].flatMap((word) => [word.charCodeAt(0), word.toUpperCase().charCodeAt(0)]),
);

const ZERO = 48;
const DASH = 45;
const WHITE_SPACE = /\s+/g;

/**
 * Whether a user, device or group id is none: empty, a stringified nothing such as `null` or
 * `[object Object]`, or any run of zeros and dashes. Case and white space make no difference.
 */
export function isBlockedId(id: string): boolean {
  const start = id.charCodeAt(0);
  // Above the ASCII letters nothing blocked begins, but white space may.
  if (start > 32 && start < 128 && start !== DASH && !BLOCKED_STARTS.has(start)) return false;
  const text = id.replace(WHITE_SPACE, '');
  if (text === '') return true;
  if (text.length <= LONGEST_BLOCKED_CHARS && BLOCKED.has(text.toLowerCase())) return true;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit !== ZERO && unit !== DASH) return false;
  }
  return true;
}

/** An id's text (numbers become theirs), or undefined when the value cannot be one. */
export function readId(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  if (typeof value !== 'string' || value.length === 0 || hasControl(value) || isTooLong(value))
    return undefined;
  return value;
}

/** C0 and C1 controls and DEL: Unicode's class Cc. */
function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) return true;
  }
  return false;
}

/** Characters are code points: a pair of surrogates is one. */
function isTooLong(text: string): boolean {
  if (text.length <= MAX_ID_CHARS) return false;
  if (text.length > 2 * MAX_ID_CHARS) return true;
  let characters = 0;
  for (const _ of text) characters++;
  return characters > MAX_ID_CHARS;
}
