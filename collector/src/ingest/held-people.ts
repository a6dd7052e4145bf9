// People as the lane holds them: the states of those last asked for, and the segments they are in.
// Invariant: a state is one object while it is in memory; whoever changes it in place says so with `touch`.
import type { Change, Emit } from '../engine/person.ts';
import { decodePerson, emptyPerson, type PersonState } from '../engine/person-state.ts';
import type { Program } from '../engine/program.ts';
import type { HistoryRow, PersonRow, Store } from '../storage/port.ts';
import { type Draft, emailOf, type Held } from './draft.ts';
import type { HeldIdentities, IdentitiesUpkeep } from './held-identities.ts';
import type { HeldOutside } from './held-outside.ts';

/** People whose decoded state stays in memory: some 2 KB each. */
const MAX_HOT_PEOPLE = 10_000;
/** Rows and traits of fewer bytes are ordinary. */
const LARGE_ROW_BYTES = 8 * 1024;
/** With the first large row past this a commit is full: it writes all of them in one go, some 10 ms. */
const MAX_LARGE_BYTES = 256 * 1024;
/** The same for all rows: as many as a commit has messages may have 4 KiB each. */
const MAX_ROW_BYTES = 8 * 1024 * 1024;

export interface HeldPeople {
  person(id: number): Promise<PersonState | null>;
  /** The same if it is known without asking the store; undefined otherwise. */
  personInMemory(id: number): PersonState | null | undefined;
  /**
   * Reads the rows of these people in one go. Who was not in memory before goes again with the commit: a walk
   * over everybody pushes out nobody who sends messages, and leaves nothing old to the garbage collector.
   */
  visit(ids: readonly number[]): Promise<void>;
  /** Version of the row that memory equals; null without one, or when something was changed since. */
  storedVersion(id: number): number | null;
  putPerson(state: PersonState): void;
  dropPerson(id: number): void;
  /** Takes the person's row over without reading what it says, to be put anew or dropped. */
  disown(id: number): Promise<void>;
  /** Marks a state changed in place. */
  touch(state: PersonState): void;
  /** Segment versions the person is in and since when, changes not yet committed included. */
  memberships(person: number): Promise<Map<number, number>>;
  emitter(person: number): Emit;
  /** Hears of a message that takes effect with the commit being prepared: what it declares goes into a row. */
  willDeclare(message: Pick<HistoryRow, 'type' | 'text'>): void;
  /**
   * The commit being prepared took on a row past what one may write. Until then it goes on, so that messages that
   * change no further row share it.
   */
  isFull(): boolean;
}

/** What the working set does with them beside. */
export interface PeopleUpkeep {
  /** By id; null: known to have no row. */
  readonly map: Map<number, Held | null>;
  /** Takes rows over that were read. */
  keep(rows: readonly PersonRow[]): Promise<void>;
  /** After a commit: drops those who were visited, and of too many whoever was not asked for lately. */
  trim(): void;
  forget(): void;
}

interface Means extends Pick<Store, 'read' | 'query'> {
  /** Of the commit being prepared. */
  draft(): Draft;
  identities: HeldIdentities;
  upkeep: IdentitiesUpkeep;
  outside: HeldOutside;
  program(): Program;
}

export function createHeldPeople({ read, query, draft, identities, upkeep, outside, program }: Means): {
  people: HeldPeople;
  upkeep: PeopleUpkeep;
} {
  const { nameOf } = identities;
  const map = new Map<number, Held | null>();
  let visited: number[] = [];
  /** What the commit being prepared writes of rows, or puts into them. */
  let [rowBytes, largeBytes, isFull] = [0, 0, false];

  /** Whoever is asked for stays, unless everybody was. */
  function remembered(id: number): Held | null | undefined {
    const known = map.get(id);
    if (known) known.isAsked = true;
    return known;
  }

  async function held(id: number): Promise<Held | null> {
    const known = remembered(id);
    if (known !== undefined) return known;
    const [row] = (await read({ persons: [id] })).persons;
    const loaded = row ? hold(row, await nameOf(id)) : null;
    map.set(id, loaded);
    return loaded;
  }

  function hold(row: PersonRow, ext: string): Held {
    const state = decodePerson(row, ext);
    const keys = { due: row.due, email: emailOf(state), anonymous: state.anonymous };
    return {
      state,
      version: row.version,
      groups: [...state.groups.keys()],
      keys,
      prunedFor: null,
      rowBytes: Buffer.byteLength(row.text),
      isAsked: true,
    };
  }

  /** The row will be written with the commit. */
  function write(id: number): void {
    if (draft().people.has(id)) return;
    draft().people.add(id);
    willHold(map.get(id)?.rowBytes ?? 0);
  }

  function willHold(bytes: number): void {
    const isLarge = bytes >= LARGE_ROW_BYTES;
    if (rowBytes >= MAX_ROW_BYTES || (isLarge && largeBytes >= MAX_LARGE_BYTES)) isFull = true;
    rowBytes += bytes;
    if (isLarge) largeBytes += bytes;
  }

  function startOver(): void {
    [rowBytes, largeBytes, isFull] = [0, 0, false];
  }

  async function keep(rows: readonly PersonRow[]): Promise<void> {
    for (const row of rows) map.set(row.id, hold(row, await nameOf(row.id)));
  }

  const people: HeldPeople = {
    personInMemory: (id) => remembered(id)?.state ?? (map.has(id) ? null : undefined),
    async person(id) {
      return (await held(id))?.state ?? null;
    },
    async visit(ids) {
      const missing = ids.filter((id) => !map.has(id));
      if (missing.length === 0) return;
      visited.push(...missing);
      const unknown = missing.filter((id) => !upkeep.isHeld(id));
      const { persons, nodes: found } = await read({ persons: missing, nodeIds: unknown });
      for (const row of found) upkeep.remember(row);
      await keep(persons);
    },
    storedVersion(id) {
      const version = map.get(id)?.version ?? 0;
      return version === 0 || draft().people.has(id) ? null : version;
    },
    putPerson(state) {
      const before = map.get(state.id);
      const version = before?.version ?? draft().deleted.get(state.id) ?? 0;
      draft().deleted.delete(state.id);
      const keys = before?.keys ?? null;
      const rowBytes = before?.rowBytes ?? 0;
      const groups = before?.groups ?? [];
      map.set(state.id, { state, version, groups, keys, prunedFor: null, rowBytes, isAsked: true });
      write(state.id);
    },
    dropPerson(id) {
      const known = map.get(id);
      if (known && known.version > 0) draft().deleted.set(id, known.version);
      // Whatever the row says: nothing of somebody erased may stay.
      if (known) outside.clearOutside(id);
      for (const group of known?.groups ?? []) draft().left.push({ group, person: id });
      map.set(id, null);
      draft().people.delete(id);
    },
    async disown(id) {
      const [row] = (await read({ persons: [id] })).persons;
      const state = emptyPerson(id, 0, await nameOf(id));
      const version = row?.version ?? 0;
      const held: Held = {
        state,
        version,
        groups: [],
        keys: null,
        prunedFor: null,
        rowBytes: 0,
        isAsked: true,
      };
      map.set(id, row ? held : null);
    },
    touch(state) {
      write(state.id);
    },
    willDeclare({ type, text }) {
      if (type === 'identify' || type === 'group') willHold(Buffer.byteLength(text));
    },
    isFull: () => isFull,
    async memberships(person) {
      const stored = await query({ ask: 'memberships', person });
      const held = new Map(stored.map(({ version, since }) => [version, since]));
      for (const change of draft().memberships.values()) {
        if (change.person !== person) continue;
        if (change.since === null) held.delete(change.version);
        else held.set(change.version, change.since);
      }
      return held;
    },
    emitter: (person) => (change: Change) => {
      const { version, entered, at } = change;
      const key = `${version}:${person}`;
      draft().memberships.delete(key);
      draft().memberships.set(key, { version, person, since: entered ? at : null });
      const index = program().indexOf(version);
      if (index === undefined || !program().segments[index]?.live) return;
      draft().transitions.push({ segment: change.segment, person, entered, at, cause: change.cause });
    },
  };

  function trim(): void {
    startOver();
    for (const id of visited) {
      map.delete(id);
      upkeep.drop(id);
    }
    visited = [];
    if (map.size > MAX_HOT_PEOPLE) forgetSome(map.size - MAX_HOT_PEOPLE);
  }

  /**
   * The first of those that nobody asked for since they were looked at last; whoever was asked for goes to the end.
   * A second chance in place of an exact order, which would have to be kept at every look.
   */
  function forgetSome(count: number): void {
    let left = count;
    // Whoever goes to the end is met again, and then nobody asked for them.
    for (const [id, held] of map) {
      if (left === 0) return;
      map.delete(id);
      if (held?.isAsked) {
        held.isAsked = false;
        map.set(id, held);
      } else left--;
    }
  }
  function forget(): void {
    map.clear();
    startOver();
  }
  return { people, upkeep: { map, keep, trim, forget } };
}
