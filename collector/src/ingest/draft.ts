// What the lane has changed since its last commit, and how it becomes the commit.
// Invariant: each row is written once, as it stands at the end of the group.
import type { Pair, Timeline } from '../engine/identity.ts';
import { JsonBytes } from '../engine/json-bytes.ts';
import { prunePerson } from '../engine/person.ts';
import { type PersonState, writePerson } from '../engine/person-state.ts';
import type { Program } from '../engine/program.ts';
import { encodeBlock, type ShedBlock } from '../engine/shed.ts';
import { traitOf } from '../engine/trait-bag.ts';
import type { AliasRow, Changes, DistinctOf, NodeRow, PersonWrite } from '../storage/port.ts';
import type { HeldGroup } from './held-group.ts';
import type { Ranking } from './ranking.ts';

/** A person in memory. */
export interface Held {
  state: PersonState;
  /** Version in the store; 0 while it has no row. */
  version: number;
  /** The groups the store has for this person. */
  groups: readonly string[];
  /** What the store has in its indexed columns; null when that is not known. */
  keys: { due: number | null; email: string | null; anonymous: boolean } | null;
  /** The program whose leaves and segments are the only ones the state still names. */
  prunedFor: Program | null;
  /** What the row took when it was read or written last; 0 while it has none. */
  rowBytes: number;
  /** Asked for since memory was last looked through for whom to forget. */
  isAsked: boolean;
}

/** Lower-case email, for looking people up. */
export function emailOf({ traits }: PersonState): string | null {
  const email = traitOf(traits, 'email');
  return typeof email === 'string' ? email.toLowerCase() : null;
}

/** What changes of the values of a leaf, or of a window of it, outside of a row; cleared: there are no others. */
export interface DistinctDraft extends DistinctOf {
  counts: Map<string, number>;
  isCleared: boolean;
  /** Once the commonest of them was asked for. */
  ranking?: Ranking;
}

const placeOf = ({ person, leaf, window }: DistinctOf): DistinctOf =>
  window === undefined ? { person, leaf } : { person, leaf, window };

export interface Draft {
  nodes: NodeRow[];
  roots: Map<number, number>;
  messages: NonNullable<Changes['messages']>;
  pairs: Map<string, Pair>;
  timelines: Map<number, Timeline>;
  aliases: AliasRow[];
  people: Set<number>;
  deleted: Map<number, number>;
  memberships: Map<string, NonNullable<Changes['memberships']>[number]>;
  transitions: NonNullable<Changes['transitions']>;
  groups: Map<string, HeldGroup>;
  /** `list:node` to whether it is on the list from now on. */
  listed: Map<string, { list: number; node: number; on: boolean }>;
  /** Users whose merges so far are undone. */
  voided: Set<number>;
  /** Occurrences of values outside of rows, by `person leaf window`. */
  distinct: Map<string, DistinctDraft>;
  /** Blocks of matches outside of rows: by `person leaf`, then by number; null: it goes. */
  shed: Map<string, { person: number; leaf: number; blocks: Map<number, ShedBlock | null> }>;
  /** People whose values and matches outside of their rows are thrown away first. */
  clearedOutside: Set<number>;
  /** Groups that people who go were in. */
  left: { group: string; person: number }[];
  extra: Recorded[];
}

export function emptyDraft(): Draft {
  return {
    nodes: [],
    roots: new Map(),
    messages: [],
    pairs: new Map(),
    timelines: new Map(),
    aliases: [],
    people: new Set(),
    deleted: new Map(),
    memberships: new Map(),
    transitions: [],
    groups: new Map(),
    listed: new Map(),
    voided: new Set(),
    distinct: new Map(),
    shed: new Map(),
    clearedOutside: new Set(),
    left: [],
    extra: [],
  };
}

export function isEmpty(draft: Draft): boolean {
  return Object.values(draft).every((part) => (Array.isArray(part) ? part.length : part.size) === 0);
}

/** Parts that say of people what their messages say: computed again if they are lost. */
const DERIVED: ReadonlySet<string> = new Set<keyof Draft>([
  'people',
  'memberships',
  'distinct',
  'shed',
  'clearedOutside',
]);

/**
 * Whether nothing but rows of people changed, and nothing that anybody could have seen: a logged transition
 * must not come a second time with another number.
 */
export function isDerived(draft: Draft): boolean {
  return Object.entries(draft).every(
    ([name, part]) => DERIVED.has(name) || (Array.isArray(part) ? part.length : part.size) === 0,
  );
}

/** What may be recorded in several pieces. */
const LISTS = [
  'arrived',
  'expired',
  'refused',
  'removedRefused',
  'facts',
  'droppedVersions',
  'droppedLists',
  'droppedLeaves',
  'operations',
  'groupLog',
  'settledGroups',
  'droppedGroups',
  'clearedMembers',
  'renamedNodes',
  'usedUp',
  'decisions',
  'droppedSurveys',
] as const;
/** What is recorded whole. */
const WHOLE = ['swaps', 'erasure', 'rebuilt', 'responses'] as const;

/** What may be recorded beside what the draft holds by itself: anything else would not be committed. */
export type Recorded = Partial<Pick<Changes, (typeof LISTS)[number] | (typeof WHOLE)[number]>>;

/** What most rows of people take. */
const ROW_BYTES = 512;
/** Rows are written into pieces of so much, and a larger row into one of its own. */
const MAX_PIECE_BYTES = 64 * 1024;

export function changesOf(
  draft: Draft,
  clock: number,
  people: ReadonlyMap<number, Held | null>,
  program: Program,
): { changes: Changes; written: Held[] } {
  const written: Held[] = [];
  const bytes = new JsonBytes(Math.min(draft.people.size * ROW_BYTES, MAX_PIECE_BYTES));
  const groupMembers = draft.left.map(({ group, person }) => ({ group, person, on: false }));
  const persons = [...draft.people].map((id) => {
    const person = people.get(id) as Held; // every id in draft.people was put there with its state
    written.push(person);
    const { state, version } = person;
    if (state.groups.size > 0 || person.groups.length > 0) {
      const known = new Set(person.groups);
      for (const group of known)
        if (!state.groups.has(group)) groupMembers.push({ group, person: id, on: false });
      for (const group of state.groups.keys())
        if (!known.has(group)) groupMembers.push({ group, person: id, on: true });
    }
    if (person.prunedFor !== program) prunePerson(state, program);
    person.prunedFor = program;
    const before = person.keys;
    const { due, built, anonymous } = state;
    const email = emailOf(state);
    const sameKeys = before?.due === due && before.email === email;
    const isOther = before?.anonymous !== anonymous;
    if (!sameKeys || isOther) person.keys = { due, email, anonymous };
    const text = writePerson(bytes, state);
    person.rowBytes = text.length;
    const row: PersonWrite = { id, version, due, built, text, email, sameKeys };
    if (isOther) row.anonymous = anonymous;
    return row;
  });
  const changes: Changes = {
    clock,
    nodes: draft.nodes,
    roots: [...draft.roots].map(([node, root]) => ({ node, root })),
    messages: draft.messages,
    pairs: [...draft.pairs.values()],
    timelines: [...draft.timelines].map(([device, runs]) => ({ device, runs })),
    aliases: draft.aliases,
    persons,
    deletedPersons: [...draft.deleted].map(([id, version]) => ({ id, version })),
    memberships: [...draft.memberships.values()],
    transitions: draft.transitions,
    groups: [...draft.groups].map(([id, { bag, revision }]) => ({ id, text: JSON.stringify(bag), revision })),
    groupMembers,
    listed: [...draft.listed.values()],
    voided: [...draft.voided],
    clearedOutside: [...draft.clearedOutside],
    clearedDistinct: [...draft.distinct.values()].filter(({ isCleared }) => isCleared).map(placeOf),
    distinct: [...draft.distinct.values()].flatMap(({ counts, ...of }) =>
      [...counts].map(([key, count]) => ({ ...placeOf(of), key, count })),
    ),
    shed: [...draft.shed.values()].flatMap(({ person, leaf, blocks }) =>
      [...blocks].map(([no, block]) => ({ person, leaf, no, block: block && encodeBlock(block) })),
    ),
  };
  // One list of all pieces: there is one for each message that was refused.
  for (const key of LISTS) {
    const pieces = draft.extra.flatMap((extra): readonly unknown[] => extra[key] ?? []);
    if (pieces.length > 0) Object.assign(changes, { [key]: pieces });
  }
  for (const extra of draft.extra)
    for (const key of WHOLE) if (extra[key]) Object.assign(changes, { [key]: extra[key] });
  return { changes, written };
}
