// The definitions: what is in force, what is wanted, and the numbers that name their versions.
// Invariant: `active` answers every read until everything in `target` is built; then one commit
// switches. Numbers are never given twice in the life of a file.

import { compileProgram, type DefinitionSet, meaningOf, type Program } from '../engine/program.ts';
import { neededBy, referenceFaults } from '../engine/references.ts';
import { canonical } from '../engine/values.ts';
import type { Swap } from '../storage/port.ts';
import type {
  Definition,
  DefinitionFile,
  Fault,
  SegmentDefinition,
  TraitDefinition,
} from '../wire/definitions.ts';
import type { JsonValue } from '../wire/message.ts';

export type Kind = 'traits' | 'segments';

interface Stored {
  active: DefinitionSet;
  target: DefinitionSet | null;
  generation: number;
  /** Keys the definitions file named last. */
  fromFile: { traits: string[]; segments: string[] };
  numbers: Record<string, number>;
  nextNumber: number;
}

export interface DefinitionBook {
  readonly active: DefinitionSet;
  /** What will be in force once built; `active` when nothing is building. */
  readonly wanted: DefinitionSet;
  readonly generation: number;
  readonly building: boolean;
  compile(): Program;
  /** Faults of a definition as it would stand among the wanted ones. */
  faultsOf(kind: Kind, key: string, definition: Definition): Fault[];
  put(kind: Kind, key: string, definition: Definition): void;
  neededBy(kind: Kind, key: string): string[];
  remove(kind: Kind, key: string): void;
  /** Checks a whole file, pointers from its top. */
  faultsOfFile(file: DefinitionFile): Fault[];
  applyFile(file: DefinitionFile): { changed: number; deleted: number };
  /** What `finish` will have to swap in the store. */
  swaps(program: Program): Swap[];
  /** Puts the target in force. */
  finish(): void;
  /** What is stored of the book. */
  encode(): JsonValue;
  /** Goes back to what `encode` gave. */
  restore(text: JsonValue | undefined): void;
}

const EMPTY: DefinitionSet = { traits: {}, segments: {} };

export function createDefinitionBook(stored: JsonValue | undefined): DefinitionBook {
  let state = decode(stored);

  const intern = (text: string): number => {
    const known = Object.hasOwn(state.numbers, text) ? state.numbers[text] : undefined;
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
    compile() {
      // Texts that nothing uses any more are forgotten, so that a definition that comes back later
      // gets a number of its own and never meets what its old one left behind.
      const used: Record<string, number> = {};
      const program = compileProgram({
        active: state.active,
        target: state.target,
        generation: state.generation,
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
      return kind === 'traits' ? [] : referenceFaults(withDefinition(wanted(), kind, key, definition), key);
    },
    put(kind, key, definition) {
      want(withDefinition(wanted(), kind, key, definition));
    },
    neededBy: (kind, key) => neededBy(wanted(), kind, key),
    remove(kind, key) {
      want(without(wanted(), kind, key));
      state.fromFile[kind] = state.fromFile[kind].filter((name) => name !== key);
    },
    faultsOfFile(file) {
      const next = afterFile(file);
      return Object.keys(next.segments).flatMap((key) =>
        referenceFaults(next, key).map(({ pointer, message }) => ({
          pointer: `/segments/${key}${pointer}`,
          message,
        })),
      );
    },
    applyFile(file) {
      const before = wanted();
      const next = afterFile(file);
      const named = { traits: Object.keys(file.traits ?? {}), segments: Object.keys(file.segments ?? {}) };
      let changed = 0;
      let deleted = 0;
      for (const kind of ['traits', 'segments'] as const) {
        changed += named[kind].filter((key) => !isSame(before[kind][key], next[kind][key])).length;
        deleted += Object.keys(before[kind]).filter((key) => !Object.hasOwn(next[kind], key)).length;
      }
      want(next);
      state.fromFile = named;
      return { changed, deleted };
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
    encode: () => JSON.parse(JSON.stringify(state)) as JsonValue,
    restore(text) {
      state = decode(text);
    },
  };

  function afterFile(file: DefinitionFile): DefinitionSet {
    const next: DefinitionSet = { traits: { ...wanted().traits }, segments: { ...wanted().segments } };
    for (const key of state.fromFile.traits) delete next.traits[key];
    for (const key of state.fromFile.segments) delete next.segments[key];
    return {
      traits: { ...next.traits, ...file.traits },
      segments: { ...next.segments, ...file.segments },
    };
  }

  return self;
}

function decode(stored: JsonValue | undefined): Stored {
  const fresh: Stored = {
    active: EMPTY,
    target: null,
    generation: 1,
    fromFile: { traits: [], segments: [] },
    numbers: {},
    nextNumber: 1,
  };
  // Written by `encode`; a file without definitions has none.
  return stored === undefined ? fresh : (JSON.parse(JSON.stringify(stored)) as unknown as Stored);
}

function withDefinition(set: DefinitionSet, kind: Kind, key: string, definition: Definition): DefinitionSet {
  return kind === 'traits'
    ? { ...set, traits: { ...set.traits, [key]: definition as TraitDefinition } } // checked for its kind
    : { ...set, segments: { ...set.segments, [key]: definition as SegmentDefinition } }; // likewise
}

function without(set: DefinitionSet, kind: Kind, key: string): DefinitionSet {
  const next = { traits: { ...set.traits }, segments: { ...set.segments } };
  delete next[kind][key];
  return next;
}

function meaning(set: DefinitionSet): string {
  const part = (
    definitions: Record<string, TraitDefinition | SegmentDefinition>,
  ): Record<string, JsonValue> =>
    Object.fromEntries(Object.entries(definitions).map(([key, definition]) => [key, meaningOf(definition)]));
  return canonical({ traits: part(set.traits), segments: part(set.segments) });
}

const sameMeaning = (a: DefinitionSet, b: DefinitionSet): boolean => meaning(a) === meaning(b);

export function isSame(a: Definition | undefined, b: Definition | undefined): boolean {
  if (!a || !b) return a === b;
  return canonical(a as unknown as JsonValue) === canonical(b as unknown as JsonValue); // plain JSON both
}

/** `name` and `expose` change at once, without a build: take them over where the meaning is the same. */
function withDressOf(set: DefinitionSet, from: DefinitionSet): DefinitionSet {
  const dress = <D extends TraitDefinition | SegmentDefinition>(
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
  return { traits: dress(set.traits, from.traits), segments: dress(set.segments, from.segments) };
}
