// Plays a script on a collector and on the model, and compares all that can be read at every look.
// Invariant: the model sees what was accepted and nothing that the collector computed from it.

import type { Condition } from '../../collector/src/wire/definitions.ts';
import type { JsonObject, JsonValue } from '../../collector/src/wire/message.ts';
import { type ApiProfile, type ApiTransition, openCollector, T0, type TestCollector } from '../collector.ts';
import { eventTime } from './event-time.ts';
import { idOf } from './identity.ts';
import {
  type Definitions,
  iso,
  type ModelMessage,
  type ModelProfile,
  transitionsByTime,
  world,
} from './model.ts';
import { DEVICES, messagesOf, type Script, type ScriptMessage, type Step, USERS } from './script.ts';

type Send = Extract<Step, { do: 'send' }>;

/** `segment person` to the net changes seen there, by instant. */
type Changes = Map<string, Map<number, number>>;

/** Plays the script; throws with the step and all differences at the first disagreement. */
export async function playScript(script: Script): Promise<void> {
  const collector = await openCollector({ file: true, now: T0 });
  try {
    const game = createGame(collector);
    for (const [index, step] of script.entries()) {
      const faults = await game.play(step);
      if (faults.length > 0) {
        throw new Error(`step ${index} (${step.do}) at ${iso(collector.clock.now)}:\n${faults.join('\n')}`);
      }
    }
  } finally {
    await collector.dispose();
  }
}

/** One line a step, as it appears in the report of a failure. */
export function describeScript(script: Script): string {
  return script.map((step, index) => `  ${index}: ${JSON.stringify(step)}`).join('\n');
}

function createGame(collector: TestCollector) {
  const accepted: ModelMessage[] = [];
  const seen = new Set<string>();
  const definitions: Definitions = { traits: {}, segments: {} };
  /** Net changes the model expects in the feed since the last look. */
  let expected: Changes = new Map();
  /** Whether somebody was absorbed since the last look: then the feed says more than memberships do. */
  let absorbed = false;
  let sample = takeSample();
  const readUpTo = new Map<string, number>();
  /** Segments whose next rows begin with those of an earlier definition: replayed, but not compared one by one. */
  const deletedSinceLook = new Set<string>();

  function takeSample() {
    const { profiles } = world(accepted, definitions, collector.clock.now);
    return {
      people: new Set(profiles.map((profile) => profile.key)),
      members: new Set(
        profiles.flatMap(({ key, segments }) => segments.map((segment) => `${segment} ${key}`)),
      ),
    };
  }

  function note(entry: string, at: number, change: 1 | -1): void {
    const changes = expected.get(entry) ?? new Map<number, number>();
    changes.set(at, (changes.get(at) ?? 0) + change);
    expected.set(entry, changes);
  }

  /** Takes a new sample and books what changed as observed at the clock. */
  function observe(): void {
    const before = sample;
    sample = takeSample();
    const now = collector.clock.now;
    for (const entry of sample.members) if (!before.members.has(entry)) note(entry, now, 1);
    for (const entry of before.members) if (!sample.members.has(entry)) note(entry, now, -1);
    if ([...before.people].some((person) => !sample.people.has(person))) absorbed = true;
  }

  async function send(step: Send): Promise<string[]> {
    const now = collector.clock.now;
    const batch = step.messages.map((message) => asSent(message, now));
    const more = step.batchSentAtMs === undefined ? {} : { sentAt: iso(now + step.batchSentAtMs) };
    let fresh = 0;
    let repeated = 0;
    let refused = 0;
    for (const message of step.messages) {
      const id = `${step.key} ${message.messageId}`;
      if (idOf(message.userId) === undefined && idOf(message.anonymousId) === undefined) refused++;
      else if (seen.has(id)) repeated++;
      else {
        seen.add(id);
        accepted.push(asAccepted(message, step, now));
        fresh++;
      }
    }
    const answer = await collector.send(step.key, batch, more);
    const faults: string[] = [];
    const told = `${answer.accepted} accepted, ${answer.duplicates} duplicates, ${answer.rejected.length} rejected`;
    const should = `${fresh} accepted, ${repeated} duplicates, ${refused} rejected`;
    if (told !== should)
      faults.push(`the answer says ${told}; expected ${should}: ${JSON.stringify(answer)}`);
    if (step.twice) {
      const again = await collector.send(step.key, batch, more);
      if (again.accepted !== 0) faults.push(`the same batch again: ${JSON.stringify(again)}`);
    }
    observe();
    return faults;
  }

  async function put(step: Extract<Step, { do: 'put' }>): Promise<string[]> {
    const missing = needs(step).filter(([kind, key]) => !Object.hasOwn(definitions[kind], key));
    const known = Object.hasOwn(definitions[step.kind], step.key);
    const answer = await collector.put(step.kind, step.key, step.definition);
    const should = missing.length > 0 ? 422 : known ? 200 : 201;
    if (answer.status !== should) {
      return [`PUT ${step.kind}/${step.key}: ${answer.status}, expected ${should}: ${answer.text}`];
    }
    if (missing.length > 0) return [];
    const { key, meanwhile = [] } = step;
    const faults = meanwhile.length > 0 ? await send({ do: 'send', key: 'web', messages: meanwhile }) : [];
    await collector.tick();
    const { json } = await collector.api('GET', `/api/${step.kind}/${key}`);
    if (json.status !== 'ready') return [`${step.kind}/${key} is ${json.status} after a tick`];
    Object.assign(definitions[step.kind], { [key]: step.definition });
    observe();
    return faults;
  }

  async function remove(step: Extract<Step, { do: 'delete' }>): Promise<string[]> {
    const known = Object.hasOwn(definitions[step.kind], step.key);
    const needed = Object.values(definitions.segments).some(({ where }) =>
      references(where).some(([kind, key]) => kind === step.kind && key === step.key),
    );
    const answer = await collector.api('DELETE', `/api/${step.kind}/${step.key}`);
    const should = !known ? 404 : needed ? 409 : 204;
    if (answer.status !== should) {
      return [`DELETE ${step.kind}/${step.key}: ${answer.status}, expected ${should}: ${answer.text}`];
    }
    if (should !== 204) return [];
    await collector.tick();
    delete definitions[step.kind][step.key];
    sample = takeSample();
    if (step.kind === 'segments') deletedSinceLook.add(step.key);
    return [];
  }

  function moveClock(byMs: number): void {
    const from = collector.clock.now;
    collector.advance(byMs);
    for (const row of transitionsByTime(accepted, definitions, from, collector.clock.now)) {
      note(`${row.segment} ${row.person}`, row.at, row.change === 'entered' ? 1 : -1);
    }
    // Somebody may appear and be absorbed again on the way: look at every instant a message takes effect.
    const instants = accepted
      .map((message) => message.time)
      .filter((time) => from < time && time <= collector.clock.now);
    for (const instant of [...new Set(instants)].sort((a, b) => a - b)) {
      const people = new Set(world(accepted, definitions, instant).profiles.map((profile) => profile.key));
      if ([...sample.people].some((person) => !people.has(person))) absorbed = true;
      sample = { ...sample, people };
    }
    sample = takeSample();
  }

  async function look(): Promise<string[]> {
    const faults: string[] = [];
    const expectedWorld = world(accepted, definitions, collector.clock.now);
    const idOfPerson = new Map<string, string>();
    for (const address of [
      ...USERS.map((id) => `user:${id}`),
      ...DEVICES.map((id) => `anon:${id}`),
      'anon:d4',
    ]) {
      const should = expectedWorld.find(address);
      const is = await collector.profile(address);
      if (is && should) idOfPerson.set(should.key, is.id);
      faults.push(...differences(address, comparable(is), should && expectedShape(should)));
    }
    const people = await collector.all<ApiProfile>('/api/profiles');
    const listed = people.map((person) => person.id).sort();
    faults.push(...differences('/api/profiles', listed, [...idOfPerson.values()].sort()));
    for (const segment of Object.keys(definitions.segments)) {
      faults.push(...(await lookAtSegment(segment, expectedWorld.profiles, idOfPerson)));
    }
    expected = new Map();
    absorbed = false;
    return faults;
  }

  async function lookAtSegment(
    segment: string,
    profiles: readonly ModelProfile[],
    idOfPerson: Map<string, string>,
  ): Promise<string[]> {
    const faults: string[] = [];
    const should = profiles.filter((profile) => profile.segments.includes(segment));
    const memberIds = should.map((profile) => idOfPerson.get(profile.key) ?? profile.key).sort();
    const rows = await collector.all<ApiProfile & { since: string }>(`/api/segments/${segment}/profiles`, 2);
    faults.push(...differences(`members of ${segment}`, rows.map((row) => row.id).sort(), memberIds));
    const { json } = await collector.api('GET', `/api/segments/${segment}`);
    faults.push(...differences(`size of ${segment}`, json.size, memberIds.length));

    const feed = await collector.transitions(segment);
    const since = new Map<string, string>();
    const lastAt = new Map<string, number>();
    let lastSeq = 0;
    for (const row of feed) {
      const where = `feed of ${segment}, ${JSON.stringify(row)}`;
      if (row.seq <= lastSeq) faults.push(`${where}: seq does not grow`);
      if (since.has(row.profileId) === (row.change === 'entered')) faults.push(`${where}: no change at all`);
      if (Date.parse(row.at) > collector.clock.now) faults.push(`${where}: dated after the clock`);
      if (Date.parse(row.at) < (lastAt.get(row.profileId) ?? 0)) faults.push(`${where}: runs back in time`);
      if ('deadline' in row.cause && row.cause.deadline !== row.at)
        faults.push(`${where}: not at its deadline`);
      lastSeq = row.seq;
      lastAt.set(row.profileId, Date.parse(row.at));
      if (row.change === 'entered') since.set(row.profileId, row.at);
      else since.delete(row.profileId);
    }
    faults.push(...differences(`${segment} replayed from its feed`, [...since.keys()].sort(), memberIds));
    const told = new Map(rows.map((row) => [row.id, row.since]));
    faults.push(...differences(`since in ${segment}`, sorted(told), sorted(since)));
    const unread = feed.filter((row) => row.seq > (readUpTo.get(segment) ?? 0));
    const redefined = deletedSinceLook.delete(segment);
    if (!absorbed && !redefined) faults.push(...unexpectedChanges(segment, unread, idOfPerson));
    readUpTo.set(segment, lastSeq);
    return faults;
  }

  function unexpectedChanges(
    segment: string,
    feed: ApiTransition[],
    idOfPerson: Map<string, string>,
  ): string[] {
    const personOf = new Map([...idOfPerson].map(([person, id]) => [id, person]));
    const actual: Changes = new Map();
    for (const row of feed) {
      const entry = `${segment} ${personOf.get(row.profileId) ?? row.profileId}`;
      const changes = actual.get(entry) ?? new Map<number, number>();
      const at = Date.parse(row.at);
      changes.set(at, (changes.get(at) ?? 0) + (row.change === 'entered' ? 1 : -1));
      actual.set(entry, changes);
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

  return {
    async play(step: Step): Promise<string[]> {
      switch (step.do) {
        case 'send':
          return send(step);
        case 'burst':
          return send({ do: 'send', key: step.key, messages: messagesOf(step) });
        case 'race':
          return (await Promise.all(step.sends.map(send))).flat();
        case 'clock':
          moveClock(step.byMs);
          return [];
        case 'tick':
          await collector.tick();
          return [];
        case 'reopen':
          await collector.reopen();
          return [];
        case 'put':
          return put(step);
        case 'delete':
          return remove(step);
        case 'look':
          return look();
      }
    },
  };
}

/** The message as JSON, its times made absolute. */
function asSent(message: ScriptMessage, now: number): JsonObject {
  const { atMs, sentAtMs, ...rest } = message;
  return {
    ...rest,
    timestamp: iso(now + atMs),
    ...(sentAtMs === undefined ? {} : { sentAt: iso(now + sentAtMs) }),
  };
}

function asAccepted(message: ScriptMessage, step: Send, now: number): ModelMessage {
  const { atMs: _atMs, sentAtMs, type, messageId, ...rest } = message;
  const sentAt = sentAtMs ?? step.batchSentAtMs;
  const given = { timestamp: now + message.atMs, ...(sentAt === undefined ? {} : { sentAt: now + sentAt }) };
  return {
    type,
    messageId,
    kind: step.key,
    trusted: step.key === 'server',
    ...rest,
    time: eventTime(given, now),
    body: asSent(message, now),
  };
}

/** What a condition refers to, as [kind, key]. */
function references(condition: Condition): ['traits' | 'segments', string][] {
  if ('all' in condition) return condition.all.flatMap(references);
  if ('any' in condition) return condition.any.flatMap(references);
  if ('not' in condition) return references(condition.not);
  if ('segment' in condition) return [['segments', condition.segment]];
  if ('computed' in condition) return [['traits', condition.computed]];
  return [];
}

function needs(step: Extract<Step, { do: 'put' }>): ['traits' | 'segments', string][] {
  return step.kind === 'segments' ? references(step.definition.where) : [];
}

function comparable(profile: ApiProfile | undefined): JsonValue | undefined {
  if (!profile) return undefined;
  const { id: _id, segments, anonymousIds, groups, flags: _flags, ...rest } = profile;
  return {
    ...rest,
    anonymousIds: [...anonymousIds].sort(),
    segments: segments.map((segment) => segment.key).sort(),
    groups: [...groups].sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

function expectedShape(profile: ModelProfile): JsonValue {
  const { key: _key, flagged: _flagged, ...rest } = profile;
  return rest;
}

const sorted = (map: Map<string, string>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

/** Where two JSON values differ, field by field at the top; nothing when they are alike. */
export function differences(what: string, is: unknown, should: unknown): string[] {
  if (canonical(is) === canonical(should)) return [];
  if (isRecord(is) && isRecord(should)) {
    const keys = [...new Set([...Object.keys(is), ...Object.keys(should)])];
    return keys.flatMap((key) => differences(`${what} .${key}`, is[key], should[key]));
  }
  return [`${what}: is ${canonical(is)}, should be ${canonical(should)}`];
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
