// What the core says of surveys: where a person stands, what was sent, and what results and needs rest on.
// Invariant: people go by their number inside the collector where figures are made of them.
import type { Activity } from '../../engine/person-state.ts';
import type { Stamp } from '../../engine/stamp.ts';
import type { SubmissionView } from '../../engine/submission.ts';
import type { Expose, SurveyDefinition, Where } from '../../wire/definitions.ts';
import type { JsonObject, JsonValue } from '../../wire/message.ts';

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
  /** Submissions completed by anybody, as far as they take a place under its limit. */
  completed: number;
}

/** The same, with how far the survey is exposed as it is in force: as its segment at most. */
export interface SurveyPlace {
  standing: SurveyStanding;
  expose: Expose;
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
