// The stored form of a message: the sent one, copied only when something has to differ.
// Invariant: the sent message is never changed.
import { isBlockedId, readId } from './ids.ts';
import type { JsonObject, JsonValue } from './message.ts';
import { invalid } from './refusal.ts';
import { isMissing, isObject } from './shape.ts';

/** The stored form of a message, copied from the sent one only when something has to differ. */
export class Edits {
  /** At most this many bytes of JSON were in the message as sent and are not in the stored one. */
  droppedBytes = 0;
  #changed: Map<string, JsonValue | undefined> | undefined;
  readonly #item: JsonObject;

  constructor(item: JsonObject) {
    this.#item = item;
  }

  current(field: string): JsonValue | undefined {
    return this.#changed?.has(field) ? this.#changed.get(field) : this.#item[field];
  }

  set(field: string, value: JsonValue): void {
    this.#changed ??= new Map();
    this.#changed.set(field, value);
  }

  drop(field: string): void {
    const value = this.#item[field];
    // Six bytes a character is the most that JSON takes (\u0000); anything but text is measured exactly.
    this.droppedBytes +=
      typeof value === 'string' ? 6 * value.length + field.length + 6 : Number.POSITIVE_INFINITY;
    this.#changed ??= new Map();
    this.#changed.set(field, undefined);
  }

  /** A user, device or group id, null when absent; blocked values are dropped, numbers become text. */
  id(field: string): string | null {
    const value = this.#item[field];
    if (isMissing(value)) return null;
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text === 'string' && isBlockedId(text)) {
      this.drop(field);
      return null;
    }
    return this.requiredId(field);
  }

  requiredId(field: string): string {
    const value = this.#item[field];
    if (isMissing(value)) throw invalid(`${field} is required`);
    const id = readId(value);
    if (id === undefined) throw invalid(`${field} must be text of 1 to 512 characters`);
    if (id !== value) this.set(field, id);
    return id;
  }

  /** An object field. An empty list counts as absent: it is how PHP writes an empty object. */
  record(field: string): void {
    const value = this.#item[field];
    if (isMissing(value) || isObject(value)) return;
    if (Array.isArray(value) && value.length === 0) this.drop(field);
    else throw invalid(`${field} must be an object`);
  }

  body(): JsonObject {
    const changed = this.#changed;
    if (!changed) return this.#item;
    const body: JsonObject = {};
    for (const field in this.#item) {
      if (!changed.has(field)) body[field] = this.#item[field] as JsonValue;
    }
    for (const [field, value] of changed) if (value !== undefined) body[field] = value;
    return body;
  }
}
