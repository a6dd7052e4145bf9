// A person's leaves whose distinct values are too many for the row: what of them the row knows.
// Invariant: whoever keeps the values beside the row counts there what is counted here, and nothing else.
import { type AggregateLeaf, countSpilled, spill, summaryOf } from './aggregate-leaf.ts';
import type { SpilledWindow, Values } from './aggregates.ts';
import { earliestDue, isBuilt, noteOpening } from './deadlines.ts';
import type { Leaf } from './leaf.ts';
import type { PersonState } from './person-state.ts';
import type { Program } from './program.ts';
import {
  type Asked,
  afterDepartures,
  countInWindow,
  type Departure,
  departingAt,
  isAsked,
  spillWindows,
} from './spilled-windows.ts';
import type { LeafSlot } from './traits.ts';

export interface DepartureOf extends Departure {
  leaf: AggregateLeaf;
}

/** Counts one more occurrence of a value that is kept outside of the row. */
export function countValue(person: PersonState, leaf: Leaf, key: string, before: number): void {
  person.leaves.set(leaf.id, countSpilled(person.leaves.get(leaf.id) ?? {}, key, before));
}

/** Counts one occurrence more (1) or less (-1) of a value of a window that is kept outside of the row. */
export function countWindowValue(
  person: PersonState,
  { leaf, ...counted }: DepartureOf,
  before: number,
  by: 1 | -1,
): void {
  const state = person.leaves.get(leaf.id) ?? {};
  person.leaves.set(leaf.id, countInWindow(state, counted, before, by));
}

/** What must be looked up of the window that a value has left. */
export function askedAfter(person: PersonState, { leaf, window, key }: DepartureOf): Asked {
  const counted = person.leaves.get(leaf.id)?.o?.[window];
  return counted ? isAsked(leaf, counted, key) : { top: false, keys: false };
}

/** Puts down what was looked up. */
export function completeWindow(
  person: PersonState,
  { leaf, window }: DepartureOf,
  found: Partial<SpilledWindow>,
): void {
  const state = person.leaves.get(leaf.id);
  if (!state?.o) return;
  const o = state.o.map((counted, i) => (i === window ? { ...counted, ...found } : counted));
  person.leaves.set(leaf.id, { ...state, o });
}

/** Puts the row in order once all that leaves at the instant is counted out. */
export function sealDeparted(person: PersonState, leaf: AggregateLeaf, instant: number): void {
  const state = person.leaves.get(leaf.id);
  if (state) person.leaves.set(leaf.id, afterDepartures(leaf, state, instant));
}

/** Values outside of the row that windows leave behind at the instant, before `settleInstant`. */
export function departuresAt(program: Program, person: PersonState, instant: number): DepartureOf[] {
  const departures: DepartureOf[] = [];
  for (const [id, at] of person.dues) {
    const leaf = id < 0 && at === instant ? program.leaves.get(-id) : undefined;
    const state = leaf && person.leaves.get(leaf.id);
    if (leaf?.kind !== 'aggregate' || !state?.o) continue;
    for (const departure of departingAt(leaf, state, instant)) departures.push({ leaf, ...departure });
  }
  return departures;
}

/** Whether it is a leaf whose values may be too many for a row. */
export const countsValues = (leaf: Leaf): leaf is AggregateLeaf =>
  leaf.kind === 'aggregate' && (leaf.spec.aggregate === 'values' || leaf.spec.aggregate === 'list');

/** Takes the values of a leaf's windows out of the row if they are too many for it, as they are at the clock. */
export function spillWindowValues(person: PersonState, leaf: AggregateLeaf, now: number): Values[] | null {
  const state = person.leaves.get(leaf.id);
  const spilled = state ? spillWindows(leaf, state, now) : null;
  if (!spilled) return null;
  person.leaves.set(leaf.id, spilled.state);
  noteOpening(person, leaf, now);
  person.due = earliestDue(person);
  return spilled.values;
}

/** Takes the distinct values of a leaf out of the row if they are too many for it. */
export function spillValues(person: PersonState, leaf: AggregateLeaf): Values | null {
  const state = person.leaves.get(leaf.id);
  const spilled = state ? spill(leaf, state) : null;
  if (!spilled) return null;
  person.leaves.set(leaf.id, spilled.state);
  return spilled.values;
}

/** The leaves, or windows of theirs, whose values the person's row does not hold. */
export function outsideOf(program: Program, person: PersonState): { leaf: AggregateLeaf; window?: number }[] {
  return [...person.leaves].flatMap(([id, { d, o }]) => {
    const leaf = program.leaves.get(id);
    if (leaf?.kind !== 'aggregate' || !isBuilt(program, person, id)) return [];
    return [...(d ? [{ leaf }] : []), ...(o ?? []).map((_, window) => ({ leaf, window }))];
  });
}

/** How often each value occurs, of a leaf or a window of it that the row holds whole. */
export function valuesInRow(
  person: PersonState,
  { leaf, window }: { leaf: AggregateLeaf; window?: number },
  now: number,
): Values {
  const span = window === undefined ? null : (leaf.windows[window] ?? null);
  return (summaryOf(leaf, person.leaves.get(leaf.id), span, now) ?? {}) as Values; // what such leaves sum up in
}

/** Where a list of these values must be looked up: the leaf's, or those of a window of it; null: the row has it. */
export function listOutside(
  person: PersonState,
  { leaf, span }: LeafSlot<AggregateLeaf>,
): { leaf: number; window?: number } | null {
  const { d, o } = person.leaves.get(leaf.id) ?? {};
  if (d) return { leaf: leaf.id };
  const window = span === null ? -1 : leaf.windows.indexOf(span);
  const counted = o?.[window];
  return counted && counted.n > 0 && !counted.keys ? { leaf: leaf.id, window } : null;
}
