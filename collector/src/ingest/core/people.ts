// What the core shows of people and groups, and says of what was done to them.
// Invariant: instants are ISO texts in UTC; `null` is what is not known or not there.
import type { JsonObject, JsonValue } from '../../wire/message.ts';

/** `user:<userId>`, `anon:<anonymousId>` or a profile's own id, as in the path of /api/profiles/:id. */
export type ProfileRef = string;

export interface ProfileView {
  id: string;
  userId: string | null;
  anonymousIds: string[];
  traits: JsonObject;
  computed: Record<string, JsonValue>;
  segments: { key: string; since: string }[];
  groups: { id: string; traits: JsonObject }[];
  firstSeenAt: string | null;
  lastSeenAt: string | null;
  eventCount: number;
  flags: string[];
}

export type Cause =
  | { messageId: string }
  | { deadline: string }
  | { definition: string }
  | { operation: string };

export interface TransitionView {
  seq: number;
  segment: string;
  profileId: string;
  userId: string | null;
  change: 'entered' | 'left';
  at: string;
  cause: Cause;
}

export interface GroupView {
  id: string;
  traits: JsonObject;
  /** People in it now. */
  members: number;
}

/** What was removed with an erased person. */
export interface Receipt {
  profileId: string;
  messages: number;
  rejected: number;
  transitions: number;
  segments: number;
  /** Static lists they were on. */
  lists: number;
  groups: number;
  userIds: number;
  anonymousIds: number;
  /** Their ids are refused from now on. */
  suppressed: boolean;
}

/** What became of a merge or unmerge. */
export type MergeResult =
  /** `undone`: merges that an unmerge undid. */
  | { done: true; userId: string; profileId: string; undone?: number }
  | { done: false; why: 'unknown'; userId: string }
  | { done: false; why: 'past_cap' };
