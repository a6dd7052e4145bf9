// What is kept of one person, and how it is read back from a row.
// Invariant: plain data; every stored part is a function of the person's messages, the definitions and
// the clock. What is not stored (`ext`, `view`) is supplied by whoever loads the person.
import type { JsonValue } from '../wire/message.ts';
import type { LeafState } from './leaf.ts';
import type { Stamp } from './stamp.ts';
import { emptyBag, restoreBag, type TraitBag } from './trait-bag.ts';
import { restoreBlocks, type StoredBlock, storeBlocks } from './window.ts';

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
  for (const { d, k } of leaves.values()) if (d !== undefined || k !== undefined) return true;
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

function storeLeaves(leaves: ReadonlyMap<number, LeafState>): (number | StoredLeaf)[] {
  const stored: (number | StoredLeaf)[] = [];
  for (const [id, state] of leaves)
    stored.push(id, state.b ? { ...state, b: storeBlocks(state.b) } : (state as StoredLeaf)); // without blocks
  return stored;
}

function storeDues(dues: ReadonlyMap<number, number>): number[] {
  const stored: number[] = [];
  for (const [id, at] of dues) stored.push(id, at);
  return stored;
}

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

export function encodeState(person: PersonState): string {
  const encoded: Encoded = [
    person.eventCount,
    person.firstSeen,
    person.lastSeen,
    person.last,
    person.traits,
    [...person.groups],
    storeLeaves(person.leaves),
    [...person.members],
    storeDues(person.dues),
    person.lists,
  ];
  if (person.anonymous) encoded.push(1);
  return JSON.stringify(encoded);
}

/** How much somebody did, and between when; event times in epoch ms, null while nothing happened. */
export interface Activity {
  eventCount: number;
  firstSeen: number | null;
  lastSeen: number | null;
}

const ACTIVITY = /^\[(\d+),(-?\d+|null),(-?\d+|null),/;

/** The activity in a row that `encodeState` wrote, without reading the rest of it. */
export function activityOf(text: string): Activity {
  const [, eventCount, ...times] = ACTIVITY.exec(text) ?? [];
  const [firstSeen = null, lastSeen = null] = times.map((time) => (time === 'null' ? null : Number(time)));
  return { eventCount: Number(eventCount ?? 0), firstSeen, lastSeen };
}

/** Reads a row that `encodeState` wrote. */
export function decodePerson(
  { id, text, built, due }: { id: number; text: string; built: number; due: number | null },
  ext: string,
): PersonState {
  const encoded = JSON.parse(text) as Encoded; // written by `encodeState`
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
