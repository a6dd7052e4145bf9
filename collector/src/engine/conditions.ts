// Segment conditions, compiled: does a person satisfy it, and when may time alone change that.
// Invariant: `due` is never later than the true instant of the next change by time alone.
import type { Condition, TraitDefinition } from '../wire/definitions.ts';
import { durationMs } from '../wire/definitions.ts';
import type { JsonValue } from '../wire/message.ts';
import { type Comparison, compileComparison, readTrait } from './comparison.ts';
import { aggregateOf, finish } from './computed.ts';
import { type Leaf, type LeafSpec, nextToggle, summaryOf, waitingTimes } from './leaf.ts';
import type { PersonState } from './person-state.ts';
import { traitOf } from './trait-bag.ts';
import { toInstant } from './values.ts';
import { departure, windowCount } from './window.ts';

export interface CompiledCondition {
  test(person: PersonState, now: number): boolean;
  due(person: PersonState, now: number): number;
}

export interface CompiledTrait {
  readonly key: string;
  readonly definition: TraitDefinition;
  readonly slot: LeafSlot;
  value(person: PersonState, now: number): JsonValue;
  /** The next instant at which the value may change by time alone. */
  due(person: PersonState, now: number): number;
}

/** A place for a leaf that exists once all its windows are known. */
export interface LeafSlot {
  leaf: Leaf;
  /** Sliding window in ms, or null. */
  readonly span: number | null;
}

/** What a definition may refer to, and what it turns out to depend on. */
export interface Scope {
  slot(spec: LeafSpec, span: number | null): LeafSlot;
  computed(key: string): CompiledTrait;
  /** Version id of the segment with that key. */
  segment(key: string): number;
  dependsOnTrait(key: string): void;
  dependsOnSlot(slot: LeafSlot): void;
}

const NEVER = Number.POSITIVE_INFINITY;

export function compileTrait(key: string, definition: TraitDefinition, scope: Scope): CompiledTrait {
  const property = 'property' in definition ? definition.property : undefined;
  const slot = slotFor(scope, definition, aggregateOf(definition.type), property);
  return {
    key,
    definition,
    slot,
    value: (person, now) =>
      finish(definition, summaryOf(slot.leaf, person.leaves[slot.leaf.id], slot.span, now)),
    due: (person, now) => changeDue(slot, person, now),
  };
}

function slotFor(
  scope: Scope,
  selection: Pick<TraitDefinition, 'event' | 'where' | 'within'>,
  aggregate: LeafSpec['aggregate'],
  property: string | undefined,
): LeafSlot {
  const { event, where, within } = selection;
  const common = { event, where, aggregate, property };
  if (within === undefined) return scope.slot({ ...common, reach: 'ever' }, null);
  if (typeof within === 'string') return scope.slot({ ...common, reach: 'sliding' }, durationMs(within));
  const range = { from: toInstant(within.from) ?? 0, to: toInstant(within.to) ?? 0 };
  return scope.slot({ ...common, reach: range }, null);
}

/** The next instant at which anything in the leaf's window changes by time. */
function changeDue({ leaf, span }: LeafSlot, person: PersonState, now: number): number {
  const state = person.leaves[leaf.id];
  if (!state) return NEVER;
  const toggle = state.w ? nextToggle(state, now) : NEVER;
  if (span === null) return toggle;
  const leaving = departure(state.b ?? [], span, now, 1);
  const waiting = state.w ? waitingTimes(state, span, now).map((time) => time + span) : [];
  return Math.min(toggle, leaving, ...waiting);
}

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
  if ('trait' in condition) return compileTraitCondition(condition, scope);
  if ('computed' in condition) return compileComputedCondition(condition, scope);
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

function compileComputedCondition(
  condition: Extract<Condition, { computed: string }>,
  scope: Scope,
): CompiledCondition {
  const trait = scope.computed(condition.computed);
  scope.dependsOnSlot(trait.slot);
  const comparison = compileComparison(condition.op, condition.value);
  const { type } = trait.definition;
  if (type === 'count' && condition.op in THRESHOLDS)
    return countCondition(trait.slot, comparison, condition);
  return {
    test: (person, now) => comparison.test(trait.value(person, now) ?? undefined, now),
    due: (person, now) =>
      Math.min(trait.due(person, now), comparison.flip(trait.value(person, now) ?? undefined, now)),
  };
}

function compileEventCondition(
  condition: Extract<Condition, { event: string }>,
  scope: Scope,
): CompiledCondition {
  const slot = slotFor(scope, condition, 'count', undefined);
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
  slot: LeafSlot,
  comparison: Comparison,
  { op, value }: { op: string; value?: JsonValue | undefined },
): CompiledCondition {
  const { span } = slot;
  const counted = (person: PersonState, now: number): number => {
    const state = person.leaves[slot.leaf.id];
    if (!state) return 0;
    if (span !== null && !state.w) return windowCount(state.b ?? [], span, now);
    return (summaryOf(slot.leaf, state, span, now) as number | undefined) ?? 0;
  };
  return {
    test: (person, now) => comparison.test(counted(person, now), now),
    due(person, now) {
      const state = person.leaves[slot.leaf.id];
      if (!state || (span === null && !state.w)) return NEVER;
      if (span === null || state.w) return changeDue(slot, person, now);
      const departures = THRESHOLDS[op]?.(counted(person, now), Number(value)) ?? 1;
      return departures === NEVER ? NEVER : departure(state.b ?? [], span, now, departures);
    },
  };
}
