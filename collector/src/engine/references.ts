// Checks what definitions say about each other: references exist, and nothing refers to itself.
// Invariant: a set without faults compiles.
import type {
  Condition,
  Definition,
  DefinitionKind,
  Expose,
  Fault,
  SurveyDefinition,
  TraitDefinition,
} from '../wire/definitions.ts';
import { parseFormula } from '../wire/formula.ts';
import type { DefinitionSet } from './program.ts';

interface Reference {
  kind: DefinitionKind;
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

/** What a definition refers to: a formula's traits, a segment's segments and traits, a survey's segment. */
function refersTo(definition: Definition): Reference[] {
  if ('questions' in definition) {
    const key = definition.target?.segment;
    return key === undefined ? [] : [{ kind: 'segments', key, pointer: '/target/segment' }];
  }
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
export function referenceFaults(set: DefinitionSet, kind: DefinitionKind, key: string): Fault[] {
  const definition = definitionOf(set, kind, key);
  if (!definition) return [];
  const faults: Fault[] = [...exposureFaults(set, key, definition)];
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

/** From the least. */
const EXPOSED: readonly Expose[] = ['none', 'verified', 'public'];
const exposureOf = (expose: Expose): number => EXPOSED.indexOf(expose);
export const leastExposed = (levels: readonly Expose[]): Expose =>
  EXPOSED.find((level) => levels.includes(level)) ?? 'none';
const exposureOfSurvey = ({ expose }: SurveyDefinition): number => exposureOf(expose ?? 'public');

/** Whoever is offered a survey learns that they are in its segment: it must be theirs to know. */
function exposureFaults(set: DefinitionSet, key: string, definition: Definition): Fault[] {
  if ('questions' in definition) {
    const name = definition.target?.segment;
    const segment = name === undefined ? undefined : definitionOf(set, 'segments', name);
    const has = segment && 'expose' in segment ? (segment.expose ?? 'none') : 'none';
    if (name === undefined || !segment || exposureOf(has) >= exposureOfSurvey(definition)) return [];
    const needs = definition.expose ?? 'public';
    const message = `"${name}" is exposed as "${has}" and the survey as "${needs}": whoever is offered the survey would learn that they are in it; set the segment's expose to "${needs}" or the survey's to "${has}"`;
    return [{ pointer: '/target/segment', message }];
  }
  if ('type' in definition) return [];
  const has = definition.expose ?? 'none';
  const faults: Fault[] = [];
  for (const [name, survey] of Object.entries(set.surveys))
    if (survey.target?.segment === key && exposureOf(has) < exposureOfSurvey(survey))
      faults.push({
        pointer: '/expose',
        message: `must not be "${has}" while the survey "${name}" (expose "${survey.expose ?? 'public'}") is for this segment`,
      });
  return faults;
}

function definitionOf(set: DefinitionSet, kind: DefinitionKind, key: string): Definition | undefined {
  return Object.hasOwn(set[kind], key) ? set[kind][key] : undefined;
}

/** Keys on a way from `from` to `to` among definitions of one kind, both included, or null. */
function pathBetween(
  set: DefinitionSet,
  kind: DefinitionKind,
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
function depthOf(set: DefinitionSet, kind: DefinitionKind, key: string, known: Map<string, number>): number {
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

/** Definitions that refer directly to this one, by key; traits first, surveys last. */
export function neededBy(set: DefinitionSet, kind: DefinitionKind, key: string): string[] {
  const needing = (of: DefinitionKind): string[] =>
    Object.entries<Definition>(set[of])
      .filter(([, definition]) => refersTo(definition).some((ref) => ref.kind === kind && ref.key === key))
      .map(([name]) => name)
      .sort();
  return [...needing('traits'), ...needing('segments'), ...needing('surveys')];
}
