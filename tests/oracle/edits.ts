// What definitions need and whether they go round in a circle, for the answers that edits must get.
// Invariant: a function of the definitions alone.
import type { Condition } from '../../collector/src/wire/definitions.ts';
import { canonical } from './differences.ts';
import { inputsOf } from './formula.ts';
import type { Definitions } from './model.ts';
import type { Put } from './script.ts';

export type Reference = [kind: 'traits' | 'segments', key: string];

function referencesIn(condition: Condition): Reference[] {
  if ('all' in condition) return condition.all.flatMap(referencesIn);
  if ('any' in condition) return condition.any.flatMap(referencesIn);
  if ('not' in condition) return referencesIn(condition.not);
  if ('segment' in condition) return [['segments', condition.segment]];
  if ('computed' in condition) return [['traits', condition.computed]];
  return [];
}

/** What a definition refers to. */
export function needsOf({ kind, definition }: Pick<Put, 'kind' | 'definition'>): Reference[] {
  if (kind === 'segments' && 'where' in definition) return referencesIn(definition.where as Condition);
  if ('type' in definition && definition.type === 'formula')
    return inputsOf(definition.expression).map((key) => ['traits', key]);
  return [];
}

const nameOf = ([kind, key]: Reference) => `${kind}/${key}`;

/** `kind/key` to what it needs, for all definitions. */
function graphOf({ traits, segments }: Definitions): Map<string, string[]> {
  return new Map([
    ...Object.entries(traits).map(([key, definition]): [string, string[]] => [
      `traits/${key}`,
      needsOf({ kind: 'traits', definition }).map(nameOf),
    ]),
    ...Object.entries(segments).map(([key, definition]): [string, string[]] => [
      `segments/${key}`,
      needsOf({ kind: 'segments', definition }).map(nameOf),
    ]),
  ]);
}

/** Whether any definition reaches itself; several sets of them are taken together. */
export function hasCycle(...sets: Definitions[]): boolean {
  const graphs = sets.map(graphOf);
  const next = (name: string) => graphs.flatMap((graph) => graph.get(name) ?? []);
  const names = new Set(graphs.flatMap((graph) => [...graph.keys()]));
  return [...names].some((name) => {
    const reached = new Set<string>();
    const open = next(name);
    for (let one = open.pop(); one !== undefined; one = open.pop()) {
      if (reached.has(one)) continue;
      reached.add(one);
      open.push(...next(one));
    }
    return reached.has(name);
  });
}

/** Whether another definition of the set needs this one. */
export function isNeeded(reference: Reference, definitions: Definitions): boolean {
  const name = nameOf(reference);
  return [...graphOf(definitions)].some(([other, needs]) => other !== name && needs.includes(name));
}

/** The set with one definition put into it, after so many expiries. */
export function withPut(
  definitions: Definitions,
  { kind, key, definition }: Put,
  expiries: number,
): Definitions {
  const before = definitions[kind][key];
  const isSame = before !== undefined && meaningOf(before) === meaningOf(definition);
  const since = { ...definitions.since, ...(isSame ? {} : { [nameOf([kind, key])]: expiries }) };
  return { ...definitions, since, [kind]: { ...definitions[kind], [key]: definition } };
}

/** All of it but what it is called and who may see it. */
function meaningOf(definition: Put['definition']): string {
  const { name: _name, expose: _expose, ...meaning } = definition as { name?: string; expose?: string };
  return canonical(meaning);
}

export function without(definitions: Definitions, [kind, key]: Reference): Definitions {
  const { [key]: _gone, ...rest } = definitions[kind];
  const { [nameOf([kind, key])]: _since, ...since } = definitions.since ?? {};
  return { ...definitions, since, [kind]: rest };
}

export const has = (definitions: Definitions, [kind, key]: Reference): boolean =>
  Object.hasOwn(definitions[kind], key);

/** Puts in waves: those of one wave have different keys and do not refer to each other. */
export function wavesOf(puts: readonly Put[]): Put[][] {
  const waves: Put[][] = [];
  for (const put of puts) {
    const wave = waves.at(-1);
    const touches = (a: Put, b: Put) => needsOf(a).some(([kind, key]) => kind === b.kind && key === b.key);
    const same = (other: Put) => other.kind === put.kind && other.key === put.key;
    if (wave && !wave.some((other) => same(other) || touches(put, other) || touches(other, put)))
      wave.push(put);
    else waves.push([put]);
  }
  return waves;
}
