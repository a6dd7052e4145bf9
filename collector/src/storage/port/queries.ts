// `query`: the lists and counts that reads, ticks and builds ask for.
// Invariant: a list that may be long has a limit and goes on after a key; each question has one type of answer.
import type { CauseOf } from '../../engine/person-state.ts';
import type { Stamp } from '../../engine/stamp.ts';
import type { KeyKind, RefusedMessage } from '../../wire/accepted.ts';
import type { JsonValue, MessageType } from '../../wire/message.ts';
import type { DistinctOf, HistoryRow, NodeRow, OperationRow, ResponseRow, SubmissionKey } from './rows.ts';

/** Which people are asked for: members of a segment's version; `listed`: without those left out of lists of people. */
interface Kept {
  version?: number;
  listed?: boolean;
}

/** Part of a count. `next`: the last that was counted; null: none comes after. */
export interface Counted {
  n: number;
  next: number | null;
}

/** What `query` can be asked, by name: what a question says beside that (`object`: nothing). */
export interface Questions {
  start: object;
  'next-due': object;
  'due-people': { until: number; limit: number };
  'due-count': { until: number };
  'due-messages': { until: number; limit: number };
  /** Messages whose time has not come, in order of arrival. */
  pending: { after: number; limit: number };
  people: { after: number; limit: number } & Kept;
  /** Those an id or the email of which begins so, found by what does; see the answer. */
  'people-by-beginning': { prefix: string; after: number; limit: number; most: number } & Kept;
  /** Of the next `look` people those an id or the email of which begins so. */
  'people-matching': { prefix: string; after: number; look: number } & Kept;
  'people-count': { below?: number };
  /** The highest number of a person; 0 without any. */
  'last-person': object;
  /** Of the next `look` people those who are not built for the generation. */
  'people-unbuilt': { generation: number; after: number; look: number };
  members: { version: number; after: number; limit: number };
  /** How many of the next `look` members there are. */
  'members-ahead': { version: number; after: number; look: number };
  memberships: { person: number };
  'segment-transitions': { segment: string; after: number; limit: number };
  /** Without what an erasure logged, as in the count. */
  'person-transitions': { people: readonly number[]; before: number; limit: number };
  refused: { before: number; limit: number };
  'refused-one': { id: number };
  /** Which of the next messages, in order of arrival, are events of these names. */
  'uses-of-events': { events: readonly string[]; after: number; limit: number };
  links: { after: number; limit: number };
  /** Messages of one type, in order of arrival. */
  'messages-of-type': { type: MessageType; after: number; limit: number };
  /** All messages, in order of arrival. */
  arrivals: { after: number; limit: number };
  /** Keyed hashes of the erased: of message ids used up, and of ids that are refused. */
  gone: { kind: KeyKind; after: string; limit: number };
  suppressed: { after: string; limit: number };
  groups: { after: string; limit: number };
  /** Messages of one group, in order of arrival. */
  'messages-of-group': { group: string; after: number; limit: number };
  'group-members': { group: string; after: number; limit: number };
  /** How many of the next `look` members there are. */
  'group-members-ahead': { group: string; after: number; look: number };
  /** The groups that list the person as a member. */
  'groups-of': { person: number };
  /** Members of all groups together. */
  'group-members-count': object;
  /** Groups with members that were not brought up to their traits yet. */
  'groups-waiting': { limit: number };
  operations: object;
  /** Those that merged or unmerged one user. */
  'operations-of': { user: number };
  /** The first values kept outside of the row, as canonical JSON, by text, and how often they occur. */
  'first-distinct': DistinctOf & { limit: number };
  /** The commonest values of a sliding window, the smaller ones first where they are as common; `from` is how many are passed over. */
  'commonest-distinct': DistinctOf & { from: number; limit: number };
  'transition-count': { person: number };
  /** Links of erased people on devices they shared, kept as hashes. */
  'kept-links': object;
  /** Whose id is on the list. */
  'listed-nodes': { list: number; after: number; limit: number };
  /** Messages whose time has not come. */
  'pending-count': object;
  /** Messages dated up to `until`. */
  'message-count': { until: number };
  /** Which of the next messages, in order of arrival, are to expire: kept ones dated before what each is kept from. */
  expiring: { after: number; limit: number; horizons: readonly ExpiryHorizon[] };
  /** What messages with `context.tm.client` say of themselves, dated in [from, to), in order of arrival. */
  ledger: { after: number; limit: number; from: number; to: number };
  nodes: { after: number; limit: number };
  /** Submissions of a survey that were completed at `since` (epoch ms) or later, those that wait included. */
  'completed-count': { survey: string; since: number };
  /** Whether that submission was. */
  'is-completed': SubmissionKey & { since: number };
  /** Messages of a survey dated up to `until`, a submission's together, after the place given. */
  responses: { survey: string; after: ResponsePlace | null; until: number; limit: number };
  /** Messages that may be of a survey, in order of arrival. */
  'survey-messages': { after: number; limit: number };
  /** Rows kept of such messages, in order of arrival. */
  'response-rows': { after: number; limit: number };
}

/** Messages of a type, of track events of one name, dated before `before` (epoch ms). */
export interface ExpiryHorizon {
  type: MessageType;
  event: string | null;
  before: number;
}

/** Questions of some names; each says which it is in `ask`. */
export type Asked<A extends keyof Questions> = { [K in A]: { ask: K } & Questions[K] }[A];

/** Where a list of responses goes on. */
export type ResponsePlace = Pick<ResponseRow, 'node' | 'submission' | 'seq'>;

/** A message's place in the numbering of the SDK instance that made it. */
export interface LedgerRow {
  client: string;
  /** From 1. */
  number: number;
  /** Losses the instance knew of by then. */
  lost: number;
  /** Event time, epoch ms. */
  time: number;
}

export interface RefusedRow extends RefusedMessage {
  id: number;
}

export interface LoggedTransition {
  seq: number;
  segment: string;
  person: number;
  publicId: string;
  /** Null of a device, of somebody erased, and for ever of what an erasure logged. */
  userId: string | null;
  entered: boolean;
  at: number;
  cause: CauseOf;
}

/** A message that carries a link or an alias, for checking identities from scratch. */
export interface LinkRow {
  seq: number;
  user: number;
  device: number | null;
  stamp: Stamp;
  trusted: boolean;
  /** Aliases: the id they name. */
  previousId: string | null;
}

/** What each is answered. */
export interface Answers {
  start: {
    clock: number | null;
    lastNode: number;
    lastSeq: number;
    facts: Map<string, JsonValue>;
    lastOperation: number;
    /** Somebody was erased; somebody is refused. */
    anyGone: boolean;
    anySuppressed: boolean;
    /** Refused messages pushed out so far to stay within the caps. */
    refusedDropped: number;
  };
  /** Earliest instant at which a person or a message falls due, or null. */
  'next-due': number | null;
  'due-people': number[];
  'due-count': number;
  'due-messages': { row: HistoryRow }[];
  pending: HistoryRow[];
  people: { id: number }[];
  /** Null: more than `most` ids and emails begin so, which takes too long in one go. */
  'people-by-beginning': number[] | null;
  /** `next`: the last person that was looked at; null: nobody comes after. */
  'people-matching': { ids: number[]; next: number | null };
  'people-count': number;
  'last-person': number;
  /** `next`: the last person that was looked at; null: nobody comes after. */
  'people-unbuilt': { ids: number[]; next: number | null };
  members: { person: number; since: number }[];
  'members-ahead': Counted;
  memberships: { version: number; since: number }[];
  'segment-transitions': LoggedTransition[];
  'person-transitions': LoggedTransition[];
  refused: RefusedRow[];
  /** `last`: the last message that was looked at; null: there were none. */
  'uses-of-events': { uses: { seq: number; event: string }[]; last: number | null };
  'refused-one': RefusedRow | null;
  links: LinkRow[];
  'messages-of-type': HistoryRow[];
  arrivals: HistoryRow[];
  gone: string[];
  suppressed: string[];
  groups: { id: string; text: string; revision: number }[];
  'messages-of-group': HistoryRow[];
  'group-members': number[];
  'group-members-ahead': Counted;
  'groups-of': string[];
  'group-members-count': number;
  'groups-waiting': string[];
  'completed-count': number;
  'is-completed': boolean;
  responses: (ResponseRow & { row: HistoryRow })[];
  'survey-messages': HistoryRow[];
  'response-rows': ResponseRow[];
  operations: OperationRow[];
  'operations-of': OperationRow[];
  'first-distinct': [key: string, count: number][];
  'commonest-distinct': [key: string, count: number][];
  'transition-count': number;
  'kept-links': { user: number; device: number; stamp: Stamp; trusted: boolean }[];
  'listed-nodes': number[];
  'pending-count': number;
  'message-count': number;
  /** `next` is the last message looked at, null at the end. */
  ledger: { rows: LedgerRow[]; next: number | null };
  /** `next` is the last message looked at, null at the end; no more than 200 rows are found at a time. */
  expiring: { rows: HistoryRow[]; next: number | null };
  nodes: NodeRow[];
}

/** How a backend answers some of the questions: one function each. */
export type Answering<A extends keyof Questions> = { [K in A]: (query: Asked<K>) => Answers[K] };
