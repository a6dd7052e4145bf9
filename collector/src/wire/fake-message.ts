// Accepted messages for tests, from the few fields that a test is about.
// Invariant: a field that is not given has the same value each time; `text` says what `body` does unless given.
import type { AcceptedMessage } from './accepted.ts';

/** A track event of a web key from nobody, received when it happened, unless `fields` say otherwise. */
export function fakeMessage(
  fields: Partial<AcceptedMessage> & Pick<AcceptedMessage, 'messageId' | 'time'>,
): AcceptedMessage {
  const { body = {} } = fields;
  return {
    type: 'track',
    kind: 'web',
    trusted: false,
    userId: null,
    anonymousId: null,
    previousId: null,
    groupId: null,
    surveyId: null,
    name: null,
    receivedAt: fields.time,
    sentAt: null,
    body,
    text: JSON.stringify(body),
    ...fields,
  };
}
