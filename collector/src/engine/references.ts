// Checks what definitions say about each other: references exist, and nothing refers to itself.
// Invariant: a set without faults compiles.
import type { Condition, Fault, SegmentDefinition } from '../wire/definitions.ts';
import type { DefinitionSet } from './program.ts';

interface Reference {
  kind: 'traits' | 'segments';
  key: string;
  pointer: string;
}

/** What a condition refers to, with pointers relative to the segment's definition. */
function referencesOf(condition: Condition, pointer: string): Reference[] {
  if ('all' in condition)
    return condition.all.flatMap((part, i) => referencesOf(part, `${pointer}/all/${i}`));
  if ('any' in condition)
    return condition.any.flatMap((part, i) => referencesOf(part, `${pointer}/any/${i}`));
  if ('not' in condition) return referencesOf(condition.not, `${pointer}/not`);
  if ('segment' in condition)
    return [{ kind: 'segments', key: condition.segment, pointer: `${pointer}/segment` }];
  if ('computed' in condition)
    return [{ kind: 'traits', key: condition.computed, pointer: `${pointer}/computed` }];
  return [];
}

const refersTo = (definition: SegmentDefinition): Reference[] => referencesOf(definition.where, '/where');

/** Faults of one segment inside its set; pointers relative to that segment. */
export function referenceFaults(set: DefinitionSet, key: string): Fault[] {
  const definition = set.segments[key];
  if (!definition) return [];
  const faults: Fault[] = [];
  for (const { kind, key: name, pointer } of refersTo(definition)) {
    if (!Object.hasOwn(set[kind], name)) {
      const what = kind === 'traits' ? 'computed trait' : 'segment';
      faults.push({ pointer, message: `there is no ${what} "${name}"; define it first` });
      continue;
    }
    const loop = kind === 'segments' ? pathBetween(set, name, key, new Set()) : null;
    if (loop) faults.push({ pointer, message: `makes a cycle: ${[key, ...loop].join(' -> ')}` });
  }
  return faults;
}

/** Segments on a way from `from` to `to`, both included, or null. */
function pathBetween(set: DefinitionSet, from: string, to: string, visited: Set<string>): string[] | null {
  if (from === to) return [to];
  if (visited.has(from)) return null;
  visited.add(from);
  const definition = set.segments[from];
  for (const { kind, key } of definition ? refersTo(definition) : []) {
    if (kind !== 'segments' || !Object.hasOwn(set.segments, key)) continue;
    const rest = pathBetween(set, key, to, visited);
    if (rest) return [from, ...rest];
  }
  return null;
}

/** Keys of the segments that refer directly to this definition. */
export function neededBy(set: DefinitionSet, kind: 'traits' | 'segments', key: string): string[] {
  return Object.entries(set.segments)
    .filter(([, definition]) => refersTo(definition).some((ref) => ref.kind === kind && ref.key === key))
    .map(([name]) => name)
    .sort();
}
