// The messages of Segment's tracking API as clients send them and as the collector keeps them.
// Invariant: types and constants only: the SDKs share this file with the collector.
import type { OfferedSurvey } from './survey.ts';

export type MessageType = 'identify' | 'track' | 'page' | 'screen' | 'group' | 'alias' | 'survey';

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

/** Text answers, numbers, lists, matrices, best-worst picks; `null` clears a question. */
export type SurveyAnswer =
  | number
  | string
  | string[]
  | Record<string, string>
  | { best: string; worst: string }
  | null;

/** In this order they are numbered where they are stored. */
export const SURVEY_STATUSES = ['shown', 'started', 'partial', 'completed', 'dismissed'] as const;
export type SurveyStatus = (typeof SURVEY_STATUSES)[number];

/** Segment's own event for answers, which plain clients send. */
export const SURVEY_EVENT = 'Survey Responded';
/** Most entries of a survey message's answers, timings or hidden fields: twice the questions a survey may have. */
export const MAX_ANSWERS = 200;

/** Fields any message may carry. Times are ISO 8601 text or epoch milliseconds. */
export interface CommonFields {
  messageId?: string;
  userId?: string | null;
  anonymousId?: string | null;
  timestamp?: string | number;
  originalTimestamp?: string | number;
  sentAt?: string | number;
  context?: JsonObject;
  integrations?: JsonObject;
}

/** One message as a client sends it. */
export type Message = CommonFields &
  (
    | { type: 'identify'; traits?: JsonObject }
    | { type: 'track'; event: string; properties?: JsonObject }
    | { type: 'page' | 'screen'; name?: string; category?: string; properties?: JsonObject }
    | { type: 'group'; groupId: string; traits?: JsonObject }
    | { type: 'alias'; previousId: string }
    | {
        type: 'survey';
        surveyId: string;
        answers?: Record<string, SurveyAnswer>;
        submissionId?: string;
        status?: SurveyStatus;
        version?: number | string;
        language?: string;
        trigger?: JsonValue;
        timings?: JsonObject;
        hidden?: JsonObject;
        /** `interview` for notes of a conversation. */
        source?: string;
      }
  );

/** Body of `POST /v1/batch`. */
export interface Batch {
  batch: Message[];
  sentAt?: string;
  context?: JsonObject;
  writeKey?: string;
}

/** Why one message was not accepted (contract section 3). */
export type RejectionCode =
  | 'invalid_type'
  | 'missing_identity'
  | 'missing_event'
  | 'invalid_timestamp'
  | 'message_too_large'
  | 'invalid_field'
  | 'suppressed'
  | 'signature_required'
  | 'survey_closed'
  | 'too_old'
  | 'merge_not_allowed';

export interface Rejection {
  index: number;
  messageId: string | null;
  code: RejectionCode;
  message: string;
}

/** What an ingest route answers with status 200. */
export interface IngestAnswer {
  success: true;
  accepted: number;
  duplicates: number;
  rejected: Rejection[];
  /** Only with `?reply=me`. */
  me?: Me | { error: 'invalid_signature' };
}

/** The caller's own exposed view (`/v1/me`, `?reply=me`). */
export interface Me {
  segments: string[];
  computed: Record<string, JsonValue>;
  /** What the person may be asked now, the most important first. */
  surveys: OfferedSurvey[];
}

/** Largest single message: UTF-8 bytes of its JSON without white space. Segment's own limit. */
export const MAX_MESSAGE_BYTES = 32 * 1024;
/** Largest body after inflation, in bytes. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Most messages one batch may carry. */
export const MAX_BATCH_MESSAGES = 2_000;
/** Longest id (user, device, group, message, survey), in characters. */
export const MAX_ID_CHARS = 512;
/** Deepest nesting of objects and arrays in one message. */
export const MAX_NESTING = 100;
