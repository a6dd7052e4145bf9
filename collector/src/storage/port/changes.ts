// `commit`: everything that one commit may change.
// Invariant: all or nothing; a row of a person is named with the version it was read at.
import type { Pair, Run } from '../../engine/identity.ts';
import type { CauseOf } from '../../engine/person-state.ts';
import type { StoredShed } from '../../engine/shed.ts';
import type { AcceptedMessage, KeyKind, RefusedMessage } from '../../wire/accepted.ts';
import type { JsonValue } from '../../wire/message.ts';
import type {
  AliasRow,
  DecisionRow,
  DistinctKey,
  DistinctOf,
  GroupChange,
  NodeRow,
  OperationRow,
  ResponseRow,
  ShedKey,
} from './rows.ts';

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
  /** JSON, or its UTF-8. */
  text: string | Uint8Array;
  /** Lower-case email trait, for looking people up. */
  email: string | null;
  /** `due` and `email` are as in the row already: their indexes need no touch. */
  sameKeys?: boolean;
  /** Whether they are left out of lists of people. Default as in the row, and not in a new one. */
  anonymous?: boolean;
}

/** A definition's versions at the switch: null where there is none. */
export interface Swap {
  key: string;
  from: number | null;
  to: number | null;
}

/**
 * Changes of one group that may wait for its members, in memory and in the file. A stranger who changes a large
 * group's traits all the time must not pile up work: past this the oldest changes are seen as one.
 */
export const MAX_WAITING_CHANGES = 50;

/** What is left of erased people: nothing but keyed hashes. */
export interface Erasure {
  /** Messages to delete. */
  messages: number[];
  gone: { hash: string; kind: KeyKind }[];
  /** Ids replaced by keyed hashes; such nodes stand for themselves again. */
  nodes: { id: number; ext: string }[];
  /** Their links of that device go, those kept of an erasure before included. */
  droppedPairs: { user: number; device: number }[];
  /** Devices on whose timelines nobody is left. */
  droppedTimelines: number[];
  /** Aliases by sequence number, those made by the API included. */
  droppedAliases: number[];
  droppedOperations: number[];
  /** People whose transitions go. What the same commit logs of them stays, and is nobody's from then on. */
  transitionsOf: number[];
  /** Nodes to take off every static list. */
  unlisted: number[];
  suppressed: string[];
  /** Names of events that nobody else sent. */
  events: string[];
}

/** An erasure of nothing, to say what goes beside it. */
export const NOTHING_ERASED: Readonly<Erasure> = {
  messages: [],
  gone: [],
  nodes: [],
  droppedPairs: [],
  droppedTimelines: [],
  droppedAliases: [],
  droppedOperations: [],
  transitionsOf: [],
  unlisted: [],
  suppressed: [],
  events: [],
};

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
  /** Messages kept no longer, by sequence number: what is left of them, and the number of the expiry, from 1. */
  expired?: { seq: number; number: number; text: string }[];
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
  /** Leaves, or windows of theirs, of which all values kept outside of rows go; before `distinct`. */
  clearedDistinct?: DistinctOf[];
  /** 0: it occurs no more. */
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

export type Committed = { ok: true; refusedDropped: number } | { ok: false; stale: true };
