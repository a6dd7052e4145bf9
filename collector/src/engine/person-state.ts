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
  leaves: Record<number, LeafState>;
  /** Versions of the segments this person is in. */
  members: Set<number>;
  /** Segment version to the next instant its answer may change; minus a leaf's id to its next opening. */
  dues: Record<number, number>;
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
    leaves: {},
    members: new Set(),
    dues: {},
    due: null,
    built,
  };
}

/** Whether anything is kept outside of the person's row. */
export const hasOutside = ({ leaves }: PersonState): boolean =>
  Object.values(leaves).some(({ d, k }) => d !== undefined || k !== undefined);

type Encoded = [
  eventCount: number,
  firstSeen: number | null,
  lastSeen: number | null,
  last: Stamp | null,
  traits: TraitBag,
  groups: [string, number][],
  leaves: Record<number, StoredLeaf>,
  members: number[],
  dues: Record<number, number>,
  lists: readonly number[],
  /** Left out for everybody else. */
  anonymous?: 1,
];

type StoredLeaf = Omit<LeafState, 'b'> & { b?: StoredBlock[] };

function storeLeaves(leaves: Record<number, LeafState>): Record<number, StoredLeaf> {
  const stored: Record<number, StoredLeaf> = {};
  for (const id in leaves) {
    const state = leaves[id] as LeafState;
    stored[id] = state.b ? { ...state, b: storeBlocks(state.b) } : state;
  }
  return stored;
}

/** In place: what was just read is nobody else's. */
function restoreLeaves(stored: Record<number, StoredLeaf>): Record<number, LeafState> {
  for (const id in stored) {
    const leaf = stored[id] as StoredLeaf;
    if (leaf.b) leaf.b = restoreBlocks(leaf.b);
  }
  return stored as Record<number, LeafState>; // every block is one again
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
    person.dues,
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
    dues,
    due,
    built,
  };
}
