// Recomputes everything from the stored messages and reports what differs from what is stored.
// Invariant: changes nothing; uses only the messages, the definitions and the clock.

import { type Run, resolveIdentities } from '../engine/identity.ts';
import { emptyPerson, type PersonState } from '../engine/person-state.ts';
import { restoreBag, type TraitBag, traitsOf } from '../engine/trait-bag.ts';
import { canonical } from '../engine/values.ts';
import type { NodeRow } from '../storage/port.ts';
import type { JsonValue } from '../wire/message.ts';
import { foldedPerson, settledPerson } from './arrival.ts';
import { collectGroups, collectLinks, timelinesOf } from './from-messages.ts';
import { traitValue } from './outside-values.ts';
import type { WorkingSet } from './working-set.ts';

export interface Difference {
  profile: string;
  what: string;
  stored: JsonValue;
  recomputed: JsonValue;
}

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
  const differences = [...(await verifyIdentities(set, clock)), ...(await verifyGroups(set, clock))];
  const total = await set.store.query({ ask: 'people-count' });
  let profiles = 0;
  let messages = 0;
  for (let after = 0; ; ) {
    const ids = (await set.store.query({ ask: 'people', after, limit: SLICE })).map(({ id }) => id);
    if (ids.length === 0) break;
    for (const id of ids) {
      const found = await verifyPerson(set, id, clock);
      differences.push(...found.differences);
      messages += found.messages;
    }
    after = ids[ids.length - 1] as number;
    profiles += ids.length;
    onProgress(profiles, total);
    set.forget();
  }
  const stored = await set.store.query({ ask: 'message-count', until: clock });
  if (stored !== messages) {
    differences.push({
      profile: '*',
      what: 'messages that belong to a profile',
      stored,
      recomputed: messages,
    });
  }
  return { profiles, messages, differences };
}

const nameOf = (node: NodeRow | null, id: number): string =>
  node === null ? `#${id}` : `${node.kind === 'user' ? 'user' : 'anon'}:${node.ext}`;

async function verifyPerson(
  set: WorkingSet,
  id: number,
  clock: number,
): Promise<{ differences: Difference[]; messages: number }> {
  const listed = new Set(
    (await set.store.query({ ask: 'memberships', person: id })).map(({ version }) => version),
  );
  const raw = await set.person(id);
  const profile = nameOf(await set.nodeById(id), id);
  const differences: Difference[] = [];
  if (raw) compare(differences, profile, 'segment lists', sorted(set, listed), sorted(set, raw.members));
  const stored = await settledPerson(set, id, clock);
  const fresh = (await foldedPerson(set, id, clock)) ?? emptyPerson(id, set.program.generation, '');
  if (!stored) return { differences, messages: fresh.eventCount };
  const [a, b] = [await summary(set, stored, clock), await summary(set, fresh, clock)];
  for (const what of Object.keys(b)) compare(differences, profile, what, a[what] ?? null, b[what] ?? null);
  return { differences, messages: fresh.eventCount };
}

function sorted(set: WorkingSet, versions: ReadonlySet<number>): JsonValue {
  return [...versions].filter((version) => set.program.indexOf(version) !== undefined).sort((x, y) => x - y);
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

function compare(
  differences: Difference[],
  profile: string,
  what: string,
  stored: JsonValue,
  recomputed: JsonValue,
): void {
  if (canonical(stored) !== canonical(recomputed)) differences.push({ profile, what, stored, recomputed });
}

/** Folds every group's traits anew. */
async function verifyGroups(set: WorkingSet, clock: number): Promise<Difference[]> {
  const fresh = await collectGroups(set, clock);
  const differences: Difference[] = [];
  for (let after = ''; ; ) {
    const rows = await set.store.query({ ask: 'groups', after, limit: 1_000 });
    for (const { id, text } of rows) {
      const bag = fresh.get(id);
      const stored = traitsOf(restoreBag(JSON.parse(text) as TraitBag)); // written by the lane
      compare(differences, `group:${id}`, 'traits', stored, bag ? traitsOf(bag) : null);
      fresh.delete(id);
    }
    const last = rows[rows.length - 1];
    if (!last) break;
    after = last.id;
  }
  for (const [id, bag] of fresh) compare(differences, `group:${id}`, 'traits', null, traitsOf(bag));
  return differences;
}

/** Works out every link, merge and timeline anew and compares. */
async function verifyIdentities(set: WorkingSet, clock: number): Promise<Difference[]> {
  const links = await collectLinks(set, clock);
  const resolution = resolveIdentities(links.users.keys(), links.merges, [...links.pairs.values()]);
  const differences: Difference[] = [];
  for (const [id, node] of links.users) {
    const root = resolution.root.get(id) ?? id;
    const name = (user: number): string => nameOf(links.users.get(user) ?? null, user);
    compare(differences, name(id), 'survivor', name(node.root), name(root));
  }
  for (const [id, fresh] of timelinesOf(links, resolution)) {
    const node = links.devices.get(id) ?? null;
    const stored = await set.timeline(id);
    const show = (runs: readonly Run[]): JsonValue =>
      runs.map(({ stamp, user }) => [...stamp, nameOf(links.users.get(user) ?? null, user)]);
    compare(differences, nameOf(node, id), 'links', show(stored), show(fresh));
  }
  set.forget();
  return differences;
}
