// Finds and mends what JSON can say but a stored message must not hold.
// Invariant: the JSON text of what `clean` returns parses back to an equal value.
import { type JsonObject, type JsonValue, MAX_NESTING } from './message.ts';

/** Nothing to mend; something for `clean`; nested past MAX_NESTING. Ordered by gravity. */
export const SOUND = 0;
export const DIRTY = 1;
export const TOO_DEEP = 2;
export type Soundness = typeof SOUND | typeof DIRTY | typeof TOO_DEEP;

/**
 * Looks through a value once: for `__proto__` keys, numbers that JSON cannot write back (1e999, -0)
 * and nesting. Lone surrogates are found in the JSON text instead (`holdsLoneSurrogate`).
 */
export function soundnessOf(value: JsonValue, depth = 1): Soundness {
  if (typeof value !== 'object' || value === null) return SOUND;
  if (depth > MAX_NESTING) return TOO_DEEP;
  let worst: Soundness = SOUND;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = memberSoundness(value[i] as JsonValue, depth);
      if (found > worst) worst = found;
    }
    return worst;
  }
  // Own keys only: parsed JSON inherits nothing enumerable.
  for (const key in value) {
    const found =
      key === '__proto__' ? droppedSoundness(value, depth) : memberSoundness(value[key] as JsonValue, depth);
    if (found > worst) worst = found;
  }
  return worst;
}

function memberSoundness(value: JsonValue, depth: number): Soundness {
  if (typeof value === 'object') return value === null ? SOUND : soundnessOf(value, depth + 1);
  if (typeof value === 'number') return !Number.isFinite(value) || Object.is(value, -0) ? DIRTY : SOUND;
  return SOUND;
}

/** What lies under `__proto__` goes, but its nesting still counts: it was sent. */
function droppedSoundness(value: JsonObject, depth: number): Soundness {
  // biome-ignore lint/suspicious/noProto: JSON.parse makes it an own property, which is what is read here.
  const inner = soundnessOf(value.__proto__ as JsonValue, depth + 1);
  return inner === TOO_DEEP ? TOO_DEEP : DIRTY;
}

/** JSON.stringify writes a lone surrogate as `\udxxx`; text with a literal `\ud` is only suspected. */
export function maybeLoneSurrogate(json: string): boolean {
  return json.includes('\\ud');
}

/**
 * A copy without `__proto__` keys, with U+FFFD for lone surrogates, null for numbers beyond a
 * double and 0 for -0. Only for values nested at most MAX_NESTING deep.
 */
export function clean(value: JsonValue): JsonValue {
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(clean);
  return cleanObject(value);
}

export function cleanObject(value: JsonObject): JsonObject {
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) {
    const name = wellFormed(key);
    if (name !== '__proto__') copy[name] = clean(value[key] as JsonValue);
  }
  return copy;
}

/** Encoding to UTF-8 puts U+FFFD for a lone surrogate. */
function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

/** JSON text of a value of any depth: JSON.stringify gives up at some thousand levels. */
export function stringifyAnyDepth(root: JsonValue): string {
  try {
    return JSON.stringify(root);
  } catch {
    return stringifyByStack(root);
  }
}

function stringifyByStack(root: JsonValue): string {
  const parts: string[] = [];
  // Work still to do, last first: a value to write, or text to put as it is.
  const stack: ({ value: JsonValue } | string)[] = [{ value: root }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (typeof next === 'string') {
      parts.push(next);
    } else if (typeof next.value !== 'object' || next.value === null) {
      parts.push(JSON.stringify(next.value));
    } else if (Array.isArray(next.value)) {
      parts.push('[');
      stack.push(']');
      for (let i = next.value.length - 1; i >= 0; i--) {
        stack.push({ value: next.value[i] as JsonValue });
        if (i > 0) stack.push(',');
      }
    } else {
      const keys = Object.keys(next.value);
      parts.push('{');
      stack.push('}');
      for (let i = keys.length - 1; i >= 0; i--) {
        const key = keys[i] as string;
        stack.push({ value: next.value[key] as JsonValue });
        stack.push(`${i > 0 ? ',' : ''}${JSON.stringify(key)}:`);
      }
    }
  }
  return parts.join('');
}
