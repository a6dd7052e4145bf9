// `read`: what is asked for by key, and what comes back.
// Invariant: bounded by the keys that are given, and by the limit where one key may have any number of rows.
import type { Pair, Timeline } from '../../engine/identity.ts';
import type { StoredShed } from '../../engine/shed.ts';
import type { Stamp } from '../../engine/stamp.ts';
import type { KeyKind } from '../../wire/accepted.ts';
import type { MessageType, SurveyStatus } from '../../wire/message.ts';
import type {
  AliasRow,
  DecisionRow,
  DistinctKey,
  GroupRow,
  HistoryRow,
  MessageKey,
  NodeKey,
  NodeRow,
  PersonRow,
  ShedKey,
  SubmissionKey,
} from './rows.ts';

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
  /** Only messages that are kept, or only what is left of those that no longer are; both unless given. Not with `only`. */
  kept?: 'still' | 'no longer';
}

/** Messages of certain types, and track events of certain names. */
export interface MessageFilter {
  types: readonly MessageType[];
  events: readonly string[];
  /** False leaves `text` empty: cheaper where nothing looks into the messages. */
  bodies: boolean;
}

/** Links of `user` and `device` strictly after `after` and before `before`; the first `limit` of them are read. */
export interface LinkRange {
  user: number;
  device: number;
  after: Stamp;
  before: Stamp | null;
  until: number;
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
  links?: (LinkRange & { limit: number })[];
  /** Devices: their pairs with users. */
  devicePairs?: number[];
  groups?: string[];
  /** Nodes: the static lists they are on. */
  listed?: number[];
  /** Users: sequence number up to which merges from them were undone. */
  unmerged?: number[];
  /** Occurrences of values kept outside of rows. */
  distinct?: DistinctKey[];
  /** All blocks of a leaf, or those from a number on. */
  shed?: (Omit<ShedKey, 'no'> & { from?: number | undefined })[];
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
  /** One list a range, in order. */
  links: Stamp[][];
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
