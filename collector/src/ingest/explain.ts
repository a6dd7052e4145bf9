// Why a person is in a segment or not: its condition as a tree, each part with its value, the messages
// that count, and when time alone will change it.
// Invariant: whether a part holds is asked of the engine itself, never decided here.

import { readTrait } from '../engine/comparison.ts';
import { compileWhere, selects } from '../engine/filter.ts';
import { evaluateAll } from '../engine/person.ts';
import type { PersonState } from '../engine/person-state.ts';
import { type BucketOf, type DefinitionSet, sinceOf } from '../engine/program.ts';
import { traitsNeededBy } from '../engine/references.ts';
import { compareStamps } from '../engine/stamp.ts';
import { traitOf } from '../engine/trait-bag.ts';
import { reachFor } from '../engine/traits.ts';
import { type HistoryRow, isErased } from '../storage/port.ts';
import type {
  Condition,
  DefinitionKind,
  SegmentDefinition,
  TraitDefinition,
  Where,
  Within,
} from '../wire/definitions.ts';
import type { JsonObject, JsonValue } from '../wire/message.ts';
import type { WhyView } from './core.ts';
import type { Tried } from './definition-book.ts';
import { traitValue } from './outside-values.ts';
import { iso } from './profile-reads.ts';
import { settle } from './settle.ts';
import { engineMessage } from './stored-message.ts';
import { tryPerson } from './trial.ts';
import type { WorkingSet } from './working-set.ts';

/** Messages shown for one part; `total` says how many count. */
const MAX_SHOWN = 20;
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
  history: HistoryRow[];
  /** Those of them that the definition at hand sees. */
  seen: HistoryRow[];
  bucketOf: BucketOf;
  /** Every computed trait's value. */
  values: ReadonlyMap<string, JsonValue>;
  /** By which of their ids the person is on each static list, by the segment's key. */
  listedAs: ReadonlyMap<string, string[]>;
}

/** Explains one person's membership. The copy's program holds `partsOf` all `segmentsBehind` it. */
export async function explain(
  copy: WorkingSet,
  id: number,
  key: string,
  { segments, since, bucketOf }: Pick<Explaining, 'segments' | 'since' | 'bucketOf'>,
  clock: number,
): Promise<Omit<WhyView, 'segment' | 'profileId' | 'userId' | 'since' | 'at'> | null> {
  const person = await tryPerson(copy, id, clock);
  const definition = segments[key];
  if (!person || !definition) return null;
  const { anonymous } = person;
  if (anonymous) seeConditions(copy, person, clock);
  const history: HistoryRow[] = [];
  for await (const rows of copy.historyPages(id, clock)) history.push(...rows);
  const values = new Map<string, JsonValue>();
  for (const [name, trait] of copy.program.traits)
    values.set(name, await traitValue(copy, person, trait, clock));
  const keysBehind = [...segmentsBehind(segments, key).keys()];
  const listedAs = new Map<string, string[]>();
  for (const name of keysBehind) listedAs.set(name, await listedIds(copy, id, name));
  const at = { copy, person, clock, segments, since, history, seen: history, bucketOf, values, listedAs };
  const why = explainSegment(at, key, definition);
  if (anonymous) return { member: false, why, changesAt: null, anonymous };
  const version = copy.program.live.get(key)?.version ?? -1;
  const member = person.members.has(version);
  const behind = new Set(keysBehind.map((name) => copy.program.live.get(name)?.version ?? -1));
  return { member, why, changesAt: await nextChange(copy, person, version, behind) };
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
  for (let step = 0; step < MAX_STEPS; step++) {
    for (const id of person.dues.keys()) if (id > 0 && !behind.has(id)) person.dues.delete(id);
    const instant = Math.min(...person.dues.values());
    if (instant === Number.POSITIVE_INFINITY) return null;
    person.due = instant;
    await settle(copy, person, instant);
    if (person.members.has(version) !== before) return iso(instant);
  }
  return null;
}

function explainSegment(at: Explaining, key: string, definition: SegmentDefinition): JsonObject {
  if ('static' in definition) {
    const list = at.copy.program.lists.get(key);
    const holds = list !== undefined && at.person.lists.includes(list);
    return { static: true, holds, listed: at.listedAs.get(key) ?? [] };
  }
  return explainCondition(at, key, definition.where, '/where');
}

function explainCondition(at: Explaining, key: string, condition: Condition, pointer: string): JsonObject {
  const part = at.copy.program.wanted.get(partKey(key, pointer));
  const holds = part !== undefined && at.person.members.has(part.version);
  const inner = (of: Condition, step: string) => explainCondition(at, key, of, `${pointer}/${step}`);
  if ('all' in condition) return { all: condition.all.map((of, i) => inner(of, `all/${i}`)), holds };
  if ('any' in condition) return { any: condition.any.map((of, i) => inner(of, `any/${i}`)), holds };
  if ('not' in condition) return { not: inner(condition.not, 'not'), holds };
  // A condition is plain JSON but for keys that are left out.
  const shown = JSON.parse(JSON.stringify(condition)) as JsonObject;
  return { ...shown, holds, ...evidence(seenBy(at, 'segments', key), condition) };
}

/** The same with the messages that a definition sees. */
function seenBy(at: Explaining, kind: DefinitionKind, key: string): Explaining {
  const since = sinceOf(at, kind, key);
  return { ...at, seen: at.history.filter(({ expired }) => expired === 0 || since < expired) };
}

/** What a leaf's answer rests on. */
function evidence(at: Explaining, condition: Condition): JsonObject {
  const { copy, person } = at;
  if ('trait' in condition) {
    const actual = readTrait((key) => traitOf(person.traits, key), condition.trait) ?? null;
    return { actual, messages: setters(at, condition.trait) };
  }
  if ('computed' in condition) {
    const trait = copy.program.traits.get(condition.computed);
    const actual = at.values.get(condition.computed) ?? null;
    const definition = trait?.definition;
    if (!definition || definition.type === 'formula')
      return {
        actual,
        formula: definition?.type === 'formula' ? definition.expression : null,
        inputs: definition ? inputsOf(at, definition) : {},
      };
    return { actual, messages: matching(seenBy(at, 'traits', condition.computed), definition) };
  }
  if ('segment' in condition) {
    const definition = at.segments[condition.segment];
    return definition ? { because: explainSegment(at, condition.segment, definition) } : {};
  }
  if ('event' in condition) {
    const messages = matching(at, condition);
    return { actual: messages.total, messages };
  }
  if ('first' in condition) {
    const { first: event, where } = condition;
    const [first] = rowsMatching(at, { event, ...(where ? { where } : {}) });
    return { actual: first ? iso(first.stamp[0]) : null, messages: listed(first ? [first] : []) };
  }
  if ('sequence' in condition) {
    const rows = condition.sequence.flatMap((step) => {
      const { event, where } = 'absent' in step ? step.absent : step;
      return rowsMatching(at, { event, where, within: condition.within });
    });
    return { messages: listed([...new Set(rows)].sort((a, b) => compareStamps(a.stamp, b.stamp))) };
  }
  if ('bucket' in condition)
    return { actual: person.ext === '' ? null : at.bucketOf(condition.bucket.salt, person.ext) };
  if ('survey' in condition) {
    const { survey } = condition;
    const rows = rowsMatching(at, { event: '$survey' }).filter((row) => surveyOf(row) === survey);
    return { messages: listed(rows) };
  }
  if (!('group' in condition)) return {};
  const groups = [...person.view].map(([id, traits]) => ({
    id,
    traits: groupTraits(condition.group, traits),
  }));
  return { groups };
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

function surveyOf(row: HistoryRow): string {
  const body = JSON.parse(row.text) as JsonObject; // stored by the lane
  const source = row.type === 'survey' ? body : (body.properties as JsonObject); // a survey event has some
  return String(source.surveyId ?? '');
}

/** Identify messages that wrote the trait. */
function setters({ history }: Explaining, trait: string): JsonObject {
  const keys = [trait, trait.split('.')[0] as string];
  const wrote = history.filter((row) => {
    if (row.type !== 'identify') return false;
    const { traits } = JSON.parse(row.text) as JsonObject; // stored by the lane
    return typeof traits === 'object' && traits !== null && keys.some((key) => Object.hasOwn(traits, key));
  });
  return listed(wrote);
}

interface Selection {
  event: string;
  where?: Where | undefined;
  within?: Within | undefined;
}

function rowsMatching({ seen, clock }: Explaining, { event, where, within }: Selection): HistoryRow[] {
  const filter = compileWhere(where);
  const { reach, span } = reachFor(within);
  return seen.filter((row) => {
    const [time] = row.stamp;
    if (span !== null && time <= clock - span) return false;
    if (typeof reach === 'object' && (time < reach.from || time > reach.to)) return false;
    const message = engineMessage(row);
    return selects(event, message) && (!filter || filter.test(message.body(), clock));
  });
}

const matching = (at: Explaining, selection: Selection): JsonObject & { total: number } =>
  listed(rowsMatching(at, selection));

/** The newest of some messages, newest first. */
function listed(rows: readonly HistoryRow[]): JsonObject & { total: number } {
  const shown = rows.slice(-MAX_SHOWN).reverse();
  return {
    total: rows.length,
    newest: shown.map(({ stamp, type, event, expired }) => ({
      messageId: stamp[1],
      timestamp: iso(stamp[0]),
      type,
      ...(event === null ? {} : { event }),
      // It counts, and is kept no longer.
      ...(expired > 0 ? { expired: true } : {}),
    })),
  };
}
