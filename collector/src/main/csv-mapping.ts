// How a CSV row becomes a message: a mapping from message fields to columns, texts and templates.
// Invariant: the same row and mapping always give the same message, so that importing again changes nothing.
import { readFileSync } from 'node:fs';
import type { JsonObject, JsonValue } from '../wire/message.ts';
import { messageOf, UsageError } from './settings.ts';

export type ColumnType = 'text' | 'number' | 'boolean';

export interface Mapping {
  /** Message type. Default `track`. */
  type: string;
  /** Event name of track messages: a text, or a template such as `{action}`. */
  event: string | null;
  /** Message field (a path such as `properties.revenue`) to column. */
  map: { path: string; column: string; as: ColumnType }[];
  /** Column with the time. */
  timestamp: string | null;
  /** Put behind a date without a time, such as `12:00:00Z`. */
  time: string | null;
  /** Template of the messageId; `{row}` is the row's number from 1, `{column}` a column. */
  messageId: string | null;
}

/**
 * From 1973 to 2286. Fewer digits would be epoch seconds (ten) or a date such as 20260131, more a time such as
 * 20260131120000: read as milliseconds they would be times of 1970 or of the year 2612 without anybody noticing.
 */
const MILLISECONDS = /^\d{12,13}$/;

const TYPES: readonly string[] = ['identify', 'track', 'page', 'screen', 'group', 'alias'];
const COLUMN_TYPES: readonly string[] = ['text', 'number', 'boolean'];

/** `properties.revenue=revenue:number` */
export function parseMap(text: string): Mapping['map'][number] {
  const match = /^([^=\s]+)=(.+?)(?::(\w+))?$/.exec(text);
  const [, path, column, as = 'text'] = match ?? [];
  if (!path || !column)
    throw new UsageError(`--map takes field=column or field=column:number; it is "${text}"`);
  if (!COLUMN_TYPES.includes(as))
    throw new UsageError(`--map ${text}: a column is text, number or boolean, not "${as}"`);
  if (path.split('.').includes('__proto__')) throw new UsageError(`--map ${text}: this field is not allowed`);
  return { path, column, as: as as ColumnType }; // checked against COLUMN_TYPES
}

/** A mapping file: `{ type, event, timestamp, time, messageId, map: { "userId": "customer_id" } }`. */
export function readMappingFile(path: string): Partial<Mapping> {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`the mapping file ${path} cannot be read: ${messageOf(error)}`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new UsageError(`the mapping file ${path} must hold an object`);
  const mapping: Partial<Mapping> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === 'map') {
      mapping.map = Object.entries(value as Record<string, string>).map(([field, column]) =>
        parseMap(`${field}=${column}`),
      );
    } else if (
      ['type', 'event', 'timestamp', 'time', 'messageId'].includes(name) &&
      typeof value === 'string'
    ) {
      Object.assign(mapping, { [name]: value });
    } else throw new UsageError(`the mapping file ${path}: "${name}" is not understood`);
  }
  return mapping;
}

/** Says what is wrong with a mapping for this header, before the first row. */
export function checkMapping(mapping: Mapping, header: readonly string[]): void {
  if (!TYPES.includes(mapping.type))
    throw new UsageError(`--type must be one of ${TYPES.join(', ')}; it is "${mapping.type}"`);
  if (mapping.type === 'track' && !mapping.event)
    throw new UsageError('--event is required: the name of the track event');
  if (!mapping.map.some(({ path }) => path === 'userId' || path === 'anonymousId'))
    throw new UsageError('say whom a row is about: --map userId=<column> or --map anonymousId=<column>');
  const columns = [
    ...mapping.map.map(({ column }) => column),
    ...(mapping.timestamp ? [mapping.timestamp] : []),
  ];
  for (const template of [mapping.event, mapping.messageId])
    columns.push(...namesIn(template ?? '').filter((name) => name !== 'row'));
  const missing = columns.filter((column) => !header.includes(column));
  if (missing.length > 0)
    throw new UsageError(`the file has no column "${missing.join('", "')}"; it has: ${header.join(', ')}`);
}

const namesIn = (template: string): string[] =>
  [...template.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name as string);

/** @param row its number from 1, the header not counted. @throws Error naming the column whose value does not fit. */
export function messageOfRow(
  mapping: Mapping,
  values: Readonly<Record<string, string>>,
  row: number,
  fallbackId: string,
): JsonObject {
  const fill = (template: string): string =>
    template.replace(/\{([^}]+)\}/g, (_, name: string) =>
      name === 'row' ? String(row) : (values[name] ?? ''),
    );
  const message: JsonObject = { type: mapping.type };
  if (mapping.event !== null && mapping.type === 'track') message.event = fill(mapping.event);
  for (const { path, column, as } of mapping.map) {
    const text = values[column] ?? '';
    if (text !== '') put(message, path.split('.'), convert(text, as, column));
  }
  if (mapping.timestamp !== null) {
    message.timestamp = timeOf(values[mapping.timestamp] ?? '', mapping);
  }
  message.messageId = mapping.messageId === null ? `${fallbackId}-${row}` : fill(mapping.messageId);
  return message;
}

/** Digits alone are epoch milliseconds; all else is read as a date when the message is. */
function timeOf(text: string, { timestamp, time }: Mapping): JsonValue {
  if (MILLISECONDS.test(text)) return Number(text);
  if (/^\d+$/.test(text))
    throw new Error(
      `column "${timestamp}" must be a date or epoch milliseconds, 12 or 13 digits; it is "${text.slice(0, 40)}"`,
    );
  return time !== null && /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T${time}` : text;
}

function convert(text: string, as: ColumnType, column: string): JsonValue {
  if (as === 'text') return text;
  if (as === 'boolean') {
    if (/^(true|yes|1)$/i.test(text)) return true;
    if (/^(false|no|0)$/i.test(text)) return false;
    throw new Error(`column "${column}" must be true or false; it is "${text.slice(0, 40)}"`);
  }
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number))
    throw new Error(`column "${column}" must be a number; it is "${text.slice(0, 40)}"`);
  return number;
}

function put(target: JsonObject, [first, ...rest]: string[], value: JsonValue): void {
  if (first === undefined) return;
  if (rest.length === 0) {
    target[first] = value;
    return;
  }
  const held = target[first];
  const inner = typeof held === 'object' && held !== null && !Array.isArray(held) ? held : {};
  target[first] = inner;
  put(inner, rest, value);
}
