// Submissions read a few messages at a time.
// Invariant: however many are read in one go, the submissions are those that all messages together make.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { viewSubmission } from '../engine/submission.ts';
import type { NewMessage, Store } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import type { SurveyStatus } from '../wire/message.ts';
import { createSubmissionReader, type Reading, readSubmission } from './submission-reader.ts';

function sent(seq: number, node: number, submission: string, status: SurveyStatus, time = seq): NewMessage {
  const body = {
    type: 'survey',
    surveyId: 's',
    submissionId: submission,
    status,
    answers: { [`q${seq}`]: 1 },
  };
  return {
    message: {
      ...{
        type: 'survey',
        messageId: `m${seq}`,
        kind: 'web',
        trusted: false,
        userId: null,
        anonymousId: 'd',
      },
      ...{ previousId: null, groupId: null, surveyId: 's', name: null, time, receivedAt: 0, sentAt: null },
      ...{ body, text: JSON.stringify(body) },
    },
    ...{ seq, node, device: null, pending: false, response: { survey: 's', submission, status } },
  };
}

let store: Store;
beforeEach(async () => {
  store = openSqlite({ path: ':memory:', readOnly: false });
  await store.commit({
    clock: 1,
    nodes: [1, 2].map((id) => ({ id, kind: 'device', ext: `d${id}`, publicId: `p${id}`, root: id })),
    messages: [
      sent(1, 1, 'a', 'shown'),
      sent(2, 2, 'a', 'shown'),
      sent(3, 1, 'b', 'completed'),
      sent(4, 1, 'a', 'started'),
      sent(5, 1, 'a', 'completed'),
      sent(6, 2, 'a', 'dismissed', 900),
    ],
  });
});
afterEach(() => store.close());

async function read(reading: Omit<Reading, 'survey'>, until: number): Promise<string[]> {
  const reader = createSubmissionReader({ store }, { survey: 's', ...reading });
  for (const all: string[] = []; ; ) {
    const { sent: some, isDone } = await reader.next(until);
    for (const { place, state } of some) {
      const { answers } = viewSubmission(state);
      all.push(`${place.node} ${place.submission} ${place.seq} ${Object.keys(answers)}`);
    }
    if (isDone) return all;
  }
}

it('hands over each submission once and whole, whatever is read in one go', async () => {
  const whole = ['1 a 5 q1,q4,q5', '1 b 3 q3', '2 a 2 q2'];
  for (let page = 1; page <= 7; page++) expect(await read({ page }, 800)).toEqual(whole);
  expect(await read({ page: 2 }, 1_000)).toContain('2 a 6 q2,q6');
});

it('goes on after a submission, and passes over what was stored later', async () => {
  const after = { node: 1, submission: 'a', seq: 5 };
  for (const page of [1, 2, 9]) expect(await read({ after, page }, 800)).toEqual(['1 b 3 q3', '2 a 2 q2']);
  for (const page of [1, 2, 9])
    expect(await read({ lastSeq: 2, page }, 1_000)).toEqual(['1 a 1 q1', '2 a 2 q2']);
});

it('reads one submission alone, and nothing where there is none', async () => {
  const of = async (node: number, submission: string) =>
    Object.keys(viewSubmission(await readSubmission({ store }, 's', { node, submission }, 800)).answers);
  expect(await of(1, 'a')).toEqual(['q1', 'q4', 'q5']);
  expect(await of(2, 'a')).toEqual(['q2']);
  expect([await of(1, 'aa'), await of(2, 'z')]).toEqual([[], []]);
});
