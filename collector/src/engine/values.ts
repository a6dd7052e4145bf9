// Reading values out of messages: paths, numbers and dates as the contract defines them.
// Invariant: nothing here throws, whatever the input; a missing value is `undefined`, and so is null.
import { readDate } from '../wire/instant.ts';
import type { JsonValue } from '../wire/message.ts';

export type Value = Exclude<JsonValue, null> | undefined;

/** Walks by dots; digits index arrays; own properties only. */
export function readPath(root: JsonValue | undefined, steps: readonly string[]): Value {
  let at: JsonValue | undefined = root;
  for (const step of steps) {
    if (at === null || typeof at !== 'object') return undefined;
    if (Array.isArray(at)) at = isIndex(step) ? at[Number(step)] : undefined;
    else at = Object.hasOwn(at, step) ? at[step] : undefined;
  }
  return at ?? undefined;
}

function isIndex(step: string): boolean {
  return step.length > 0 && step.length < 10 && /^\d+$/.test(step);
}

const NUMERIC = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** A JSON number, or a numeric string's number; otherwise undefined. */
export function toNumber(value: Value | null): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.length > MAX_NUMERIC_CHARS || !NUMERIC.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Longer digit strings are text: no double holds them, and matching them would cost. */
const MAX_NUMERIC_CHARS = 400;

/** `YYYY-MM-DD`, optionally `Thh:mm[:ss[.fff]]` and `Z` or an offset (none = UTC), to epoch ms. */
export function toInstant(value: Value | null): number | undefined {
  return typeof value === 'string' ? readDate(value) : undefined;
}

/** Same value, same text: keys sorted, so that equal objects are one distinct value. */
export function canonical(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const parts = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] as JsonValue)}`);
  return `{${parts.join(',')}}`;
}
