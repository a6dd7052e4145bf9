// Checks what definitions say about each other: references exist, and nothing refers to itself.
// Invariant: a set without faults compiles.
import type { Condition, Definition, Fault, TraitDefinition } from '../wire/definitions.ts';
import { parseFormula } from '../wire/formula.ts';
import type { DefinitionSet } from './program.ts';

export type Kind = 'traits' | 'segments';

interface Reference {
  kind: Kind;
  key: string;
  /** Relative to the definition. */
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

/** What a definition refers to: a formula's traits, a segment's segments and traits. */
function refersTo(definition: Definition): Reference[] {
  if ('where' in definition && !('type' in definition)) return referencesOf(definition.where, '/where');
  if (!('type' in definition)) return [];
  return traitsNeededBy(definition).map((key) => ({ kind: 'traits', key, pointer: '/expression' }));
}

/** The traits a formula names; none for other traits. */
export function traitsNeededBy(definition: TraitDefinition): readonly string[] {
  if (definition.type !== 'formula') return [];
  const parsed = parseFormula(definition.expression);
  return parsed.ok ? parsed.keys : [];
}

/** Deepest chain of definitions that refer to one another: deeper ones nobody can follow. */
export const MAX_REFERENCE_DEPTH = 100;

/** Faults of one definition inside its set; pointers relative to it. */
export function referenceFaults(set: DefinitionSet, kind: Kind, key: string): Fault[] {
  const definition = definitionOf(set, kind, key);
  if (!definition) return [];
  const faults: Fault[] = [];
  for (const to of refersTo(definition)) {
    if (!definitionOf(set, to.kind, to.key)) {
      const what = to.kind === 'traits' ? 'computed trait' : 'segment';
      faults.push({ pointer: to.pointer, message: `there is no ${what} "${to.key}"; define it first` });
      continue;
    }
    const loop = to.kind === kind ? pathBetween(set, kind, to.key, key, new Set()) : null;
    if (loop) faults.push({ pointer: to.pointer, message: `makes a cycle: ${[key, ...loop].join(' -> ')}` });
  }
  if (faults.length === 0 && depthOf(set, kind, key, new Map()) > MAX_REFERENCE_DEPTH)
    faults.push({
      pointer: '',
      message: `stands on a chain of more than ${MAX_REFERENCE_DEPTH} definitions`,
    });
  return faults;
}

function definitionOf(set: DefinitionSet, kind: Kind, key: string): Definition | undefined {
  return Object.hasOwn(set[kind], key) ? set[kind][key] : undefined;
}

/** Keys on a way from `from` to `to` among definitions of one kind, both included, or null. */
function pathBetween(
  set: DefinitionSet,
  kind: Kind,
  from: string,
  to: string,
  visited: Set<string>,
): string[] | null {
  if (from === to) return [to];
  if (visited.has(from)) return null;
  visited.add(from);
  const definition = definitionOf(set, kind, from);
  for (const next of definition ? refersTo(definition) : []) {
    if (next.kind !== kind || !definitionOf(set, kind, next.key)) continue;
    const rest = pathBetween(set, kind, next.key, to, visited);
    if (rest) return [from, ...rest];
  }
  return null;
}

/** Definitions on the longest chain that begins here; the set has no cycles. */
function depthOf(set: DefinitionSet, kind: Kind, key: string, known: Map<string, number>): number {
  const name = `${kind} ${key}`;
  const before = known.get(name);
  if (before !== undefined) return before;
  const definition = definitionOf(set, kind, key);
  let depth = 1;
  for (const to of definition ? refersTo(definition) : [])
    depth = Math.max(depth, 1 + depthOf(set, to.kind, to.key, known));
  known.set(name, depth);
  return depth;
}

/** Definitions that refer directly to this one, by key; traits first. */
export function neededBy(set: DefinitionSet, kind: Kind, key: string): string[] {
  const needing = (of: Kind): string[] =>
    Object.entries<Definition>(set[of])
      .filter(([, definition]) => refersTo(definition).some((ref) => ref.kind === kind && ref.key === key))
      .map(([name]) => name)
      .sort();
  return [...needing('traits'), ...needing('segments')];
}
