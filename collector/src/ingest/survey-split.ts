// The value of a trait of everybody who answered, by which results are told apart.
// Invariant: once caught up, every value is right at the clock: computed anew when a commit changed the person or
// time may have changed it.
import { traitOf } from '../engine/trait-bag.ts';
import type { CompiledTrait } from '../engine/traits.ts';
import type { Changes } from '../storage/port.ts';
import type { JsonValue } from '../wire/message.ts';
import type { Split as Asked } from './core.ts';
import { traitValue } from './outside-values.ts';
import { settledPerson } from './settle.ts';
import type { WorkingSet } from './working-set.ts';

/** People read between two looks at the time. */
const PAGE = 10;

/** Reads `segment:<key>`, `computed:<key>`, `trait:<key>` or a key alone: a segment, a computed or a declared trait. */
export function splitOf(
  text: string,
  isKnown: Record<'segment' | 'computed', (key: string) => boolean>,
): Asked | 'unknown_split' {
  const [, kind, key = text] = /^(segment|computed|trait):(.*)$/su.exec(text) ?? [];
  if (kind === 'trait') return { kind, key };
  if (kind === 'segment' || kind === 'computed') return isKnown[kind](key) ? { kind, key } : 'unknown_split';
  if (isKnown.segment(key)) return { kind: 'segment', key };
  return { kind: isKnown.computed(key) ? 'computed' : 'trait', key };
}

interface Kept {
  value: JsonValue;
  /** Until when time alone cannot change it, epoch ms. */
  due: number;
}

export interface SplitValues {
  /** Somebody who answered. */
  meet: (person: number) => void;
  hear(changes: Changes): void;
  /** Reads some of what is missing; false when nothing is. */
  catchUp(clock: number): Promise<boolean>;
  /** Null when no trait is asked for. */
  values(): ReadonlyMap<number, JsonValue> | null;
}

export function createSplit(set: WorkingSet, asked: (Asked & { trait?: CompiledTrait }) | null): SplitValues {
  const isAsked = asked !== null && asked.kind !== 'segment';
  const known = new Map<number, Kept>();
  const missing = new Set<number>();

  async function readValue(id: number, clock: number): Promise<Kept> {
    const person = await settledPerson(set, id, clock);
    if (!person || !asked) return { value: null, due: Number.POSITIVE_INFINITY };
    const { trait, key } = asked;
    if (asked.kind === 'trait')
      return { value: traitOf(person.traits, key) ?? null, due: Number.POSITIVE_INFINITY };
    // One that was never built has no values yet.
    if (!trait) return { value: null, due: Number.POSITIVE_INFINITY };
    return { value: await traitValue(set, person, trait, clock), due: trait.due(person, clock) };
  }

  return {
    meet(person) {
      if (isAsked && !known.has(person)) missing.add(person);
    },
    hear({ persons = [], deletedPersons = [] }) {
      for (const { id } of persons) if (known.has(id)) missing.add(id);
      // What they sent is somebody else's now, who is met in their place.
      for (const { id } of deletedPersons) {
        known.delete(id);
        missing.delete(id);
      }
    },
    async catchUp(clock) {
      if (missing.size === 0) for (const [id, { due }] of known) if (due <= clock) missing.add(id);
      const next: number[] = [];
      for (const id of missing) {
        if (next.length === PAGE) break;
        next.push(id);
      }
      for (const id of next) {
        missing.delete(id);
        known.set(id, await readValue(id, clock));
      }
      return missing.size > 0;
    },
    values() {
      return isAsked ? new Map([...known].map(([id, { value }]) => [id, value])) : null;
    },
  };
}
