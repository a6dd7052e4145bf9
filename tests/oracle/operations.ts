// What is done to people by hand, as a change of the history: merge, unmerge, lists, erasure (contract sections 4, 6, 7).
// Invariant: an operation returns a new history and depends on nothing but the old one and the clock of the call.
import { type History, idOf, type ModelMessage, type Shadow } from './history.ts';
import { identityOf, userAt } from './identity.ts';

/** Two who are one person already stay as they are. */
export function merged(history: History, from: string, into: string, now: number): History {
  const { holderOf } = identityOf(history, now);
  if (holderOf(`user:${from}`) === holderOf(`user:${into}`)) return history;
  return { ...history, merges: [...history.merges, { from, into, time: now }] };
}

/** Undoes every merge accepted so far from that user id, those of aliases dated later included. */
export function unmerged(history: History, user: string): History {
  return {
    ...history,
    merges: history.merges.filter(({ from }) => from !== user),
    messages: history.messages.map((message) =>
      message.type === 'alias' && idOf(message.previousId) === user
        ? { ...message, unmerged: true as const }
        : message,
    ),
  };
}

export function listed(history: History, segment: string, address: string): History {
  const entries = history.lists[segment] ?? [];
  return entries.includes(address)
    ? history
    : { ...history, lists: { ...history.lists, [segment]: [...entries, address] } };
}

export function unlisted(history: History, segment: string, address: string): History {
  const entries = (history.lists[segment] ?? []).filter((entry) => entry !== address);
  return { ...history, lists: { ...history.lists, [segment]: entries } };
}

/** Ids that are refused since their person was erased with `suppress`. */
export interface Suppressed {
  users: Set<string>;
  devices: Set<string>;
}

/** Which of a message's ids are refused. */
export function refusedIds(message: ModelMessage, { users, devices }: Suppressed) {
  const has = (ids: Set<string>, id: string | null | undefined) => ids.has(idOf(id) ?? '');
  const previous = message.type === 'alias' ? message.previousId : undefined;
  return {
    sender: has(users, message.userId) || has(devices, message.anonymousId),
    previousDevice: has(devices, previous),
    previousUser: has(users, previous),
  };
}

export interface Erased {
  history: History;
  /** What `suppress` would refuse from now on: the user ids, and the devices that were theirs alone. */
  users: string[];
  devices: string[];
}

/** Erases the person with this key (see `Identity`). */
export function erased(history: History, person: string, now: number): Erased {
  const identity = identityOf(history, now);
  const later = identityOf(history, Number.POSITIVE_INFINITY);
  const users = identity.usersOf(person);

  function isTheirs(message: ModelMessage): boolean {
    if (message.time <= now) return identity.ownerOf(message) === person;
    // Not in effect yet: theirs by their user id, or by the stretch of the device that it will fall into.
    const user = idOf(message.userId);
    if (user !== undefined) return users.has(user);
    const device = idOf(message.anonymousId) ?? '';
    const holder = userAt(later.timelineOf(device), message);
    return holder === undefined ? person === `anon:${device}` : users.has(holder);
  }

  const devices = identity.devicesOf(person);
  const alone = devices.filter((device) => identity.timelineOf(device).every(({ user }) => users.has(user)));
  // Every one of their links is a message of theirs, or a shadow of one erased before.
  const shadows = devices
    .filter((device) => !alone.includes(device))
    .flatMap((device) =>
      identity
        .timelineOf(device)
        .filter(({ user }) => users.has(user))
        .map(
          ({ stamp: { time, messageId, kind }, user, trusted }): Shadow => ({
            device,
            user,
            trusted,
            time,
            messageId,
            kind,
          }),
        ),
    );
  return {
    users: [...users],
    devices: alone,
    history: {
      messages: history.messages.filter((message) => !isTheirs(message)),
      merges: history.merges.filter(({ from, into }) => !users.has(from) && !users.has(into)),
      lists: Object.fromEntries(
        Object.entries(history.lists).map(([segment, entries]) => [
          segment,
          entries.filter((address) => identity.holderOf(address) !== person),
        ]),
      ),
      shadows: [...history.shadows.filter(({ user }) => !users.has(user)), ...shadows],
    },
  };
}

/** Whether a message falls on the very instant of a shadow on a device that it names. */
export function meetsShadow(message: ModelMessage, shadows: readonly Shadow[]): boolean {
  const devices = [message.anonymousId, message.type === 'alias' ? message.previousId : undefined].map(idOf);
  return shadows.some(({ device, time }) => time === message.time && devices.includes(device));
}
