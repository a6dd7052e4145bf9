// A look at people and submissions while messages go on arriving.
// Invariant: what comes after the look began is not in it, whatever its date.
import { expect, it } from 'vitest';
import type { AcceptedMessage } from '../wire/accepted.ts';
import { parseMessage } from '../wire/parse.ts';
import type { Core, Report } from './core.ts';
import { createCore } from './create-core.ts';

const T0 = Date.parse('2026-06-10T12:00:00Z');
const HOUR = 3_600_000;
let ids = 0;

function message(fields: object): AcceptedMessage {
  const json = { messageId: `r${++ids}`, timestamp: new Date(T0 - HOUR).toISOString(), ...fields };
  const parsed = parseMessage(json as never, {
    ...{ routeType: null, kind: 'server' as const, isProven: () => false, requireSignature: false },
    ...{ receivedAt: T0, batchSentAt: undefined, batchContext: null },
    newId: () => 'unused',
    readAgent: () => null,
  });
  if (!parsed.ok) throw new Error(parsed.refused.reason);
  return parsed.message;
}
const store = (core: Core, ...all: object[]) => core.ingest({ messages: all.map(message), refused: [] });
const track = (userId: string, event: string, more = {}) => ({ type: 'track', userId, event, ...more });
const answer = (userId: string) => ({ type: 'survey', userId, surveyId: 's', answers: { q: 9 } });

async function opened(core: Core, segment: string | null, signal?: AbortSignal): Promise<Report> {
  const report = await core.report(segment, signal);
  if (typeof report === 'string') throw new Error(report);
  return report;
}
const probes = [{ event: 'Used', from: 2 * HOUR, to: 0 }];
async function usersIn(report: Report): Promise<boolean[]> {
  const did: boolean[] = [];
  await report.activity(probes, ([used]) => did.push(used === true));
  return did.sort();
}
async function answersIn(report: Report): Promise<number> {
  let count = 0;
  await report.submissions('s', () => count++);
  return count;
}

it('leaves out what is stored after it began, and people it did not see', async () => {
  const core = await createCore({ database: ':memory:', now: () => T0 });
  await store(core, track('ann', 'Used'), track('bob', 'Opened'), answer('bob'));
  const report = await opened(core, null);
  await store(core, track('bob', 'Used'), track('cat', 'Used'), answer('ann'));
  expect([report.people.size, await usersIn(report), await answersIn(report)]).toEqual([2, [false, true], 1]);
  const later = await opened(core, null);
  expect([later.people.size, await usersIn(later), await answersIn(later)]).toEqual([
    3,
    [true, true, true],
    2,
  ]);
  await core.close();
});

it('leaves out whoever became somebody else meanwhile', async () => {
  const core = await createCore({ database: ':memory:', now: () => T0 });
  await store(core, track('ann', 'Used'), track('bob', 'Used'));
  const report = await opened(core, null);
  await core.merge('bob', 'ann');
  expect(await usersIn(report)).toEqual([true]);
  await core.close();
});

it('takes a span without its beginning and with its end', async () => {
  let now = T0;
  const core = await createCore({ database: ':memory:', now: () => now });
  await store(core, track('ann', 'Used'));
  for (const [later, expected] of [
    [HOUR - 1, true],
    [HOUR, false],
  ] as const) {
    now = T0 + later;
    expect(await usersIn(await opened(core, null))).toEqual([expected]);
  }
  await core.close();
});

it('reads many submissions over several pages, each once, and stops when nobody waits for it', async () => {
  const core = await createCore({ database: ':memory:', now: () => T0 });
  for (let i = 0; i < 150; i++) {
    const parts = ['partial', 'completed'].map((status) => ({
      ...{ ...answer(`u${i}`), submissionId: 'one', status },
    }));
    await store(core, ...parts);
  }
  expect(await answersIn(await opened(core, null))).toBe(150);
  const aborted = await opened(core, null, AbortSignal.abort());
  expect([aborted.people.size, await answersIn(aborted)]).toEqual([0, 0]);
  await core.close();
});
