// Whether a survey is closed, and what is kept of decisions.
// Invariant: a survey closes as it was last defined, also while that is being built.
import { expect, it } from 'vitest';
import type { SurveyDefinition } from '../wire/definitions.ts';
import type { SurveyStatus } from '../wire/message.ts';
import { whyClosed, whyShut, whyShutTo } from './survey-closing.ts';
import { keepDecisions } from './survey-reads.ts';
import type { WorkingSet } from './working-set.ts';

const definition = (more: Partial<SurveyDefinition>): SurveyDefinition => ({
  name: 'S',
  questions: [],
  ...more,
});

/** As much of a working set as is looked at. */
function setOf(wanted: Partial<SurveyDefinition>, said: Record<number, SurveyStatus[]> = {}): WorkingSet {
  const set: unknown = {
    program: {
      surveys: new Map([['s', { definition: definition({ limit: 1, endAt: '2026-01-01' }) }]]),
      wantedSurveys: new Map([['s', definition(wanted)]]),
    },
    completedOf: async () => 5,
    submission: async ({ node }: { node: number }) => new Set(said[node] ?? []),
  };
  return set as WorkingSet; // the parts used here
}
const at = Date.parse('2026-06-10T12:00:00Z');
const response = (status: SurveyStatus) => ({ survey: 's', submission: 'x', status, fields: {} });

it('is judged by the definition as it was last put, not by the one in force', async () => {
  expect(await whyShutTo(setOf({}), 's', at)).toBeNull();
  expect(await whyShutTo(setOf({ limit: 6, endAt: '2026-07-01' }), 's', at)).toBeNull();
  expect(await whyShutTo(setOf({ limit: 5 }), 's', at)).toMatch(/5 completed/);
  expect(await whyShutTo(setOf({ limit: 1 }), 'undefined', at)).toBeNull();
});

it('holds both dates in', () => {
  const shut = (time: number) =>
    whyShut({ startAt: '2026-06-10T12:00:00Z', endAt: '2026-06-10T13:00:00Z' }, 0, time);
  expect([shut(at), shut(at + 3_600_000)]).toEqual([null, null]);
  expect([shut(at - 1), shut(at + 3_600_001)].every((why) => why !== null)).toBe(true);
});

it('lets whoever began finish, on either id, and whoever was shown it turn it down', async () => {
  const closed = (said: Record<number, SurveyStatus[]>, status: SurveyStatus) =>
    whyClosed(setOf({ limit: 5 }, said), response(status), [1, 2], at);
  expect(await closed({}, 'completed')).not.toBeNull();
  for (const status of ['started', 'partial', 'completed'] as const)
    expect(await closed({ 2: [status] }, 'completed')).toBeNull();
  expect(await closed({ 1: ['shown'] }, 'completed')).not.toBeNull();
  expect(await closed({ 1: ['shown'] }, 'dismissed')).toBeNull();
});

it('keeps a decision when it differs from the last one, and only then', async () => {
  const kept: { survey: string; person: number; at: number; text: string }[] = [];
  const set: unknown = {
    program: { wantedSurveys: new Map([['s', definition({})]]) },
    person: async () => ({}),
    store: { read: async () => ({ decisions: kept.slice(-1) }) },
    record: ({ decisions }: { decisions: typeof kept }) => kept.push(...decisions),
  };
  const keep = (eligible: boolean, clock: number, survey = 's') =>
    keepDecisions(set as WorkingSet, 7, [{ survey, decision: { eligible } }], clock); // the parts used here
  expect([await keep(true, 1), await keep(true, 2), await keep(false, 3), await keep(false, 4)]).toEqual([
    ...[true, false, true, false],
  ]);
  expect(kept.map((row) => [row.at, row.text])).toEqual([
    [1, '{"eligible":true}'],
    [3, '{"eligible":false}'],
  ]);
  expect(await keep(true, 5, 'undefined')).toBe(false);
});
