// What the collector asks about a person before they may be asked: segment, sample, frequency, cool-down.
// Invariant: every gate is answered by the same leaves and memberships as segments are, exact at the clock.
import type { Condition, SurveyDefinition } from '../wire/definitions.ts';
import { durationMs } from '../wire/duration.ts';
import type { JsonObject, JsonValue, SurveyStatus } from '../wire/message.ts';
import { compileCondition, type Scope } from './conditions.ts';
import type { PersonState } from './person-state.ts';
import { countSince } from './recent.ts';

/** Asked once in 90 days unless the definition says otherwise. */
const DEFAULT_TIMES = 1;
const DEFAULT_EVERY = '90d';
/** Surveys and submissions that a person's row tells apart: gates need one or two, whoever reads them a few more. */
const LEAST_KEPT = 20;

export type PersonGate = 'segment' | 'sample' | 'frequency' | 'coolDown';

export interface SurveyGate {
  readonly gate: PersonGate;
  test(person: PersonState, now: number): boolean;
  /** What the answer rests on. */
  detail(person: PersonState, now: number): JsonObject;
}

export interface CompiledSurvey {
  readonly key: string;
  readonly definition: SurveyDefinition;
  readonly gates: readonly SurveyGate[];
}

export type SurveyScope = Pick<Scope, 'slot' | 'zone' | 'segment' | 'bucketOf'>;

/** What of a survey people's rows depend on: everything else changes at once, without a build. */
export function gatesMeaning({ target, frequency }: SurveyDefinition): JsonValue {
  return {
    segment: target?.segment ?? null,
    sample: target?.sample ?? null,
    times: frequency?.times ?? DEFAULT_TIMES,
    every: frequency?.every ?? DEFAULT_EVERY,
    coolDown: frequency?.coolDown ?? null,
  };
}

export function compileSurvey(key: string, definition: SurveyDefinition, scope: SurveyScope): CompiledSurvey {
  const gates: SurveyGate[] = [];
  const { segment, sample } = definition.target ?? {};
  if (segment !== undefined) gates.push(segmentGate(segment, scope));
  if (sample !== undefined) gates.push(sampleGate(key, sample, scope));
  gates.push(frequencyGate(key, definition.frequency ?? {}, scope));
  const coolDown = definition.frequency?.coolDown;
  if (coolDown !== undefined) gates.push(coolDownGate(key, coolDown, scope));
  return { key, definition, gates };
}

function segmentGate(segment: string, scope: SurveyScope): SurveyGate {
  const { test } = conditionOf({ segment }, scope);
  return { gate: 'segment', test, detail: () => ({ segment }) };
}

function sampleGate(salt: string, sample: number, scope: SurveyScope): SurveyGate {
  const { test } = conditionOf({ bucket: { salt, from: 0, to: sample } }, scope);
  // Somebody erased goes by no id, hence is in no sample.
  const placeOf = ({ ext }: PersonState) => (ext === '' ? null : scope.bucketOf(salt, ext));
  return {
    gate: 'sample',
    test: sample > 0 ? test : () => false,
    detail: (person) => ({ sample, place: placeOf(person) }),
  };
}

/**
 * Submissions are counted, not messages: what a page says twice was asked once. Submissions shown and submissions
 * answered are counted apart: plain clients tell only of answers. Whoever began, answered in part or turned it down
 * without a word of its being shown was asked once at least.
 */
function frequencyGate(
  key: string,
  { times = DEFAULT_TIMES, every = DEFAULT_EVERY }: NonNullable<SurveyDefinition['frequency']>,
  { slot }: SurveyScope,
): SurveyGate {
  const counter = (...statuses: SurveyStatus[]) => {
    const most = Math.max(times, LEAST_KEPT);
    const recent = slot({ kind: 'recent', of: { survey: key, statuses }, most }, null);
    return ({ leaves }: PersonState, now: number): number =>
      countSince(leaves.get(recent.leaf.id)?.r, now - durationMs(every));
  };
  const shown = counter('shown');
  const answered = counter('completed');
  const met = counter('started', 'partial', 'dismissed');
  const asked = (person: PersonState, now: number): number =>
    Math.max(shown(person, now), answered(person, now), Math.min(1, met(person, now)));
  return {
    gate: 'frequency',
    test: (person, now) => asked(person, now) < times,
    detail: (person, now) => ({
      times,
      every,
      shown: shown(person, now),
      answered: answered(person, now),
      met: met(person, now),
    }),
  };
}

/** Any survey message tells that somebody was asked. One leaf answers for every survey, whatever its cool-down. */
function coolDownGate(key: string, coolDown: string, { slot }: SurveyScope): SurveyGate {
  const recent = slot({ kind: 'recent', of: 'surveys', most: LEAST_KEPT }, null);
  const others = ({ leaves }: PersonState, now: number): number =>
    countSince(leaves.get(recent.leaf.id)?.r, now - durationMs(coolDown), key);
  return {
    gate: 'coolDown',
    test: (person, now) => others(person, now) === 0,
    detail: (person, now) => ({ coolDown, otherSurveys: others(person, now) }),
  };
}

/** Gates are looked at when somebody asks, so that nothing needs to know what they depend on. */
function conditionOf(condition: Condition, scope: SurveyScope): ReturnType<typeof compileCondition> {
  const nothing = (): void => {};
  return compileCondition(condition, {
    ...scope,
    computed: () => never('a computed trait'),
    dependsOnTrait: nothing,
    dependsOnSlot: nothing,
    dependsOnGroups: nothing,
    dependsOnStart: nothing,
  });
}

function never(what: string): never {
  throw new Error(`a gate asked for ${what}`);
}
