// Who a message belongs to: device timelines, merged users and the caps on both.
// Invariant: pure functions of the links and merges in effect; arrival order makes no difference.
import { compareStamps, compareUtf8, type Stamp } from './stamp.ts';

/** From `stamp` on the device was linked to `user` (a node id), until the next run. */
export interface Run {
  readonly stamp: Stamp;
  readonly user: number;
}

/** A device's runs in order. Events before the first run belong to the first user linked. */
export type Timeline = readonly Run[];

/** What one profile may have at most. */
export interface Caps {
  /** User ids and devices together. */
  ids: number;
  /** Merges it took in. */
  merges: number;
}

/** A shared kiosk, not a botnet. */
export const CAPS: Caps = { ids: 1_000, merges: 100 };

/** How many runs begin at or before `stamp`. Most stamps are newer than all, which one comparison tells. */
function runsUpTo(timeline: Timeline, stamp: Stamp): number {
  let low = 0;
  let high = timeline.length;
  let middle = high - 1;
  while (low < high) {
    if (compareStamps((timeline[middle] as Run).stamp, stamp) <= 0) low = middle + 1;
    else high = middle;
    middle = (low + high) >> 1;
  }
  return low;
}

/** The user a device's own event at `stamp` belongs to, or null if the device was never linked. */
export function ownerAt(timeline: Timeline, stamp: Stamp): number | null {
  return ownerAfter(timeline, runsUpTo(timeline, stamp));
}

/** Whose the device is once `begun` of its runs have begun. */
const ownerAfter = (timeline: Timeline, begun: number): number | null =>
  timeline[Math.max(0, begun - 1)]?.user ?? null;

/** Who holds the device now. */
export function holderOf(timeline: Timeline): number | null {
  return timeline[timeline.length - 1]?.user ?? null;
}

/** The user whose run `stamp` falls into, if a link there by `user` would cut it in two. */
export function runCutBy(
  timeline: Timeline,
  stamp: Stamp,
  user: number,
): { user: number; next: Stamp | null } | null {
  const begun = runsUpTo(timeline, stamp);
  const run = timeline[begun - 1];
  if (!run || run.user === user) return null;
  return { user: run.user, next: timeline[begun]?.stamp ?? null };
}

/**
 * The timeline with a link added. `relinked` is the first link of the cut run's user after `stamp`
 * and before the next run (see `runCutBy`), or null if there is none. The same timeline if nothing changes.
 */
export function addLink(timeline: Timeline, stamp: Stamp, user: number, relinked: Stamp | null): Timeline {
  const place = runsUpTo(timeline, stamp);
  const cut = timeline[place - 1];
  if (cut?.user === user) return timeline;
  const added: Run[] = [{ stamp, user }];
  if (cut && relinked) added.push({ stamp: relinked, user: cut.user });
  // The next run begins nothing if the user of the last one added goes on.
  const rest = timeline[place]?.user === added[added.length - 1]?.user ? place + 1 : place;
  return [...timeline.slice(0, place), ...added, ...timeline.slice(rest)];
}

/** Orders runs and drops those that change nothing. */
export function tidy(runs: readonly Run[]): Timeline {
  const ordered = [...runs].sort((a, b) => compareStamps(a.stamp, b.stamp));
  return ordered.filter((run, i) => i === 0 || (ordered[i - 1] as Run).user !== run.user);
}

/** A stretch of a device's time; null is open-ended. `from` is included, `to` is not. */
export interface Stretch {
  from: Stamp | null;
  to: Stamp | null;
}

export interface Move extends Stretch {
  before: number | null;
  after: number | null;
}

/** Where two timelines of one device disagree on the owner: the runs that differ, walked side by side. */
export function movesBetween(before: Timeline, after: Timeline): Move[] {
  const shortest = Math.min(before.length, after.length);
  let begun = 0;
  while (begun < shortest && isSameRun(before[begun], after[begun])) begun++;
  let alike = 0;
  while (
    alike < shortest - begun &&
    isSameRun(before[before.length - 1 - alike], after[after.length - 1 - alike])
  )
    alike++;
  const ends = { before: before.length - alike, after: after.length - alike };
  const moves: Move[] = [];
  let i = begun;
  let j = begun;
  let from: Stamp | null = null;
  for (;;) {
    const to = earliestOf(before[i]?.stamp, after[j]?.stamp);
    const owners = { before: ownerAfter(before, i), after: ownerAfter(after, j) };
    if (owners.before !== owners.after) moves.push({ from, to, ...owners });
    if (to === null || (i >= ends.before && j >= ends.after)) return moves;
    from = to;
    if (i < before.length && compareStamps((before[i] as Run).stamp, to) === 0) i++;
    if (j < after.length && compareStamps((after[j] as Run).stamp, to) === 0) j++;
  }
}

function isSameRun(a: Run | undefined, b: Run | undefined): boolean {
  if (a === b || !a || !b) return a === b;
  return a.user === b.user && compareStamps(a.stamp, b.stamp) === 0;
}

function earliestOf(a: Stamp | undefined, b: Stamp | undefined): Stamp | null {
  if (!a || !b) return a ?? b ?? null;
  return compareStamps(a, b) <= 0 ? a : b;
}

/** Whether two timelines say the same. */
export function isSameTimeline(a: Timeline, b: Timeline): boolean {
  return a === b || (a.length === b.length && a.every((run, i) => isSameRun(run, b[i])));
}

/** The stretches of a device's time that belong to any of `users`. */
export function stretchesOf(timeline: Timeline, users: ReadonlySet<number>): Stretch[] {
  const stretches: Stretch[] = [];
  timeline.forEach((run, i) => {
    if (!users.has(run.user)) return;
    const from = i === 0 ? null : run.stamp;
    const to = timeline[i + 1]?.stamp ?? null;
    const last = stretches[stretches.length - 1];
    if (last && last.to === run.stamp) last.to = to;
    else stretches.push({ from, to });
  });
  return stretches;
}

export function covers({ from, to }: Stretch, stamp: Stamp): boolean {
  return (from === null || compareStamps(from, stamp) <= 0) && (to === null || compareStamps(stamp, to) < 0);
}

/** The part two stretches share, or null. */
export function intersect(a: Stretch, b: Stretch): Stretch | null {
  const from = a.from === null || (b.from !== null && compareStamps(b.from, a.from) > 0) ? b.from : a.from;
  const to = a.to === null || (b.to !== null && compareStamps(b.to, a.to) < 0) ? b.to : a.to;
  return from !== null && to !== null && compareStamps(from, to) >= 0 ? null : { from, to };
}

/** Messages filed under one node, in one stretch of time. */
export interface Range {
  node: number;
  stretch: Stretch;
}

/**
 * Where the messages of a profile with users are filed: under each of its users, and under devices in the
 * stretches that are theirs. `devices` are all that any of the users was linked to.
 */
export function rangesOfUsers(
  users: ReadonlySet<number>,
  devices: Iterable<[device: number, timeline: Timeline]>,
  between: Stretch,
): Range[] {
  const ranges: Range[] = [...users].map((node) => ({ node, stretch: between }));
  for (const [node, timeline] of devices) {
    for (const theirs of stretchesOf(timeline, users)) {
      const stretch = intersect(theirs, between);
      if (stretch) ranges.push({ node, stretch });
    }
  }
  return ranges;
}

/** A user and a device that were linked: by whom first, trusted or not. */
export interface Pair {
  user: number;
  device: number;
  /** The device's `anonymousId`; empty in a damaged file that does not have the device. */
  name: string;
  /** First link with a server or admin key or a right signature. */
  trusted: Stamp | null;
  /** First link with a web key alone. */
  plain: Stamp | null;
}

/** A merge of user `from` into user `into`. */
export interface Merge {
  from: number;
  into: number;
  stamp: Stamp;
}

/** What the caps make of users and their devices. */
export interface Resolution {
  /** User to its survivor, for every user given or named by a merge. */
  root: Map<number, number>;
  /** Devices of a user and of everybody merged with them. A pair counts if its device is among its user's. */
  devicesOf(user: number): ReadonlySet<number>;
  /** Merges past a cap. */
  refusedMerges: Set<Merge>;
  /** Survivors that hit a cap. */
  flagged: Set<number>;
}

export const pairKey = (user: number, device: number): string => `${user}:${device}`;

/** The link that a pair counts by: the first trusted one, if there is one. */
function linkOf({ trusted, plain, name }: Pair): Stamp {
  const stamp = trusted ?? plain;
  if (!stamp) throw new Error(`a pair with device ${name} that nothing linked`);
  return stamp;
}

/** The order in which pairs count: trusted ones first, each in message order; what one message links, by name. */
function byPlace(a: Pair, b: Pair): number {
  if ((a.trusted === null) !== (b.trusted === null)) return a.trusted === null ? 1 : -1;
  return compareStamps(linkOf(a), linkOf(b)) || compareUtf8(a.name, b.name);
}

/**
 * The pairs of a user that may count, by device: as many as there is room for where nobody is merged with the user,
 * and then they do. Those after them have no say in who counts, whoever is merged: once the ones before them are
 * looked at, the profile is full.
 */
export function countingPairs(pairs: Iterable<Pair>, { ids }: Caps = CAPS): Map<number, Pair> {
  const first = [...pairs].sort(byPlace).slice(0, ids - 1);
  return new Map(first.map((pair) => [pair.device, pair]));
}

/**
 * The device that is past the user's cap once a pair is added to those that may count, its own perhaps. Null: none,
 * since there is room or the device was one of them.
 */
export function pushedOut(
  counting: ReadonlyMap<number, Pair>,
  pair: Pair,
  { ids }: Caps = CAPS,
): number | null {
  if (counting.has(pair.device) || counting.size < ids - 1) return null;
  let last = pair;
  for (const one of counting.values()) if (byPlace(one, last) > 0) last = one;
  return last.device;
}

/** Users that are one, and their devices. */
interface Circle {
  root: number;
  users: number[];
  devices: Set<number>;
  merges: number;
}

/**
 * Joins users by their merges and counts their ids: trusted links and merges first, then the others, each in message
 * order, what one message links before what it merges; past the caps no more are linked. A link is refused only where
 * the profile is full, and a full one takes in nobody and nothing any more.
 */
export function resolveIdentities(
  users: Iterable<number>,
  merges: readonly Merge[],
  pairs: readonly Pair[],
  caps: Caps = CAPS,
): Resolution {
  const circles = new Map<number, Circle>();
  const circleOf = (user: number): Circle => {
    const known = circles.get(user);
    if (known) return known;
    const circle = { root: user, users: [user], devices: new Set<number>(), merges: 0 };
    circles.set(user, circle);
    return circle;
  };
  for (const user of users) circleOf(user);
  const refusedMerges = new Set<Merge>();
  const hit = new Set<number>();

  const merge = (wanted: Merge): void => {
    const a = circleOf(wanted.from);
    const b = circleOf(wanted.into);
    if (a === b) return;
    const devices = new Set([...a.devices, ...b.devices]);
    const ids = a.users.length + b.users.length + devices.size;
    const count = a.merges + b.merges + 1;
    if (ids > caps.ids || count > caps.merges) {
      refusedMerges.add(wanted);
      hit.add(wanted.into);
      return;
    }
    b.users.push(...a.users);
    b.devices = devices;
    b.merges = count;
    for (const user of a.users) circles.set(user, b);
  };
  const link = ({ user, device }: Pair): void => {
    const circle = circleOf(user);
    if (circle.devices.has(device)) return;
    if (circle.users.length + circle.devices.size < caps.ids) circle.devices.add(device);
    else hit.add(user);
  };
  const mergers = [...merges].sort((a, b) => compareStamps(a.stamp, b.stamp));
  let merged = 0;
  for (const pair of [...pairs].sort(byPlace)) {
    // Merges are trusted; what one message links comes before what it merges.
    for (; merged < mergers.length; merged++) {
      const next = mergers[merged] as Merge; // there is one
      if (pair.trusted !== null && compareStamps(pair.trusted, next.stamp) <= 0) break;
      merge(next);
    }
    link(pair);
  }
  for (const left of mergers.slice(merged)) merge(left);
  return {
    root: new Map([...circles].map(([user, circle]) => [user, circle.root])),
    devicesOf: (user) => circles.get(user)?.devices ?? new Set(),
    refusedMerges,
    flagged: new Set([...hit].map((user) => circleOf(user).root)),
  };
}
