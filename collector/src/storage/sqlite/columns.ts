// How rows map to the port's types, in one place for reading and writing.
// Invariant: what is written by one function here is read back equal by its counterpart.

import type { Run, Timeline } from '../../engine/identity.ts';
import type { Stamp } from '../../engine/stamp.ts';
import type { KeyKind } from '../../wire/accepted.ts';
import { type MessageType, SURVEY_STATUSES, type SurveyStatus } from '../../wire/message.ts';
import { type DistinctOf, type HistoryRow, MAX_WINDOWS } from '../port.ts';
import type { Terms } from './terms.ts';

const TYPES: readonly MessageType[] = ['identify', 'track', 'page', 'screen', 'group', 'alias', 'survey'];

export const statusCode = (status: SurveyStatus): number => SURVEY_STATUSES.indexOf(status);
export const statusOf = (code: number): SurveyStatus => SURVEY_STATUSES[code] as SurveyStatus;
export const typeCode = (type: MessageType): number => TYPES.indexOf(type);
export const typeOf = (code: number): MessageType => TYPES[code] as MessageType;
export const kindCode = (kind: KeyKind): 0 | 1 => (kind === 'web' ? 0 : 1);
export const kindOf = (code: number): KeyKind => (code === 0 ? 'web' : 'server');

export interface MessageRow {
  seq: number;
  node: number;
  device: number | null;
  time: number;
  message_id: string;
  kind: number;
  trusted: number;
  type: number;
  event: number | null;
  received_at: number;
  grp: string | null;
  body: string;
  expired: number;
}

/** By a message's number, while the message is there. */
export const DROP_PENDING =
  'DELETE FROM pending WHERE (time, message_id, kind) = (SELECT time, message_id, kind FROM message WHERE seq = ?)';

export const MESSAGE_COLUMNS =
  'seq, node, device, time, message_id, kind, trusted, type, event, received_at, grp, body, expired';

/** The message's columns where it is joined to something. */
export const OF_MESSAGE = MESSAGE_COLUMNS.split(', ')
  .map((name) => `m.${name}`)
  .join(', ');

/** A row of `pending` that is not its message's, which only a damaged file has, is none: it could never be taken out. */
const PENDING = `pending AS p JOIN message AS m
  ON m.seq = p.seq AND m.time = p.time AND m.message_id = p.message_id AND m.kind = p.kind`;

/** When the first of what waits takes effect. */
export const NEXT_DUE = `SELECT p.time AS at FROM ${PENDING} ORDER BY p.time LIMIT 1`;

/** What waits for its time up to an instant, in the order in which it takes effect. */
export const DUE_MESSAGES = `SELECT ${OF_MESSAGE}
  FROM ${PENDING}
  WHERE p.time <= ?
  ORDER BY p.time, p.message_id, p.kind LIMIT +?`;

export function historyRow(row: MessageRow, terms: Terms): HistoryRow {
  return {
    seq: row.seq,
    node: row.node,
    device: row.device,
    stamp: [row.time, row.message_id, row.kind === 0 ? 0 : 1],
    type: typeOf(row.type),
    event: row.event === null ? null : terms.text(row.event),
    receivedAt: row.received_at,
    trusted: row.trusted === 1,
    groupId: row.grp,
    expired: row.expired,
    text: row.body,
  };
}

/** A row as a list in the order of `MESSAGE_COLUMNS`: histories are long, and named columns cost twice as much. */
export type MessageTuple = [
  seq: number,
  node: number,
  device: number | null,
  time: number,
  messageId: string,
  kind: number,
  trusted: number,
  type: number,
  event: number | null,
  receivedAt: number,
  group: string | null,
  body: string,
  expired: number,
];

export function historyOfTuple(row: MessageTuple, terms: Terms): HistoryRow {
  return {
    seq: row[0],
    node: row[1],
    device: row[2],
    stamp: [row[3], row[4], row[5] === 0 ? 0 : 1],
    type: typeOf(row[7]),
    event: row[8] === null ? null : terms.text(row[8]),
    receivedAt: row[9],
    trusted: row[6] === 1,
    groupId: row[10],
    expired: row[12],
    text: row[11],
  };
}

export const stampText = (stamp: Stamp | null): string | null =>
  stamp === null ? null : JSON.stringify(stamp);
export const textStamp = (text: string | null): Stamp | null =>
  text === null ? null : (JSON.parse(text) as Stamp); // written by stampText

/** A device's runs as they are stored; undefined: it has none. */
export const textOfRuns = (runs: readonly Run[]): string =>
  JSON.stringify(runs.map(({ stamp, user }) => [stamp, user]));
export function runsOf(text: string | undefined): Timeline {
  const runs = text === undefined ? [] : (JSON.parse(text) as [Stamp, number][]); // written by textOfRuns
  return runs.map(([stamp, user]): Run => ({ stamp, user }));
}

/** What a leaf goes by among distinct values; its windows go by negative numbers. */
export const leafColumn = ({ leaf, window }: Omit<DistinctOf, 'person'>): number =>
  window === undefined ? leaf : -(leaf * MAX_WINDOWS + window + 1);

/** The numbers that its windows may go by. */
export const windowColumns = (leaf: number): [from: number, to: number] => [
  leafColumn({ leaf, window: MAX_WINDOWS - 1 }),
  leafColumn({ leaf, window: 0 }),
];

/** A value's canonical JSON as the columns it is ordered by. */
export function distinctColumns(key: string): [text: string, isText: 0 | 1] {
  return key.startsWith('"') ? [JSON.parse(key) as string, 1] : [key, 0]; // a text's JSON
}
export const distinctKey = (text: string, isText: number): string =>
  isText === 1 ? JSON.stringify(text) : text;
