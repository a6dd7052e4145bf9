// What is kept of one person, and how it is read back from a row.
// Invariant: plain data; every part is a function of the person's messages, the definitions and the clock.
import type { LeafState } from './leaf.ts';
import type { Stamp } from './stamp.ts';
import { emptyBag, restoreBag, type TraitBag } from './trait-bag.ts';

export interface PersonState {
  readonly id: number;
  eventCount: number;
  /** Event times, epoch ms; null while nothing happened. */
  firstSeen: number | null;
  lastSeen: number | null;
  /** Place of the newest message. */
  last: Stamp | null;
  traits: TraitBag;
  groups: string[];
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

export function emptyPerson(id: number, built: number): PersonState {
  return {
    id,
    eventCount: 0,
    firstSeen: null,
    lastSeen: null,
    last: null,
    traits: emptyBag(),
    groups: [],
    leaves: {},
    members: new Set(),
    dues: {},
    due: null,
    built,
  };
}

type Encoded = [
  number,
  number | null,
  number | null,
  Stamp | null,
  TraitBag,
  string[],
  Record<number, LeafState>,
  number[],
  Record<number, number>,
];

export function decodePerson(id: number, text: string, built: number, due: number | null): PersonState {
  const [eventCount, firstSeen, lastSeen, last, traits, groups, leaves, members, dues] = JSON.parse(
    text,
  ) as Encoded;
  return {
    id,
    eventCount,
    firstSeen,
    lastSeen,
    last,
    traits: restoreBag(traits),
    groups,
    leaves,
    members: new Set(members),
    dues,
    due,
    built,
  };
}
