// Who is who, worked out from nothing: users, devices, links by time, merges and the caps (contract section 4).
// Invariant: a function of the messages alone, in message order; arrival order never enters.
import type { KeyKind } from '../../collector/src/wire/accepted.ts';
import type { JsonObject, MessageType } from '../../collector/src/wire/message.ts';

/** An accepted message as the model sees it. Ids are as sent: blocked ones are sorted out here. */
export interface ModelMessage {
  type: MessageType;
  messageId: string;
  kind: KeyKind;
  trusted: boolean;
  userId?: string | null;
  anonymousId?: string | null;
  previousId?: string | null;
  groupId?: string | null;
  /** Corrected event time, epoch milliseconds. */
  time: number;
  body: JsonObject;
}

export interface Caps {
  ids: number;
  merges: number;
}
export const CONTRACT_CAPS: Caps = { ids: 1_000, merges: 100 };

export interface Identity {
  /** The key of the person a message belongs to: `user:<survivor>` or `anon:<device>`. */
  ownerOf(message: ModelMessage): string;
  /** The person that an address (`user:x`, `anon:x`) means now. */
  holderOf(address: string): string;
  devicesOf(person: string): string[];
  flagged(person: string): boolean;
}

const BLOCKED = new Set(
  'null undefined -1 nan none nil unknown anonymous guest true false [objectobject]'.split(' '),
);

/** Whether a value is never an identifier. */
export function isBlocked(id: string): boolean {
  const bare = id.toLowerCase().replace(/\s+/g, '');
  return /^[0-]*$/.test(bare) || BLOCKED.has(bare);
}

/** The id, or undefined when there is none to speak of. */
export function idOf(id: string | null | undefined): string | undefined {
  return id == null || isBlocked(id) ? undefined : id;
}

/** Message order: time, then messageId by UTF-8 bytes, then web before server. */
export function inOrder(a: ModelMessage, b: ModelMessage): number {
  if (a.time !== b.time) return a.time - b.time;
  const bytes = Buffer.compare(Buffer.from(a.messageId), Buffer.from(b.messageId));
  if (bytes !== 0) return bytes;
  return (a.kind === 'web' ? 0 : 1) - (b.kind === 'web' ? 0 : 1);
}

interface Person {
  name: string;
  users: Set<string>;
  devices: Set<string>;
  merges: number;
  flagged: boolean;
}

/** Works out all links and merges. `messages` are those in effect. */
export function identityOf(messages: readonly ModelMessage[], caps: Caps = CONTRACT_CAPS): Identity {
  const people = new Map<string, Person>();
  const links = new Map<string, { message: ModelMessage; user: string }[]>();

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

  function link(device: string, user: string, message: ModelMessage): void {
    const person = personOf(user);
    if (!person.devices.has(device) && person.users.size + person.devices.size >= caps.ids) {
      person.flagged = true;
      return;
    }
    person.devices.add(device);
    links.set(device, [...(links.get(device) ?? []), { message, user }]);
  }

  function merge(from: string, into: string): void {
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

  const ordered = [...messages].sort(inOrder);
  for (const message of [...ordered.filter((m) => m.trusted), ...ordered.filter((m) => !m.trusted)]) {
    const user = idOf(message.userId);
    if (user === undefined) continue;
    const device = idOf(message.anonymousId);
    if (device !== undefined) link(device, user, message);
    const previous = message.type === 'alias' ? idOf(message.previousId) : undefined;
    if (previous === undefined || previous === user) continue;
    link(previous, user, message);
    if (message.kind === 'server') merge(previous, user);
  }
  for (const timeline of links.values()) timeline.sort((a, b) => inOrder(a.message, b.message));

  const ofUser = (user: string) => `user:${personOf(user).name}`;
  return {
    ownerOf(message) {
      const user = idOf(message.userId);
      if (user !== undefined) return ofUser(user);
      const device = idOf(message.anonymousId);
      if (device === undefined) throw new Error(`a message of nobody: ${message.messageId}`);
      const timeline = links.get(device);
      if (!timeline) return `anon:${device}`;
      const holder = timeline.findLast((entry) => inOrder(entry.message, message) <= 0) ?? timeline[0];
      if (!holder) throw new Error('an empty timeline');
      return ofUser(holder.user);
    },
    holderOf(address) {
      const name = address.slice(5);
      if (address.startsWith('user:')) return ofUser(name);
      const last = links.get(name)?.at(-1);
      return last ? ofUser(last.user) : address;
    },
    devicesOf: (person) =>
      person.startsWith('anon:') ? [person.slice(5)] : [...personOf(person.slice(5)).devices].sort(),
    flagged: (person) => person.startsWith('user:') && personOf(person.slice(5)).flagged,
  };
}
