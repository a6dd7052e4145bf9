// Who is who, worked out from nothing: users, devices, links by time, merges and the caps (contract section 4).
// Invariant: a function of the history alone; the order in which messages arrived never enters.
import { type History, idOf, inOrder, type ModelMessage, type Stamp } from './history.ts';

export interface Caps {
  ids: number;
  merges: number;
}
export const CONTRACT_CAPS: Caps = { ids: 1_000, merges: 100 };

export interface Link {
  stamp: Stamp;
  user: string;
  trusted: boolean;
}

/**
 * People have keys: `user:<survivor>`, `anon:<device>` for a device never linked, and `nameless:<user>` for one
 * who was erased and of whom only the times on shared devices are left.
 */
export interface Identity {
  /** The key of the person a message belongs to. */
  ownerOf(message: ModelMessage): string;
  /** The key of the person that an address (`user:x`, `anon:x`) means now. */
  holderOf(address: string): string;
  /** All user ids of a person; none for a device. */
  usersOf(person: string): Set<string>;
  devicesOf(person: string): string[];
  /** Who was linked to a device and when, in order. */
  timelineOf(device: string): readonly Link[];
  flagged(person: string): boolean;
}

interface Person {
  name: string;
  users: Set<string>;
  devices: Set<string>;
  merges: number;
  flagged: boolean;
}

/** Something that links or merges, with its place among the others. */
interface Tie {
  trusted: boolean;
  time: number;
  /** Absent for a merge made through the API. */
  stamp?: Stamp;
  apply(): void;
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Trusted ones first, then by time; at one instant messages in their order, then API merges in theirs. */
function inTieOrder(a: Tie, b: Tie): number {
  if (a.trusted !== b.trusted) return a.trusted ? -1 : 1;
  if (a.time !== b.time) return a.time - b.time;
  if (a.stamp && b.stamp) return inOrder(a.stamp, b.stamp);
  return Number(a.stamp === undefined) - Number(b.stamp === undefined);
}

const linkBefore = (timeline: readonly Link[], stamp: Stamp): Link | undefined =>
  timeline.findLast((link) => inOrder(link.stamp, stamp) <= 0);

/** Works out all links and merges from what took effect at `now` or before. */
export function identityOf(history: History, now: number, caps: Caps = CONTRACT_CAPS): Identity {
  const people = new Map<string, Person>();
  const timelines = new Map<string, Link[]>();
  /** Users that somebody named; the others are known by the times of an erased person only. */
  const named = new Set<string>();

  function personOf(user: string): Person {
    const known = people.get(user);
    if (known) return known;
    const fresh = {
      name: user,
      users: new Set([user]),
      devices: new Set<string>(),
      merges: 0,
      flagged: false,
    };
    people.set(user, fresh);
    return fresh;
  }

  function link(device: string, { stamp, user, trusted }: Link): void {
    const person = personOf(user);
    if (!person.devices.has(device) && person.users.size + person.devices.size >= caps.ids) {
      person.flagged = true;
      return;
    }
    person.devices.add(device);
    const timeline = timelines.get(device) ?? [];
    timeline.push({ stamp, user, trusted });
    timelines.set(device, timeline);
  }

  function merge(from: string, into: string): void {
    named.add(from).add(into);
    const lost = personOf(from);
    const kept = personOf(into);
    if (lost === kept) return;
    const ids = new Set([...lost.devices, ...kept.devices]).size + lost.users.size + kept.users.size;
    if (lost.merges + kept.merges + 1 > caps.merges || ids > caps.ids) {
      kept.flagged = true;
      return;
    }
    for (const user of lost.users) {
      kept.users.add(user);
      people.set(user, kept);
    }
    for (const device of lost.devices) kept.devices.add(device);
    kept.merges += lost.merges + 1;
    kept.flagged ||= lost.flagged;
  }

  function applyMessage(message: ModelMessage): void {
    const user = idOf(message.userId);
    if (user === undefined) return;
    named.add(user);
    const device = idOf(message.anonymousId);
    const tie = { stamp: message, user, trusted: message.trusted };
    const other = message.type === 'alias' ? idOf(message.previousId) : undefined;
    const previous = other === user ? undefined : other;
    // What one message links counts by name.
    for (const one of [device, previous].filter((id) => id !== undefined).sort(byBytes)) link(one, tie);
    if (previous === undefined) return;
    if (message.kind !== 'server') return;
    // Undoing the merge takes back that they are one, not that somebody is called so.
    named.add(previous);
    if (!message.unmerged) merge(previous, user);
  }

  const messages = history.messages.filter((message) => message.time <= now);
  const ties: Tie[] = [
    ...messages.map((m) => ({
      trusted: m.trusted,
      time: m.time,
      stamp: m,
      apply: () => applyMessage(m),
    })),
    ...history.shadows.map((s) => ({
      trusted: s.trusted,
      time: s.time,
      stamp: s,
      apply: () => link(s.device, { stamp: s, user: s.user, trusted: s.trusted }),
    })),
    ...history.merges.map(({ from, into, time }) => ({
      trusted: true,
      time,
      apply: () => merge(from, into),
    })),
  ];
  for (const tie of ties.sort(inTieOrder)) tie.apply();
  for (const timeline of timelines.values()) timeline.sort((a, b) => inOrder(a.stamp, b.stamp));

  const keyOf = (user: string) => {
    const { name, users } = personOf(user);
    return [...users].some((one) => named.has(one)) ? `user:${name}` : `nameless:${name}`;
  };
  const personWith = (key: string): Person | undefined =>
    key.startsWith('anon:') ? undefined : personOf(key.slice(key.indexOf(':') + 1));
  return {
    ownerOf(message) {
      const user = idOf(message.userId);
      if (user !== undefined) return keyOf(user);
      const device = idOf(message.anonymousId);
      if (device === undefined) throw new Error(`a message of nobody: ${message.messageId}`);
      const timeline = timelines.get(device) ?? [];
      const holder = linkBefore(timeline, message) ?? timeline[0];
      return holder ? keyOf(holder.user) : `anon:${device}`;
    },
    holderOf(address) {
      const name = address.slice(5);
      if (address.startsWith('user:')) return named.has(name) ? keyOf(name) : address;
      const last = timelines.get(name)?.at(-1);
      return last ? keyOf(last.user) : address;
    },
    usersOf: (key) => new Set(personWith(key)?.users),
    devicesOf: (key) => [...(personWith(key)?.devices ?? [key.slice(5)])].sort(),
    timelineOf: (device) => timelines.get(device) ?? [],
    flagged: (key) => personWith(key)?.flagged ?? false,
  };
}

/** The user whose stretch of the device's timeline a message would fall into; none before every link. */
export function userAt(timeline: readonly Link[], stamp: Stamp): string | undefined {
  return linkBefore(timeline, stamp)?.user;
}
