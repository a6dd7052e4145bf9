// The storage seam: read by keys, commit changes, query for reports. Types, and what both sides must agree on.
// Invariant: no transaction crosses it. A commit names the versions it read; a store that has seen
// newer ones refuses it as stale, and the lane reads and computes again.

import type { LeafPlan, LeafStates } from '../engine/building.ts';
import type { Pair, Run, Timeline } from '../engine/identity.ts';
import type { CauseOf } from '../engine/person-state.ts';
import type { StoredShed } from '../engine/shed.ts';
import type { Stamp } from '../engine/stamp.ts';
import type { AcceptedMessage, KeyKind, RefusedMessage } from '../wire/accepted.ts';
import type { JsonValue, MessageType, SurveyStatus } from '../wire/message.ts';

/** A user or a device: what messages are filed under. A message with a userId is filed under it. */
export type NodeKind = 'user' | 'device';
export interface NodeKey {
  kind: NodeKind;
  /** The userId or anonymousId. */
  ext: string;
}
export interface NodeRow extends NodeKey {
  id: number;
  /** The opaque profile id this node has as a profile. */
  publicId: string;
  /** Users: the survivor they are merged into, usually themselves. Devices: their own id. */
  root: number;
}

/** What stands before the keyed hash in place of an erased user's or device's id: no id has such a character. */
export const ERASED = '\u0000';
export const isErased = ({ ext }: Pick<NodeKey, 'ext'>): boolean => ext.startsWith(ERASED);

/** A person's row; `id` is the survivor's node, or a never-linked device's. */
export interface PersonRow {
  id: number;
  version: number;
  due: number | null;
  built: number;
  text: string;
}

/** Messages of one node in (from, to) order bounds, in effect up to `until` (event time, ms). */
export interface HistoryRange {
  node: number;
  /** Included; null is the beginning. */
  from: Stamp | null;
  /** Not included; null is the end. */
  to: Stamp | null;
  /** Event times after this are left out, ms. */
  until: number;
  order?: 'ascending' | 'descending';
  limit?: number;
  /** Only these; all unless given. */
  only?: MessageFilter;
}

/** Messages of certain types, and track events of certain names. */
export interface MessageFilter {
  types: readonly MessageType[];
  events: readonly string[];
  /** False leaves `text` empty: cheaper where nothing looks into the messages. */
  bodies: boolean;
}

export interface HistoryRow {
  seq: number;
  node: number;
  /** The device a user's message also carried. */
  device: number | null;
  stamp: Stamp;
  type: MessageType;
  event: string | null;
  receivedAt: number;
  trusted: boolean;
  /** Group messages: the group. */
  groupId: string | null;
  text: string;
}

export interface MessageKey {
  messageId: string;
  kind: KeyKind;
}

export interface AliasRow {
  user: number;
  /** 0 for a merge made by the API, which names no device. */
  device: number;
  /** The user merged into `user`; null with a web key. */
  previousUser: number | null;
  stamp: Stamp;
  trusted: boolean;
  /** The message's sequence number; for a merge made by the API minus the operation's id. */
  seq: number;
  /** Its merge was undone. */
  voided: boolean;
}

/** A merge or unmerge made by the API. */
export interface OperationRow {
  id: number;
  kind: 'merge' | 'unmerge';
  /** The user merged, or unmerged. */
  user: number;
  into: number | null;
  /** The clock then, epoch ms. */
  at: number;
  /** Sequence number of the newest message then: aliases up to it came before. */
  seq: number;
}

/** One change of a group's traits that some members were not brought up to yet. */
export interface GroupChange {
  revision: number;
  /** The clock of the message that made it, epoch ms. */
  at: number;
  /** The traits after it, as a TraitBag. */
  text: string;
}
export interface GroupRow {
  id: string;
  /** The traits, as a TraitBag. */
  text: string;
  revision: number;
  /** Ascending; the first is where the members that lag furthest behind may stand. */
  log: GroupChange[];
}

/** The first link of `user` and `device` strictly after `after` and before `before`. */
export interface NextLink {
  user: number;
  device: number;
  after: Stamp;
  before: Stamp | null;
  until: number;
}

/** A distinct value of one leaf of one person; `key` is its canonical JSON. */
export interface DistinctKey {
  person: number;
  leaf: number;
  key: string;
}

/** A submission: unique per survey, the id it was sent under, and its own id. */
export interface SubmissionKey {
  survey: string;
  node: number;
  submission: string;
}

/** What a message says of a submission. */
export interface ResponseRow extends SubmissionKey {
  /** The message's. */
  seq: number;
  status: SurveyStatus;
}

/** The last decision whether to ask somebody. */
export interface DecisionRow {
  survey: string;
  person: number;
  /** Epoch ms. */
  at: number;
  /** JSON: eligible or not, and every gate. */
  text: string;
}

/** One block of the matches that a person's row let go of; numbers are given once for each person and leaf. */
export interface ShedKey {
  person: number;
  leaf: number;
  no: number;
}

export interface ReadKeys {
  seen?: MessageKey[];
  nodes?: NodeKey[];
  nodeIds?: number[];
  publicIds?: string[];
  /** Survivors: all users merged into them, themselves included. */
  circles?: number[];
  persons?: number[];
  timelines?: number[];
  /** Users: their pairs with devices. */
  pairs?: number[];
  /** Users: the aliases that name them on either side as users. */
  merges?: number[];
  history?: HistoryRange[];
  nextLink?: NextLink[];
  /** Devices: their pairs with users. */
  devicePairs?: number[];
  groups?: string[];
  /** Nodes: the static lists they are on. */
  listed?: number[];
  /** Users: sequence number up to which merges from them were undone. */
  unmerged?: number[];
  /** Occurrences of values kept outside of rows. */
  distinct?: DistinctKey[];
  /** All blocks of a leaf. */
  shed?: Omit<ShedKey, 'no'>[];
  /** Keyed hashes of message ids: which were used by erased messages. */
  gone?: { hash: string; kind: KeyKind }[];
  /** Keyed hashes of user and device ids: which are refused. */
  suppressed?: string[];
  /** Which statuses their messages have. */
  submissions?: SubmissionKey[];
  decisions?: Pick<DecisionRow, 'survey' | 'person'>[];
}

export interface ReadResult {
  /** `web:<messageId>` or `server:<messageId>` of those already stored. */
  seen: Set<string>;
  nodes: NodeRow[];
  persons: PersonRow[];
  timelines: Map<number, Timeline>;
  pairs: Pair[];
  merges: AliasRow[];
  /** One list a range, in order. */
  history: HistoryRow[][];
  nextLink: (Stamp | null)[];
  groups: Map<string, GroupRow>;
  listed: { node: number; list: number }[];
  unmerged: Map<number, number>;
  /** One count a key asked for; 0 if unknown. */
  distinct: number[];
  /** One list a leaf asked for, by number. */
  shed: ({ no: number } & StoredShed)[][];
  /** `web <hash>` or `server <hash>`. */
  gone: Set<string>;
  suppressed: Set<string>;
  /** One set a key asked for. */
  submissions: Set<SurveyStatus>[];
  /** Those there are. */
  decisions: DecisionRow[];
}

export const seenKey = ({ kind, messageId }: MessageKey): string => `${kind}:${messageId}`;

export interface NewMessage {
  message: AcceptedMessage;
  seq: number;
  node: number;
  device: number | null;
  /** Dated in the future: in effect from its time on. */
  pending: boolean;
  /** What it says of a survey submission. */
  response?: Omit<ResponseRow, 'seq' | 'node'>;
}

export interface TransitionRow {
  segment: string;
  person: number;
  entered: boolean;
  at: number;
  cause: CauseOf;
}

export interface MembershipChange {
  version: number;
  person: number;
  /** Clock at which it was entered, or null to leave. */
  since: number | null;
}

export interface PersonWrite {
  id: number;
  /** Version read; 0 for a new row. */
  version: number;
  due: number | null;
  built: number;
  text: string;
  /** Lower-case email trait, for looking people up. */
  email: string | null;
  /** `due` and `email` are as in the row already: their indexes need no touch. */
  sameKeys?: boolean;
}

/** A definition's versions at the switch: null where there is none. */
export interface Swap {
  key: string;
  from: number | null;
  to: number | null;
}

/** What is left of erased people: nothing but keyed hashes. */
export interface Erasure {
  /** Messages to delete. */
  messages: number[];
  gone: { hash: string; kind: KeyKind }[];
  /** Ids replaced by keyed hashes; such nodes stand for themselves again. */
  nodes: { id: number; ext: string }[];
  droppedPairs: { user: number; device: number }[];
  /** Devices whose links go, those kept of people erased before included. */
  droppedTimelines: number[];
  /** Aliases by sequence number, those made by the API included. */
  droppedAliases: number[];
  droppedOperations: number[];
  /** People whose transitions go. */
  transitionsOf: number[];
  /** Nodes to take off every static list. */
  unlisted: number[];
  suppressed: string[];
}

export interface Rebuilt {
  /** Messages dated after this clock (epoch ms) wait for their time; all others took effect. */
  pendingAfter: number;
  roots: { node: number; root: number }[];
  pairs: Pair[];
  timelines: { device: number; runs: readonly Run[] }[];
  /** Without those kept of erased people, which stay. */
  aliases: AliasRow[];
  groups: { id: string; text: string; revision: number }[];
}

export interface Changes {
  /** The collector's clock at this commit, epoch ms. */
  clock: number;
  /**
   * Nothing here is lost with it: it would be computed again. All or nothing, but on the disk no later than the
   * next commit that is not `lazy`.
   */
  lazy?: boolean;
  nodes?: NodeRow[];
  roots?: { node: number; root: number }[];
  /** Ids known again after they were erased. */
  renamedNodes?: { id: number; ext: string }[];
  messages?: NewMessage[];
  /** Sequence numbers of messages whose time has come. */
  arrived?: number[];
  pairs?: Pair[];
  timelines?: { device: number; runs: readonly Run[] }[];
  aliases?: AliasRow[];
  persons?: PersonWrite[];
  deletedPersons?: { id: number; version: number }[];
  memberships?: MembershipChange[];
  transitions?: TransitionRow[];
  groups?: { id: string; text: string; revision: number }[];
  groupLog?: { group: string; change: GroupChange }[];
  /** Groups to whose newest traits every member was brought up. */
  settledGroups?: string[];
  /** Groups that nobody is in and no message names any more. */
  droppedGroups?: string[];
  /** People who are taken out of all groups first; before `groupMembers`. */
  clearedMembers?: number[];
  groupMembers?: { group: string; person: number; on: boolean }[];
  operations?: OperationRow[];
  /** Users whose merges so far are undone. */
  voided?: number[];
  listed?: { list: number; node: number; on: boolean }[];
  /** People whose values and matches kept outside of their rows go; before `distinct` and `shed`. */
  clearedOutside?: number[];
  distinct?: (DistinctKey & { count: number })[];
  /** Blocks in place of what is there; null: it goes. */
  shed?: (ShedKey & { block: StoredShed | null })[];
  /** Leaves that no definition asks for any more. */
  droppedLeaves?: number[];
  /** Static lists that are no more. */
  droppedLists?: number[];
  erasure?: Erasure;
  /** Keyed hashes of message ids that are used up without their messages being kept. */
  usedUp?: { hash: string; kind: KeyKind }[];
  /** Everything about who is who and about groups' traits, in place of what is there. */
  rebuilt?: Rebuilt;
  /** Puts these in place of the rows of messages numbered over `after`, up to `to`. */
  responses?: { after: number; to: number; rows: ResponseRow[] };
  decisions?: DecisionRow[];
  /** Surveys whose decisions go. */
  droppedSurveys?: string[];
  refused?: RefusedMessage[];
  removedRefused?: number[];
  facts?: { name: string; value: JsonValue }[];
  /** Segment versions that were being built and are wanted no more: their memberships go silently. */
  droppedVersions?: number[];
  /** Puts built segment versions in force, in this commit, logging every difference. */
  swaps?: { list: Swap[]; at: number };
}

/** What `query` can be asked. */
export type Query =
  | { ask: 'start' }
  | { ask: 'next-due' }
  | { ask: 'due-people'; until: number; limit: number }
  | { ask: 'due-count'; until: number }
  | { ask: 'due-messages'; until: number; limit: number }
  /** Messages whose time has not come, in order of arrival. */
  | { ask: 'pending'; after: number; limit: number }
  | { ask: 'people'; after: number; limit: number; version?: number; prefix?: string }
  | { ask: 'people-count'; below?: number }
  | { ask: 'people-unbuilt'; generation: number; after: number; limit: number }
  | { ask: 'members'; version: number; after: number; limit: number }
  | { ask: 'member-count'; version: number }
  | { ask: 'memberships'; person: number }
  | { ask: 'segment-transitions'; segment: string; after: number; limit: number }
  | { ask: 'person-transitions'; people: readonly number[]; before: number; limit: number }
  | { ask: 'refused'; before: number; limit: number }
  | { ask: 'refused-one'; id: number }
  | { ask: 'links'; after: number; limit: number }
  /** Messages of one type, in order of arrival. */
  | { ask: 'messages-of-type'; type: MessageType; after: number; limit: number }
  /** All messages, in order of arrival. */
  | { ask: 'arrivals'; after: number; limit: number }
  /** Keyed hashes of the erased: of message ids used up, and of ids that are refused. */
  | { ask: 'gone'; kind: KeyKind; after: string; limit: number }
  | { ask: 'suppressed'; after: string; limit: number }
  | { ask: 'groups'; after: string; limit: number }
  /** Messages of one group, in order of arrival. */
  | { ask: 'messages-of-group'; group: string; after: number; limit: number }
  | { ask: 'group-members'; group: string; after: number; limit: number }
  | { ask: 'group-size'; group: string }
  /** The groups that list the person as a member. */
  | { ask: 'groups-of'; person: number }
  /** Members of all groups together. */
  | { ask: 'group-members-count' }
  /** Groups with members that were not brought up to their traits yet. */
  | { ask: 'groups-waiting'; limit: number }
  | { ask: 'operations' }
  /** Those that merged or unmerged one user. */
  | { ask: 'operations-of'; user: number }
  /** The first values of a leaf kept outside of the row, as canonical JSON, by text. */
  | { ask: 'first-distinct'; person: number; leaf: number; limit: number }
  | { ask: 'transition-count'; person: number }
  /** Links of erased people on devices they shared, kept as hashes. */
  | { ask: 'kept-links' }
  /** Whose id is on the list. */
  | { ask: 'listed-nodes'; list: number; after: number; limit: number }
  /** Messages whose time has not come. */
  | { ask: 'pending-count' }
  /** Messages dated up to `until`. */
  | { ask: 'message-count'; until: number }
  /** What messages with `context.tm.client` say of themselves, dated in [from, to), in order of arrival. */
  | { ask: 'ledger'; after: number; limit: number; from: number; to: number }
  | { ask: 'nodes'; after: number; limit: number }
  /** Submissions of a survey that were completed, those that wait for their time included. */
  | { ask: 'completed-count'; survey: string }
  /** Messages of a survey dated up to `until`, a submission's together, after the place given. */
  | { ask: 'responses'; survey: string; after: ResponsePlace | null; until: number; limit: number }
  /** Messages that may be of a survey, in order of arrival. */
  | { ask: 'survey-messages'; after: number; limit: number }
  /** Rows kept of such messages, in order of arrival. */
  | { ask: 'response-rows'; after: number; limit: number };

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
  'people-count': number;
  'people-unbuilt': number[];
  members: { person: number; since: number }[];
  'member-count': number;
  memberships: { version: number; since: number }[];
  'segment-transitions': LoggedTransition[];
  'person-transitions': LoggedTransition[];
  refused: RefusedRow[];
  'refused-one': RefusedRow | null;
  links: LinkRow[];
  'messages-of-type': HistoryRow[];
  arrivals: HistoryRow[];
  gone: string[];
  suppressed: string[];
  groups: { id: string; text: string; revision: number }[];
  'messages-of-group': HistoryRow[];
  'group-members': number[];
  'group-size': number;
  'groups-of': string[];
  'group-members-count': number;
  'groups-waiting': string[];
  'completed-count': number;
  responses: (ResponseRow & { row: HistoryRow })[];
  'survey-messages': HistoryRow[];
  'response-rows': ResponseRow[];
  operations: OperationRow[];
  'operations-of': OperationRow[];
  'first-distinct': string[];
  'transition-count': number;
  'kept-links': { user: number; device: number; stamp: Stamp; trusted: boolean }[];
  'listed-nodes': number[];
  'pending-count': number;
  'message-count': number;
  /** `next` is the last message looked at, null at the end. */
  ledger: { rows: LedgerRow[]; next: number | null };
  nodes: NodeRow[];
}

export type Committed = { ok: true; refusedDropped: number } | { ok: false; stale: true };

/** Leaves to be folded for people whose rows lack them. */
export interface FoldWork {
  leaves: readonly LeafPlan[];
  /** People are wanted whose rows were built for less. */
  generation: number;
  /** Of them those whose id leaves this remainder: each folder has its share. */
  share: { index: number; of: number };
  /** The messages that any of the leaves may match; all unless given. */
  only?: MessageFilter;
}

export interface FoldAsk {
  /** People after this one, by id. */
  after: number;
  /** All messages dated up to it took effect and are stored, epoch ms. */
  clock: number;
  /** Messages before this cannot matter to any of the leaves; null: all may. */
  from: Stamp | null;
}

/** One person's leaves, from the messages that were stored when their row had that version. */
export interface FoldedPerson {
  id: number;
  version: number;
  /** Null where the lane has to see for itself: messages dated after the clock are stored, or more than rows hold. */
  states: LeafStates | null;
}

/** Folds leaves beside the lane, a slice of people at a time: see `Store.openFolders`. */
export interface Folder {
  /** What `next` folds from now on. */
  begin(work: FoldWork): void;
  /** The next people by id, few enough that a slice takes some 30 ms; none: that was all. */
  next(ask: FoldAsk): Promise<FoldedPerson[]>;
  /** Ends at once; a `next` under way fails. */
  close(): Promise<void>;
}

/** The stored data itself is damaged: nothing that is tried again can help. */
export class BrokenFile extends Error {
  override readonly name = 'BrokenFile';
  constructor(
    readonly path: string,
    /** What the database says. */
    readonly damage: string,
    options?: ErrorOptions,
  ) {
    super(
      `${path} is damaged (${damage}). Stop what serves it and put a backup in its place with ` +
        '`tidemark restore BACKUP`; the damaged file is kept beside it.',
      options,
    );
  }
}

export interface Store {
  /**
   * Where the backend can read beside the lane: as many folders as are of use at a time. Each folds leaves at one
   * snapshot a slice; the lane takes only what is as old as the row it has. Whatever fails there rejects `next`
   * and harms nothing else.
   */
  openFolders?(): Folder[];
  /** @throws BrokenFile, as do the other two */
  read(keys: ReadKeys): Promise<ReadResult>;
  /** All or nothing; durable when it resolves, unless `lazy`. */
  commit(changes: Changes): Promise<Committed>;
  query<Q extends Query>(query: Q): Promise<Answers[Q['ask']]>;
  /** What was found damaged; from then on nothing is committed. Null as far as is known. */
  damage(): BrokenFile | null;
  close(): Promise<void>;
}
