// What the lane holds in memory: nodes, device timelines, pairs, groups and hot people's state, read
// from the store on demand, and the changes of the commit being prepared.
// Invariant: after `commit` memory equals the store; after a failed one everything is forgotten.
import type { Change, Emit } from '../engine/person.ts';
import { decodePerson, emptyPerson, type PersonState } from '../engine/person-state.ts';
import type { Program } from '../engine/program.ts';
import type { Stamp } from '../engine/stamp.ts';
import type { Changes, NewMessage, PersonRow, ReadKeys, Store } from '../storage/port.ts';
import { Damaged, NotStored } from './core.ts';
import { changesOf, emailOf, emptyDraft, type Held, isDerived, isEmpty } from './draft.ts';
import { createHeldGroups, type HeldGroups } from './held-groups.ts';
import { createHeldHistory, type HeldHistory } from './held-history.ts';
import { createHeldIdentities, type HeldIdentities, type Naming } from './held-identities.ts';
import { createHeldLists, type HeldLists } from './held-lists.ts';
import { createHeldOutside, type HeldOutside } from './held-outside.ts';
import { createHeldSubmissions, type HeldSubmissions } from './held-submissions.ts';

/** People whose decoded state stays in memory: some 2 KB each. */
const MAX_HOT_PEOPLE = 10_000;
/** Nodes, timelines and pair lists kept: some 200 bytes each. */
const MAX_HOT_ENTRIES = 40_000;

export interface WorkingSet
  extends HeldIdentities,
    HeldHistory,
    HeldOutside,
    HeldSubmissions,
    HeldLists,
    HeldGroups {
  program: Program;
  /**
   * While a message dated in the future takes effect: its place. Later ones of the same instant are
   * already stored and must not be seen yet. Null otherwise.
   */
  horizon: Stamp | null;
  person(id: number): Promise<PersonState | null>;
  /** The same if it is known without asking the store; undefined otherwise. */
  personInMemory(id: number): PersonState | null | undefined;
  /** Reads the rows of these people in one go, where they are not in memory. */
  load(ids: readonly number[]): Promise<void>;
  /** Version of the row that memory equals; null without one, or when something was changed since. */
  storedVersion(id: number): number | null;
  putPerson(state: PersonState): void;
  dropPerson(id: number): void;
  /** Takes the person's row over without reading what it says, to be put anew or dropped. */
  disown(id: number): Promise<void>;
  /** Marks a state changed in place. */
  touch(state: PersonState): void;
  addMessage(entry: NewMessage): void;
  /** Segment versions the person is in and since when, changes not yet committed included. */
  memberships(person: number): Promise<Map<number, number>>;
  emitter(person: number): Emit;
  record(changes: Partial<Changes>): void;
  /** Reads in one go what these messages will need. */
  prefetch(messages: readonly Naming[]): Promise<void>;
  readonly store: Store;
  nextSeq(): number;
  lastSeq(): number;
  nextOperation(): number;
  /** Hear of every commit, once it is done. */
  readonly watchers: Set<(changes: Changes) => void>;
  /**
   * Commits what was recorded, if anything was. Returns how many refused messages were pushed out. `lazy`: it
   * need not be on the disk yet where it is derived from what is.
   */
  commit(clock: number, how?: 'lazy'): Promise<number>;
  forget(): void;
}

export interface Counters {
  lastNode: number;
  lastSeq: number;
  lastOperation: number;
}

export function createWorkingSet(
  store: Store,
  program: Program,
  counters: Counters,
  idKey: string,
  erased: WorkingSet['erased'] = { any: false, suppressed: false },
): WorkingSet {
  const people = new Map<number, Held | null>();

  let draft = emptyDraft();
  const start = { ...counters };

  const read = (keys: ReadKeys) => store.read(keys);
  const { identities, upkeep: identitiesUpkeep } = createHeldIdentities({
    read,
    draft: () => draft,
    counters,
    idKey,
    erased,
    onNew: (id) => people.set(id, null),
  });
  const { nameOf } = identities;
  const history = createHeldHistory({ read, draft: () => draft, identities, horizon: () => self.horizon });

  const { groups, map: heldGroups } = createHeldGroups({ read, draft: () => draft });
  const { submissions, upkeep: submissionsUpkeep } = createHeldSubmissions({
    read,
    query: (query) => store.query(query),
  });

  /** Whoever is asked for stays longest. */
  function remembered(id: number): Held | null | undefined {
    const known = people.get(id);
    if (known) {
      people.delete(id);
      people.set(id, known);
    }
    return known;
  }

  async function held(id: number): Promise<Held | null> {
    const known = remembered(id);
    if (known !== undefined) return known;
    const [row] = (await read({ persons: [id] })).persons;
    const loaded = row ? hold(row, await nameOf(id)) : null;
    people.set(id, loaded);
    return loaded;
  }

  function hold(row: PersonRow, ext: string): Held {
    const state = decodePerson(row, ext);
    const keys = { due: row.due, email: emailOf(state) };
    return { state, version: row.version, groups: [...state.groups.keys()], keys, prunedFor: null };
  }

  function trim(): void {
    if (people.size > MAX_HOT_PEOPLE) {
      const excess = people.size - MAX_HOT_PEOPLE;
      for (const id of [...people.keys()].slice(0, excess)) people.delete(id);
    }
    for (const map of [...identitiesUpkeep.maps, ...submissionsUpkeep.maps, heldGroups])
      if (map.size > MAX_HOT_ENTRIES) map.clear();
  }

  const self: WorkingSet = {
    program,
    horizon: null,
    store,
    ...identities,
    ...history,
    ...submissions,
    ...groups,
    ...createHeldLists({ read, draft: () => draft, identities, program: () => self.program }),
    ...createHeldOutside({ read, draft: () => draft }),
    personInMemory: (id) => remembered(id)?.state ?? (people.has(id) ? null : undefined),
    async person(id) {
      return (await held(id))?.state ?? null;
    },
    async load(ids) {
      const missing = ids.filter((id) => !people.has(id));
      if (missing.length === 0) return;
      const unknown = missing.filter((id) => !identitiesUpkeep.isHeld(id));
      const { persons, nodes: found } = await read({ persons: missing, nodeIds: unknown });
      for (const row of found) identitiesUpkeep.remember(row);
      for (const row of persons) people.set(row.id, hold(row, await nameOf(row.id)));
    },
    storedVersion(id) {
      const version = people.get(id)?.version ?? 0;
      return version === 0 || draft.people.has(id) ? null : version;
    },
    putPerson(state) {
      const before = people.get(state.id);
      const version = before?.version ?? draft.deleted.get(state.id) ?? 0;
      draft.deleted.delete(state.id);
      const keys = before?.keys ?? null;
      people.set(state.id, { state, version, groups: before?.groups ?? [], keys, prunedFor: null });
      draft.people.add(state.id);
    },
    dropPerson(id) {
      const known = people.get(id);
      if (known && known.version > 0) draft.deleted.set(id, known.version);
      // Whatever the row says: nothing of somebody erased may stay.
      if (known) self.clearOutside(id);
      for (const group of known?.groups ?? []) draft.left.push({ group, person: id });
      people.set(id, null);
      draft.people.delete(id);
    },
    async disown(id) {
      const [row] = (await read({ persons: [id] })).persons;
      const state = emptyPerson(id, 0, await nameOf(id));
      const held: Held = { state, version: row?.version ?? 0, groups: [], keys: null, prunedFor: null };
      people.set(id, row ? held : null);
    },
    touch(state) {
      draft.people.add(state.id);
    },
    addMessage(entry) {
      draft.messages.push(entry);
      submissionsUpkeep.note(entry);
    },
    async memberships(person) {
      const stored = await store.query({ ask: 'memberships', person });
      const held = new Map(stored.map(({ version, since }) => [version, since]));
      for (const change of draft.memberships.values()) {
        if (change.person !== person) continue;
        if (change.since === null) held.delete(change.version);
        else held.set(change.version, change.since);
      }
      return held;
    },
    emitter: (person) => (change: Change) => {
      const { version, entered, at } = change;
      const key = `${version}:${person}`;
      draft.memberships.delete(key);
      draft.memberships.set(key, { version, person, since: entered ? at : null });
      const index = self.program.indexOf(version);
      if (index === undefined || !self.program.segments[index]?.live) return;
      draft.transitions.push({ segment: change.segment, person, entered, at, cause: change.cause });
    },
    record(changes) {
      draft.extra.push(changes);
    },
    async prefetch(messages) {
      const devices = new Set<number>();
      const ids = new Set<number>();
      for (const row of await identitiesUpkeep.lookUp(messages)) {
        if (row.kind === 'device' && !identitiesUpkeep.hasTimeline(row.id)) devices.add(row.id);
        if (!people.has(row.root)) ids.add(row.root);
      }
      if (devices.size + ids.size === 0) return;
      const loaded = await read({ timelines: [...devices], persons: [...ids] });
      identitiesUpkeep.keepTimelines(loaded.timelines);
      for (const row of loaded.persons) {
        people.set(row.id, hold(row, await nameOf(row.id)));
      }
    },
    watchers: new Set(),
    nextSeq: () => ++counters.lastSeq,
    lastSeq: () => counters.lastSeq,
    nextOperation: () => ++counters.lastOperation,
    async commit(clock, how) {
      if (isEmpty(draft)) return 0;
      const { changes, written } = changesOf(draft, clock, people, self.program);
      if (how === 'lazy' && isDerived(draft)) changes.lazy = true;
      let done: Awaited<ReturnType<Store['commit']>>;
      try {
        done = await store.commit(changes);
      } catch (error) {
        self.forget();
        if (store.damage())
          throw new Damaged('The database is damaged; nothing was stored', { cause: error });
        throw new NotStored('The database did not take the change; nothing was stored', { cause: error });
      }
      if (!done.ok) {
        self.forget();
        throw new NotStored('Another writer changed the same people; nothing was stored');
      }
      for (const person of written) {
        person.version++;
        person.groups = [...person.state.groups.keys()];
      }
      draft = emptyDraft();
      identitiesUpkeep.committed();
      Object.assign(start, counters);
      trim();
      for (const hear of self.watchers) hear(changes);
      return done.refusedDropped;
    },
    forget() {
      // Which groups wait is known from the store as well: it is asked again by whoever needs all of them.
      identitiesUpkeep.forget();
      for (const map of [heldGroups, people, ...submissionsUpkeep.maps]) map.clear();
      draft = emptyDraft();
      self.horizon = null;
      Object.assign(counters, start);
    },
  };
  return self;
}
