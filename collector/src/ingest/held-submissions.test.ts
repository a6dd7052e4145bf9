// What is held of submissions in memory.
// Invariant: ids that nobody defined cost neither a count nor a place in memory.
import { expect, it } from 'vitest';
import type { NewMessage } from '../storage/port.ts';
import { openSqlite } from '../storage/sqlite/open.ts';
import type { SurveyStatus } from '../wire/message.ts';
import { ALWAYS, createHeldSubmissions } from './held-submissions.ts';

function completed(survey: string, submission: string, time = 5): NewMessage {
  const status: SurveyStatus = 'completed';
  return {
    message: {
      ...{
        type: 'survey',
        messageId: `${survey} ${submission} ${time}`,
        kind: 'web',
        trusted: false,
        name: null,
      },
      ...{ userId: null, anonymousId: 'd', previousId: null, groupId: null, surveyId: survey, time },
      ...{ receivedAt: 0, sentAt: null, body: {}, text: '{}' },
    },
    ...{ seq: 1, node: 1, device: null, pending: false, response: { survey, submission, status } },
  };
}

it('holds nothing of what nobody asked about, and counts anew what it was not told in time', async () => {
  const store = openSqlite({ path: ':memory:', readOnly: false });
  const { submissions, upkeep } = createHeldSubmissions(store);
  const sizes = () => upkeep.maps.map(({ size }) => size);
  for (let i = 0; i < 1_000; i++) upkeep.note(completed(`nobody's ${i}`, 'x'));
  expect(sizes()).toEqual([0, 0]);

  const key = { survey: 's', node: 1, submission: 'x' };
  expect([
    await submissions.completedOf('s', ALWAYS),
    [...(await submissions.submission(key, ALWAYS))],
  ]).toEqual([0, []]);
  for (let i = 0; i < 2; i++) upkeep.note(completed('s', 'x'));
  expect(await submissions.completedOf('s', ALWAYS)).toBe(1);
  // Not asked about before it came: nobody knows whether it is counted already.
  upkeep.note(completed('s', 'y'));
  expect(sizes()).toEqual([1, 0]);
  await store.close();
});

it('tells what was completed before the survey opens from what was completed since', async () => {
  const store = openSqlite({ path: ':memory:', readOnly: false });
  const { submissions, upkeep } = createHeldSubmissions(store);
  await submissions.completedOf('s', 10);
  await submissions.submission({ survey: 's', node: 1, submission: 'x' }, 10);
  const counts: number[] = [];
  for (const time of [9, 10, 11]) {
    upkeep.note(completed('s', 'x', time));
    counts.push(await submissions.completedOf('s', 10));
  }
  expect(counts).toEqual([0, 1, 1]);
  await store.close();
});
