// What a caller passes to the client, in the shapes of @segment/analytics-node.
// Invariant: types, and the calls' names; whatever Segment's types take, these take.
import type { SurveyAnswer, SurveyStatus } from '../../collector/src/wire/message.ts';
import type { Loss } from '../../sdk-web/src/core/queue.ts';

// biome-ignore lint/suspicious/noExplicitAny: an interface of the caller's has no index signature and fits only a record of any
export type Fields = Record<string, any>;

export type Id = string | number;

/** Whom a message is about: one of the two, or both. */
export type Identity =
  | { userId: Id; anonymousId?: Id | undefined }
  | { userId?: Id | undefined; anonymousId: Id };

export interface Common {
  /** When it happened: a date, ISO 8601 text or epoch milliseconds. Default: now. */
  timestamp?: Date | string | number | undefined;
  /** Counted once, however often it is sent. Default: a new UUID. */
  messageId?: string | undefined;
  context?: Fields | undefined;
  integrations?: Fields | undefined;
}

export type IdentifyParams = Identity & Common & { traits?: Fields | undefined };

/** Names of events and their properties: `interface Events { 'Order Completed': { revenue: number } }`. */
export type AnyEvents = Record<string, Fields>;

/** Properties may be left out where none of them is required. */
type Properties<P> = Partial<P> extends P ? { properties?: P | undefined } : { properties: P };

export type TrackParams<E extends object = AnyEvents> = Identity &
  Common &
  { [N in keyof E & string]: { event: N } & Properties<E[N]> }[keyof E & string];
export type PageParams = Identity &
  Common & { name?: string | undefined; category?: string | undefined; properties?: Fields | undefined };
export type GroupParams = Identity & Common & { groupId: Id; traits?: Fields | undefined };
export type AliasParams = Common & { userId: Id; previousId: Id };
export type SurveyParams = Identity &
  Common & {
    surveyId: string;
    answers: Record<string, SurveyAnswer>;
    submissionId?: string | undefined;
    /** Default: completed. */
    status?: SurveyStatus | undefined;
    version?: Id | undefined;
    language?: string | undefined;
    /** What made it show. */
    trigger?: string | undefined;
    /** Time spent on each question, ms. */
    timings?: Record<string, number> | undefined;
    /** What belongs to it and was not asked. */
    hidden?: Fields | undefined;
  };

/** The calls that make a message: its type, too. */
export const CALLS = ['identify', 'track', 'page', 'screen', 'group', 'alias', 'survey'] as const;
export type Call = (typeof CALLS)[number];

/** A message as it is sent, apart from `sentAt`. */
export interface Message {
  type: string;
  messageId: string;
  timestamp: string | number;
  context: Fields;
  [field: string]: unknown;
}

/** What Segment's client calls a context: one message on its way. */
export interface Context {
  /** The messageId. */
  id: string;
  event: Message;
}

/** Called once the message is answered for: without an error when the collector has it. */
export type Callback = (error?: Loss | undefined, context?: Context) => void;
