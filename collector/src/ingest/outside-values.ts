// Distinct values that left a person's row because they are too many for it.
// Invariant: for each leaf either the row holds all its values, or all are kept beside it, counted.
import { listOf, MAX_UNIQUE_LIST } from '../engine/computed.ts';
import type { Leaf } from '../engine/leaf.ts';
import { countValue, isOutside, type Rest, spillValues } from '../engine/person.ts';
import type { PersonState } from '../engine/person-state.ts';
import type { CompiledTrait } from '../engine/traits.ts';
import type { JsonValue } from '../wire/message.ts';
import type { WorkingSet } from './working-set.ts';

/** Counts what a message brought for leaves whose values are outside. */
export async function countOutside(
  set: WorkingSet,
  person: PersonState,
  toCount: Rest['toCount'],
): Promise<void> {
  for (const { leaf, key } of toCount) {
    const at = { person: person.id, leaf: leaf.id, key };
    const before = await set.distinctCount(at);
    set.setDistinct(at, before + 1);
    countValue(person, leaf, key, before);
  }
}

/** Takes values out of the row where they are too many: of all leaves, or of those that changed. */
export function keepRowSmall(set: WorkingSet, person: PersonState, changed?: readonly Leaf[]): void {
  const leaves = changed ?? [...person.leaves.keys()].map((id) => set.program.leaves.get(id));
  for (const leaf of leaves) {
    const values = leaf && spillValues(person, leaf);
    if (!leaf || !values) continue;
    for (const [key, count] of Object.entries(values))
      set.setDistinct({ person: person.id, leaf: leaf.id, key }, count);
  }
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
  if (trait.definition.type !== 'unique_list' || !slot || !isOutside(person, slot.leaf.id))
    return trait.value(person, clock, memo);
  const limit = MAX_UNIQUE_LIST + 1;
  return listOf(
    await set.store.query({ ask: 'first-distinct', person: person.id, leaf: slot.leaf.id, limit }),
  );
}
