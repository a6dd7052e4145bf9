// Survey answers as segments see them: submissions, upserts by question, the latest answer (contract sections 6, 9).
// Invariant: a question's answer depends on message order only, never on arrival.
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { at, type Value } from './comparison.ts';
import { idOf, type ModelMessage } from './history.ts';
import { SURVEY_EVENT } from './selection.ts';

interface Response {
  surveyId: string;
  /** One submission of one sender; a missing submissionId is the messageId. */
  submission: string;
  /** The same without its sender: one person's submission, under whichever of their ids. */
  submissionId: string;
  answers: JsonObject;
}

/** What a message says in a survey, be it a survey message or the track event that stands for one. */
export function responseOf(message: ModelMessage): Response | undefined {
  const survey = message.type === 'survey';
  if (!survey && !(message.type === 'track' && message.body.event === SURVEY_EVENT)) return undefined;
  const fields = survey ? message.body : message.body.properties;
  const surveyId = at(fields, 'surveyId');
  const answers = at(fields, 'answers') ?? {};
  if (typeof surveyId !== 'string' || typeof answers !== 'object' || Array.isArray(answers)) return undefined;
  const user = idOf(message.userId);
  const sender = user === undefined ? ['anon', idOf(message.anonymousId) ?? ''] : ['user', user];
  const submissionId = String(at(fields, 'submissionId') ?? message.messageId);
  return { surveyId, submission: JSON.stringify([...sender, submissionId]), submissionId, answers };
}

/** The person's latest answer to a question; undefined when there is none. `messages` in order. */
export function latestAnswer(survey: string, question: string, messages: readonly ModelMessage[]): Value {
  const lastWrites = new Map<string, Value>();
  for (const message of messages) {
    const response = responseOf(message);
    if (response?.surveyId !== survey || !Object.hasOwn(response.answers, question)) continue;
    // Put in anew, so that the submissions stand in the order of their last writes.
    lastWrites.delete(response.submission);
    lastWrites.set(response.submission, response.answers[question]);
  }
  return [...lastWrites.values()].findLast((answer) => answer !== null);
}
