// The reference model: every profile worked out from scratch, slow and plain (contract sections 4 to 7).
// Invariant: a pure function of the history, the definitions and the clock; no state is kept, no code shared.
import type { SegmentDefinition, TraitDefinition } from '../../collector/src/wire/definitions.ts';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { at } from './comparison.ts';
import { computedTrait, iso } from './computed.ts';
import { type History, inOrder, type ModelMessage } from './history.ts';
import { type Caps, CONTRACT_CAPS, type Identity, identityOf } from './identity.ts';
import { isMember, type Subject } from './membership.ts';
import { declaredTraits, type Group, groupOf, groupsOf } from './traits.ts';

export interface Definitions {
  traits: Record<string, TraitDefinition>;
  segments: Record<string, SegmentDefinition>;
  /** Expiries when a definition got its meaning, by `kind/key`; 0 unless given. */
  since?: Record<string, number>;
}

export interface ModelOptions {
  caps?: Caps;
  /** Whose days `active_days` counts; UTC unless given. */
  timezone?: string;
}

/** One person as the model expects the API to show them; lists in a fixed order. */
export interface ModelProfile {
  /** See `Identity`; the model's own name, not shown by the API. */
  key: string;
  userId: string | null;
  anonymousIds: string[];
  traits: JsonObject;
  computed: JsonObject;
  segments: string[];
  groups: Group[];
  firstSeenAt: string;
  lastSeenAt: string;
  eventCount: number;
  flagged: boolean;
  /** Sent with anonymous consent alone: in no segment, and listed nowhere. */
  anonymous: boolean;
}

export interface ModelGroup extends Group {
  /** How many profiles are in it. */
  members: number;
}

export interface World {
  profiles: ModelProfile[];
  /** The person an address (`user:x`, `anon:x`) resolves to now, if any is known. */
  find(address: string): ModelProfile | undefined;
  group(id: string): ModelGroup | undefined;
}

/** Computes everyone at the clock `now`. */
export function world(
  history: History,
  definitions: Definitions,
  now: number,
  { caps = CONTRACT_CAPS, timezone = 'UTC' }: ModelOptions = {},
): World {
  const identity = identityOf(history, now, caps);
  const profiles = [...subjectsOf(history, identity, definitions, now, timezone)].map(
    ([key, person]): ModelProfile => ({
      key,
      userId: key.startsWith('user:') ? key.slice(5) : null,
      anonymousIds: identity.devicesOf(key),
      traits: person.traits,
      computed: Object.fromEntries(
        Object.keys(definitions.traits).map((name) => [name, person.computed(name)]),
      ),
      segments: segmentsOf(person, definitions, now),
      groups: [...person.groups],
      firstSeenAt: iso(person.messages[0]?.time ?? Number.NaN),
      lastSeenAt: iso(person.messages.at(-1)?.time ?? Number.NaN),
      eventCount: person.messages.length,
      flagged: identity.flagged(key),
      anonymous: isAnonymous(person),
    }),
  );
  const byKey = new Map(profiles.map((profile) => [profile.key, profile]));
  return {
    profiles,
    find: (address) => byKey.get(identity.holderOf(address)),
    group(id) {
      const joined = profiles.flatMap(({ groups }) => groups.filter((group) => group.id === id));
      return joined[0] && { ...joined[0], members: joined.length };
    },
  };
}

/** Who is in which segment at the clock `now`: the keys of all people, each with their segments. */
export function membershipsOf(
  history: History,
  definitions: Definitions,
  now: number,
  { caps = CONTRACT_CAPS, timezone = 'UTC' }: ModelOptions = {},
): Map<string, string[]> {
  const identity = identityOf(history, now, caps);
  const people = subjectsOf(history, identity, definitions, now, timezone);
  return new Map([...people].map(([key, person]) => [key, segmentsOf(person, definitions, now)]));
}

/** Everybody's messages in effect at the clock `now`, in order, by key. */
export function messagesByPerson(
  history: History,
  now: number,
  { caps = CONTRACT_CAPS }: ModelOptions = {},
): Map<string, readonly ModelMessage[]> {
  const nothing = { traits: {}, segments: {} };
  const people = subjectsOf(history, identityOf(history, now, caps), nothing, now, 'UTC');
  return new Map([...people].map(([key, { messages }]) => [key, messages]));
}

/** Contract section 8. */
const isAnonymous = ({ messages }: Subject): boolean =>
  messages.every(({ body }) => at(body, 'context.tm.consent') === 'anonymous');

function segmentsOf(person: Subject, { segments }: Definitions, now: number): string[] {
  if (isAnonymous(person)) return [];
  return Object.keys(segments)
    .filter((name) => isMember(name, person, segments, now))
    .sort();
}

/** Everybody with a message in effect, by key. */
function subjectsOf(
  history: History,
  identity: Identity,
  definitions: Definitions,
  now: number,
  timezone: string,
): Map<string, Subject> {
  const messages = history.messages.filter((message) => message.time <= now).sort(inOrder);
  const groupMessages = messages.filter((message) => groupOf(message) !== undefined);
  const owned = new Map<string, ModelMessage[]>();
  for (const message of messages) {
    const owner = identity.ownerOf(message);
    const theirs = owned.get(owner) ?? [];
    theirs.push(message);
    owned.set(owner, theirs);
  }
  const lists = Object.entries(history.lists);
  return new Map(
    [...owned].map(([key, theirs]): [string, Subject] => [
      key,
      {
        messages: theirs,
        seenBy: (segment) => seenIn(theirs, definitions, 'segments', segment),
        traits: declaredTraits(theirs),
        groups: groupsOf(theirs, groupMessages),
        computed: (name) =>
          computedTrait(
            name,
            definitions.traits,
            (trait) => seenIn(theirs, definitions, 'traits', trait),
            now,
            timezone,
          ),
        lists: new Set(
          lists
            .filter(([, addresses]) => addresses.some((address) => identity.holderOf(address) === key))
            .map(([segment]) => segment),
        ),
        bucketId: key.startsWith('nameless:') ? undefined : key.slice(5),
      },
    ]),
  );
}

/** Of a person's messages those that a definition sees: all that had not expired when it was made. */
function seenIn(
  messages: readonly ModelMessage[],
  { since = {} }: Definitions,
  kind: 'traits' | 'segments',
  key: string,
): readonly ModelMessage[] {
  const made = since[`${kind}/${key}`] ?? 0;
  return messages.filter(({ expired }) => expired === undefined || made < expired);
}
