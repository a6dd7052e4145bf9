// Recomputes everything from the stored messages and reports what differs from what is stored.
// Invariant: changes nothing; uses only the messages, the definitions and the clock.
import { type Merge, type Pair, pairKey, type Run, resolveIdentities, tidy } from '../engine/identity.ts';
import { declaredTraits, refold } from '../engine/person.ts';
import type { PersonState } from '../engine/person-state.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import { emptyBag, restoreBag, type TraitBag, traitsOf, writeTraits } from '../engine/trait-bag.ts';
import { canonical } from '../engine/values.ts';
import type { NodeRow } from '../storage/port.ts';
import type { JsonValue } from '../wire/message.ts';
import { settledPerson } from './arrival.ts';
import { engineMessage, type WorkingSet } from './working-set.ts';

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
  const rows = await set.historyOf(id, clock);
  const messages = rows.map(engineMessage).sort((a, b) => compareStamps(a.stamp, b.stamp));
  const fresh = refold(set.program, id, messages, clock);
  if (!stored) return { differences, messages: rows.length };
  const [a, b] = [summary(set, stored, clock), summary(set, fresh, clock)];
  for (const what of Object.keys(b)) compare(differences, profile, what, a[what] ?? null, b[what] ?? null);
  return { differences, messages: rows.length };
}

function sorted(set: WorkingSet, versions: ReadonlySet<number>): JsonValue {
  return [...versions].filter((version) => set.program.indexOf(version) !== undefined).sort((x, y) => x - y);
}

/** What people can see of a person, and what segments under construction hold. */
function summary(set: WorkingSet, person: PersonState, clock: number): Record<string, JsonValue> {
  const computed: Record<string, JsonValue> = {};
  for (const [key, trait] of set.program.traits) computed[`computed ${key}`] = trait.value(person, clock);
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
    groups: [...person.groups].sort(),
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
  const fresh = new Map<string, TraitBag>();
  for (let after = 0; ; ) {
    const rows = await set.store.query({ ask: 'messages-of-type', type: 'group', after, limit: 1_000 });
    for (const row of rows) {
      if (row.stamp[0] > clock) continue;
      const message = engineMessage(row);
      const id = message.groupId as string; // every stored group message has one
      const bag = fresh.get(id) ?? emptyBag();
      writeTraits(bag, declaredTraits(message.body()), message.stamp);
      fresh.set(id, bag);
    }
    const last = rows[rows.length - 1];
    if (!last) break;
    after = last.seq;
  }
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

interface Links {
  /** Device to its links in effect. */
  byDevice: Map<number, Run[]>;
  pairs: Map<string, Pair>;
  merges: Merge[];
  users: Map<number, NodeRow>;
  devices: Map<number, NodeRow>;
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
  for (const [id, node] of links.devices) {
    const allowed = (links.byDevice.get(id) ?? []).filter(
      ({ user }) => !resolution.refusedPairs.has(pairKey(user, id)),
    );
    const fresh = tidy(allowed);
    const stored = await set.timeline(id);
    const show = (runs: readonly Run[]): JsonValue =>
      runs.map(({ stamp, user }) => [...stamp, nameOf(links.users.get(user) ?? null, user)]);
    compare(differences, nameOf(node, id), 'links', show(stored), show(fresh));
  }
  set.forget();
  return differences;
}

async function collectLinks(set: WorkingSet, clock: number): Promise<Links> {
  const links: Links = {
    byDevice: new Map(),
    pairs: new Map(),
    merges: [],
    users: new Map(),
    devices: new Map(),
  };
  for (let after = 0; ; ) {
    const nodes = await set.store.query({ ask: 'nodes', after, limit: 1_000 });
    for (const node of nodes) (node.kind === 'user' ? links.users : links.devices).set(node.id, node);
    const last = nodes[nodes.length - 1];
    if (!last) break;
    after = last.id;
  }
  const idOf = (nodes: Map<number, NodeRow>): Map<string, number> =>
    new Map([...nodes.values()].map((n) => [n.ext, n.id]));
  const [userIds, deviceIds] = [idOf(links.users), idOf(links.devices)];
  for (let after = 0; ; ) {
    const rows = await set.store.query({ ask: 'links', after, limit: 1_000 });
    for (const { user, device, stamp, trusted, previousId } of rows) {
      if (stamp[0] > clock) continue;
      if (device !== null) addTo(links, user, device, stamp, trusted);
      if (previousId === null || previousId === links.users.get(user)?.ext) continue;
      const named = deviceIds.get(previousId);
      if (named !== undefined) addTo(links, user, named, stamp, trusted);
      const from = stamp[2] === 1 ? userIds.get(previousId) : undefined;
      if (from !== undefined) links.merges.push({ from, into: user, stamp });
    }
    const last = rows[rows.length - 1];
    if (!last) break;
    after = last.seq;
  }
  return links;
}

function addTo(links: Links, user: number, device: number, stamp: Stamp, trusted: boolean): void {
  const runs = links.byDevice.get(device);
  if (runs) runs.push({ stamp, user });
  else links.byDevice.set(device, [{ stamp, user }]);
  const key = pairKey(user, device);
  const pair = links.pairs.get(key) ?? { user, device, trusted: null, plain: null };
  const first = trusted ? pair.trusted : pair.plain;
  if (first !== null && compareStamps(first, stamp) <= 0) return;
  links.pairs.set(key, trusted ? { ...pair, trusted: stamp } : { ...pair, plain: stamp });
}
