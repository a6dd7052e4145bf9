// Segment conditions, compiled: does a person satisfy it, and when may time alone change that.
// Invariant: `due` is never later than the true instant of the next change by time alone.
import type { Condition, GroupCondition } from '../wire/definitions.ts';
import { durationMs } from '../wire/duration.ts';
import type { JsonValue } from '../wire/message.ts';
import { type AggregateLeaf, nextToggle, summaryOf } from './aggregate-leaf.ts';
import type { Extent } from './aggregates.ts';
import { answerSpan } from './answers.ts';
import { type Comparison, compileComparison, readTrait, spanFlip, spanHolds } from './comparison.ts';
import { holdAt } from './hold.ts';
import type { GroupTraits, PersonState } from './person-state.ts';
import { sequenceAt } from './sequence.ts';
import { traitOf } from './trait-bag.ts';
import {
  aggregateSlot,
  type CompiledTrait,
  changeDue,
  type LeafSlot,
  type MakeSlot,
  reachFor,
} from './traits.ts';
import { departure, windowCount } from './window.ts';

export interface CompiledCondition {
  test(person: PersonState, now: number): boolean;
  due(person: PersonState, now: number): number;
}

/** What a definition may refer to, and what it turns out to depend on. */
export interface Scope {
  slot: MakeSlot;
  zone: string;
  computed(key: string): CompiledTrait;
  /** Version id of the segment with that key. */
  segment(key: string): number;
  /** A stable share of people, in percent: where (salt, id) falls in [0, 100). */
  bucketOf(salt: string, id: string): number;
  dependsOnTrait(key: string): void;
  dependsOnSlot(slot: LeafSlot): void;
  /** Depends on the traits of the person's groups. */
  dependsOnGroups(): void;
  /** May hold for somebody who has done nothing that it asks about. */
  dependsOnStart(): void;
}

const NEVER = Number.POSITIVE_INFINITY;

export function compileCondition(condition: Condition, scope: Scope): CompiledCondition {
  if ('all' in condition) {
    const parts = condition.all.map((part) => compileCondition(part, scope));
    return { test: (p, now) => parts.every((part) => part.test(p, now)), due: earliest(parts) };
  }
  if ('any' in condition) {
    const parts = condition.any.map((part) => compileCondition(part, scope));
    return { test: (p, now) => parts.some((part) => part.test(p, now)), due: earliest(parts) };
  }
  if ('not' in condition) {
    const inner = compileCondition(condition.not, scope);
    return { test: (p, now) => !inner.test(p, now), due: inner.due };
  }
  if ('segment' in condition) {
    const id = scope.segment(condition.segment);
    return { test: (p) => p.members.has(id), due: () => NEVER };
  }
  if ('trait' in condition)
    return condition.for === undefined
      ? compileTraitCondition(condition, scope)
      : compileHoldCondition(condition, condition.for, scope);
  if ('computed' in condition) return compileComputedCondition(condition, scope);
  if ('sequence' in condition) return compileSequenceCondition(condition, scope);
  if ('first' in condition) return compileFirstCondition(condition, scope);
  if ('bucket' in condition) return compileBucketCondition(condition, scope);
  if ('survey' in condition) return compileSurveyCondition(condition, scope);
  if ('group' in condition) return compileGroupCondition(condition, scope);
  return compileEventCondition(condition, scope);
}

function earliest(parts: readonly CompiledCondition[]): CompiledCondition['due'] {
  return (person, now) => {
    let due = NEVER;
    for (const part of parts) due = Math.min(due, part.due(person, now));
    return due;
  };
}

function compileTraitCondition(
  condition: Extract<Condition, { trait: string }>,
  scope: Scope,
): CompiledCondition {
  const { trait, op, value } = condition;
  scope.dependsOnTrait(trait);
  const dot = trait.indexOf('.');
  if (dot > 0) scope.dependsOnTrait(trait.slice(0, dot));
  const comparison = compileComparison(op, value);
  const read = (person: PersonState) => readTrait((key) => traitOf(person.traits, key), trait);
  return {
    test: (person, now) => comparison.test(read(person), now),
    due: (person, now) => (comparison.relative ? comparison.flip(read(person), now) : NEVER),
  };
}

function compileHoldCondition(
  { trait, op, value }: Extract<Condition, { trait: string }>,
  length: string,
  scope: Scope,
): CompiledCondition {
  const span = durationMs(length);
  const slot = scope.slot({ kind: 'hold', trait, op, value }, span);
  scope.dependsOnSlot(slot);
  scope.dependsOnStart();
  const at = (person: PersonState, now: number) =>
    holdAt(slot.leaf.hold, person.leaves.get(slot.leaf.id)?.h, person.firstSeen, span, now);
  return { test: (person, now) => at(person, now).holds, due: (person, now) => at(person, now).due };
}

function compileSequenceCondition(
  { sequence, within }: Extract<Condition, { sequence: unknown }>,
  scope: Scope,
): CompiledCondition {
  const { reach, span } = reachFor(within);
  const slot = scope.slot({ kind: 'sequence', sequence, reach }, span);
  scope.dependsOnSlot(slot);
  const at = (person: PersonState, now: number) =>
    sequenceAt(slot.leaf.sequence, person.leaves.get(slot.leaf.id)?.q, span ?? 0, now);
  return { test: (person, now) => at(person, now).holds, due: (person, now) => at(person, now).due };
}

function compileFirstCondition(
  { first: event, where, within }: Extract<Condition, { first: string }>,
  scope: Scope,
): CompiledCondition {
  const slot = aggregateSlot(scope, { event, where }, 'seen', undefined);
  scope.dependsOnSlot(slot);
  const { reach, span } = reachFor(within);
  const firstOf = (person: PersonState, now: number): number | undefined => {
    // What `seen` sums up in.
    const summary = summaryOf(slot.leaf, person.leaves.get(slot.leaf.id), null, now) as Extent | undefined;
    return summary?.[0];
  };
  const fits = (time: number, now: number): boolean =>
    typeof reach === 'object' ? reach.from <= time && time <= reach.to : time > now - (span ?? NEVER);
  return {
    test(person, now) {
      const time = firstOf(person, now);
      return time !== undefined && fits(time, now);
    },
    due(person, now) {
      const toggle = nextToggle(person.leaves.get(slot.leaf.id), now);
      const time = span === null ? undefined : firstOf(person, now);
      return time !== undefined && fits(time, now) ? Math.min(toggle, time + (span ?? 0)) : toggle;
    },
  };
}

function compileBucketCondition(
  { bucket: { salt, from, to } }: Extract<Condition, { bucket: unknown }>,
  scope: Scope,
): CompiledCondition {
  scope.dependsOnStart();
  return {
    test(person) {
      // Somebody erased whose late messages still come: without an id there is no bucket.
      if (person.ext === '') return false;
      const place = scope.bucketOf(salt, person.ext);
      return from <= place && place < to;
    },
    due: () => NEVER,
  };
}

function compileSurveyCondition(
  { survey, question, op, value }: Extract<Condition, { survey: string }>,
  scope: Scope,
): CompiledCondition {
  const slot = scope.slot({ kind: 'answer', survey, question, op, value }, null);
  scope.dependsOnSlot(slot);
  const missing = compileComparison(op, value).span(undefined);
  const spanOf = (person: PersonState) => answerSpan(person.leaves.get(slot.leaf.id)?.s) ?? missing;
  return {
    test: (person, now) => spanHolds(spanOf(person), now),
    due: (person, now) => spanFlip(spanOf(person), now),
  };
}

interface GroupTest {
  test(traits: GroupTraits, now: number): boolean;
  flip(traits: GroupTraits, now: number): number;
}

function compileGroupCondition(
  { group }: Extract<Condition, { group: unknown }>,
  scope: Scope,
): CompiledCondition {
  scope.dependsOnGroups();
  const tree = compileGroupTree(group);
  return {
    test(person, now) {
      for (const traits of person.view.values()) if (tree.test(traits, now)) return true;
      return false;
    },
    due(person, now) {
      let due = NEVER;
      for (const traits of person.view.values()) due = Math.min(due, tree.flip(traits, now));
      return due;
    },
  };
}

function compileGroupTree(condition: GroupCondition): GroupTest {
  if ('trait' in condition) {
    const comparison = compileComparison(condition.op, condition.value);
    return {
      test: (traits, now) => comparison.test(readTrait(traits, condition.trait), now),
      flip: (traits, now) =>
        comparison.relative ? comparison.flip(readTrait(traits, condition.trait), now) : NEVER,
    };
  }
  if ('not' in condition) {
    const inner = compileGroupTree(condition.not);
    return { test: (traits, now) => !inner.test(traits, now), flip: inner.flip };
  }
  const all = 'all' in condition;
  const parts = (all ? condition.all : condition.any).map(compileGroupTree);
  return {
    test: (traits, now) =>
      all ? parts.every((part) => part.test(traits, now)) : parts.some((part) => part.test(traits, now)),
    flip: (traits, now) => Math.min(NEVER, ...parts.map((part) => part.flip(traits, now))),
  };
}

function compileComputedCondition(
  condition: Extract<Condition, { computed: string }>,
  scope: Scope,
): CompiledCondition {
  const trait = scope.computed(condition.computed);
  for (const slot of trait.slots) scope.dependsOnSlot(slot);
  const comparison = compileComparison(condition.op, condition.value);
  const { type } = trait.definition;
  const [slot] = trait.slots;
  if (type === 'count' && slot && condition.op in THRESHOLDS)
    return countCondition(slot, comparison, condition);
  return {
    test: (person, now) => comparison.test(trait.value(person, now) ?? undefined, now),
    due: (person, now) =>
      Math.min(
        trait.due(person, now),
        comparison.relative ? comparison.flip(trait.value(person, now) ?? undefined, now) : NEVER,
      ),
  };
}

function compileEventCondition(
  condition: Extract<Condition, { event: string }>,
  scope: Scope,
): CompiledCondition {
  const slot = aggregateSlot(scope, condition, 'count', undefined);
  scope.dependsOnSlot(slot);
  const count = condition.count ?? { op: 'gte', value: 1 };
  return countCondition(slot, compileComparison(count.op, count.value), count);
}

/** For `count op value` true or false at count c: how many departures until the answer may change. */
const THRESHOLDS: Record<string, (c: number, n: number) => number> = {
  gte: (c, n) => (c >= n ? Math.floor(c - n) + 1 : NEVER),
  gt: (c, n) => (c > n ? Math.ceil(c - n) : NEVER),
  lt: (c, n) => (c >= n ? Math.floor(c - n) + 1 : NEVER),
  lte: (c, n) => (c > n ? Math.ceil(c - n) : NEVER),
  eq: (c, n) => (c === n ? 1 : c > n ? Math.ceil(c - n) : NEVER),
  neq: (c, n) => (c === n ? 1 : c > n ? Math.ceil(c - n) : NEVER),
};

function countCondition(
  slot: LeafSlot<AggregateLeaf>,
  comparison: Comparison,
  { op, value }: { op: string; value?: JsonValue | undefined },
): CompiledCondition {
  const { span } = slot;
  const counted = (person: PersonState, now: number): number => {
    const state = person.leaves.get(slot.leaf.id);
    if (!state) return 0;
    if (span !== null && !state.w) return windowCount(state.b ?? [], span, now);
    return (summaryOf(slot.leaf, state, span, now) as number | undefined) ?? 0; // `count` sums up in a number
  };
  return {
    test: (person, now) => comparison.test(counted(person, now), now),
    due(person, now) {
      const state = person.leaves.get(slot.leaf.id);
      if (!state || (span === null && !state.w)) return NEVER;
      if (span === null || state.w) return changeDue(slot, person, now);
      const departures = THRESHOLDS[op]?.(counted(person, now), Number(value)) ?? 1;
      return departures === NEVER ? NEVER : departure(state.b ?? [], span, now, departures);
    },
  };
}
