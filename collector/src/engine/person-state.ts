// What is kept of one person, and how it is read back from a row.
// Invariant: plain data; every stored part is a function of the person's messages, the definitions and
// the clock. What is not stored (`ext`, `view`) is supplied by whoever loads the person.
import type { JsonValue } from '../wire/message.ts';
import { type Block, restoreBlocks, type StoredBlock, writeBlocks } from './blocks.ts';
import type { JsonBytes } from './json-bytes.ts';
import type { LeafState } from './leaf.ts';
import type { Stamp } from './stamp.ts';
import { emptyBag, restoreBag, type TraitBag, writeBag } from './trait-bag.ts';

/** Reads one trait of a group; undefined when unset. */
export type GroupTraits = (key: string) => JsonValue | undefined;

export interface PersonState {
  readonly id: number;
  /** The userId, or a lone device's anonymousId; empty for somebody erased. Not stored. */
  ext: string;
  eventCount: number;
  /** All they sent was sent with anonymous consent: they are in no segment and no list of people. */
  anonymous: boolean;
  /** Event times, epoch ms; null while nothing happened. */
  firstSeen: number | null;
  lastSeen: number | null;
  /** Place of the newest message. */
  last: Stamp | null;
  traits: TraitBag;
  /** Group ids and the revision of each group's traits this person was last brought up to. */
  groups: Map<string, number>;
  /** The groups' traits at those revisions, where any definition asks for them. Not stored. */
  view: ReadonlyMap<string, GroupTraits>;
  /** Numbers of the static lists this person is on. */
  lists: readonly number[];
  leaves: Map<number, LeafState>;
  /** Versions of the segments this person is in. */
  members: Set<number>;
  /** Segment version to the next instant its answer may change; minus a leaf's id to its next opening. */
  dues: Map<number, number>;
  /** Earliest of `dues`, or null. */
  due: number | null;
  /** Generation of definitions this row is built for. */
  built: number;
}

/** What a change of a segment was caused by; deadlines are epoch ms. */
export type CauseOf =
  | { messageId: string }
  | { deadline: number }
  | { definition: string }
  | { operation: string };

export function emptyPerson(id: number, built: number, ext: string): PersonState {
  return {
    id,
    ext,
    eventCount: 0,
    anonymous: false,
    firstSeen: null,
    lastSeen: null,
    last: null,
    traits: emptyBag(),
    groups: new Map(),
    view: new Map(),
    lists: [],
    leaves: new Map(),
    members: new Set(),
    dues: new Map(),
    due: null,
    built,
  };
}

/** Whether anything is kept outside of the person's row. */
export function hasOutside({ leaves }: PersonState): boolean {
  for (const { d, k, o } of leaves.values())
    if (d !== undefined || k !== undefined || o !== undefined) return true;
  return false;
}

type Encoded = [
  eventCount: number,
  firstSeen: number | null,
  lastSeen: number | null,
  last: Stamp | null,
  traits: TraitBag,
  groups: [string, number][],
  leaves: Numbered<StoredLeaf>,
  members: number[],
  dues: Numbered<number>,
  lists: readonly number[],
  /** Left out for everybody else. */
  anonymous?: 1,
];

/**
 * What is there by number: a number, what it stands for, the next number. Rows written before schema version 8 have an
 * object, which is read all the same; as an object with numbers for names it is written in a slow way.
 */
type Numbered<T> = (number | T)[] | Record<string, T>;

type StoredLeaf = Omit<LeafState, 'b'> & { b?: StoredBlock[] };

/** Writes `Numbered`. */
function writeNumbered<T>(
  to: JsonBytes,
  by: ReadonlyMap<number, T>,
  write: (to: JsonBytes, value: T) => void,
): void {
  let between = '[';
  for (const [id, value] of by) {
    to.raw(between);
    between = ',';
    to.number(id);
    to.raw(',');
    write(to, value);
  }
  to.raw(by.size === 0 ? '[]' : ']');
}

/** Writes `StoredLeaf`. */
function writeLeaf(to: JsonBytes, state: LeafState): void {
  let between = '{"';
  for (const key in state) {
    const part = state[key as keyof LeafState]; // plain data
    if (part === undefined) continue;
    to.raw(between);
    between = ',"';
    to.raw(key);
    to.raw('":');
    if (key === 'b') writeBlocks(to, part as Block[]);
    else to.value(part);
  }
  to.raw(between === '{"' ? '{}' : '}');
}

const writeNumber = (to: JsonBytes, n: number): void => to.number(n);

function restoreNumbered<T>(stored: Numbered<T>): Map<number, T> {
  const restored = new Map<number, T>();
  if (Array.isArray(stored)) {
    for (let i = 0; i < stored.length; i += 2) restored.set(stored[i] as number, stored[i + 1] as T); // as written
  } else for (const id of Object.keys(stored)) restored.set(Number(id), stored[id] as T);
  return restored;
}

/** In place: what was just read is nobody else's. */
function restoreLeaves(numbered: Numbered<StoredLeaf>): Map<number, LeafState> {
  const leaves = restoreNumbered(numbered);
  for (const leaf of leaves.values()) if (leaf.b) leaf.b = restoreBlocks(leaf.b);
  return leaves as Map<number, LeafState>; // every block is one again
}

/** Writes the row of a person: JSON of `Encoded`. */
export function writePerson(to: JsonBytes, person: PersonState): Uint8Array {
  const { groups, members, traits } = person;
  to.raw('[');
  to.number(person.eventCount);
  for (const part of [person.firstSeen, person.lastSeen, person.last]) {
    to.raw(',');
    to.value(part);
  }
  to.raw(',');
  writeBag(to, traits);
  to.raw(',');
  to.list(groups.size === 0 ? [] : [...groups]);
  to.raw(',');
  writeNumbered(to, person.leaves, writeLeaf);
  to.raw(',');
  to.list(members.size === 0 ? [] : [...members]);
  to.raw(',');
  writeNumbered(to, person.dues, writeNumber);
  to.raw(',');
  to.list(person.lists);
  to.raw(person.anonymous ? ',1]' : ']');
  return to.take();
}

/** How much somebody did, and between when; event times in epoch ms, null while nothing happened. */
export interface Activity {
  eventCount: number;
  firstSeen: number | null;
  lastSeen: number | null;
}

const ACTIVITY = /^\[(\d+),(-?\d+|null),(-?\d+|null),/;

/** They hold the activity of any row: a count, two times and what is between. */
const ACTIVITY_BYTES = 60;
const decoder = new TextDecoder();

/** The activity in a row that `writePerson` wrote, without reading the rest of it. */
export function activityOf(row: string | Uint8Array): Activity {
  const text = typeof row === 'string' ? row : decoder.decode(row.subarray(0, ACTIVITY_BYTES));
  const [, eventCount, ...times] = ACTIVITY.exec(text) ?? [];
  const [firstSeen = null, lastSeen = null] = times.map((time) => (time === 'null' ? null : Number(time)));
  return { eventCount: Number(eventCount ?? 0), firstSeen, lastSeen };
}

/** Reads a row that `writePerson` wrote. */
export function decodePerson(
  { id, text, built, due }: { id: number; text: string; built: number; due: number | null },
  ext: string,
): PersonState {
  const encoded = JSON.parse(text) as Encoded; // written by `writePerson`
  const [eventCount, firstSeen, lastSeen, last, traits, groups, leaves, members, dues, lists, anonymous] =
    encoded;
  return {
    id,
    ext,
    eventCount,
    anonymous: anonymous === 1,
    firstSeen,
    lastSeen,
    last,
    traits: restoreBag(traits),
    groups: new Map(groups),
    view: new Map(),
    lists,
    leaves: restoreLeaves(leaves),
    members: new Set(members),
    dues: restoreNumbered(dues),
    due,
    built,
  };
}
