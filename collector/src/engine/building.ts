// Bringing people up to definitions under construction: only the leaves those need are folded.
// Invariant: a person built is as one who was folded anew at the clock; leaves folded elsewhere at an earlier
// clock are taken only where time alone has asked for nothing since.

import { noteOpening } from './deadlines.ts';
import type { EngineMessage } from './filter.ts';
import {
  addToLeaf,
  createLeaf,
  type Leaf,
  type LeafSpec,
  type LeafState,
  leafOpening,
  restLeaf,
} from './leaf.ts';
import { createMatcher } from './matcher.ts';
import { evaluate, type Occasion, type ShedTo, shedOf } from './person.ts';
import type { PersonState } from './person-state.ts';
import type { Program } from './program.ts';

/** A leaf as plain data, from which another thread makes it anew. */
export interface LeafPlan {
  id: number;
  spec: LeafSpec;
  windows: readonly number[];
  since: number;
}

export const planOf = ({ id, spec, windows, since }: Leaf): LeafPlan => ({ id, spec, windows, since });

/** States by leaf; a leaf that nothing matched has none. */
export type LeafStates = Record<number, LeafState>;

export interface LeafFold {
  readonly leaves: readonly Leaf[];
  /** Adds one message; a person's must come in order. */
  add(states: LeafStates, message: EngineMessage, now: number, shedTo: ShedTo): void;
  /** After all messages: what rows need not hold is let go. */
  rest(states: LeafStates, now: number, shedTo: ShedTo): void;
}

/** Folds people's messages into some leaves and nothing else; `shedTo` takes what rows let go of. */
export function createLeafFold(leaves: readonly Leaf[]): LeafFold {
  const match = createMatcher(leaves);
  return {
    leaves,
    add(states, message, now, shedTo) {
      for (const leaf of match(message)) {
        const adding = { refolding: true, shed: shedOf(leaf, shedTo) };
        const state = addToLeaf(leaf, states[leaf.id], message, now, adding);
        if (state === null) continue;
        if ('late' in state || 'key' in state) throw new Error('a build that does not begin anew');
        states[leaf.id] = state;
      }
    },
    rest(states, now, shedTo) {
      for (const leaf of leaves) {
        const state = states[leaf.id];
        if (state) states[leaf.id] = restLeaf(leaf, state, now, shedOf(leaf, shedTo));
      }
    },
  };
}

export const foldOf = (plans: readonly LeafPlan[]): LeafFold =>
  createLeafFold(plans.map(({ id, spec, windows, since }) => createLeaf(id, spec, windows, since)));

const leavesToBuild = ({ buildingLeaves, leaves }: Program): Leaf[] =>
  [...buildingLeaves].map((id) => leaves.get(id) as Leaf); // its own leaves

const folds = new WeakMap<Program, LeafFold>();

/** Folds messages into the leaves that only the set being built needs; made once a program. */
export function foldFor(program: Program): LeafFold {
  const known = folds.get(program) ?? createLeafFold(leavesToBuild(program));
  folds.set(program, known);
  return known;
}

/** States that were folded at a clock, from all messages of a person by then. */
export interface Folded {
  /** Epoch ms. */
  clock: number;
  states: LeafStates;
}

/** Whether the states hold at `now` too: no leaf would have had to be opened meanwhile. */
export function stillHolds(program: Program, { clock, states }: Folded, now: number): boolean {
  return (
    clock <= now && foldFor(program).leaves.every((leaf) => leafOpening(leaf, states[leaf.id], clock) > now)
  );
}

/**
 * Puts the person's leaves under construction in place and looks at the segments that read them: those under
 * construction, and those in force for their next deadline. What an earlier, unfinished build left is dropped.
 */
export function build(
  program: Program,
  person: PersonState,
  { clock, states }: Folded,
  occasion: Occasion,
): void {
  for (const leaf of foldFor(program).leaves) {
    const state = states[leaf.id];
    person.dues.delete(-leaf.id);
    if (state) person.leaves.set(leaf.id, state);
    else person.leaves.delete(leaf.id);
    if (state) noteOpening(person, leaf, clock);
  }
  person.built = program.generation;
  const reading = program.segments.filter(({ building, next }) => building || next !== null);
  evaluate(
    program,
    person,
    reading.map(({ index }) => index),
    occasion,
  );
}
