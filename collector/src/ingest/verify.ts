// Recomputes everything from the stored messages and reports what differs from what is stored.
// Invariant: changes nothing; uses only the messages, the definitions and the clock.

import { createHash } from 'node:crypto';
import { deadlinesMissed, earliestKnown, isBuilt } from '../engine/deadlines.ts';
import { allMatches } from '../engine/leaf.ts';
import { outsideOf, valuesInRow } from '../engine/outside.ts';
import { emptyPerson, type PersonState } from '../engine/person-state.ts';
import { matchesIn, type ShedMatch } from '../engine/shed.ts';
import { traitsOf } from '../engine/trait-bag.ts';
import type { JsonValue } from '../wire/message.ts';
import { compare, type Difference, nameOf, SHARED } from './difference.ts';
import { traitValue } from './outside-values.ts';
import { foldedPerson } from './refold-person.ts';
import { settledPerson } from './settle.ts';
import { type Gathered, loadLog } from './shed-matches.ts';
import { verifyGroups, verifyIdentities } from './verify-links.ts';
import { verifyResponses } from './verify-responses.ts';
import type { WorkingSet } from './working-set.ts';

/** People read at a time. */
const SLICE = 200;

export interface VerifyResult {
  profiles: number;
  messages: number;
  differences: Difference[];
}

/** `set` must never be committed: people are settled in memory only. */
export async function verifyAll(
  set: WorkingSet,
  clock: number,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<VerifyResult> {
  const differences = [
    ...(await verifyIdentities(set, clock)),
    ...(await verifyGroups(set, clock)),
    ...(await verifyResponses(set)),
  ];
  const total = await set.store.query({ ask: 'people-count' });
  let profiles = 0;
  let messages = 0;
  let members = 0;
  for (let after = 0; ; ) {
    const ids = (await set.store.query({ ask: 'people', after, limit: SLICE })).map(({ id }) => id);
    if (ids.length === 0) break;
    for (const id of ids) {
      const found = await verifyPerson(set, id, clock);
      differences.push(...found.differences);
      messages += found.messages;
      members += found.listed;
    }
    after = ids[ids.length - 1] as number;
    profiles += ids.length;
    onProgress(profiles, total);
    set.forget();
  }
  const counted = await set.store.query({ ask: 'message-count', until: clock });
  compare(differences, '*', 'messages that belong to a profile', counted, messages);
  const all = await set.store.query({ ask: 'message-count', until: Number.MAX_SAFE_INTEGER });
  const waiting = await set.store.query({ ask: 'pending-count' });
  compare(differences, '*', SHARED.waiting, waiting, all - counted);
  const listed = await set.store.query({ ask: 'group-members-count' });
  compare(differences, '*', SHARED.strayMembers, listed - members, 0);
  return { profiles, messages, differences };
}

interface Found {
  differences: Difference[];
  messages: number;
  /** Rows that list the person as a member of a group. */
  listed: number;
}

async function verifyPerson(set: WorkingSet, id: number, clock: number): Promise<Found> {
  const listed = new Set(
    (await set.store.query({ ask: 'memberships', person: id })).map(({ version }) => version),
  );
  const raw = await set.person(id);
  const profile = nameOf(await set.nodeById(id), id);
  const differences: Difference[] = [];
  if (raw) {
    compare(differences, profile, 'segment lists', sorted(set, listed), sorted(set, raw.members));
    const due = earliestKnown(set.program, raw);
    // Earlier than that they are looked at in vain; later, a change comes late.
    if (due !== null && (raw.due === null || raw.due > due))
      compare(differences, profile, 'due', raw.due, due);
  }
  const stored = await settledPerson(set, id, clock);
  const gathered: Gathered = new Map();
  const fresh = (await foldedPerson(set, id, clock, gathered)) ?? emptyPerson(id, set.program.generation, '');
  const groups = [...fresh.groups.keys()].sort();
  const memberOf = await set.store.query({ ask: 'groups-of', person: id });
  const found = { differences, messages: fresh.eventCount, listed: memberOf.length };
  compare(differences, profile, 'group members', memberOf.sort(), groups);
  if (!stored) return found;
  const [a, b] = [await summary(set, stored, clock), await summary(set, fresh, clock)];
  for (const what of Object.keys(b)) compare(differences, profile, what, a[what] ?? null, b[what] ?? null);
  await compareShed(set, { stored, fresh, gathered, profile, clock }, differences);
  await compareValues(set, { stored, fresh, profile, clock }, differences);
  const missed = deadlinesMissed(set.program, stored, clock);
  compare(differences, profile, 'deadlines', missed.stored, missed.due);
  return found;
}

interface Both {
  stored: PersonState;
  fresh: PersonState;
  /** What the leaves of `fresh` let go of. */
  gathered: Gathered;
  profile: string;
  clock: number;
}

/** What is kept beside the row: wrong, it would be seen only once a message comes late. */
async function compareShed(
  set: WorkingSet,
  { stored, fresh, gathered, profile, clock }: Both,
  differences: Difference[],
): Promise<void> {
  for (const [id, state] of stored.leaves) {
    const leaf = set.program.leaves.get(id);
    // What a build that was given up left says nothing.
    if (!leaf || !state.k || !isBuilt(set.program, stored, id)) continue;
    const log = await loadLog(set, stored, leaf, clock);
    const kept = log && allMatches(leaf, state, log.blocks.flatMap(matchesIn), clock);
    const due = allMatches(leaf, fresh.leaves.get(leaf.id) ?? {}, gathered.get(leaf) ?? [], clock);
    // Complete for ever: how much was kept by then depends on how the messages arrived.
    if (log && (!kept || !due)) continue;
    const what = 'matches kept beside the row';
    compare(differences, profile, what, kept ? digest(kept) : null, digest(due ?? []));
  }
}

/** What is counted beside the row: wrong, it would be seen only once a value comes again, or leaves its window. */
async function compareValues(
  set: WorkingSet,
  { stored, fresh, profile, clock }: Omit<Both, 'gathered'>,
  differences: Difference[],
): Promise<void> {
  for (const { leaf, ...window } of outsideOf(set.program, stored)) {
    const kept = await set.firstOf({ person: stored.id, leaf: leaf.id, ...window });
    const due = Object.entries(valuesInRow(fresh, { leaf, ...window }, clock));
    compare(
      differences,
      profile,
      'values kept beside the row',
      digestOf('values', kept),
      digestOf('values', due),
    );
  }
}

const digest = (matches: readonly ShedMatch[]): JsonValue =>
  digestOf(
    'matches',
    matches.map(({ stamp, what }) => [...stamp, what]),
  );

/** They are many: their number and a hash of all of them. */
function digestOf(what: string, all: readonly unknown[]): JsonValue {
  const lines = all.map((one) => JSON.stringify(one)).sort();
  const hash = createHash('sha256').update(lines.join());
  return { [what]: lines.length, hash: hash.digest('hex').slice(0, 16) };
}

/** The segments' keys; one under construction has the same key as the one in force. */
function sorted({ program }: WorkingSet, versions: ReadonlySet<number>): JsonValue {
  return [...versions]
    .flatMap((version) => {
      const segment = program.segments[program.indexOf(version) ?? -1];
      return segment ? [segment.building ? `${segment.key} (building)` : segment.key] : [];
    })
    .sort();
}

/** What people can see of a person, and what segments under construction hold. */
async function summary(
  set: WorkingSet,
  person: PersonState,
  clock: number,
): Promise<Record<string, JsonValue>> {
  const computed: Record<string, JsonValue> = {};
  for (const [key, trait] of set.program.traits)
    computed[`computed ${key}`] = await traitValue(set, person, trait, clock);
  const members = [...person.members].flatMap((version) => {
    const index = set.program.indexOf(version);
    const segment = index === undefined ? undefined : set.program.segments[index];
    return segment?.live ? [segment.key] : [];
  });
  return {
    eventCount: person.eventCount,
    firstSeen: person.firstSeen,
    lastSeen: person.lastSeen,
    last: person.last as unknown as JsonValue, // a Stamp is a plain JSON tuple
    traits: traitsOf(person.traits),
    groups: [...person.groups.keys()].sort(),
    // A row may still name a list that was deleted: it goes when the row is next written.
    lists: person.lists.filter((list) => set.program.allLists.has(list)),
    segments: members.sort(),
    ...computed,
  };
}
