// Reads everything the collector shows and compares it with the model's world.
// Invariant: reads by the public API only; what is found is told as faults, nothing is thrown for it.
import type { ApiProfile, ApiTransition, TestCollector } from '../collector.ts';
import { iso } from './computed.ts';
import { canonical, differences } from './differences.ts';
import type { ModelProfile, World } from './model.ts';
import { DEVICES, GROUPS, UNSEEN, USERS } from './script.ts';

const ADDRESSES = [
  ...USERS.map((id) => `user:${id}`),
  ...DEVICES.map((id) => `anon:${id}`),
  // Users known by an alias only, and a device that never sends.
  'user:d1',
  `user:${UNSEEN}`,
  `anon:${UNSEEN}`,
];

/** `segment person` to the net changes seen there, by instant. */
export type Changes = Map<string, Map<number, number>>;

export function note(changes: Changes, entry: string, at: number, change: 1 | -1): void {
  const byInstant = changes.get(entry) ?? new Map<number, number>();
  byInstant.set(at, (byInstant.get(at) ?? 0) + change);
  changes.set(entry, byInstant);
}

/** The API's id of each person, by the model's key. */
export type Ids = Map<string, string>;

export async function lookAtPeople(collector: TestCollector, should: World): Promise<[string[], Ids]> {
  const faults: string[] = [];
  const ids: Ids = new Map();
  for (const address of ADDRESSES) {
    const expected = should.find(address);
    const is = await collector.profile(address);
    if (is && expected) ids.set(expected.key, is.id);
    faults.push(...differences(address, comparable(is), expected && shapeOf(expected)));
  }
  const rows = await collector.all<ApiProfile>('/api/profiles');
  const strangers = rows.map((row) => row.id).filter((id) => ![...ids.values()].includes(id));
  // People without an address: erased ones whose late messages came in, known by the list alone.
  for (const person of should.profiles.filter(({ key, anonymous }) => !ids.has(key) && !anonymous)) {
    const found = await findAlike(collector, strangers, person);
    if (found !== undefined) ids.set(person.key, found);
    else faults.push(`nobody is listed like ${canonical(shapeOf(person))}`);
  }
  const listed = rows.map((row) => row.id).sort();
  const anonymous = should.profiles.filter((person) => person.anonymous).map(({ key }) => ids.get(key));
  const mayBeListed = [...ids.values()].filter((id) => !anonymous.includes(id));
  faults.push(...differences('/api/profiles', listed, mayBeListed.sort()));
  for (const id of GROUPS) {
    const answer = await collector.api('GET', `/api/groups/${id}`);
    const expected = should.group(id);
    const is = answer.status === 200 ? answer.json : answer.status;
    faults.push(...differences(`group ${id}`, is, expected ?? 404));
  }
  return [faults, ids];
}

async function findAlike(
  collector: TestCollector,
  strangers: string[],
  person: ModelProfile,
): Promise<string | undefined> {
  for (const id of strangers) {
    if (canonical(comparable(await collector.profile(id))) !== canonical(shapeOf(person))) continue;
    strangers.splice(strangers.indexOf(id), 1);
    return id;
  }
  return undefined;
}

export interface SegmentLook {
  faults: string[];
  feed: ApiTransition[];
}

/** Members, size and feed of one segment, each against the model and against the others. */
export async function lookAtSegment(
  collector: TestCollector,
  segment: string,
  { profiles }: World,
  ids: Ids,
  now: number,
): Promise<SegmentLook> {
  const faults: string[] = [];
  const should = profiles.filter((profile) => profile.segments.includes(segment));
  const memberIds = should.map((profile) => ids.get(profile.key) ?? profile.key).sort();
  const rows = await collector.all<ApiProfile & { since: string }>(`/api/segments/${segment}/profiles`, 2);
  faults.push(...differences(`members of ${segment}`, rows.map((row) => row.id).sort(), memberIds));
  const { json } = await collector.api('GET', `/api/segments/${segment}`);
  faults.push(...differences(`size of ${segment}`, json.size, memberIds.length));

  const feed = await collector.transitions(segment);
  const since = replay(segment, feed, now, faults);
  faults.push(...differences(`${segment} replayed from its feed`, [...since.keys()].sort(), memberIds));
  const told = new Map(rows.map((row) => [row.id, row.since]));
  faults.push(...differences(`since in ${segment}`, sorted(told), sorted(since)));
  return { faults, feed };
}

/** Who is in and since when, by the feed alone. */
function replay(segment: string, feed: ApiTransition[], now: number, faults: string[]): Map<string, string> {
  const since = new Map<string, string>();
  const lastAt = new Map<string, number>();
  let lastSeq = 0;
  for (const row of feed) {
    const where = `feed of ${segment}, ${JSON.stringify(row)}`;
    // The earlier rows of an erased person may be gone.
    const isFarewell = row.change === 'left' && row.cause.operation === 'erased';
    if (row.seq <= lastSeq) faults.push(`${where}: seq does not grow`);
    if (since.has(row.profileId) === (row.change === 'entered') && !isFarewell)
      faults.push(`${where}: no change at all`);
    if (Date.parse(row.at) > now) faults.push(`${where}: dated after the clock`);
    if (Date.parse(row.at) < (lastAt.get(row.profileId) ?? 0)) faults.push(`${where}: runs back in time`);
    if ('deadline' in row.cause && row.cause.deadline !== row.at)
      faults.push(`${where}: not at its deadline`);
    lastSeq = row.seq;
    lastAt.set(row.profileId, Date.parse(row.at));
    if (row.change === 'entered') since.set(row.profileId, row.at);
    else since.delete(row.profileId);
  }
  return since;
}

/** Compares what the feed's rows say, net by person and instant, with what the model expects. */
export function unexpectedChanges(
  segment: string,
  feed: readonly ApiTransition[],
  expected: Changes,
  ids: Ids,
): string[] {
  const personOf = new Map([...ids].map(([person, id]) => [id, person]));
  const actual: Changes = new Map();
  for (const row of feed) {
    const entry = `${segment} ${personOf.get(row.profileId) ?? row.profileId}`;
    note(actual, entry, Date.parse(row.at), row.change === 'entered' ? 1 : -1);
  }
  const readable = (all: Changes) =>
    [...all]
      .filter(([entry]) => entry.startsWith(`${segment} `))
      .flatMap(([entry, changes]) => [...changes].map(([at, net]) => ({ entry, at, net })))
      .filter(({ net }) => net !== 0)
      .map(({ entry, at, net }) => `${iso(at)} ${entry} ${net > 0 ? 'entered' : 'left'}`)
      .sort();
  return differences(`changes in ${segment}`, readable(actual), readable(expected));
}

function comparable(profile: ApiProfile | undefined): unknown {
  if (!profile) return undefined;
  const { id: _id, segments, anonymousIds, groups, flags, ...rest } = profile;
  return {
    ...rest,
    anonymous: flags.includes('anonymous'),
    anonymousIds: [...anonymousIds].sort(),
    segments: segments.map((segment) => segment.key).sort(),
    groups: [...groups].sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

function shapeOf(profile: ModelProfile): unknown {
  const { key: _key, flagged: _flagged, ...rest } = profile;
  return rest;
}

const sorted = (map: Map<string, string>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
