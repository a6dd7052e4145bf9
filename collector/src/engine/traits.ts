// Computed traits, compiled: their value for a person, and when time alone may change it.
// Invariant: `due` is never later than the true instant of the next change by time alone.
import type { MeasuredDefinition, TraitDefinition, Where, Within } from '../wire/definitions.ts';
import { durationMs } from '../wire/duration.ts';
import { evaluateFormula, parseFormula } from '../wire/formula.ts';
import { readDate } from '../wire/instant.ts';
import type { JsonValue } from '../wire/message.ts';
import {
  type AggregateLeaf,
  type AggregateSpec,
  nextToggle,
  summaryOf,
  waitingTimes,
} from './aggregate-leaf.ts';
import type { AggregateName } from './aggregates.ts';
import { aggregateOf, finish } from './computed.ts';
import type {
  AnswerLeaf,
  AnswerSpec,
  HoldLeaf,
  HoldSpec,
  Leaf,
  LeafSpec,
  RecentLeaf,
  SequenceLeaf,
} from './leaf.ts';
import type { PersonState } from './person-state.ts';
import type { RecentSpec } from './recent.ts';
import type { SequenceSpec } from './sequence.ts';
import { canonical, toNumber } from './values.ts';
import { departure } from './window.ts';

/** A place for a leaf that exists once all its windows are known. */
export interface LeafSlot<L extends Leaf = Leaf> {
  leaf: L;
  /** Sliding window (or length of a hold) in ms, or null. */
  readonly span: number | null;
}

export type LeafOf<S extends LeafSpec> = S extends AggregateSpec
  ? AggregateLeaf
  : S extends SequenceSpec
    ? SequenceLeaf
    : S extends HoldSpec
      ? HoldLeaf
      : S extends AnswerSpec
        ? AnswerLeaf
        : S extends RecentSpec
          ? RecentLeaf
          : never;

/** Makes places for leaves. */
export type MakeSlot = <S extends LeafSpec>(spec: S, span: number | null) => LeafSlot<LeafOf<S>>;

/** Formula values already worked out for one person at one instant. */
type Memo = Map<string, JsonValue>;

export interface CompiledTrait {
  readonly key: string;
  readonly definition: TraitDefinition;
  /** Equal for equal meaning: the definition and those of all it is computed from. */
  readonly meaning: string;
  /** The leaves it is computed from, a formula's inputs included. */
  readonly slots: readonly LeafSlot<AggregateLeaf>[];
  value(person: PersonState, now: number, memo?: Memo): JsonValue;
  /** The next instant at which the value may change by time alone. */
  due(person: PersonState, now: number): number;
}

export interface TraitScope {
  slot: MakeSlot;
  /** The time zone that days are counted in. */
  zone: string;
  computed(key: string): CompiledTrait;
  /** A number for a text, always the same one. */
  intern(text: string): number;
}

const NEVER = Number.POSITIVE_INFINITY;

/** `meaning` is the definition's own, without what needs no build. */
export function compileTrait(
  key: string,
  definition: TraitDefinition,
  meaning: JsonValue,
  scope: TraitScope,
): CompiledTrait {
  if (definition.type === 'formula') return compileFormula(key, definition, meaning, scope);
  const property = 'property' in definition ? definition.property : undefined;
  const slot = aggregateSlot(scope, definition, aggregateOf(definition.type), property);
  return {
    key,
    definition,
    meaning: canonical(meaning),
    slots: [slot],
    value: (person, now) => measure(definition, slot, person, now),
    due: (person, now) => changeDue(slot, person, now),
  };
}

function measure(
  definition: MeasuredDefinition,
  { leaf, span }: LeafSlot<AggregateLeaf>,
  person: PersonState,
  now: number,
): JsonValue {
  return finish(definition, summaryOf(leaf, person.leaves.get(leaf.id), span, now));
}

function compileFormula(
  key: string,
  definition: Extract<TraitDefinition, { type: 'formula' }>,
  meaning: JsonValue,
  scope: TraitScope,
): CompiledTrait {
  const parsed = parseFormula(definition.expression);
  if (!parsed.ok) throw new Error(`a formula that was never checked: ${parsed.message}`);
  const inputs = new Map(parsed.keys.map((name) => [name, scope.computed(name)]));
  const slots = [...new Set([...inputs.values()].flatMap((input) => input.slots))];
  const meanings = [...inputs.values()].map((input) => `${input.key}=${meaningIn(input, scope)}`);
  return {
    key,
    definition,
    meaning: `${canonical(meaning)} (${meanings.join(', ')})`,
    slots,
    value(person, now, memo = new Map()) {
      const known = memo.get(key);
      if (known !== undefined) return known;
      const read = (name: string): number | null =>
        toNumber(inputs.get(name)?.value(person, now, memo) ?? null) ?? null;
      const value = evaluateFormula(parsed.expression, read);
      memo.set(key, value);
      return value;
    },
    due(person, now) {
      let due = NEVER;
      for (const slot of slots) due = Math.min(due, changeDue(slot, person, now));
      return due;
    },
  };
}

/** Formulas by number: repeating their texts would nearly double the text with every step of a chain. */
function meaningIn({ definition, meaning }: CompiledTrait, { intern }: TraitScope): string {
  return definition.type === 'formula' ? String(intern(`formula ${meaning}`)) : meaning;
}

export interface Selection {
  event: string;
  where?: Where | undefined;
  within?: Within | undefined;
}

/** What `within` says about a leaf's reach and window. */
export function reachFor(within: Within | undefined): {
  reach: AggregateSpec['reach'];
  span: number | null;
} {
  if (within === undefined) return { reach: 'ever', span: null };
  if (typeof within === 'string') return { reach: 'sliding', span: durationMs(within) };
  return { reach: { from: checkedDate(within.from), to: checkedDate(within.to) }, span: null };
}

function checkedDate(text: string): number {
  const time = readDate(text);
  if (time === undefined) throw new Error(`a date that was never checked: ${text}`);
  return time;
}

export function aggregateSlot(
  { slot, zone }: Pick<TraitScope, 'slot' | 'zone'>,
  { event, where, within }: Selection,
  aggregate: AggregateName,
  property: string | undefined,
): LeafSlot<AggregateLeaf> {
  const { reach, span } = reachFor(within);
  const spec: AggregateSpec = { kind: 'aggregate', event, where, aggregate, property, reach };
  return slot(aggregate === 'days' ? { ...spec, zone } : spec, span);
}

/** The next instant at which anything in the leaf's window changes by time. */
export function changeDue({ leaf, span }: LeafSlot<AggregateLeaf>, person: PersonState, now: number): number {
  const state = person.leaves.get(leaf.id);
  if (!state) return NEVER;
  const toggle = state.w ? nextToggle(state, now) : NEVER;
  if (span === null) return toggle;
  const leaving = departure(state.b ?? [], span, now, 1);
  let due = Math.min(toggle, leaving);
  if (state.w) for (const time of waitingTimes(state, span, now)) due = Math.min(due, time + span);
  return due;
}
