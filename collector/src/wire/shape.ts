// The two questions asked of every field before its value is used.
// Invariant: null counts as missing everywhere, and a list is no object.
import type { JsonObject, JsonValue } from './message.ts';

export function isMissing(value: JsonValue | undefined): value is null | undefined {
  return value === undefined || value === null;
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
