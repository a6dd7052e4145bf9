// Short ways to write messages and definitions down for the tests of the model.
// Invariant: messages get growing ids, so that at one instant the one written later is later.
import type { Condition, TraitDefinition } from '../../collector/src/wire/definitions.ts';
import type { JsonObject, JsonValue } from '../../collector/src/wire/message.ts';
import { passageOfTime } from './deadlines.ts';
import { emptyHistory, type History, type ModelMessage } from './history.ts';
import { type Definitions, world } from './model.ts';

export const T0 = Date.parse('2026-06-10T12:00:00Z');
export const NONE: Definitions = { traits: {}, segments: {} };
let serial = 0;

export function message(fields: Partial<ModelMessage> & { body?: JsonObject }): ModelMessage {
  const id = String(++serial).padStart(4, '0');
  return { type: 'track', messageId: id, kind: 'web', trusted: false, time: T0, body: {}, ...fields };
}

/** From here on times are relative to T0, in milliseconds. */
export function track(userId: string, event: string, at = 0, properties: JsonObject = {}): ModelMessage {
  return message({ userId, time: T0 + at, body: { type: 'track', event, properties } });
}

export function identify(userId: string, at: number, traits: JsonObject): ModelMessage {
  return message({ type: 'identify', userId, time: T0 + at, body: { type: 'identify', traits } });
}

export function group(userId: string, groupId: string, at: number, traits: JsonObject): ModelMessage {
  return message({ type: 'group', userId, groupId, time: T0 + at, body: { type: 'group', groupId, traits } });
}

/** A message of a device, of a user as well when there is one. */
export function on(device: string, at: number, userId?: string): ModelMessage {
  return message({ anonymousId: device, time: T0 + at, ...(userId === undefined ? {} : { userId }) });
}

export function alias(previousId: string, userId: string, at: number): ModelMessage {
  return message({ type: 'alias', kind: 'server', trusted: true, previousId, userId, time: T0 + at });
}

export function told(...messages: ModelMessage[]): History {
  return { ...emptyHistory(), messages };
}

export function segments(
  conditions: Record<string, Condition>,
  traits: Record<string, TraitDefinition> = {},
): Definitions {
  return {
    traits,
    segments: Object.fromEntries(Object.entries(conditions).map(([key, where]) => [key, { where }])),
  };
}

/** The keys of those who satisfy a condition, sorted. */
export function inside(history: History, condition: Condition, at: number): string[] {
  return world(history, segments({ s: condition }), T0 + at)
    .profiles.filter((profile) => profile.segments.includes('s'))
    .map((profile) => profile.key)
    .sort();
}

/** What time changes for a condition from `from` to `to`: `+` entered, `-` left, with the instants. */
export function changes(
  history: History,
  condition: Condition,
  from: number,
  to: number,
): [string, number][] {
  return passageOfTime(history, segments({ s: condition }), T0 + from, T0 + to).transitions.map((row) => [
    row.change === 'entered' ? '+' : '-',
    row.at - T0,
  ]);
}

/** The computed traits of the only person. */
export function computed(
  history: History,
  traits: Record<string, TraitDefinition>,
  at: number,
  timezone = 'UTC',
): Record<string, JsonValue> {
  const { profiles } = world(history, { traits, segments: {} }, T0 + at, { timezone });
  return profiles[0]?.computed ?? {};
}

/** Everybody's key with the number of their messages. */
export function people(history: History, at: number): Record<string, number> {
  return Object.fromEntries(
    world(history, NONE, T0 + at).profiles.map((profile) => [profile.key, profile.eventCount]),
  );
}
