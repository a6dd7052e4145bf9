// What a store holds: the rows that cross the seam in either direction, and the keys they go by.
// Invariant: plain data. A person's state, a group's traits and a message's body are texts to the store.
import type { Stamp } from '../../engine/stamp.ts';
import type { KeyKind } from '../../wire/accepted.ts';
import type { MessageType, SurveyStatus } from '../../wire/message.ts';

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
  /** 0: it is kept. Otherwise the number of its expiry, and `text` is what definitions of that time look at. */
  expired: number;
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
  /** Ascending; the first is where the members that lag furthest behind may stand, or what they hear of next. */
  log: GroupChange[];
}

/** Distinct values of one leaf of one person. */
export interface DistinctOf {
  person: number;
  leaf: number;
  /** Where the leaf's windows slide, which of them, below `MAX_WINDOWS`; left out where they do not. */
  window?: number;
}

/** So many sliding windows of one leaf keep their values outside of rows: each counts each message by itself. */
export const MAX_WINDOWS = 64;

/** One of these; `key` is its canonical JSON. */
export interface DistinctKey extends DistinctOf {
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

export const seenKey = ({ kind, messageId }: MessageKey): string => `${kind}:${messageId}`;
