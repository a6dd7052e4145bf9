// Definitions compiled into one program: shared leaves, an index from event to leaves, and which
// segments each change can touch. Invariant: a message's cost depends on the leaves that match it,
// not on how many definitions exist.
import type {
  DefinitionKind,
  SegmentDefinition,
  SurveyDefinition,
  TraitDefinition,
} from '../wire/definitions.ts';
import type { JsonValue } from '../wire/message.ts';
import { type CompiledCondition, compileCondition } from './conditions.ts';
import type { EngineMessage } from './filter.ts';
import { createLeaf, type Leaf, type LeafSpec } from './leaf.ts';
import { createMatcher, push } from './matcher.ts';
import { emptyPerson } from './person-state.ts';
import { type CompiledSurvey, compileSurvey, gatesMeaning } from './survey-gates.ts';
import { type CompiledTrait, compileTrait, type LeafOf, type LeafSlot, type MakeSlot } from './traits.ts';
import { canonical } from './values.ts';

export interface DefinitionSet {
  traits: Record<string, TraitDefinition>;
  segments: Record<string, SegmentDefinition>;
  surveys: Record<string, SurveyDefinition>;
  /** IANA time zone that days are counted in. */
  zone: string;
  /** How often a static segment of that key was deleted: a new one of the same key is another list. */
  lists: Record<string, number>;
  /**
   * How many expiries there had been when a trait or segment got its meaning, by `nameOf`; none where it is left
   * out. It sees of stored messages what had not expired by then.
   */
  since: Record<string, number>;
}

/** A definition's name in `DefinitionSet.since`. */
export const nameOf = (kind: DefinitionKind, key: string): string => `${kind}/${key}`;

export const sinceOf = ({ since }: Pick<DefinitionSet, 'since'>, kind: DefinitionKind, key: string): number =>
  since[nameOf(kind, key)] ?? 0;

export interface CompiledSegment extends CompiledCondition {
  readonly key: string;
  /** Equal for equal meaning: same condition over the same versions of what it refers to. */
  readonly version: number;
  /** In force: its changes are logged. A segment under construction is kept up silently. */
  readonly live: boolean;
  /** Only in the set being built: people not built yet do not have it. */
  readonly building: boolean;
  /** The same condition over leaves under construction, where the set being built gives it such; else null. */
  readonly next: CompiledCondition | null;
  /** Place in `Program.segments`, after everything it refers to. */
  readonly index: number;
}

export interface Program {
  readonly segments: readonly CompiledSegment[];
  /** In force, by key. */
  readonly traits: ReadonlyMap<string, CompiledTrait>;
  readonly live: ReadonlyMap<string, CompiledSegment>;
  /** In force, by key. */
  readonly surveys: ReadonlyMap<string, CompiledSurvey>;
  /** As last defined: when a survey is open does not wait for a build. */
  readonly wantedSurveys: ReadonlyMap<string, SurveyDefinition>;
  /** The wanted set once built, by key; equal to `live` when nothing is building. */
  readonly wanted: ReadonlyMap<string, CompiledSegment>;
  readonly leaves: ReadonlyMap<number, Leaf>;
  /** Numbers of the static lists of the wanted set, by segment key. */
  readonly lists: ReadonlyMap<string, number>;
  /** Numbers of all lists, those in force included. */
  readonly allLists: ReadonlySet<number>;
  /** Some segment asks for traits of groups. */
  readonly usesGroups: boolean;
  /** Leaves that only the set being built needs. */
  readonly buildingLeaves: ReadonlySet<number>;
  /** Segments that may hold for a person who has done nothing, and what refers to them, ascending. */
  readonly atStart: readonly number[];
  /** People whose row has a smaller number lack the leaves and segments under construction. */
  readonly generation: number;
  /** A segment version's place in `segments`; undefined when no set has it. */
  indexOf(version: number): number | undefined;
  match(message: EngineMessage): readonly Leaf[];
  /** Indexes of the segments that a change of this leaf or trait may touch, ascending. */
  touchedByLeaf(leaf: number): readonly number[];
  touchedByTrait(key: string): readonly number[];
  readonly touchedByGroups: readonly number[];
  touchedByList(list: number): readonly number[];
  /** The segment itself and those that refer to it, ascending. */
  touchedBySegment(index: number): readonly number[];
}

/** Gives a text its number, always the same one in one file. */
export type Intern = (text: string) => number;

/** Where an id falls in a split named by a salt, in percent from 0 to under 100. */
export type BucketOf = (salt: string, id: string) => number;

export interface ProgramInput {
  bucketOf: BucketOf;
  active: DefinitionSet;
  /** The set being built, or null. */
  target: DefinitionSet | null;
  generation: number;
  intern: Intern;
}

interface Draft {
  slots: Map<string, { spec: LeafSpec; since: number; spans: Set<number>; uses: LeafSlot[] }>;
}
interface DraftSegment {
  key: string;
  version: number;
  condition: CompiledCondition;
  traits: Set<string>;
  slots: Set<LeafSlot>;
  refers: Set<number>;
  list: number | null;
  groups: boolean;
  start: boolean;
}
interface CompiledSet {
  byKey: Map<string, number>;
  surveys: Map<string, CompiledSurvey>;
  traits: Map<string, CompiledTrait>;
  leaves: Set<number>;
  lists: Map<string, number>;
}
/** What both sets are compiled into. */
interface Shared {
  segments: Map<number, DraftSegment>;
  /** What the second set says about segments of the first. */
  again: Map<number, DraftSegment>;
  leaves: Map<number, Leaf>;
  intern: Intern;
  bucketOf: BucketOf;
}

export function compileProgram({ active, target, generation, intern, bucketOf }: ProgramInput): Program {
  const shared: Shared = {
    segments: new Map(),
    again: new Map(),
    leaves: new Map(),
    intern,
    bucketOf,
  };
  const { segments, again, leaves } = shared;
  const inForce = compileSet(active, shared);
  const wanted = target ? compileSet(target, shared) : inForce;
  const liveVersions = new Set(inForce.byKey.values());
  const isBuildingLeaf = (id: number): boolean => !inForce.leaves.has(id);
  for (const [version, { slots }] of again)
    if (![...slots].some(({ leaf }) => isBuildingLeaf(leaf.id))) again.delete(version);
  const list: CompiledSegment[] = [];
  for (const draft of segments.values()) {
    const live = liveVersions.has(draft.version);
    list.push({
      key: draft.key,
      version: draft.version,
      live,
      building: !live,
      next: again.get(draft.version)?.condition ?? null,
      index: list.length,
      ...draft.condition,
    });
  }
  const indexOf = new Map(list.map((segment) => [segment.version, segment.index]));
  const place = (version: number): number => indexOf.get(version) as number; // every version is in the list
  const drafts = [...segments.values()];
  const dependents = dependentsOf(drafts, indexOf);
  const byLeaf = new Map<number, number[]>();
  const byTrait = new Map<string, number[]>();
  const byList = new Map<number, number[]>();
  for (const draft of drafts) {
    const index = place(draft.version);
    for (const slot of draft.slots) push(byLeaf, slot.leaf.id, index);
    for (const { leaf } of again.get(draft.version)?.slots ?? [])
      if (isBuildingLeaf(leaf.id)) push(byLeaf, leaf.id, index);
    for (const key of draft.traits) push(byTrait, key, index);
    if (draft.list !== null) push(byList, draft.list, index);
  }
  closeOver(byLeaf, dependents);
  closeOver(byTrait, dependents);
  closeOver(byList, dependents);
  const nobody = emptyPerson(0, generation, '');
  for (const segment of list) if (segment.test(nobody, 0)) nobody.members.add(segment.version);
  const withDependents = (indexes: number[]): number[] =>
    [...new Set(indexes.flatMap((index) => dependents[index] as number[]))].sort((a, b) => a - b);
  const placesOf = (which: (draft: DraftSegment) => boolean): number[] =>
    drafts.filter(which).map(({ version }) => place(version));
  const none: readonly number[] = [];
  const pick = (set: CompiledSet): Map<string, CompiledSegment> =>
    new Map([...set.byKey].map(([key, version]) => [key, list[place(version)] as CompiledSegment]));
  return {
    segments: list,
    traits: inForce.traits,
    live: pick(inForce),
    surveys: inForce.surveys,
    wantedSurveys: new Map(Object.entries((target ?? active).surveys)),
    wanted: pick(wanted),
    leaves,
    lists: wanted.lists,
    allLists: new Set([...inForce.lists.values(), ...wanted.lists.values()]),
    usesGroups: drafts.some(({ groups }) => groups),
    buildingLeaves: new Set([...wanted.leaves].filter(isBuildingLeaf)),
    atStart: withDependents(placesOf(({ start, version }) => start || nobody.members.has(version))),
    generation,
    indexOf: (version) => indexOf.get(version),
    match: createMatcher([...leaves.values()]),
    touchedByLeaf: (leaf) => byLeaf.get(leaf) ?? none,
    touchedByTrait: (key) => byTrait.get(key) ?? none,
    touchedByGroups: withDependents(placesOf(({ groups }) => groups)),
    touchedByList: (number) => byList.get(number) ?? none,
    touchedBySegment: (index) => dependents[index] ?? none,
  };
}

/** Compiles one consistent set; what it shares with an earlier one is compiled once. */
function compileSet(set: DefinitionSet, shared: Shared): CompiledSet {
  const { segments, leaves, intern } = shared;
  const draft: Draft = { slots: new Map() };
  const slotsSince = slotMaker(draft);
  const traits = compileTraits(set, slotsSince, intern);
  const byKey = new Map<string, number>();
  const lists = new Map<string, number>();

  const define = (key: string): number => {
    const known = byKey.get(key);
    if (known !== undefined) return known;
    const definition = set.segments[key] as SegmentDefinition; // references were checked
    const found = 'static' in definition ? listSegment(key) : dynamicSegment(key, definition);
    byKey.set(key, found.version);
    (segments.has(found.version) ? shared.again : segments).set(found.version, found);
    return found.version;
  };
  const blank = (key: string): Omit<DraftSegment, 'condition' | 'version'> => ({
    key,
    traits: new Set(),
    slots: new Set(),
    refers: new Set(),
    list: null,
    groups: false,
    start: false,
  });
  const listSegment = (key: string): DraftSegment => {
    const list = intern(`list ${key} ${set.lists[key] ?? 0}`);
    lists.set(key, list);
    const condition: CompiledCondition = {
      test: (person) => person.lists.includes(list),
      due: () => Number.POSITIVE_INFINITY,
    };
    return { ...blank(key), list, start: true, version: intern(`segment ${key} list ${list}`), condition };
  };
  const dynamicSegment = (
    key: string,
    definition: Exclude<SegmentDefinition, { static: true }>,
  ): DraftSegment => {
    const found = blank(key);
    const names: string[] = [];
    const condition = compileCondition(definition.where, {
      slot: slotsSince(sinceOf(set, 'segments', key)),
      zone: set.zone,
      bucketOf: shared.bucketOf,
      computed(name) {
        const trait = traits.get(name) as CompiledTrait; // references were checked
        names.push(`${name}=${trait.meaning}`);
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
      dependsOnGroups: () => {
        found.groups = true;
      },
      dependsOnStart: () => {
        found.start = true;
      },
    });
    const own = canonical(meaningIn(set, 'segments', key, definition));
    const meaning = `segment ${key} ${own} ${names.join(' ')}`;
    return { ...found, version: intern(meaning), condition };
  };
  for (const key of Object.keys(set.segments)) define(key);
  const surveys = new Map<string, CompiledSurvey>();
  // Answers to surveys never expire.
  const scope = { slot: slotsSince(0), zone: set.zone, segment: define, bucketOf: shared.bucketOf };
  for (const [key, definition] of Object.entries(set.surveys))
    surveys.set(key, compileSurvey(key, definition, scope));
  return { byKey, surveys, traits, lists, leaves: placeLeaves(draft, leaves, intern) };
}

/** Makes places for leaves by when what asks for them was defined: those that see other messages are others. */
type SlotsSince = (since: number) => MakeSlot;

function slotMaker(draft: Draft): SlotsSince {
  return (since) =>
    <S extends LeafSpec>(spec: S, span: number | null): LeafSlot<LeafOf<S>> => {
      const plain = canonical(spec as unknown as JsonValue); // a spec is plain JSON but for optional keys
      const text = since === 0 ? plain : `${plain} since ${since}`;
      const known = draft.slots.get(text) ?? { spec, since, spans: new Set(), uses: [] };
      draft.slots.set(text, known);
      if (span !== null) known.spans.add(span);
      // The leaf is set by `placeLeaves`, once every window asked of it is known; nothing reads it before.
      const use = { span } as LeafSlot<LeafOf<S>>;
      known.uses.push(use as unknown as LeafSlot); // `createLeaf` makes the leaf that the spec's kind says
      return use;
    };
}

/** Traits in the order of their needs: formulas after what they are computed from. */
function compileTraits(
  set: DefinitionSet,
  slotsSince: SlotsSince,
  intern: Intern,
): Map<string, CompiledTrait> {
  const traits = new Map<string, CompiledTrait>();
  const computed = (key: string): CompiledTrait => {
    const known = traits.get(key);
    if (known) return known;
    const definition = set.traits[key] as TraitDefinition; // references were checked
    const slot = slotsSince(sinceOf(set, 'traits', key));
    const scope = { slot, zone: set.zone, computed, intern };
    const trait = compileTrait(key, definition, meaningIn(set, 'traits', key, definition), scope);
    traits.set(key, trait);
    return trait;
  };
  for (const key of Object.keys(set.traits)) computed(key);
  return traits;
}

function placeLeaves(draft: Draft, leaves: Map<number, Leaf>, intern: Intern): Set<number> {
  const used = new Set<number>();
  for (const [text, { spec, since, spans, uses }] of draft.slots) {
    const windows = [...spans].sort((a, b) => a - b);
    const id = intern(`leaf ${text} ${windows.join(',')}`);
    const leaf = leaves.get(id) ?? createLeaf(id, spec, windows, since);
    leaves.set(id, leaf);
    used.add(id);
    for (const use of uses) use.leaf = leaf;
  }
  return used;
}

/** A definition without what changes at once and needs no build. */
export function meaningOf(definition: TraitDefinition | SegmentDefinition | SurveyDefinition): JsonValue {
  if ('questions' in definition) return gatesMeaning(definition);
  const { name: _name, expose: _expose, ...meaning } = definition;
  return JSON.parse(JSON.stringify(meaning)) as JsonValue; // JSON.parse gives nothing else
}

/** The same with when it was defined, where that tells which messages it sees. */
export function meaningIn(
  set: Pick<DefinitionSet, 'since'>,
  kind: DefinitionKind,
  key: string,
  definition: TraitDefinition | SegmentDefinition | SurveyDefinition,
): JsonValue {
  const since = sinceOf(set, kind, key);
  const meaning = meaningOf(definition);
  return since === 0 ? meaning : { meaning, since };
}

/** For each segment: itself and, transitively, those that refer to it, ascending. */
function dependentsOf(drafts: readonly DraftSegment[], indexOf: ReadonlyMap<number, number>): number[][] {
  const direct: number[][] = drafts.map(() => []);
  drafts.forEach((draft, index) => {
    // Every version referred to is a draft's.
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
