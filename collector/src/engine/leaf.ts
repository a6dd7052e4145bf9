// A leaf: what a person's messages amount to for one question, shared by every definition that asks it.
// Invariant: after adds in any order, with refolds where asked for, the state answers exactly at the
// clock, provided that it was opened at the instants `leafOpening` named.
import type { Op, Operand } from '../wire/definitions.ts';
import {
  type AggregateLeaf,
  type AggregateSpec,
  type AggregateState,
  addToAggregate,
  createAggregateLeaf,
  type ToCount,
} from './aggregate-leaf.ts';
import { type AnswersState, addToAnswers, restAnswers } from './answers.ts';
import { type Comparison, compileComparison } from './comparison.ts';
import { declaredTraits, type EngineMessage } from './filter.ts';
import { addToHold, type CompiledHold, compileHold, type HoldState, restHold } from './hold.ts';
import {
  addToSequence,
  type CompiledSequence,
  compileSequence,
  restSequence,
  type SequenceSpec,
  type SequenceState,
  sequenceOpening,
} from './sequence.ts';
import { nextOpening } from './window.ts';

/** Since when a declared trait has compared so. */
export interface HoldSpec {
  kind: 'hold';
  trait: string;
  op: Op;
  value: Operand | undefined;
}
/** What the latest answer to a question means for a comparison. */
export interface AnswerSpec {
  kind: 'answer';
  survey: string;
  question: string;
  op: Op;
  value: Operand | undefined;
}
export type LeafSpec = AggregateSpec | SequenceSpec | HoldSpec | AnswerSpec;

interface Base {
  readonly id: number;
  /** Windows (or, for a hold, lengths of time) asked of this leaf, ms, ascending. */
  readonly windows: readonly number[];
  /** Selectors of the messages that may matter. */
  readonly events: readonly string[];
}
export interface SequenceLeaf extends Base {
  readonly kind: 'sequence';
  readonly spec: SequenceSpec;
  readonly sequence: CompiledSequence;
}
export interface HoldLeaf extends Base {
  readonly kind: 'hold';
  readonly spec: HoldSpec;
  readonly hold: CompiledHold;
}
export interface AnswerLeaf extends Base {
  readonly kind: 'answer';
  readonly spec: AnswerSpec;
  readonly comparison: Comparison;
}
export type Leaf = AggregateLeaf | SequenceLeaf | HoldLeaf | AnswerLeaf;

/** What a person's row keeps for a leaf, by its kind; absent means nothing matched so far. */
export interface LeafState extends AggregateState {
  q?: SequenceState;
  h?: HoldState;
  s?: AnswersState;
}

export function createLeaf(id: number, spec: LeafSpec, windows: readonly number[]): Leaf {
  switch (spec.kind) {
    case 'aggregate':
      return createAggregateLeaf(id, spec, windows);
    case 'sequence': {
      const sequence = compileSequence(spec);
      return { kind: 'sequence', id, windows, events: sequence.events, spec, sequence };
    }
    case 'hold': {
      const hold = compileHold(spec.trait, compileComparison(spec.op, spec.value));
      return { kind: 'hold', id, windows, events: ['$identify'], spec, hold };
    }
    case 'answer':
      return {
        kind: 'answer',
        id,
        windows,
        events: ['$survey'],
        spec,
        comparison: compileComparison(spec.op, spec.value),
      };
  }
}

/** The longest window, ms; 0 without one. */
export const longestWindow = ({ windows }: { windows: readonly number[] }): number =>
  windows[windows.length - 1] ?? 0;

/**
 * Adds a message that one of the leaf's selectors picked. Null: nothing changed. `late`: the leaf must be
 * folded anew from the person's messages (`refoldLeaf`).
 */
export function addToLeaf(
  leaf: Leaf,
  state: LeafState | undefined,
  message: EngineMessage,
  now: number,
  refolding = false,
): LeafState | ToCount | null | 'late' {
  switch (leaf.kind) {
    case 'aggregate':
      return addToAggregate(leaf, state, message, now);
    case 'sequence': {
      const adding = { now, window: longestWindow(leaf), refolding };
      const q = addToSequence(leaf.sequence, state?.q, message, adding);
      return q === null || q === 'late' ? q : { q };
    }
    case 'hold': {
      const h = addToHold(leaf.hold, state?.h, declaredTraits(message.body()), message.stamp, refolding);
      return h === null || h === 'late' ? h : { h: restHold(leaf.hold, h) };
    }
    case 'answer': {
      const s = addToAnswers(leaf.spec, leaf.comparison, state?.s, message, refolding);
      if (s === null || s === 'late') return s;
      return { s: refolding ? s : restAnswers(s) };
    }
  }
}

/** After a refold: what the row need not hold is let go. */
export function restLeaf(leaf: Leaf, state: LeafState, now: number): LeafState {
  if (leaf.kind === 'sequence' && state.q)
    return { q: restSequence(leaf.sequence, state.q, longestWindow(leaf), now) };
  if (leaf.kind === 'answer' && state.s) return { s: restAnswers(state.s) };
  return state;
}

/** The leaf's state from the person's messages, in order. */
export function refoldLeaf(
  leaf: Leaf,
  messages: Iterable<EngineMessage>,
  now: number,
): LeafState | undefined {
  let state: LeafState | undefined;
  for (const message of messages) {
    const next = addToLeaf(leaf, state, message, now, true);
    if (next === 'late' || (next && 'key' in next)) throw new Error('a refold that does not begin anew');
    state = next ?? state;
  }
  return state && restLeaf(leaf, state, now);
}

/** The next instant at which the leaf's messages must be read again; Infinity if none. */
export function leafOpening(leaf: Leaf, state: LeafState | undefined, now: number): number {
  if (!state) return Number.POSITIVE_INFINITY;
  if (leaf.kind === 'aggregate') return nextOpening(state.b ?? [], leaf.windows, now);
  return state.q ? sequenceOpening(state.q) : Number.POSITIVE_INFINITY;
}

/** Whether the leaf looks into messages, beyond when they were and what they are called. */
export function looksInside(leaf: Leaf): boolean {
  if (leaf.kind === 'aggregate') return leaf.filter !== null || leaf.steps !== null;
  return leaf.kind !== 'sequence' || leaf.sequence.steps.some(({ filter }) => filter !== null);
}

/** Event times before this cannot matter to the leaf at the clock; null: all matter. */
export function reachOf(leaf: Leaf, now: number): number | null {
  const sliding =
    (leaf.kind === 'aggregate' && leaf.spec.reach === 'sliding') ||
    (leaf.kind === 'sequence' && leaf.sequence.reach === 'sliding');
  return sliding ? now - longestWindow(leaf) : null;
}
