// What the lane holds in memory: nodes, device timelines, pairs, groups and hot people's state, read
// from the store on demand, and the changes of the commit being prepared.
// Invariant: after `commit` memory equals the store; after a failed one everything is forgotten.
import { CAPS } from '../engine/identity.ts';
import type { Program } from '../engine/program.ts';
import type { Stamp } from '../engine/stamp.ts';
import type { Changes, NewMessage, Store } from '../storage/port.ts';
import { Damaged, NotStored } from './core.ts';
import { changesOf, type Draft, emptyDraft, isDerived, isEmpty, type Recorded } from './draft.ts';
import { createHeldGroups, type HeldGroups } from './held-groups.ts';
import { createHeldHistory, type HeldHistory } from './held-history.ts';
import { createHeldIdentities, type HeldIdentities, type Naming } from './held-identities.ts';
import { createHeldLists, type HeldLists } from './held-lists.ts';
import { createHeldOutside, type HeldOutside } from './held-outside.ts';
import { createHeldPeople, type HeldPeople } from './held-people.ts';
import { createHeldSubmissions, type HeldSubmissions } from './held-submissions.ts';
import { type CompiledRetention, KEEP_ALL } from './retention.ts';

/** Nodes, timelines and pair lists kept: some 200 bytes each. */
const MAX_HOT_ENTRIES = 40_000;

export interface WorkingSet
  extends HeldIdentities,
    HeldPeople,
    HeldHistory,
    HeldOutside,
    HeldSubmissions,
    HeldLists,
    HeldGroups {
  program: Program;
  /** How long events are kept. */
  retention: CompiledRetention;
  /**
   * While a message dated in the future takes effect: the first place that must not be seen yet. Later ones of the
   * same instant are already stored, and itself is while time passes for whom it touches. Null otherwise.
   */
  horizon: Stamp | null;
  addMessage(entry: NewMessage): void;
  record(changes: Recorded): void;
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

interface Means extends Pick<Store, 'read' | 'query'> {
  draft(): Draft;
  program(): Program;
}

export function createWorkingSet(
  store: Store,
  program: Program,
  counters: Counters,
  idKey: string,
  {
    erased = { any: false, suppressed: false },
    caps = CAPS,
  }: Partial<Pick<HeldIdentities, 'erased' | 'caps'>> = {},
): WorkingSet {
  let draft = emptyDraft();
  const start = { ...counters };

  /** What every part works with. */
  const means: Means = {
    read: (keys) => store.read(keys),
    query: (query) => store.query(query),
    draft: () => draft,
    program: () => self.program,
  };
  const { identities, upkeep: identitiesUpkeep } = createHeldIdentities({
    ...means,
    counters,
    idKey,
    erased,
    caps,
    onNew: (id) => peopleUpkeep.map.set(id, null),
  });
  const outside = createHeldOutside(means);
  const { people, upkeep: peopleUpkeep } = createHeldPeople({
    ...means,
    identities,
    upkeep: identitiesUpkeep,
    outside,
  });
  const { groups, map: heldGroups } = createHeldGroups(means);
  const { submissions, upkeep: submissionsUpkeep } = createHeldSubmissions(means);

  function trim(): void {
    peopleUpkeep.trim();
    identitiesUpkeep.trim(MAX_HOT_ENTRIES);
    for (const map of [...submissionsUpkeep.maps, heldGroups]) if (map.size > MAX_HOT_ENTRIES) map.clear();
  }

  const self: WorkingSet = {
    program,
    retention: KEEP_ALL,
    horizon: null,
    store,
    ...identities,
    ...people,
    ...createHeldHistory({ ...means, identities, horizon: () => self.horizon }),
    ...outside,
    ...submissions,
    ...createHeldLists({ ...means, identities }),
    ...groups,
    addMessage(entry) {
      draft.messages.push(entry);
      // What is dated in the future declares nothing yet.
      if (!entry.pending) people.willDeclare(entry.message);
      submissionsUpkeep.note(entry);
    },
    record(changes) {
      draft.extra.push(changes);
    },
    async prefetch(messages) {
      const devices = new Set<number>();
      const ids = new Set<number>();
      for (const row of await identitiesUpkeep.lookUp(messages)) {
        if (row.kind === 'device' && !identitiesUpkeep.hasTimeline(row.id)) devices.add(row.id);
        if (!peopleUpkeep.map.has(row.root)) ids.add(row.root);
      }
      if (devices.size + ids.size === 0) return;
      const loaded = await store.read({ timelines: [...devices], persons: [...ids] });
      identitiesUpkeep.keepTimelines(loaded.timelines);
      await peopleUpkeep.keep(loaded.persons);
    },
    watchers: new Set(),
    nextSeq: () => ++counters.lastSeq,
    lastSeq: () => counters.lastSeq,
    nextOperation: () => ++counters.lastOperation,
    async commit(clock, how) {
      if (isEmpty(draft)) {
        // Whoever only asks, and for ids that nobody has, must not fill the memory either.
        trim();
        return 0;
      }
      const { changes, written } = changesOf(draft, clock, peopleUpkeep.map, self.program);
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
        if (person.groups.length + person.state.groups.size > 0)
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
      peopleUpkeep.forget();
      for (const map of [heldGroups, ...submissionsUpkeep.maps]) map.clear();
      draft = emptyDraft();
      self.horizon = null;
      Object.assign(counters, start);
    },
  };
  return self;
}
