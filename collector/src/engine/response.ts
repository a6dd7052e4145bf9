// One message of a survey submission: shown, begun, answered in part or in whole, or turned down.
// Invariant: what is read here of a message never changes, whatever else is known.
import {
  type JsonObject,
  type JsonValue,
  type MessageType,
  SURVEY_EVENT,
  SURVEY_STATUSES,
  type SurveyStatus,
} from '../wire/message.ts';
import { isObject } from '../wire/shape.ts';
import type { EngineMessage } from './filter.ts';

export interface Response {
  survey: string;
  /** Unique per survey and sender. */
  submission: string;
  status: SurveyStatus;
  /** Where its fields are: the message itself, or the properties of Segment's own event. */
  fields: JsonObject;
}

/** Whether a message may be a response at all, without looking into it. */
export const mayRespond = (type: MessageType, event: string | null): boolean =>
  type === 'survey' || (type === 'track' && event === SURVEY_EVENT);

/** A survey message, or Segment's own `Survey Responded` event when it names its survey. */
export function responseOf(
  message: Pick<EngineMessage, 'type' | 'event' | 'stamp' | 'body'>,
): Response | null {
  const { type, event, stamp } = message;
  if (!mayRespond(type, event)) return null;
  // Called as a method: a stored message reads its own text.
  const body = message.body();
  const fields = type === 'survey' ? body : body.properties;
  if (!isObject(fields)) return null;
  const survey = textOf(fields.surveyId);
  if (survey === null) return null;
  const submission = textOf(fields.submissionId) ?? stamp[1];
  // A missing status means completed; so does one that no survey message could have.
  const status = SURVEY_STATUSES.find((name) => name === fields.status) ?? 'completed';
  return { survey, submission, status, fields };
}

export function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : null;
}
