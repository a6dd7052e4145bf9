// What the lane has changed since its last commit, and how it becomes the commit.
// Invariant: each row is written once, as it stands at the end of the group.
import type { Pair, Timeline } from '../engine/identity.ts';
import { encodePerson } from '../engine/person.ts';
import type { PersonState } from '../engine/person-state.ts';
import type { Program } from '../engine/program.ts';
import { type TraitBag, traitOf } from '../engine/trait-bag.ts';
import type { AliasRow, Changes, NodeRow } from '../storage/port.ts';

/** A person in memory. */
export interface Held {
  state: PersonState;
  /** Version in the store; 0 while it has no row. */
  version: number;
}

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
  groups: Map<string, TraitBag>;
  extra: Partial<Changes>[];
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
    extra: [],
  };
}

export function isEmpty(draft: Draft): boolean {
  return Object.values(draft).every((part) => (Array.isArray(part) ? part.length : part.size) === 0);
}

export function changesOf(
  draft: Draft,
  clock: number,
  people: ReadonlyMap<number, Held | null>,
  program: Program,
): { changes: Changes; written: Held[] } {
  const written: Held[] = [];
  const persons = [...draft.people].map((id) => {
    const person = people.get(id) as Held; // every id in draft.people was put there with its state
    written.push(person);
    const { state, version } = person;
    const email = traitOf(state.traits, 'email');
    return {
      id,
      version,
      due: state.due,
      built: state.built,
      text: encodePerson(state, program),
      email: typeof email === 'string' ? email.toLowerCase() : null,
    };
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
    groups: [...draft.groups].map(([id, bag]) => ({ id, text: JSON.stringify(bag) })),
  };
  for (const extra of draft.extra) {
    for (const key of ['arrived', 'refused', 'removedRefused', 'facts', 'droppedVersions'] as const) {
      const more = extra[key];
      // Both sides are the same optional list of `Changes`; the loop over keys hides that.
      if (more) Object.assign(changes, { [key]: [...(changes[key] ?? []), ...more] });
    }
    if (extra.swaps) changes.swaps = extra.swaps;
  }
  return { changes, written };
}
