// Reads an object of somebody else's format field by field.
// Invariant: `noteRest` names every field that says something and that nobody took.
import type { ImportNote } from './imported.ts';

/** Fields named in one note; the others are counted. */
const MAX_NAMED = 20;
/** Of a field's name, in a note. */
const MAX_NAME_CHARS = 60;

export interface Fields {
  /** Where the object is in the imported file. */
  readonly pointer: string;
  /** Where one of its fields is. */
  at(name: string | number): string;
  /** A field's value, which counts as dealt with from here on; undefined for null, "" and what is not there. */
  take(name: string): unknown;
  /** Fields that say nothing which a definition could hold: ids, times of saving, counts. */
  skip(...names: string[]): void;
  text(name: string): string | undefined;
  number(name: string): number | undefined;
  /** Whether it is true. */
  flag(name: string): boolean;
  object(name: string): Fields | undefined;
  /** Its elements, none where it is no list. */
  list(name: string): unknown[];
  note(name: string, message: string): void;
  /** Names what is left. `advice` says what to do. */
  noteRest(advice: string): void;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A step of a JSON pointer (RFC 6901). */
const step = (name: string | number): string =>
  `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** Whatever is no object reads like an empty one. */
export function fieldsOf(value: unknown, pointer: string, notes: ImportNote[]): Fields {
  const from: Readonly<Record<string, unknown>> = isRecord(value) ? value : {};
  const taken = new Set<string>();
  const fields: Fields = {
    pointer,
    at: (name) => pointer + step(name),
    take(name) {
      taken.add(name);
      const held = Object.hasOwn(from, name) ? from[name] : undefined;
      return held === null || held === '' ? undefined : held;
    },
    skip(...names) {
      for (const name of names) taken.add(name);
    },
    text(name) {
      const held = fields.take(name);
      return typeof held === 'string' ? held : typeof held === 'number' ? String(held) : undefined;
    },
    number(name) {
      const held = fields.take(name);
      return typeof held === 'number' && Number.isFinite(held) ? held : undefined;
    },
    flag: (name) => fields.take(name) === true,
    object(name) {
      const held = fields.take(name);
      return isRecord(held) ? fieldsOf(held, fields.at(name), notes) : undefined;
    },
    list(name) {
      const held = fields.take(name);
      return Array.isArray(held) ? held : [];
    },
    note(name, message) {
      notes.push({ pointer: fields.at(name), message });
    },
    noteRest(advice) {
      const left = Object.keys(from).filter((name) => !taken.has(name) && says(from[name]));
      if (left.length === 0) return;
      const named = left.slice(0, MAX_NAMED).map((name) => name.slice(0, MAX_NAME_CHARS));
      const more = left.length > MAX_NAMED ? ` and ${left.length - MAX_NAMED} more` : '';
      notes.push({ pointer, message: `${named.join(', ')}${more}: not carried over. ${advice}` });
    },
  };
  return fields;
}

/** Nothing is said by null, false, 0, "", an empty list, or an object of nothing but such. */
function says(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  return isRecord(value) ? Object.keys(value).length > 0 : true;
}

/** One note for the words of all buttons, which the widget has of its own. */
export function noteButtons(
  objects: readonly Fields[],
  names: readonly string[],
  pointer: string,
  notes: ImportNote[],
): void {
  const held = objects.flatMap((fields) => names.map((name) => fields.take(name)));
  if (held.some((words) => words !== undefined))
    notes.push({
      pointer,
      message: `${names.join(', ')}: not carried over. The widget words its buttons, in the reader’s language`,
    });
}
