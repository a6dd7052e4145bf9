// Why a person is in a segment or not: its condition as a tree, each part with its value, the messages
// that count, and when time alone will change it.
// Invariant: whether a part holds is asked of the engine itself, never decided here.

import { readTrait } from '../engine/comparison.ts';
import { compileWhere, declaredTraits, type EngineMessage, selects } from '../engine/filter.ts';
import { evaluateAll } from '../engine/person.ts';
import type { PersonState } from '../engine/person-state.ts';
import { type BucketOf, type DefinitionSet, sinceOf } from '../engine/program.ts';
import { traitsNeededBy } from '../engine/references.ts';
import { traitOf } from '../engine/trait-bag.ts';
import { readPath } from '../engine/values.ts';
import { isErased } from '../storage/port.ts';
import type { Condition, SegmentDefinition, TraitDefinition, Where, Within } from '../wire/definitions.ts';
import type { JsonObject, JsonValue } from '../wire/message.ts';
import { createPace } from './breathe.ts';
import type { WhyView } from './core.ts';
import type { Tried } from './definition-book.ts';
import { createSearch, type Found, listed, type Search } from './evidence.ts';
import { traitValue } from './outside-values.ts';
import { iso } from './profile-reads.ts';
import { settle } from './settle.ts';
import { tryPerson } from './trial.ts';
import type { WorkingSet } from './working-set.ts';

/** Instants walked ahead to find when time alone changes the answer. */
const MAX_STEPS = 1_000;

/** Every part of a condition as a segment of its own, named by its pointer. */
export function partsOf(key: string, definition: SegmentDefinition): Record<string, Tried> {
  const parts: Record<string, Tried> = {};
  const walk = (condition: Condition, pointer: string): void => {
    parts[partKey(key, pointer)] = { definition: { where: condition }, as: key };
    for (const [step, inner] of innerOf(condition)) walk(inner, `${pointer}/${step}`);
  };
  if ('where' in definition) walk(definition.where, '/where');
  return parts;
}

/** The conditions a condition is made of, by their step in a pointer. */
function innerOf(condition: Condition): [step: string, inner: Condition][] {
  if ('all' in condition) return condition.all.map((part, i) => [`all/${i}`, part]);
  if ('any' in condition) return condition.any.map((part, i) => [`any/${i}`, part]);
  return 'not' in condition ? [['not', condition.not]] : [];
}

/** No definition's key has a question mark. */
const partKey = (key: string, pointer: string): string => `?${key}${pointer}`;

/** All segments that one refers to, itself included, by key. */
export function segmentsBehind(
  segments: Readonly<Record<string, SegmentDefinition>>,
  key: string,
  found: Map<string, SegmentDefinition> = new Map(),
): Map<string, SegmentDefinition> {
  const definition = segments[key];
  if (!definition || found.has(key)) return found;
  found.set(key, definition);
  const walk = (condition: Condition): void => {
    for (const [, inner] of innerOf(condition)) walk(inner);
    if ('segment' in condition) segmentsBehind(segments, condition.segment, found);
  };
  if ('where' in definition) walk(definition.where);
  return found;
}

interface Explaining {
  copy: WorkingSet;
  person: PersonState;
  clock: number;
  segments: Readonly<Record<string, SegmentDefinition>>;
  /** As in `DefinitionSet`. */
  since: DefinitionSet['since'];
  search: Search;
  bucketOf: BucketOf;
  /** Every computed trait's value. */
  values: ReadonlyMap<string, JsonValue>;
  /** By which of their ids the person is on each static list, by the segment's key. */
  listedAs: ReadonlyMap<string, string[]>;
}

/** Put together from what a search found, once it has run. */
type Telling = () => JsonObject;

export interface Explained extends Pick<WhyView, 'member' | 'changesAt' | 'anonymous'> {
  /**
   * The tree of conditions, once the messages they rest on are read, as of when it was asked. It may be called when
   * the lane has gone on: in a long history that takes a while.
   */
  tell(): Promise<JsonObject>;
}

/** Explains one person's membership. The copy's program holds `partsOf` all `segmentsBehind` it. */
export async function explain(
  copy: WorkingSet,
  id: number,
  key: string,
  { segments, since, bucketOf }: Pick<Explaining, 'segments' | 'since' | 'bucketOf'>,
  clock: number,
): Promise<Explained | null> {
  const person = await tryPerson(copy, id, clock);
  const definition = segments[key];
  if (!person || !definition) return null;
  const { anonymous } = person;
  if (anonymous) seeConditions(copy, person, clock);
  const values = new Map<string, JsonValue>();
  for (const [name, trait] of copy.program.traits)
    values.set(name, await traitValue(copy, person, trait, clock));
  const keysBehind = [...segmentsBehind(segments, key).keys()];
  const listedAs = new Map<string, string[]>();
  for (const name of keysBehind) listedAs.set(name, await listedIds(copy, id, name));
  const search = createSearch(clock);
  const why = explainSegment(
    { copy, person, clock, segments, since, search, bucketOf, values, listedAs },
    key,
    definition,
  );
  const lastSeq = copy.lastSeq();
  const ranges = await copy.rangesOf(id, { from: search.start(), to: null });
  const { store } = copy;
  const tell = async (): Promise<JsonObject> => {
    await search.run((keys) => store.read(keys), ranges, lastSeq);
    return why();
  };
  if (anonymous) return { member: false, changesAt: null, anonymous, tell };
  const version = copy.program.live.get(key)?.version ?? -1;
  const member = person.members.has(version);
  const behind = new Set(keysBehind.map((name) => copy.program.live.get(name)?.version ?? -1));
  return { member, changesAt: await nextChange(copy, person, version, behind), tell };
}

/** Of somebody who is in no segment: what each condition would say. */
function seeConditions({ program }: WorkingSet, person: PersonState, now: number): void {
  person.anonymous = false;
  evaluateAll(program, person, { now, cause: { operation: 'why' }, emit: () => {} });
}

/** The person's ids on a static list; none for another segment. */
async function listedIds(copy: WorkingSet, id: number, key: string): Promise<string[]> {
  const list = copy.program.lists.get(key);
  const nodes = list === undefined ? [] : await copy.listedBy(id, list);
  const named = await Promise.all(nodes.map((node) => copy.nodeById(node)));
  return named
    .flatMap((node) =>
      node && !isErased(node) ? [`${node.kind === 'user' ? 'user' : 'anon'}:${node.ext}`] : [],
    )
    .sort();
}

/** Walks ahead in time, in memory only, until the membership is another; only what is behind it moves. */
async function nextChange(
  copy: WorkingSet,
  person: PersonState,
  version: number,
  behind: ReadonlySet<number>,
): Promise<string | null> {
  const before = person.members.has(version);
  const indexes = new Set([...behind].map((of) => copy.program.indexOf(of)));
  const isBehind = (leaf: number): boolean =>
    copy.program.touchedByLeaf(leaf).some((index) => indexes.has(index));
  const pace = createPace();
  for (let step = 0; step < MAX_STEPS; step++) {
    await pace();
    for (const id of person.dues.keys())
      if (id > 0 ? !behind.has(id) : !isBehind(-id)) person.dues.delete(id);
    const instant = Math.min(...person.dues.values());
    if (instant === Number.POSITIVE_INFINITY) return null;
    person.due = instant;
    await settle(copy, person, instant);
    if (person.members.has(version) !== before) return iso(instant);
  }
  return null;
}

function explainSegment(at: Explaining, key: string, definition: SegmentDefinition): Telling {
  if ('static' in definition) {
    const list = at.copy.program.lists.get(key);
    const holds = list !== undefined && at.person.lists.includes(list);
    return () => ({ static: true, holds, listed: at.listedAs.get(key) ?? [] });
  }
  return explainCondition(at, key, definition.where, '/where');
}

function explainCondition(at: Explaining, key: string, condition: Condition, pointer: string): Telling {
  const part = at.copy.program.wanted.get(partKey(key, pointer));
  const holds = part !== undefined && at.person.members.has(part.version);
  const inner = (of: Condition, step: string) => explainCondition(at, key, of, `${pointer}/${step}`);
  if ('all' in condition) {
    const parts = condition.all.map((of, i) => inner(of, `all/${i}`));
    return () => ({ all: parts.map((tell) => tell()), holds });
  }
  if ('any' in condition) {
    const parts = condition.any.map((of, i) => inner(of, `any/${i}`));
    return () => ({ any: parts.map((tell) => tell()), holds });
  }
  if ('not' in condition) {
    const not = inner(condition.not, 'not');
    return () => ({ not: not(), holds });
  }
  // A condition is plain JSON but for keys that are left out.
  const shown = JSON.parse(JSON.stringify(condition)) as JsonObject;
  const rest = evidence(at, condition, sinceOf(at, 'segments', key));
  return () => ({ ...shown, holds, ...rest() });
}

/** What a leaf's answer rests on; the definition it is of sees no message that had expired by `since`. */
function evidence(at: Explaining, condition: Condition, since: number): Telling {
  const { copy, person, search } = at;
  if ('trait' in condition) {
    const actual = readTrait((key) => traitOf(person.traits, key), condition.trait) ?? null;
    const keys = [condition.trait, condition.trait.split('.')[0] as string];
    const sets = (message: EngineMessage): boolean => {
      const traits = declaredTraits(message.body());
      return keys.some((key) => Object.hasOwn(traits, key));
    };
    // Whoever reads a trait sees all that declared it.
    const found = search.find({ events: ['$identify'], test: sets, since: 0 });
    return () => ({ actual, messages: listed(found) });
  }
  if ('computed' in condition) {
    const trait = copy.program.traits.get(condition.computed);
    const actual = at.values.get(condition.computed) ?? null;
    const definition = trait?.definition;
    if (!definition || definition.type === 'formula') {
      const inputs = definition ? inputsOf(at, definition) : {};
      return () => ({ actual, formula: definition?.expression ?? null, inputs });
    }
    const found = find(at, definition, sinceOf(at, 'traits', condition.computed));
    return () => ({ actual, messages: listed(found) });
  }
  if ('segment' in condition) {
    const definition = at.segments[condition.segment];
    const because = definition && explainSegment(at, condition.segment, definition);
    return () => (because ? { because: because() } : {});
  }
  if ('event' in condition) {
    const found = find(at, condition, since);
    return () => ({ actual: found.total, messages: listed(found) });
  }
  if ('first' in condition) {
    const found = find(at, { event: condition.first, where: condition.where }, since);
    return () => {
      const { first } = found;
      const newest = first ? [first] : [];
      return {
        actual: first ? iso(first.stamp[0]) : null,
        messages: listed({ total: newest.length, newest }),
      };
    };
  }
  if ('sequence' in condition) {
    const steps = condition.sequence.map((step) => ('absent' in step ? step.absent : step));
    const found = findAny(at, steps, condition.within, since);
    return () => ({ messages: listed(found) });
  }
  if ('bucket' in condition) {
    const actual = person.ext === '' ? null : at.bucketOf(condition.bucket.salt, person.ext);
    return () => ({ actual });
  }
  if ('survey' in condition) {
    const { survey } = condition;
    const test = (message: EngineMessage): boolean => surveyOf(message) === survey;
    const found = search.find({ events: ['$survey'], test, since });
    return () => ({ messages: listed(found) });
  }
  if (!('group' in condition)) return () => ({});
  const groups = [...person.view].map(([id, traits]) => ({
    id,
    traits: groupTraits(condition.group, traits),
  }));
  return () => ({ groups });
}

/** Values of the traits that a formula names. */
function inputsOf({ values }: Explaining, formula: TraitDefinition): JsonObject {
  return Object.fromEntries(traitsNeededBy(formula).map((key) => [key, values.get(key) ?? null]));
}

function groupTraits(
  condition: Extract<Condition, { group: unknown }>['group'],
  read: (key: string) => JsonValue | undefined,
): JsonObject {
  if ('trait' in condition) return { [condition.trait]: readTrait(read, condition.trait) ?? null };
  if ('not' in condition) return groupTraits(condition.not, read);
  const parts = 'all' in condition ? condition.all : condition.any;
  return Object.assign({}, ...parts.map((part) => groupTraits(part, read)));
}

function surveyOf(message: EngineMessage): string {
  const steps = message.type === 'survey' ? ['surveyId'] : ['properties', 'surveyId'];
  return String(readPath(message.body(), steps) ?? '');
}

interface Selection {
  event: string;
  where?: Where | undefined;
}

const find = (at: Explaining, selection: Selection & { within?: Within | undefined }, since: number): Found =>
  findAny(at, [selection], selection.within, since);

/** Messages that one of the selections takes. */
function findAny(
  { search, clock }: Explaining,
  selections: readonly Selection[],
  within: Within | undefined,
  since: number,
): Found {
  const events = selections.map(({ event }) => event);
  const any = selections.map(({ event, where }) => ({ event, filter: compileWhere(where) }));
  const test = (message: EngineMessage): boolean =>
    any.some(
      ({ event, filter }) => selects(event, message) && (!filter || filter.test(message.body(), clock)),
    );
  const looksInside = any.some(({ filter }) => filter !== null);
  return search.find({ events, test: looksInside ? test : null, within, since });
}
