// Reads about people: views, events, transitions, lists. Runs inside lane tasks.
// Invariant: people are settled to the clock before they are shown; unknown ids give null.

import { holderOf } from '../engine/identity.ts';
import { evaluate } from '../engine/person.ts';
import { emptyPerson, type PersonState } from '../engine/person-state.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import { traitsOf } from '../engine/trait-bag.ts';
import { ERASED, isErased, type LoggedTransition, type NodeRow } from '../storage/port.ts';
import type { Expose } from '../wire/definitions.ts';
import type { JsonObject, JsonValue } from '../wire/message.ts';
import {
  BadCursor,
  type Cause,
  type Core,
  type Page,
  type ProfileView,
  type TransitionView,
} from './core.ts';
import type { Exposure } from './exposure.ts';
import { isCapped } from './identity-caps.ts';
import { traitValue } from './outside-values.ts';
import { logsOf, whoIs } from './person-ids.ts';
import { settledPerson } from './settle.ts';
import { standingsOf } from './survey-reads.ts';
import type { WorkingSet } from './working-set.ts';

/** The node of the profile an id of /api/profiles/:id names, or null. */
export async function findProfile(set: WorkingSet, ref: string): Promise<number | null> {
  let node: NodeRow | null;
  if (ref.startsWith('user:')) node = await set.node('user', ref.slice(5));
  else if (ref.startsWith('anon:')) node = await set.node('device', ref.slice(5));
  else node = await set.nodeByPublicId(ref);
  return node ? profileOf(set, node) : null;
}

/** A user's survivor; a device's holder now, or itself while it was never linked. */
export async function profileOf(set: WorkingSet, node: NodeRow): Promise<number> {
  if (node.kind === 'user') return node.root;
  const holder = holderOf(await set.timeline(node.id));
  if (holder === null) return node.id;
  return (await set.nodeById(holder))?.root ?? holder;
}

export const iso = (time: number): string => new Date(time).toISOString();

export async function idsOf(
  set: WorkingSet,
  id: number,
): Promise<{ publicId: string; userId: string | null; anonymousIds: string[] }> {
  const node = (await set.nodeById(id)) as NodeRow; // a person's id is a node's
  if (node.kind === 'device')
    return { publicId: node.publicId, userId: null, anonymousIds: isErased(node) ? [] : [node.ext] };
  const devices = new Set<number>();
  for (const user of await set.circle(id))
    for (const device of (await set.countingPairs(user)).keys())
      if (devices.has(device) || (await isLinked(set, device, id))) devices.add(device);
  const anonymousIds = await Promise.all(
    [...devices].map(async (device) => (await set.nodeById(device))?.ext ?? ''),
  );
  const known = anonymousIds.filter((ext) => !ext.startsWith(ERASED)).sort();
  return { publicId: node.publicId, userId: isErased(node) ? null : node.ext, anonymousIds: known };
}

/** Links past a cap leave no run on the device's timeline. */
async function isLinked(set: WorkingSet, device: number, root: number): Promise<boolean> {
  for (const { user } of await set.timeline(device))
    if ((await set.nodeById(user))?.root === root) return true;
  return false;
}

export async function viewProfile(set: WorkingSet, id: number, clock: number): Promise<ProfileView | null> {
  const person = await settledPerson(set, id, clock);
  if (!person) return null;
  const head = await headOf(set, person);
  const groups = await Promise.all(
    [...person.groups.keys()].sort().map(async (groupId) => ({
      id: groupId,
      traits: traitsOf((await set.group(groupId)).bag),
    })),
  );
  const { segments, flags, firstSeenAt, lastSeenAt, eventCount, ...ids } = head;
  return {
    ...ids,
    computed: await computedOf(set, person, clock),
    segments,
    groups,
    firstSeenAt,
    lastSeenAt,
    eventCount,
    flags,
  };
}

type ProfileHead = Omit<ProfileView, 'computed' | 'groups'>;

async function headOf(set: WorkingSet, person: PersonState): Promise<ProfileHead> {
  const { publicId, userId, anonymousIds } = await idsOf(set, person.id);
  const sinceOf = await set.memberships(person.id);
  const segments = [...set.program.live.values()]
    .filter(({ version }) => person.members.has(version))
    .map(({ key, version }) => ({ key, since: iso(sinceOf.get(version) ?? 0) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  return {
    id: publicId,
    userId,
    anonymousIds,
    traits: traitsOf(person.traits),
    segments,
    firstSeenAt: person.firstSeen === null ? null : iso(person.firstSeen),
    lastSeenAt: person.lastSeen === null ? null : iso(person.lastSeen),
    eventCount: person.eventCount,
    flags: [
      ...(userId !== null && (await isCapped(set, person.id)) ? ['identity_limit'] : []),
      ...(person.anonymous ? ['anonymous'] : []),
    ],
  };
}

async function computedOf(
  set: WorkingSet,
  person: PersonState,
  clock: number,
): Promise<Record<string, JsonValue>> {
  const computed: Record<string, JsonValue> = {};
  const memo = new Map<string, JsonValue>();
  for (const key of [...set.program.traits.keys()].sort()) {
    const trait = set.program.traits.get(key);
    if (trait) computed[key] = await traitValue(set, person, trait, clock, memo);
  }
  return computed;
}

/** What a person may read about themselves. */
export async function viewMe(
  set: WorkingSet,
  { userId, anonymousId, verified }: { userId: string | null; anonymousId: string | null; verified: boolean },
  exposeOf: Exposure,
  clock: number,
): Promise<Awaited<ReturnType<Core['me']>>> {
  const name = verified || anonymousId === null ? userId : null;
  const found = await personNamed(set, name === null ? ['device', anonymousId] : ['user', name], clock);
  const person = found ?? nobody(set, name ?? anonymousId ?? '', clock);
  const mayRead = (expose: Expose): boolean => expose === 'public' || (verified && expose === 'verified');
  const segments = [...set.program.live.values()]
    .filter(({ key, version }) => person.members.has(version) && mayRead(exposeOf.segment(key)))
    .map(({ key }) => key)
    .sort();
  const computed: Record<string, JsonValue> = {};
  const memo = new Map<string, JsonValue>();
  for (const key of [...set.program.traits.keys()].sort()) {
    const trait = set.program.traits.get(key);
    if (trait && mayRead(exposeOf.trait(key)))
      computed[key] = await traitValue(set, person, trait, clock, memo);
  }
  const surveys = await standingsOf(set, person, clock, (key) => mayRead(exposeOf.survey(key)));
  return { segments, computed, surveys, person: found ? found.id : null };
}

/**
 * Whoever goes by that name now. For a name that nobody has the store is asked as often as for a user or a device
 * that nobody was linked to, so that the time an answer takes does not tell who is known. (A device with a holder
 * takes one look at one row more.)
 */
async function personNamed(
  set: WorkingSet,
  [kind, ext]: ['user' | 'device', string | null],
  clock: number,
): Promise<PersonState | null> {
  if (ext === null) return null;
  const isFirst = !set.isAsked(kind, ext);
  const node = await set.node(kind, ext);
  if (node) return settledPerson(set, await profileOf(set, node), clock);
  if (isFirst && kind === 'device') await set.store.read({ timelines: [NO_ID] });
  if (isFirst) await set.store.read({ persons: [NO_ID] });
  return null;
}

/** Nodes are numbered from 1. */
const NO_ID = 0;

/** A person who has done nothing. */
function nobody(set: WorkingSet, ext: string, clock: number): PersonState {
  const person = emptyPerson(0, set.program.generation, ext);
  evaluate(set.program, person, set.program.atStart, {
    now: clock,
    cause: { operation: 'nobody' },
    emit: () => {},
  });
  return person;
}

/** Messages that are kept, or what is left of others, newest first; the cursor is the place of the last one shown. */
export async function listEvents(
  set: WorkingSet,
  id: number,
  clock: number,
  { limit, cursor }: { limit: number; cursor: string | null },
  kept: 'still' | 'no longer' = 'still',
): Promise<Page<JsonObject> | null> {
  if (!(await set.person(id))) return null;
  const to = cursor === null ? null : decodeCursor<Stamp>(cursor, isStamp);
  const rows = (await set.historyOf(id, clock, { from: null, to }, { newest: limit + 1, kept })).sort(
    (a, b) => compareStamps(b.stamp, a.stamp),
  );
  const data = rows.slice(0, limit).map((row): JsonObject => {
    const body = JSON.parse(row.text) as JsonObject; // stored by the lane
    const when = { timestamp: iso(row.stamp[0]), receivedAt: iso(row.receivedAt) };
    if (row.expired === 0) return { ...body, ...when };
    const named = row.event === null ? {} : { event: row.event };
    return { messageId: row.stamp[1], type: row.type, ...named, ...when, left: body };
  });
  const last = rows[limit - 1];
  return { data, next: rows.length > limit && last ? encodeCursor(last.stamp) : null };
}

const isStamp = (value: unknown): value is Stamp =>
  Array.isArray(value) &&
  value.length === 3 &&
  typeof value[0] === 'number' &&
  typeof value[1] === 'string' &&
  (value[2] === 0 || value[2] === 1);

const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

export async function listTransitions(
  set: WorkingSet,
  id: number,
  { limit, cursor }: { limit: number; cursor: string | null },
): Promise<Page<TransitionView>> {
  const before = cursor === null ? Number.MAX_SAFE_INTEGER : decodeCursor(cursor, isNumber);
  const node = await set.nodeById(id);
  const people = node ? await logsOf(set, await whoIs(set, node)) : [];
  const rows = await set.store.query({ ask: 'person-transitions', people, before, limit: limit + 1 });
  const last = rows[limit - 1];
  return {
    data: rows.slice(0, limit).map(viewTransition),
    next: rows.length > limit && last ? encodeCursor(last.seq) : null,
  };
}

export function viewTransition(row: LoggedTransition): TransitionView {
  const { seq, segment, publicId, userId, entered, at, cause } = row;
  const change = entered ? 'entered' : 'left';
  return { seq, segment, profileId: publicId, userId, change, at: iso(at), cause: viewCause(cause) };
}

function viewCause(cause: LoggedTransition['cause']): Cause {
  return 'deadline' in cause ? { deadline: iso(cause.deadline) } : cause;
}

/** Of the people found, one more than a page has where there are more, those who are there still, and in the segment. */
export async function listProfiles(
  set: WorkingSet,
  clock: number,
  found: readonly number[],
  { version, limit }: { version: number | null; limit: number },
): Promise<Page<ProfileHead>> {
  const data: ProfileHead[] = [];
  for (const id of found.slice(0, limit)) {
    const person = await settledPerson(set, id, clock);
    if (person && (version === null || person.members.has(version))) data.push(await headOf(set, person));
  }
  const last = found[limit - 1];
  return { data, next: found.length > limit && last !== undefined ? encodeCursor(last) : null };
}

/** The number of the last one of a list's page before; 0: the first page. */
export const placeOf = (cursor: string | null): number =>
  cursor === null ? 0 : decodeCursor(cursor, isNumber);

export async function listMembers(
  set: WorkingSet,
  version: number,
  { limit, cursor }: { limit: number; cursor: string | null },
): Promise<Page<{ id: string; userId: string | null; anonymousIds: string[]; since: string }>> {
  const after = placeOf(cursor);
  const rows = await set.store.query({ ask: 'members', version, after, limit: limit + 1 });
  const data = [];
  for (const { person, since } of rows.slice(0, limit)) {
    const { publicId, userId, anonymousIds } = await idsOf(set, person);
    data.push({ id: publicId, userId, anonymousIds, since: iso(since) });
  }
  const last = rows[limit - 1];
  return { data, next: rows.length > limit && last ? encodeCursor(last.person) : null };
}

export function encodeCursor(place: JsonValue | Stamp): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

export function decodeCursor<T>(cursor: string, isPlace: (value: unknown) => value is T): T {
  let place: unknown;
  try {
    place = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    throw new BadCursor('This cursor is not one of ours; pass `next` of the previous page unchanged');
  }
  if (!isPlace(place))
    throw new BadCursor('This cursor belongs to another list; pass `next` of the previous page');
  return place;
}
