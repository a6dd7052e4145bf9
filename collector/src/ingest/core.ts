// What the collector's inside offers to HTTP, the CLI and tests: one object, no SQL, no HTTP.
// Invariant: every answer is exact as of `now()`, whether or not a tick came before it.
import type { SubmissionView } from '../engine/submission.ts';
import type { AcceptedMessage, KeyKind, RefusedMessage } from '../wire/accepted.ts';
import type {
  Definition,
  DefinitionFile,
  DefinitionKind,
  Fault,
  SegmentDefinition,
  SurveyDefinition,
} from '../wire/definitions.ts';
import type { JsonObject, JsonValue, RejectionCode } from '../wire/message.ts';
import type { OfferedSurvey } from '../wire/survey.ts';
import type { TransferRecord } from '../wire/transfer.ts';
import type {
  Applied,
  DefinitionView,
  DeleteResult,
  ListResult,
  PreviewView,
  PutResult,
  WhyView,
} from './core/definitions.ts';
import type {
  DayLedger,
  Outcome,
  Page,
  RejectedRow,
  RejectedView,
  TakenOver,
  TransferOptions,
} from './core/messages.ts';
import type {
  GroupView,
  MergeResult,
  ProfileRef,
  ProfileView,
  Receipt,
  TransitionView,
} from './core/people.ts';
import type {
  Report,
  SubmissionRecord,
  SurveyPlace,
  SurveySnapshot,
  SurveyStanding,
} from './core/surveys.ts';
import type { Amount, Sender } from './fair-queue.ts';
import type { Spread } from './spread.ts';

export type * from './core/definitions.ts';
export type * from './core/messages.ts';
export type * from './core/people.ts';
export type * from './core/surveys.ts';

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
  /** Where a person stands before one survey and before the others, and what was decided last. */
  surveyStanding(
    ref: ProfileRef,
    key: string,
  ): Promise<
    | {
        asked: SurveyPlace;
        others: SurveyPlace[];
        last: { at: string; decision: JsonObject } | null;
        profileId: string;
      }
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
  /**
   * Accepted messages, newest first: stored JSON plus `timestamp`, `receivedAt`; those that are kept, unless what is
   * left of the others is asked for. Null: unknown profile.
   */
  events(
    ref: ProfileRef,
    page: { limit: number; cursor: string | null; kept?: 'still' | 'no longer' },
  ): Promise<Page<JsonObject> | null>;
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
  applyFile(file: DefinitionFile): Promise<({ ok: true } & Applied) | { ok: false; faults: Fault[] }>;
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
    /** All in one commit. */
    set(values: Readonly<Record<string, JsonValue>>): Promise<void>;
  };
  /** Gauges and counters for /metrics and /readyz. */
  stats(): {
    accepted: number;
    duplicates: number;
    rejected: number;
    rejectedByCode: ReadonlyMap<RejectionCode, number>;
    /** What storing groups of messages took. */
    commits: Spread;
    rejectedDropped: number;
    /** Requests sent away because too much was waiting. */
    overloaded: number;
    /** Messages that were kept no longer, since the start. */
    expired: number;
    /** Requests and tasks waiting for the lane. */
    laneDepth: number;
    /** Messages waiting, and the bytes of their text. */
    waiting: Amount;
    writable: boolean;
    /** The database was found damaged. */
    damaged: boolean;
  };
  /**
   * People that time has changed and that are not settled yet, and how long ago the earliest of these changes was
   * due, ms. Reads are exact all the same.
   */
  overdue(): Promise<{ people: number; lagMs: number }>;
  /**
   * Settles everybody who is due, finishes the builds, and goes on with letting go of messages kept no longer, which
   * traits and segments keep what they had of.
   * @param how `waitForBuilds: false`: builds go on by themselves, and people who are due need not wait for them
   * @throws NotStored
   */
  tick(how?: { waitForBuilds: boolean }): Promise<void>;
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
  /**
   * Ends what may take long (a build, people whose time has come, a repair) after the slice that it is at, so that
   * `tick` and `close` need not wait for it. It goes on when the file is opened again; all else goes on until `close`.
   */
  endLongWork(): void;
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
export type { Sender };
