// Definitions compiled into one program: shared leaves, an index from event to leaves, and which
// segments each change can touch. Invariant: a message's cost depends on the leaves that match it,
// not on how many definitions exist.
import type { SegmentDefinition, TraitDefinition } from '../wire/definitions.ts';
import type { JsonValue } from '../wire/message.ts';
import {
  type CompiledCondition,
  type CompiledTrait,
  compileCondition,
  compileTrait,
  type LeafSlot,
  type Scope,
} from './conditions.ts';
import { type EngineMessage, selectorsOf } from './filter.ts';
import { createLeaf, type Leaf, type LeafSpec } from './leaf.ts';
import { emptyPerson } from './person-state.ts';
import { canonical } from './values.ts';

export interface DefinitionSet {
  traits: Record<string, TraitDefinition>;
  segments: Record<string, SegmentDefinition>;
}

export interface CompiledSegment extends CompiledCondition {
  readonly key: string;
  /** Equal for equal meaning: same condition over the same versions of what it refers to. */
  readonly version: number;
  /** In force: its changes are logged. A segment under construction is kept up silently. */
  readonly live: boolean;
  /** Only in the set being built: people not built yet do not have it. */
  readonly building: boolean;
  /** Place in `Program.segments`, after everything it refers to. */
  readonly index: number;
}

export interface Program {
  readonly segments: readonly CompiledSegment[];
  /** In force, by key. */
  readonly traits: ReadonlyMap<string, CompiledTrait>;
  readonly live: ReadonlyMap<string, CompiledSegment>;
  /** The wanted set once built, by key; equal to `live` when nothing is building. */
  readonly wanted: ReadonlyMap<string, CompiledSegment>;
  readonly leaves: ReadonlyMap<number, Leaf>;
  /** Leaves that only the set being built needs. */
  readonly buildingLeaves: ReadonlySet<number>;
  /** Segments that hold for a person who has done nothing. */
  readonly blank: readonly number[];
  /** People whose row has a smaller number lack the leaves and segments under construction. */
  readonly generation: number;
  /** A segment version's place in `segments`; undefined when no set has it. */
  indexOf(version: number): number | undefined;
  match(message: EngineMessage): readonly Leaf[];
  /** Indexes of the segments that a change of this leaf or trait may touch, ascending. */
  touchedByLeaf(leaf: number): readonly number[];
  touchedByTrait(key: string): readonly number[];
  /** The segment itself and those that refer to it, ascending. */
  touchedBySegment(index: number): readonly number[];
}

/** Gives a text its number, always the same one in one file. */
export type Intern = (text: string) => number;

export interface ProgramInput {
  active: DefinitionSet;
  /** The set being built, or null. */
  target: DefinitionSet | null;
  generation: number;
  intern: Intern;
}

interface Draft {
  slots: Map<string, { spec: LeafSpec; spans: Set<number>; uses: LeafSlot[] }>;
  segments: Map<number, DraftSegment>;
}
interface DraftSegment {
  key: string;
  version: number;
  condition: CompiledCondition;
  traits: Set<string>;
  slots: Set<LeafSlot>;
  refers: Set<number>;
}
interface CompiledSet {
  byKey: Map<string, number>;
  traits: Map<string, CompiledTrait>;
  leaves: Set<number>;
}

export function compileProgram({ active, target, generation, intern }: ProgramInput): Program {
  const segments = new Map<number, DraftSegment>();
  const leaves = new Map<number, Leaf>();
  const inForce = compileSet(active, segments, leaves, intern);
  const wanted = target ? compileSet(target, segments, leaves, intern) : inForce;
  const liveVersions = new Set(inForce.byKey.values());
  const list: CompiledSegment[] = [];
  for (const draft of segments.values()) {
    const live = liveVersions.has(draft.version);
    list.push({
      key: draft.key,
      version: draft.version,
      live,
      building: !live,
      index: list.length,
      ...draft.condition,
    });
  }
  const indexOf = new Map(list.map((segment) => [segment.version, segment.index]));
  const dependents = dependentsOf([...segments.values()], indexOf);
  const byLeaf = new Map<number, number[]>();
  const byTrait = new Map<string, number[]>();
  for (const draft of segments.values()) {
    const index = indexOf.get(draft.version) as number;
    for (const slot of draft.slots) push(byLeaf, slot.leaf.id, index);
    for (const key of draft.traits) push(byTrait, key, index);
  }
  closeOver(byLeaf, dependents);
  closeOver(byTrait, dependents);
  const nobody = emptyPerson(0, generation);
  for (const segment of list) if (segment.test(nobody, 0)) nobody.members.add(segment.version);
  const none: readonly number[] = [];
  const pick = (set: CompiledSet): Map<string, CompiledSegment> =>
    new Map(
      [...set.byKey].map(([key, version]) => [key, list[indexOf.get(version) as number] as CompiledSegment]),
    );
  return {
    segments: list,
    traits: inForce.traits,
    live: pick(inForce),
    wanted: pick(wanted),
    leaves,
    buildingLeaves: new Set([...wanted.leaves].filter((id) => !inForce.leaves.has(id))),
    blank: list.filter((segment) => nobody.members.has(segment.version)).map((segment) => segment.index),
    generation,
    indexOf: (version) => indexOf.get(version),
    match: createMatcher([...leaves.values()]),
    touchedByLeaf: (leaf) => byLeaf.get(leaf) ?? none,
    touchedByTrait: (key) => byTrait.get(key) ?? none,
    touchedBySegment: (index) => dependents[index] ?? none,
  };
}

function push<K>(map: Map<K, number[]>, key: K, value: number): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** Compiles one consistent set; what it shares with an earlier one is compiled once. */
function compileSet(
  set: DefinitionSet,
  segments: Map<number, DraftSegment>,
  leaves: Map<number, Leaf>,
  intern: Intern,
): CompiledSet {
  const draft: Draft = { slots: new Map(), segments };
  const traits = new Map<string, CompiledTrait>();
  const byKey = new Map<string, number>();
  const slot = (spec: LeafSpec, span: number | null): LeafSlot => {
    const text = canonical(spec as unknown as JsonValue); // LeafSpec is plain JSON but for optional keys
    const shared = draft.slots.get(text) ?? { spec, spans: new Set(), uses: [] };
    draft.slots.set(text, shared);
    if (span !== null) shared.spans.add(span);
    // The leaf is set below, once every window asked of it is known; nothing reads it before.
    const use = { span } as LeafSlot;
    shared.uses.push(use);
    return use;
  };
  const unused = (): never => {
    throw new Error('a computed trait refers to nothing');
  };
  const traitScope: Scope = {
    slot,
    computed: unused,
    segment: unused,
    dependsOnTrait: unused,
    dependsOnSlot: unused,
  };
  for (const [key, definition] of Object.entries(set.traits))
    traits.set(key, compileTrait(key, definition, traitScope));

  const define = (key: string): number => {
    const known = byKey.get(key);
    if (known !== undefined) return known;
    const definition = set.segments[key] as SegmentDefinition;
    const found: Omit<DraftSegment, 'key' | 'version' | 'condition'> = {
      traits: new Set(),
      slots: new Set(),
      refers: new Set(),
    };
    const names: string[] = [];
    const condition = compileCondition(definition.where, {
      slot,
      computed(name) {
        const trait = traits.get(name) as CompiledTrait;
        names.push(`${name}=${canonical(meaningOf(trait.definition))}`);
        return trait;
      },
      segment(name) {
        const version = define(name);
        found.refers.add(version);
        names.push(`@${name}=${version}`);
        return version;
      },
      dependsOnTrait: (name) => found.traits.add(name),
      dependsOnSlot: (used) => found.slots.add(used),
    });
    const version = intern(`segment ${key} ${canonical(meaningOf(definition))} ${names.join(' ')}`);
    byKey.set(key, version);
    if (!segments.has(version)) segments.set(version, { key, version, condition, ...found });
    return version;
  };
  for (const key of Object.keys(set.segments)) define(key);

  const used = new Set<number>();
  for (const [text, { spec, spans, uses }] of draft.slots) {
    const windows = [...spans].sort((a, b) => a - b);
    const id = intern(`leaf ${text} ${windows.join(',')}`);
    const leaf = leaves.get(id) ?? createLeaf(id, spec, windows);
    leaves.set(id, leaf);
    used.add(id);
    for (const use of uses) use.leaf = leaf;
  }
  return { byKey, traits, leaves: used };
}

/** A definition without what changes at once and needs no build. */
export function meaningOf(definition: TraitDefinition | SegmentDefinition): JsonValue {
  const { name: _name, expose: _expose, ...meaning } = definition;
  return JSON.parse(JSON.stringify(meaning)) as JsonValue;
}

/** For each segment: itself and, transitively, those that refer to it, ascending. */
function dependentsOf(drafts: readonly DraftSegment[], indexOf: ReadonlyMap<number, number>): number[][] {
  const direct: number[][] = drafts.map(() => []);
  drafts.forEach((draft, index) => {
    for (const version of draft.refers) direct[indexOf.get(version) as number]?.push(index);
  });
  const closed: number[][] = [];
  for (let i = drafts.length - 1; i >= 0; i--) {
    const all = new Set([i]);
    for (const next of direct[i] as number[]) for (const index of closed[next] as number[]) all.add(index);
    closed[i] = [...all].sort((a, b) => a - b);
  }
  return closed;
}

function closeOver<K>(touched: Map<K, number[]>, dependents: readonly number[][]): void {
  for (const [key, indexes] of touched) {
    const all = new Set(indexes.flatMap((index) => dependents[index] as number[]));
    touched.set(
      key,
      [...all].sort((a, b) => a - b),
    );
  }
}

function createMatcher(leaves: readonly Leaf[]): Program['match'] {
  const exact = new Map<string, Leaf[]>();
  const prefixes: { prefix: string; leaf: Leaf }[] = [];
  const every: Leaf[] = [];
  for (const leaf of leaves) {
    const { event } = leaf.spec;
    if (event === '*') every.push(leaf);
    else if (event.endsWith('*')) prefixes.push({ prefix: event.slice(0, -1), leaf });
    else exact.set(event, [...(exact.get(event) ?? []), leaf]);
  }
  const nothing: readonly Leaf[] = [];
  return (message) => {
    if (message.type === 'alias') return nothing;
    const names = selectorsOf(message);
    let matched: readonly Leaf[] = names.length === 1 ? (exact.get(names[0] as string) ?? nothing) : nothing;
    if (names.length > 1) matched = names.flatMap((name) => exact.get(name) ?? []);
    if (every.length > 0) matched = [...matched, ...every];
    const { event } = message;
    if (event !== null && prefixes.length > 0) {
      const hits = prefixes.filter(({ prefix }) => event.startsWith(prefix));
      if (hits.length > 0) matched = [...matched, ...hits.map(({ leaf }) => leaf)];
    }
    return matched;
  };
}
