// What the collector's inside offers to HTTP, the CLI and tests: one object, no SQL, no HTTP.
// Invariant: every answer is exact as of `now()`, whether or not a tick came before it.
import type { Activity } from '../engine/person-state.ts';
import type { Stamp } from '../engine/stamp.ts';
import type { SubmissionView } from '../engine/submission.ts';
import type { AcceptedMessage, KeyKind, RefusedMessage } from '../wire/accepted.ts';
import type {
  Definition,
  DefinitionFile,
  DefinitionKind,
  Expose,
  Fault,
  SegmentDefinition,
  SurveyDefinition,
  Where,
} from '../wire/definitions.ts';
import type { JsonObject, JsonValue, RejectionCode } from '../wire/message.ts';
import type { OfferedSurvey } from '../wire/survey.ts';
import type { TransferRecord } from '../wire/transfer.ts';
import type { Amount, Sender } from './fair-queue.ts';

/** What became of one message, in the order given. */
export type Outcome = 'accepted' | 'duplicate' | { code: RejectionCode; reason: string };

export interface Page<T> {
  data: T[];
  /** Opaque place to go on from, or null at the end. */
  next: string | null;
}

/** One day (UTC) of event time. */
export interface DayLedger {
  /** Its start, epoch ms. */
  day: number;
  /** Messages the SDKs numbered, as far as later ones show. */
  expected: number;
  received: number;
  /** Losses that the SDKs reported themselves. */
  reported: number;
  /** SDK instances that claimed more than is plausible: of these only that is in the other numbers. */
  doubtful: number;
}

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

export type ListResult = 'done' | 'unknown_segment' | 'not_static' | 'unknown_profile';

/** What a segment would be. */
export interface PreviewView {
  /** People it would have now. */
  size: number;
  /** People known. */
  total: number;
  sample: { id: string; userId: string | null; anonymousIds: string[] }[];
}

/** One of the gates before a survey, and what its answer rests on. */
export interface GateView extends JsonObject {
  gate: string;
  holds: boolean;
}

/** Where a person stands before a survey. */
export interface SurveyStanding {
  key: string;
  definition: SurveyDefinition;
  /** What depends on the person. */
  gates: GateView[];
  /** Submissions completed by anybody. */
  completed: number;
}

/** One sender's submission and whose it is. */
export interface SubmissionRecord {
  submissionId: string;
  /** Number of the person inside the collector. */
  person: number;
  profileId: string;
  userId: string | null;
  submission: SubmissionView;
}

/** A person's submission, joined over all their ids, with what the asker made of it. */
export interface SurveyRecord<D> {
  submissionId: string;
  person: number;
  profileId: string;
  /** Place of its first message, unlike any other's. */
  first: Stamp;
  content: D;
}

/** What results are told apart by. */
export interface Split {
  kind: 'segment' | 'computed' | 'trait';
  key: string;
}

/** What a survey's results rest on, at one instant. */
export interface SurveySnapshot<D> {
  /** The instant, epoch ms. */
  at: number;
  definition: SurveyDefinition;
  /** In no order. */
  records: SurveyRecord<D>[];
  /** Whom the survey is for now, and what they did; null while that segment is being built. */
  frame: ReadonlyMap<number, Activity> | null;
  /** Members of the segment filtered for; null: no filter. */
  filter: ReadonlySet<number> | null;
  /** Members of the segment told apart by; null: by none. */
  members: ReadonlySet<number> | null;
  /** `values`: of a trait, by person; null of a segment. */
  split: (Split & { values: ReadonlyMap<number, JsonValue> | null }) | null;
}

/** Whether somebody did something in a span of time. */
export interface Probe {
  event: string;
  where?: Where | undefined;
  /** The span, in ms before the clock: `clock - from < time <= clock - to`. */
  from: number;
  to: number;
}

/** People and submissions as of one clock. */
export interface Report {
  /** Epoch ms. */
  readonly clock: number;
  /** Those looked at: members of the segment, or everybody. */
  readonly people: ReadonlySet<number>;
  /** Tells of each of them, in no order, which probes hold. */
  activity(probes: readonly Probe[], tell: (did: readonly boolean[]) => void): Promise<void>;
  /** Tells of each submission of a survey, whoever's it is. */
  submissions(survey: string, tell: (person: number, submission: SubmissionView) => void): Promise<void>;
}

export interface WhyView {
  segment: string;
  profileId: string;
  userId: string | null;
  member: boolean;
  since: string | null;
  /** The clock this is true at. */
  at: string;
  /** When time alone will change it; null if it will not (or not within a thousand of its own changes). */
  changesAt: string | null;
  /** The condition as a tree, each part with `holds` and what its answer rests on. */
  why: JsonObject;
}

export interface DefinitionView {
  key: string;
  definition: Definition;
  status: 'building' | 'ready';
  /** 0 to 1. */
  progress: number;
  /** Segments only. */
  size?: number;
}

export interface RejectedView {
  id: number;
  receivedAt: string;
  code: RejectionCode;
  reason: string;
  messageId: string | null;
  /** As sent; text when it was too large or no JSON of its own. */
  message: JsonValue;
}

/** A kept rejection with what a replay needs. */
export interface RejectedRow extends RefusedMessage {
  readonly id: number;
}

export type PutResult = { ok: true; created: boolean; view: DefinitionView } | { ok: false; faults: Fault[] };

export type DeleteResult = 'deleted' | 'unknown' | { neededBy: string[] };

export interface TransferOptions {
  /** Only what arrived from then on, epoch ms; null is everything. Definitions and lists are whole in any case. */
  since: number | null;
  /** Messages alone, without what only Tidemark reads. */
  onlyMessages: boolean;
}

/** What became of a record. `note` is for whoever imports. */
export interface TakenOver {
  outcome: 'taken' | 'known' | 'refused';
  note?: string;
}

export interface Core {
  /** The collector's clock, epoch milliseconds: the largest seen, it never runs back. */
  now(): number;
  /**
   * Store one request's messages and rejections. Resolves after the commit.
   * @throws Overloaded when too much is waiting and most of it is the same sender's, NotStored
   */
  ingest(input: {
    messages: AcceptedMessage[];
    refused: RefusedMessage[];
    /** Whose turn it is to wait; the collector's own work where it is left out. */
    sender?: Sender | undefined;
  }): Promise<Outcome[]>;
  /** Which of these messages are stored. */
  seen(messageIds: readonly string[], kind: KeyKind): Promise<string[]>;
  /** What of the SDKs' messages arrived, by day, epoch ms of its start; null: more instances than fit. */
  completeness(range: { from: number; to: number }): Promise<DayLedger[] | null>;
  /** The exposed view of one person; an unknown one is seen as a person who has done nothing. */
  me(who: { userId: string | null; anonymousId: string | null; verified: boolean }): Promise<{
    segments: string[];
    computed: Record<string, JsonValue>;
    /** Of the surveys exposed to them. */
    surveys: SurveyStanding[];
    /** Their number inside the collector; null for somebody unknown. */
    person: number | null;
  }>;
  /** Where a person stands before one survey, and what was decided last. */
  surveyStanding(
    ref: ProfileRef,
    key: string,
  ): Promise<
    | { standing: SurveyStanding; last: { at: string; decision: JsonObject } | null; profileId: string }
    | 'unknown_profile'
    | 'unknown_survey'
    | 'building'
  >;
  /** Keeps what was decided about asking a person. */
  keepDecisions(
    person: number,
    decisions: readonly { survey: string; decision: JsonObject }[],
  ): Promise<void>;
  /** A survey for whoever follows its link; null: there is none, or it is exposed to nobody. */
  survey(key: string): Promise<OfferedSurvey | 'closed' | null>;
  /** Submissions of a survey as senders made them, some at a time. Null: there is no such survey. */
  submissions(
    key: string,
    page: { limit: number; cursor: string | null },
  ): Promise<Page<SubmissionRecord> | null>;
  /**
   * What a survey's results rest on. `by` is `segment:<key>`, `computed:<key>`, `trait:<key>`, or a key alone,
   * looked for in that order. `digestFor` makes of the definition what makes of a submission what is kept of it.
   */
  surveySnapshot<D>(
    key: string,
    asked: {
      segment: string | null;
      by: string | null;
      digestFor: (definition: SurveyDefinition) => (view: SubmissionView) => D;
    },
  ): Promise<SurveySnapshot<D> | 'unknown_survey' | 'unknown_segment' | 'unknown_split'>;
  /** A look at the people of a segment (null: everybody) and at submissions, as of one clock. */
  report(segment: string | null, signal?: AbortSignal): Promise<Report | 'unknown_segment' | 'building'>;
  profile(ref: ProfileRef): Promise<ProfileView | null>;
  /** Accepted messages, newest first: stored JSON plus `timestamp`, `receivedAt`. Null: unknown profile. */
  events(ref: ProfileRef, page: { limit: number; cursor: string | null }): Promise<Page<JsonObject> | null>;
  profileTransitions(
    ref: ProfileRef,
    page: { limit: number; cursor: string | null },
  ): Promise<Page<TransitionView> | null>;
  /** Bad cursors throw `BadCursor`. */
  profiles(filter: {
    q: string | null;
    segment: string | null;
    limit: number;
    cursor: string | null;
  }): Promise<Page<Omit<ProfileView, 'computed' | 'groups'>> | 'unknown_segment'>;
  group(id: string): Promise<GroupView | null>;
  /** Merges one user into another: their survivors, if they were merged before. */
  merge(from: string, into: string): Promise<MergeResult>;
  /** Undoes every merge from the user so far. */
  unmerge(userId: string): Promise<MergeResult>;
  /** Puts an id on a static list, or takes it off. */
  setListed(key: string, ref: ProfileRef, on: boolean): Promise<ListResult>;
  /** Removes every trace of a person; `suppress` refuses their ids from then on. Null: unknown. */
  erase(ref: ProfileRef, options: { suppress: boolean }): Promise<Receipt | null>;
  definitions(kind: DefinitionKind): Promise<DefinitionView[]>;
  definition(kind: DefinitionKind, key: string): Promise<DefinitionView | null>;
  putDefinition(kind: DefinitionKind, key: string, definition: Definition): Promise<PutResult>;
  deleteDefinition(kind: DefinitionKind, key: string): Promise<DeleteResult>;
  /** Make the file's definitions the file's: upsert what it names, delete what it named before. */
  applyFile(
    file: DefinitionFile,
  ): Promise<{ ok: true; changed: number; deleted: number } | { ok: false; faults: Fault[] }>;
  /** Size and a sample of the people a segment would have, without saving it. */
  preview(
    definition: SegmentDefinition,
    options: { sample: number; signal?: AbortSignal },
  ): Promise<{ ok: true; view: PreviewView } | { ok: false; faults: Fault[] }>;
  /** Why a person is in a segment or not. */
  why(ref: ProfileRef, key: string): Promise<WhyView | 'unknown_profile' | 'unknown_segment' | 'building'>;
  /** Everything about one person, as pieces of one JSON text. Null: unknown profile. */
  export(ref: ProfileRef): Promise<AsyncIterable<string> | null>;
  /** The whole file as the lines of an export; read only, on whatever snapshot the store reads. */
  transfer(options: TransferOptions): AsyncIterable<TransferRecord | JsonObject>;
  /** Messages stored, those that wait for their time included. */
  stored(): Promise<number>;
  /** Takes over what another file's export says beside its messages. */
  takeOver(record: TransferRecord): Promise<TakenOver>;
  segmentProfiles(
    key: string,
    page: { limit: number; cursor: string | null },
  ): Promise<Page<{ id: string; userId: string | null; anonymousIds: string[]; since: string }> | null>;
  segmentTransitions(
    key: string,
    page: { limit: number; after: number },
  ): Promise<{ data: TransitionView[]; next: number | null } | null>;
  rejected(page: { limit: number; cursor: string | null }): Promise<Page<RejectedView> & { dropped: number }>;
  rejectedRow(id: number): Promise<RejectedRow | null>;
  removeRejected(id: number): Promise<boolean>;
  /** Small facts kept beside the data (keys, sources, settings), each JSON under a name. */
  facts: {
    get(name: string): JsonValue | undefined;
    set(name: string, value: JsonValue): Promise<void>;
  };
  /** Gauges and counters for /metrics and /readyz. */
  stats(): {
    accepted: number;
    duplicates: number;
    rejected: number;
    rejectedDropped: number;
    /** Requests sent away because too much was waiting. */
    overloaded: number;
    /** Requests and tasks waiting for the lane. */
    laneDepth: number;
    /** Messages waiting, and the bytes of their text. */
    waiting: Amount;
    writable: boolean;
    /** The database was found damaged. */
    damaged: boolean;
  };
  /** People that time has changed and that are not settled yet. Reads are exact all the same. */
  overdue(): Promise<number>;
  tick(): Promise<void>;
  /** Recompute everything from the stored messages and report differences; nothing else happens meanwhile. */
  verify(options: { onProgress?: (done: number, total: number) => void }): Promise<{
    profiles: number;
    messages: number;
    differences: { profile: string; what: string; stored: JsonValue; recomputed: JsonValue }[];
  }>;
  /**
   * Computes everything anew and writes it down, in slices between which messages go on. Links, aliases and
   * groups' traits are done in one piece, for which messages wait, unless `links` is false.
   */
  repair(options: { onProgress?: (done: number, total: number) => void; links?: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** A cursor that this collector did not make. */
export class BadCursor extends Error {
  override readonly name = 'BadCursor';
}

/** Too much is waiting already: nothing was stored, answer 429 with Retry-After. */
export class Overloaded extends Error {
  override readonly name = 'Overloaded';
}

/** Storing failed for now (disk full, file read-only): answer 503 with Retry-After. */
export class NotStored extends Error {
  override readonly name: string = 'NotStored';
}

/** The database is damaged: nothing is stored any more until a backup is put in its place. */
export class Damaged extends NotStored {
  override readonly name = 'Damaged';
}

export { BrokenFile, NotWritable } from '../storage/port.ts';
export type ExposedTo = Exclude<Expose, 'none'>;
export type { KeyKind, Sender };
