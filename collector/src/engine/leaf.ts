// A leaf: what a person's messages amount to for one question, shared by every definition that asks it.
// Invariant: after adds in any order, with refolds where asked for, the state answers exactly at the
// clock, provided that it was opened at the instants `leafOpening` named.
import type { Op, Operand } from '../wire/definitions.ts';
import {
  type AggregateLeaf,
  type AggregateSpec,
  type AggregateState,
  addToAggregate,
  aggregateOpening,
  createAggregateLeaf,
  type ToCount,
} from './aggregate-leaf.ts';
import {
  type AnswersState,
  addToAnswers,
  answersOf,
  newestWrites,
  refoldAnswers,
  restAnswers,
} from './answers.ts';
import { type Comparison, compileComparison } from './comparison.ts';
import { declaredTraits, type EngineMessage } from './filter.ts';
import {
  addToHold,
  type CompiledHold,
  compileHold,
  type HoldState,
  refoldHold,
  restHold,
  writesOf,
} from './hold.ts';
import { addToRecent, type RecentSpec, type RecentState } from './recent.ts';
import {
  addToSequence,
  type CompiledSequence,
  compileSequence,
  isOver,
  refoldSequence,
  restSequence,
  type SequenceSpec,
  type SequenceState,
  sequenceOpening,
  settledWhat,
  tailHolds,
  tailOf,
} from './sequence.ts';
import {
  isInOrder,
  keepNothing,
  type Late,
  type Shed,
  type ShedBlock,
  type ShedMatch,
  sortedBlock,
} from './shed.ts';
import { compareStamps, type Stamp } from './stamp.ts';

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
export type LeafSpec = AggregateSpec | SequenceSpec | HoldSpec | AnswerSpec | RecentSpec;

interface Base {
  readonly id: number;
  /** Windows (or, for a hold, lengths of time) asked of this leaf, ms, ascending. */
  readonly windows: readonly number[];
  /** Selectors of the messages that may matter. */
  readonly events: readonly string[];
  /** Expiries when what it serves was defined: of messages that expired by then it sees nothing. */
  readonly since: number;
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
export interface RecentLeaf extends Base {
  readonly kind: 'recent';
  readonly spec: RecentSpec;
}
export type Leaf = AggregateLeaf | SequenceLeaf | HoldLeaf | AnswerLeaf | RecentLeaf;

/** What a person's row keeps for a leaf, by its kind; absent means nothing matched so far. */
export interface LeafState extends AggregateState {
  q?: SequenceState;
  h?: HoldState;
  s?: AnswersState;
  r?: RecentState;
  /**
   * Where all that the row let go of is kept beside it (`shed.ts`): the number of the next block, and how many
   * matches there are. Absent: nothing was let go of, or it must be read from the messages.
   */
  k?: [next: number, count: number];
}

/** `since` is 0 unless given: it sees all that is stored. */
export function createLeaf(id: number, spec: LeafSpec, windows: readonly number[], since = 0): Leaf {
  switch (spec.kind) {
    case 'aggregate':
      return createAggregateLeaf(id, spec, windows, since);
    case 'sequence': {
      const sequence = compileSequence(spec);
      return { kind: 'sequence', id, windows, since, events: sequence.events, spec, sequence };
    }
    case 'hold': {
      const hold = compileHold(spec.trait, compileComparison(spec.op, spec.value));
      return { kind: 'hold', id, windows, since, events: ['$identify'], spec, hold };
    }
    case 'answer':
      return {
        kind: 'answer',
        id,
        windows,
        since,
        events: ['$survey'],
        spec,
        comparison: compileComparison(spec.op, spec.value),
      };
    case 'recent':
      return { kind: 'recent', id, windows, since, events: ['$survey'], spec };
  }
}

/** The longest window, ms; 0 without one. */
export const longestWindow = ({ windows }: { windows: readonly number[] }): number =>
  windows[windows.length - 1] ?? 0;

/** How a message is added: whether all of the person's come, in order, and who keeps what the row lets go of. */
export interface Adding {
  refolding?: boolean;
  shed?: Shed;
}

/**
 * Adds a message that one of the leaf's selectors picked. Null: nothing changed. `Late`: the leaf must be
 * folded anew, from what is kept beside the row (`refoldShed`) or from the person's messages (`refoldLeaf`).
 */
export function addToLeaf(
  leaf: Leaf,
  state: LeafState | undefined,
  message: EngineMessage,
  now: number,
  { refolding = false, shed: keep = keepNothing }: Adding = {},
): LeafState | ToCount | Late | null {
  if (leaf.kind === 'aggregate') return addToAggregate(leaf, state, message, now);
  // Beside what is not all there nothing more is kept.
  const shed = refolding || isWhole(state) ? keep : keepNothing;
  const part = addToPart(leaf, state, message, { now, refolding, shed });
  return part === null || 'late' in part || !state?.k ? part : { ...part, k: state.k };
}

/** Whether the row and what is kept beside it are all matches. */
const isWhole = (state: LeafState | undefined): boolean =>
  state === undefined || state.k !== undefined || (state.q?.n ?? state.h?.n ?? state.s?.n) === undefined;

function addToPart(
  leaf: Exclude<Leaf, AggregateLeaf>,
  state: LeafState | undefined,
  message: EngineMessage,
  { now, refolding, shed }: Required<Adding> & { now: number },
): LeafState | Late | null {
  switch (leaf.kind) {
    case 'sequence': {
      const folding = { now, window: longestWindow(leaf), shed };
      const q = addToSequence(leaf.sequence, state?.q, message, folding, refolding);
      return q === null || 'late' in q ? q : { q };
    }
    case 'hold': {
      const h = addToHold(leaf.hold, state?.h, declaredTraits(message.body()), message.stamp, refolding);
      return h === null || 'late' in h ? h : { h: restHold(leaf.hold, h, shed) };
    }
    case 'answer': {
      const s = addToAnswers(leaf.spec, leaf.comparison, state?.s, message, refolding);
      if (s === null || 'late' in s) return s;
      return { s: refolding ? s : restAnswers(s, shed) };
    }
    case 'recent': {
      const r = addToRecent(leaf.spec, state?.r, message);
      return r && { r };
    }
  }
}

/** After a refold: what the row need not hold is let go. */
export function restLeaf(leaf: Leaf, state: LeafState, now: number, shed: Shed): LeafState {
  if (leaf.kind === 'sequence' && state.q)
    return { q: restSequence(leaf.sequence, state.q, { window: longestWindow(leaf), now, shed }) };
  if (leaf.kind === 'answer' && state.s) return { s: restAnswers(state.s, shed) };
  return state;
}

/** The leaf's state from the person's messages, in order. */
export function refoldLeaf(
  leaf: Leaf,
  messages: Iterable<EngineMessage>,
  now: number,
  shed: Shed = keepNothing,
): LeafState | undefined {
  let state: LeafState | undefined;
  const adding = { refolding: true, shed };
  for (const message of messages) {
    const next = addToLeaf(leaf, state, message, now, adding);
    if (next && ('late' in next || 'key' in next)) throw new Error('a refold that does not begin anew');
    state = next ?? state;
  }
  return state && restLeaf(leaf, state, now, shed);
}

/** The same from all that is kept beside the row, by the first match of each block, and the row; `k` is the caller's. */
export function refoldShed(
  leaf: Leaf,
  state: LeafState,
  blocks: readonly ShedBlock[],
  now: number,
  shed: Shed,
): LeafState {
  // Answers overlap where one that counted for long was let go of after newer ones.
  const ordered = isInOrder(blocks) ? blocks : [sortedBlock(blocks)];
  if (leaf.kind === 'sequence' && state.q)
    return { q: refoldSequence(leaf.sequence, state.q, ordered, { window: longestWindow(leaf), now, shed }) };
  if (leaf.kind === 'hold' && state.h) return { h: refoldHold(leaf.hold, state.h, ordered, shed) };
  if (leaf.kind === 'answer' && state.s) return { s: refoldAnswers(state.s, ordered, shed) };
  return state;
}

/** Whether the row itself holds the match that stands there. */
export function rowHolds(leaf: Leaf, { q, h }: LeafState, stamp: Stamp): boolean {
  if (q) return tailHolds(q, stamp);
  // An answer may well be in both.
  if (leaf.kind !== 'hold' || !h) return false;
  return writesOf(leaf.hold, h).some((write) => compareStamps(write.stamp, stamp) === 0);
}

/**
 * What the row and the matches that it let go of amount to at the clock, in no order: the same however they came.
 * Null where nothing more can matter.
 */
export function allMatches(
  leaf: Leaf,
  { q, h, s }: LeafState,
  shed: readonly ShedMatch[],
  now: number,
): ShedMatch[] | null {
  if (leaf.kind === 'sequence' && q) {
    if (isOver(leaf.sequence, q)) return null;
    const from = reachOf(leaf, now);
    return (
      [...shed, ...tailOf(q)]
        .filter(({ stamp }) => from === null || stamp[0] > from)
        .map(({ stamp, what }) => ({ stamp, what: settledWhat(what, now) }))
        // Once it meant something.
        .filter(({ what }) => what !== 0)
    );
  }
  if (leaf.kind === 'hold' && h) return [...shed, ...writesOf(leaf.hold, h)];
  return leaf.kind === 'answer' && s ? newestWrites([...shed, ...answersOf(s)]) : null;
}

/** The next instant at which what was summed up must be looked at again; Infinity if none. */
export function leafOpening(leaf: Leaf, state: LeafState | undefined, now: number): number {
  if (!state) return Number.POSITIVE_INFINITY;
  if (leaf.kind === 'aggregate') return aggregateOpening(leaf, state, now);
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
