// The definitions: what is in force, what is wanted, and the numbers that name their versions.
// Invariant: `active` answers every read until everything in `target` is built; then one commit
// switches. Numbers are never given twice in the life of a file.

import {
  type BucketOf,
  compileProgram,
  type DefinitionSet,
  meaningIn,
  meaningOf,
  nameOf,
  type Program,
  sinceOf,
} from '../engine/program.ts';
import { neededBy, referenceFaults } from '../engine/references.ts';
import { canonical } from '../engine/values.ts';
import type { Swap } from '../storage/port.ts';
import {
  DEFINITION_KINDS,
  type Definition,
  type DefinitionFile,
  type DefinitionKind,
  type Fault,
  type Retention,
  type SegmentDefinition,
} from '../wire/definitions.ts';
import type { JsonValue } from '../wire/message.ts';
import type { Applied, AppliedDefinition } from './core.ts';

interface Stored {
  active: DefinitionSet;
  target: DefinitionSet | null;
  generation: number;
  /** Keys the definitions file named last. */
  fromFile: Record<DefinitionKind, string[]>;
  numbers: Record<string, number>;
  nextNumber: number;
  /** How long events are kept, as the definitions file says. */
  retention: Retention;
}

export interface DefinitionBook {
  readonly active: DefinitionSet;
  /** What will be in force once built; `active` when nothing is building. */
  readonly wanted: DefinitionSet;
  readonly generation: number;
  readonly building: boolean;
  /** How long events are kept; those it does not name: for ever. */
  readonly retention: Readonly<Retention>;
  /** Expiries so far, in a store that has committed them; definitions see what had not expired when they were made. */
  expiries: number;
  compile(): Program;
  /** Faults of a definition as it would stand among the wanted ones. */
  faultsOf(kind: DefinitionKind, key: string, definition: Definition): Fault[];
  put(kind: DefinitionKind, key: string, definition: Definition): void;
  neededBy(kind: DefinitionKind, key: string): string[];
  remove(kind: DefinitionKind, key: string): void;
  /** Checks a whole file, pointers from its top. */
  faultsOfFile(file: DefinitionFile): Fault[];
  applyFile(file: DefinitionFile): Applied;
  /** The definitions in force with some segments more, whose keys no definition can have; nothing is kept. */
  trial(segments: Record<string, Tried>): Program;
  /** Faults of a segment as it would stand among the definitions in force. */
  trialFaults(definition: SegmentDefinition): Fault[];
  /** What `finish` will have to swap in the store. */
  swaps(program: Program): Swap[];
  /** Puts the target in force. */
  finish(): void;
  /** What is stored of the book. */
  encode(): JsonValue;
  /** Goes back to what `encode` gave. */
  restore(text: JsonValue | undefined): void;
}

/** A segment that is only tried out. It sees the messages that the one in force under `as` sees; else what is stored. */
export interface Tried {
  definition: SegmentDefinition;
  as?: string;
}

/** Key of a segment that is only tried out: no definition can have it. */
export const TRIAL = '?';
/** Numbers of texts that are only tried out: no file gives so many. */
const FIRST_PASSING = 2 ** 40;

export interface BookOptions {
  /** IANA time zone that days are counted in. */
  zone: string;
  bucketOf: BucketOf;
  /** See `DefinitionBook.expiries`. */
  expiries: number;
}

export function createDefinitionBook(
  stored: JsonValue | undefined,
  { zone, bucketOf, expiries }: BookOptions,
): DefinitionBook {
  let state = decode(stored, zone);

  const intern = (text: string): number => {
    const known = own(state.numbers, text);
    if (known !== undefined) return known;
    const number = state.nextNumber++;
    state.numbers[text] = number;
    return number;
  };
  const wanted = (): DefinitionSet => state.target ?? state.active;

  /** Makes `next` the wanted set; a build is needed unless it means what is in force. */
  function want(next: DefinitionSet): void {
    if (sameMeaning(next, state.active)) {
      state.active = next;
      state.target = null;
      return;
    }
    if (state.target && sameMeaning(next, state.target)) {
      state.active = withDressOf(state.active, next);
      state.target = next;
      return;
    }
    state.active = withDressOf(state.active, next);
    state.target = next;
    state.generation++;
  }

  // Another time zone than last time is a change of every definition that counts days.
  if (wanted().zone !== zone) want({ ...wanted(), zone });

  const self: DefinitionBook = {
    get active() {
      return state.active;
    },
    get wanted() {
      return wanted();
    },
    get generation() {
      return state.generation;
    },
    get building() {
      return state.target !== null;
    },
    get retention() {
      return state.retention;
    },
    expiries,
    compile() {
      // Texts that nothing uses any more are forgotten, so that a definition that comes back later
      // gets a number of its own and never meets what its old one left behind.
      const used: Record<string, number> = {};
      const program = compileProgram({
        active: state.active,
        target: state.target,
        generation: state.generation,
        bucketOf,
        intern: (text) => {
          const number = intern(text);
          used[text] = number;
          return number;
        },
      });
      state.numbers = used;
      return program;
    },
    faultsOf(kind, key, definition) {
      const next = withDefinitions(wanted(), { [kind]: { [key]: definition } }, self.expiries);
      return referenceFaults(next, kind, key);
    },
    put(kind, key, definition) {
      want(withDefinitions(wanted(), { [kind]: { [key]: definition } }, self.expiries));
    },
    neededBy: (kind, key) => neededBy(wanted(), kind, key),
    remove(kind, key) {
      want(without(wanted(), kind, key));
      state.fromFile[kind] = state.fromFile[kind].filter((name) => name !== key);
    },
    faultsOfFile(file) {
      const next = afterFile(file);
      return DEFINITION_KINDS.flatMap((kind) =>
        Object.keys(next[kind]).flatMap((key) =>
          referenceFaults(next, kind, key).map(({ pointer, message }) => ({
            pointer: `/${kind}/${key}${pointer}`,
            message,
          })),
        ),
      );
    },
    applyFile(file) {
      const before = wanted();
      const next = afterFile(file);
      const named = {
        traits: Object.keys(file.traits ?? {}),
        segments: Object.keys(file.segments ?? {}),
        surveys: Object.keys(file.surveys ?? {}),
      };
      const definitions = DEFINITION_KINDS.flatMap((kind) => appliedOf(kind, { before, next, named }));
      const countOf = (...changes: string[]): number =>
        definitions.filter(({ change }) => changes.includes(change)).length;
      want(next);
      state.fromFile = named;
      state.retention = { ...file.retention };
      return {
        changed: countOf('created', 'changed'),
        deleted: countOf('deleted'),
        definitions,
        retention: state.retention,
      };
    },
    trial(tried) {
      const passing = new Map<string, number>();
      const segments = Object.fromEntries(
        Object.entries(tried).map(([key, { definition }]) => [key, definition]),
      );
      const target = withDefinitions(state.active, { segments }, self.expiries);
      for (const [key, { as }] of Object.entries(tried))
        if (as !== undefined) target.since[nameOf('segments', key)] = sinceOf(state.active, 'segments', as);
      return compileProgram({
        active: state.active,
        target,
        // Nobody's row is built for it, whatever is being built beside.
        generation: Number.POSITIVE_INFINITY,
        bucketOf,
        intern(text) {
          const known = own(state.numbers, text);
          const number = known ?? passing.get(text) ?? FIRST_PASSING + passing.size;
          if (known === undefined) passing.set(text, number);
          return number;
        },
      });
    },
    trialFaults(definition) {
      const faultsIn = (set: DefinitionSet): Fault[] =>
        referenceFaults(
          withDefinitions(set, { segments: { [TRIAL]: definition } }, self.expiries),
          'segments',
          TRIAL,
        );
      const unknown = new Set(faultsIn(wanted()).map(({ pointer }) => pointer));
      return faultsIn(state.active).map(({ pointer, message }) => ({
        pointer,
        message: unknown.has(pointer) ? message : 'is still being built; ask again when it is ready',
      }));
    },
    swaps(program) {
      const keys = new Set([...program.live.keys(), ...program.wanted.keys()]);
      const swaps: Swap[] = [];
      for (const key of keys) {
        const from = program.live.get(key)?.version ?? null;
        const to = program.wanted.get(key)?.version ?? null;
        if (from !== to) swaps.push({ key, from, to });
      }
      return swaps;
    },
    finish() {
      state.active = wanted();
      state.target = null;
    },
    encode: () => JSON.parse(JSON.stringify(state)) as JsonValue, // JSON.parse gives nothing else
    restore(text) {
      state = decode(text, zone);
    },
  };

  /** What becomes of definitions of one kind, but for those that stay the file's as they are. */
  function appliedOf(
    kind: DefinitionKind,
    { before, next, named }: { before: DefinitionSet; next: DefinitionSet; named: Stored['fromFile'] },
  ): AppliedDefinition[] {
    const owned = new Set(state.fromFile[kind]);
    const applied = named[kind].map((key): AppliedDefinition => {
      const was = own<Definition>(before[kind], key);
      const change = !was ? 'created' : isSame(was, next[kind][key]) ? 'same' : 'changed';
      return { kind, key, change, takenOver: was !== undefined && !owned.has(key) };
    });
    const deleted = Object.keys(before[kind])
      .filter((key) => !Object.hasOwn(next[kind], key))
      .map((key): AppliedDefinition => ({ kind, key, change: 'deleted', takenOver: false }));
    return [...applied.filter(({ change, takenOver }) => change !== 'same' || takenOver), ...deleted];
  }

  function afterFile(file: DefinitionFile): DefinitionSet {
    let next = wanted();
    for (const kind of DEFINITION_KINDS)
      for (const key of state.fromFile[kind])
        if (!Object.hasOwn(file[kind] ?? {}, key)) next = without(next, kind, key);
    return withDefinitions(next, file, self.expiries);
  }

  return self;
}

function decode(stored: JsonValue | undefined, zone: string): Stored {
  const empty: DefinitionSet = { traits: {}, segments: {}, surveys: {}, zone, lists: {}, since: {} };
  const fresh: Stored = {
    active: empty,
    target: null,
    generation: 1,
    fromFile: { traits: [], segments: [], surveys: [] },
    numbers: {},
    nextNumber: 1,
    retention: {},
  };
  if (stored === undefined) return fresh;
  const state = JSON.parse(JSON.stringify(stored)) as Stored; // what `encode` gave
  // Files of earlier versions know neither zones nor lists, surveys or expiries.
  const whole = (set: DefinitionSet): DefinitionSet => ({
    ...set,
    zone: set.zone ?? zone,
    lists: set.lists ?? {},
    surveys: set.surveys ?? {},
    since: set.since ?? {},
  });
  const fromFile = { ...fresh.fromFile, ...state.fromFile };
  const sets = { active: whole(state.active), target: state.target && whole(state.target) };
  return { ...state, ...sets, fromFile, retention: state.retention ?? {} };
}

/** Puts these in; what is new or means something else sees what is stored now, after so many expiries. */
function withDefinitions(set: DefinitionSet, more: DefinitionFile, expiries: number): DefinitionSet {
  const since = { ...set.since };
  for (const kind of ['traits', 'segments'] as const)
    for (const [key, definition] of Object.entries<Definition>(more[kind] ?? {})) {
      const before = own<Definition>(set[kind], key);
      if (before && canonical(meaningOf(before)) === canonical(meaningOf(definition))) continue;
      if (expiries > 0) since[nameOf(kind, key)] = expiries;
    }
  return {
    ...set,
    traits: { ...set.traits, ...more.traits },
    segments: { ...set.segments, ...more.segments },
    surveys: { ...set.surveys, ...more.surveys },
    since,
  };
}

function without(set: DefinitionSet, kind: DefinitionKind, key: string): DefinitionSet {
  const gone = set[kind][key];
  const next = { ...set, [kind]: { ...set[kind] }, since: { ...set.since } };
  delete next[kind][key];
  delete next.since[nameOf(kind, key)];
  if (gone && 'static' in gone) next.lists = { ...set.lists, [key]: (set.lists[key] ?? 0) + 1 };
  return next;
}

function meaning(set: DefinitionSet): string {
  const { traits, segments, zone, lists } = set;
  const part = (kind: DefinitionKind): Record<string, JsonValue> =>
    Object.fromEntries(
      Object.entries<Definition>(set[kind]).map(([key, definition]) => [
        key,
        meaningIn(set, kind, key, definition),
      ]),
    );
  const countsDays = Object.values(traits).some(({ type }) => type === 'active_days');
  const inUse = Object.keys(lists).filter((key) => segments[key] && 'static' in segments[key]);
  return canonical({
    traits: part('traits'),
    segments: part('segments'),
    surveys: part('surveys'),
    zone: countsDays ? zone : null,
    lists: Object.fromEntries(inUse.map((key) => [key, lists[key] ?? 0])),
  });
}

const sameMeaning = (a: DefinitionSet, b: DefinitionSet): boolean => meaning(a) === meaning(b);

/** What a record holds under a key itself: `constructor` is no definition. */
export function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

export function isSame(a: Definition | undefined, b: Definition | undefined): boolean {
  if (!a || !b) return a === b;
  return canonical(a as unknown as JsonValue) === canonical(b as unknown as JsonValue); // plain JSON both
}

/** `name`, `expose` and what a survey asks change at once, without a build: taken over where the meaning is the same. */
function withDressOf(set: DefinitionSet, from: DefinitionSet): DefinitionSet {
  const dress = <D extends Definition>(
    own: Record<string, D>,
    other: Record<string, D>,
  ): Record<string, D> => {
    const dressed: Record<string, D> = {};
    for (const [key, definition] of Object.entries(own)) {
      const worn = other[key];
      const same = worn && canonical(meaningOf(worn)) === canonical(meaningOf(definition));
      dressed[key] = same ? worn : definition;
    }
    return dressed;
  };
  return {
    ...set,
    traits: dress(set.traits, from.traits),
    segments: dress(set.segments, from.segments),
    surveys: dress(set.surveys, from.surveys),
  };
}
