// Distinct values that left a person's row because they are too many for it.
// Invariant: for each leaf, or each window that slides, either the row holds all its values, or all are kept beside
// it, counted.
import { MAX_UNIQUE_LIST, type Values } from '../engine/aggregates.ts';
import { listOf } from '../engine/computed.ts';
import type { Leaf } from '../engine/leaf.ts';
import {
  askedAfter,
  completeWindow,
  countsValues,
  countValue,
  countWindowValue,
  type DepartureOf,
  departuresAt,
  listOutside,
  sealDeparted,
  spillValues,
  spillWindowValues,
} from '../engine/outside.ts';
import type { Rest } from '../engine/person.ts';
import type { PersonState } from '../engine/person-state.ts';
import type { Asked } from '../engine/spilled-windows.ts';
import type { CompiledTrait } from '../engine/traits.ts';
import { type DistinctOf, MAX_WINDOWS } from '../storage/port.ts';
import type { JsonValue } from '../wire/message.ts';
import { createPace } from './breathe.ts';
import type { WorkingSet } from './working-set.ts';

/** Counts what a message brought for leaves whose values are outside. */
export async function countOutside(
  set: WorkingSet,
  person: PersonState,
  toCount: Rest['toCount'],
  clock: number,
): Promise<void> {
  for (const { leaf, key, time } of toCount) {
    if (time === undefined) {
      const at = { person: person.id, leaf: leaf.id, key };
      const before = await set.distinctCount(at);
      set.setDistinct(at, before + 1);
      countValue(person, leaf, key, before);
      continue;
    }
    for (const [window, length] of leaf.windows.entries())
      if (time > clock - length) await countInOrOut(set, person, { leaf, window, key }, 1);
  }
}

async function countInOrOut(
  set: WorkingSet,
  person: PersonState,
  counted: DepartureOf,
  by: 1 | -1,
): Promise<void> {
  const { leaf, window, key } = counted;
  const at = { person: person.id, leaf: leaf.id, window, key };
  const before = await set.distinctCount(at);
  set.setDistinct(at, before + by);
  countWindowValue(person, counted, before, by);
}

/** Counts no more what windows leave behind at the instant; the person is settled to all instants before. */
export async function uncountOutside(set: WorkingSet, person: PersonState, instant: number): Promise<void> {
  const departures = departuresAt(set.program, person, instant);
  if (departures.length === 0) return;
  /** What must be looked up, once all have left. */
  const asked = new Map<string, DepartureOf & Asked>();
  const pace = createPace();
  for (const departure of departures) {
    await countInOrOut(set, person, departure, -1);
    await pace();
    const { leaf, window } = departure;
    const { top, keys } = askedAfter(person, departure);
    const name = `${leaf.id} ${window}`;
    if (top || keys) asked.set(name, { ...departure, keys, top: top || asked.get(name)?.top === true });
  }
  for (const of of asked.values()) {
    const values = { person: person.id, leaf: of.leaf.id, window: of.window };
    if (of.top) completeWindow(person, of, { top: await set.commonestOf(values) });
    if (of.keys) completeWindow(person, of, { keys: keysOf(await set.firstOf(values, MAX_UNIQUE_LIST)) });
  }
  for (const leaf of new Set(departures.map((departure) => departure.leaf)))
    sealDeparted(person, leaf, instant);
}

const keysOf = (values: readonly [key: string, count: number][]): string[] => values.map(([key]) => key);

/** Takes values out of the row where they are too many at the clock: of all leaves, or of those that changed. */
export function keepRowSmall(
  set: WorkingSet,
  person: PersonState,
  clock: number,
  changed?: readonly Leaf[],
): void {
  const leaves = changed ?? [...person.leaves.keys()].map((id) => set.program.leaves.get(id));
  for (const leaf of leaves) {
    // Of nearly all leaves, for each message: no more than this.
    if (!leaf || !countsValues(leaf)) continue;
    const of = { person: person.id, leaf: leaf.id };
    const values = spillValues(person, leaf);
    if (values) keepValues(set, of, values);
    if (leaf.windows.length > MAX_WINDOWS) continue;
    for (const [window, held] of spillWindowValues(person, leaf, clock)?.entries() ?? []) {
      set.clearDistinct({ ...of, window });
      keepValues(set, { ...of, window }, held);
    }
  }
}

function keepValues(set: WorkingSet, of: DistinctOf, values: Values): void {
  for (const [key, count] of Object.entries(values)) set.setDistinct({ ...of, key }, count);
}

/** A computed trait's value, also where its list is longer than a row holds. */
export async function traitValue(
  set: WorkingSet,
  person: PersonState,
  trait: CompiledTrait,
  clock: number,
  memo?: Map<string, JsonValue>,
): Promise<JsonValue> {
  const [slot] = trait.slots;
  const list = trait.definition.type === 'unique_list' && slot ? listOutside(person, slot) : null;
  if (!list) return trait.value(person, clock, memo);
  return listOf(keysOf(await set.firstOf({ person: person.id, ...list }, MAX_UNIQUE_LIST + 1)));
}
