// The reference model: every profile worked out from scratch, slow and plain (contract sections 4 to 7).
// Invariant: a pure function of accepted messages, definitions and the clock; no state is kept, no code shared.
import type {
  Condition,
  SegmentDefinition,
  TraitDefinition,
  Where,
  Within,
} from '../../collector/src/wire/definitions.ts';
import type { JsonObject, JsonValue } from '../../collector/src/wire/message.ts';
import { at, compares, instantOf, msOf, numberOf, type Value } from './comparison.ts';
import { add, decimalOf, toNumber, ZERO } from './decimal.ts';
import { type Caps, CONTRACT_CAPS, identityOf, idOf, inOrder, type ModelMessage } from './identity.ts';

export type { ModelMessage } from './identity.ts';

export interface Definitions {
  traits: Record<string, TraitDefinition>;
  segments: Record<string, SegmentDefinition>;
}

/** One person as the model expects the API to show them; lists in a fixed order. */
export interface ModelProfile {
  /** `user:<survivor>` or `anon:<device>`; the model's own name, not shown by the API. */
  key: string;
  userId: string | null;
  anonymousIds: string[];
  traits: JsonObject;
  computed: JsonObject;
  segments: string[];
  groups: { id: string; traits: JsonObject }[];
  firstSeenAt: string;
  lastSeenAt: string;
  eventCount: number;
  flagged: boolean;
}

export interface World {
  profiles: ModelProfile[];
  /** The person an address (`user:x`, `anon:x`) resolves to now, if any is known. */
  find(address: string): ModelProfile | undefined;
}

export function iso(time: number): string {
  return new Date(time).toISOString();
}

/** Computes everyone at the clock `now`. */
export function world(
  accepted: readonly ModelMessage[],
  definitions: Definitions,
  now: number,
  caps: Caps = CONTRACT_CAPS,
): World {
  const messages = accepted.filter((message) => message.time <= now).sort(inOrder);
  const identity = identityOf(messages, caps);
  const owned = new Map<string, ModelMessage[]>();
  for (const message of messages) {
    const owner = identity.ownerOf(message);
    owned.set(owner, [...(owned.get(owner) ?? []), message]);
  }
  const profiles = [...owned].map(([key, theirs]): ModelProfile => {
    const traits = lastWriterWins(theirs.filter((message) => message.type === 'identify'));
    const computed = Object.fromEntries(
      Object.entries(definitions.traits).map(([name, trait]) => [name, computedTrait(trait, theirs, now)]),
    );
    const person = { messages: theirs, traits, computed };
    return {
      key,
      userId: key.startsWith('user:') ? key.slice(5) : null,
      anonymousIds: identity.devicesOf(key),
      traits,
      computed,
      segments: Object.keys(definitions.segments)
        .filter((name) => isMember(name, person, definitions, now))
        .sort(),
      groups: groupsOf(theirs, messages),
      firstSeenAt: iso(theirs[0]?.time ?? Number.NaN),
      lastSeenAt: iso(theirs.at(-1)?.time ?? Number.NaN),
      eventCount: theirs.length,
      flagged: identity.flagged(key),
    };
  });
  const byKey = new Map(profiles.map((profile) => [profile.key, profile]));
  return { profiles, find: (address) => byKey.get(identity.holderOf(address)) };
}

/** Every key by its latest writer; null unsets. `messages` in order, with `traits` in their bodies. */
function lastWriterWins(messages: readonly ModelMessage[]): JsonObject {
  const traits = new Map<string, JsonValue>();
  for (const { body } of messages) {
    if (typeof body.traits !== 'object' || body.traits === null || Array.isArray(body.traits)) continue;
    for (const [key, value] of Object.entries(body.traits)) {
      if (value === null) traits.delete(key);
      else traits.set(key, value);
    }
  }
  return Object.fromEntries(traits);
}

function groupsOf(theirs: readonly ModelMessage[], all: readonly ModelMessage[]): ModelProfile['groups'] {
  const groupOf = (message: ModelMessage) => (message.type === 'group' ? idOf(message.groupId) : undefined);
  const ids = new Set(theirs.map(groupOf).filter((id) => id !== undefined));
  return [...ids].sort().map((id) => ({
    id,
    traits: lastWriterWins(all.filter((message) => groupOf(message) === id)),
  }));
}

function selects(event: string, message: ModelMessage): boolean {
  if (event === '*') return message.type !== 'alias';
  if (['$page', '$screen', '$identify', '$group', '$survey'].includes(event)) {
    return message.type === event.slice(1);
  }
  if (message.type !== 'track') return false;
  const name = String(message.body.event);
  return event.endsWith('*') ? name.startsWith(event.slice(0, -1)) : name === event;
}

function satisfies(where: Where | undefined, body: JsonObject, now: number): boolean {
  if (where === undefined) return true;
  if ('all' in where) return where.all.every((part) => satisfies(part, body, now));
  if ('any' in where) return where.any.some((part) => satisfies(part, body, now));
  if ('not' in where) return !satisfies(where.not, body, now);
  return compares(at(body, where.path), where.op, where.value, now);
}

function inWindow(within: Within | undefined, time: number, now: number): boolean {
  if (within === undefined) return true;
  if (typeof within === 'string') return now - msOf(within) < time && time <= now;
  const from = instantOf(within.from) ?? Number.NaN;
  const to = instantOf(within.to) ?? Number.NaN;
  return from <= time && time <= to;
}

interface Selection {
  event: string;
  where?: Where | undefined;
  within?: Within | undefined;
}

function matching(selection: Selection, messages: readonly ModelMessage[], now: number): ModelMessage[] {
  return messages.filter(
    (message) =>
      selects(selection.event, message) &&
      satisfies(selection.where, message.body, now) &&
      inWindow(selection.within, message.time, now),
  );
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** The value of one computed trait over a person's messages in order. */
export function computedTrait(
  trait: TraitDefinition,
  messages: readonly ModelMessage[],
  now: number,
): JsonValue {
  const matches = matching(trait, messages, now);
  const seen = (message: ModelMessage | undefined) => (message ? iso(message.time) : null);
  switch (trait.type) {
    case 'count':
      return matches.length;
    case 'first_seen':
      return seen(matches[0]);
    case 'last_seen':
      return seen(matches.at(-1));
  }
  const values = matches
    .map((message) => at(message.body.properties, trait.property))
    .filter((value): value is Exclude<Value, undefined | null> => value !== undefined && value !== null);
  const numbers = values.map(numberOf).filter((value) => value !== undefined);
  const total = numbers.map(decimalOf).reduce(add, ZERO);
  const distinct = new Map<string, { value: JsonValue; count: number }>();
  for (const value of values) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    distinct.set(text, { value, count: (distinct.get(text)?.count ?? 0) + 1 });
  }
  const sorted = [...distinct].sort((a, b) => byBytes(a[0], b[0])).map(([, entry]) => entry);
  switch (trait.type) {
    case 'sum':
      return toNumber(total);
    case 'avg':
      return numbers.length === 0 ? null : toNumber(total) / numbers.length;
    case 'min':
      return numbers.length === 0 ? null : Math.min(...numbers);
    case 'max':
      return numbers.length === 0 ? null : Math.max(...numbers);
    case 'first':
      return values[0] ?? null;
    case 'last':
      return values.at(-1) ?? null;
    case 'unique_count':
      return sorted.length;
    case 'unique_list': {
      const list = sorted.slice(0, 1_000).map((entry) => entry.value);
      return sorted.length > 1_000 ? { values: list, truncated: true } : list;
    }
    case 'most_frequent': {
      const most = Math.max(0, ...sorted.map((entry) => entry.count));
      const winner = sorted.find((entry) => entry.count === most);
      return winner && most >= (trait.minCount ?? 1) ? winner.value : null;
    }
  }
}

interface Subject {
  messages: readonly ModelMessage[];
  traits: JsonObject;
  computed: JsonObject;
}

function isMember(segment: string, person: Subject, definitions: Definitions, now: number): boolean {
  const definition = definitions.segments[segment];
  if (!definition) throw new Error(`no such segment: ${segment}`);
  const holds = (condition: Condition): boolean => {
    if ('all' in condition) return condition.all.every(holds);
    if ('any' in condition) return condition.any.some(holds);
    if ('not' in condition) return !holds(condition.not);
    if ('segment' in condition) return isMember(condition.segment, person, definitions, now);
    if ('event' in condition) {
      const { op, value } = condition.count ?? { op: 'gte' as const, value: 1 };
      return compares(matching(condition, person.messages, now).length, op, value, now);
    }
    if ('computed' in condition) {
      return compares(own(person.computed, condition.computed), condition.op, condition.value, now);
    }
    return compares(own(person.traits, condition.trait), condition.op, condition.value, now);
  };
  return holds(definition.where);
}

const own = (fields: JsonObject, name: string): Value =>
  Object.hasOwn(fields, name) ? fields[name] : undefined;

export interface ModelTransition {
  segment: string;
  /** The model's key of the person. */
  person: string;
  change: 'entered' | 'left';
  /** The exact instant, epoch milliseconds. */
  at: number;
}

/**
 * What time alone changes while the clock goes from `from` (excluded) to `to` (included): the state at every
 * instant that could matter, compared with the one before.
 */
export function transitionsByTime(
  messages: readonly ModelMessage[],
  definitions: Definitions,
  from: number,
  to: number,
): ModelTransition[] {
  const instants = [...instantsThatMatter(messages, definitions)].filter((t) => from < t && t <= to);
  const found: ModelTransition[] = [];
  let before = memberships(world(messages, definitions, from));
  for (const instant of instants.sort((a, b) => a - b)) {
    const after = memberships(world(messages, definitions, instant));
    for (const [entry, [person, segment]] of after) {
      if (!before.has(entry)) found.push({ segment, person, change: 'entered', at: instant });
    }
    for (const [entry, [person, segment]] of before) {
      if (!after.has(entry)) found.push({ segment, person, change: 'left', at: instant });
    }
    before = after;
  }
  return found;
}

function memberships({ profiles }: World): Map<string, [person: string, segment: string]> {
  return new Map(
    profiles.flatMap(({ key, segments }) =>
      segments.map((segment): [string, [string, string]] => [`${segment} ${key}`, [key, segment]]),
    ),
  );
}

/** Every instant at which an answer could change: times and dates, and those moved by every duration used. */
function instantsThatMatter(messages: readonly ModelMessage[], definitions: Definitions): Set<number> {
  const spans = new Set<number>();
  walk(definitions as unknown as JsonValue, (value, field) => {
    if (typeof value !== 'string' || !/^\d+[smhdw]$/.test(value)) return;
    if (field === 'within' || field === 'value') spans.add(msOf(value));
  });
  const points = new Set(messages.map((message) => message.time));
  for (const { body } of messages) {
    walk(body, (value) => {
      const instant = instantOf(value);
      if (instant !== undefined) points.add(instant);
    });
  }
  const instants = new Set(points);
  for (const point of points) {
    for (const span of spans) {
      instants.add(point + span);
      instants.add(point - span);
    }
  }
  return instants;
}

function walk(value: JsonValue | undefined, visit: (value: Value, field: string) => void, field = ''): void {
  visit(value, field);
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) walk(inner, visit, Array.isArray(value) ? field : key);
}
