// Which of the surveys that somebody may be asked they are offered.
// Invariant: three at most, the most important first; decisions are kept in answer to a batch only.
import { expect, it } from 'vitest';
import type { SurveyStanding } from '../../ingest/core.ts';
import { offerOf, versionOf } from '../../ingest/survey-offer.ts';
import type { SurveyDefinition } from '../../wire/definitions.ts';
import type { JsonObject } from '../../wire/message.ts';
import { offersFor } from './offers.ts';

const NOW = Date.parse('2026-06-10T12:00:00Z');
const definition = (more: Partial<SurveyDefinition> = {}): SurveyDefinition => ({
  name: 'S',
  questions: [{ id: 'q', type: 'nps', title: 'T' }],
  ...more,
});
const standing = (key: string, more: Partial<SurveyDefinition> = {}, holds = true): SurveyStanding => ({
  ...{ key, definition: definition(more), completed: 0 },
  gates: [{ gate: 'segment', holds }],
});

async function ask(standings: SurveyStanding[], url: string | null = null, isBatch = true) {
  const kept: { survey: string; decision: JsonObject }[] = [];
  const core = {
    now: () => NOW,
    keepDecisions: async (_: number, decisions: readonly (typeof kept)[number][]) =>
      void kept.push(...decisions),
  };
  const moment = { url, messages: isBatch ? [] : null };
  const offered = await offersFor(core, { standings, person: 7 }, moment);
  return { keys: offered.map(({ key }) => key), kept };
}

it('are three at most, the most important first, then by key', async () => {
  const all = ['d', 'b', 'c', 'a'].map((key) => standing(key));
  expect((await ask(all)).keys).toEqual(['a', 'b', 'c']);
  expect((await ask([...all, standing('z', { priority: 1 }), standing('y', { priority: -1 })])).keys).toEqual(
    [...['z', 'a', 'b']],
  );
});

it('are only those of which every gate is known to hold', async () => {
  const paged = standing('paged', { target: { url: '/cart' } });
  const all = [paged, standing('shut', {}, false), standing('over', { endAt: '2026-06-09' })];
  expect((await ask(all)).keys).toEqual([]);
  expect((await ask(all, 'https://x.example/cart')).keys).toEqual(['paged']);
});

it('are kept with every gate in answer to a batch, and not where somebody only looks', async () => {
  const paged = standing('paged', { target: { url: '/cart' } });
  expect((await ask([paged])).kept).toEqual([
    { survey: 'paged', decision: { eligible: false, gates: { open: true, segment: true, url: null } } },
  ]);
  expect((await ask([paged], null, false)).kept).toEqual([]);
});

it('carry a version that changes with the definition and with nothing else', () => {
  const [one, other] = [definition(), definition({ name: 'T' })];
  expect(versionOf(one)).toMatch(/^[0-9a-f]{8}$/);
  expect(versionOf(other)).not.toBe(versionOf(one));
  expect(versionOf({ questions: one.questions, name: one.name })).toBe(versionOf(one));
  expect(offerOf('s', other).version).toBe(versionOf(other));
});
