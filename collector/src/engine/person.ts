// One person's state and how messages and time change it. Pure: what it needs is passed in.
// Invariant: after any sequence of `applyMessage` and `settleInstant` the state equals a `refold`
// of the person's messages at the same clock.
import type { JsonObject } from '../wire/message.ts';
import type { Entry } from './aggregates.ts';
import type { EngineMessage } from './filter.ts';
import { addToLeaf, type Leaf, type LeafState, restWaiting } from './leaf.ts';
import { type CauseOf, emptyPerson, type PersonState } from './person-state.ts';
import type { Program } from './program.ts';
import { compareStamps } from './stamp.ts';
import { writeTraits } from './trait-bag.ts';
import { type Block, blocksOpeningAt, nextOpening, openBlock, type Sealed } from './window.ts';

/** One change of a live segment. */
export interface Change {
  segment: string;
  version: number;
  entered: boolean;
  at: number;
  cause: CauseOf;
}

export type Emit = (change: Change) => void;

/** A row's text. Leaves and memberships of definitions that are gone are dropped on the way. */
export function encodePerson(person: PersonState, program: Program): string {
  for (const version of person.members)
    if (program.indexOf(version) === undefined) person.members.delete(version);
  for (const id of Object.keys(person.leaves))
    if (!program.leaves.has(Number(id))) delete person.leaves[Number(id)];
  return JSON.stringify([
    person.eventCount,
    person.firstSeen,
    person.lastSeen,
    person.last,
    person.traits,
    person.groups,
    person.leaves,
    [...person.members],
    person.dues,
  ]);
}

/** Folds one message in at the clock and brings the segments up to date. */
export function applyMessage(
  program: Program,
  person: PersonState,
  message: EngineMessage,
  { now, cause, emit }: { now: number; cause: CauseOf; emit: Emit },
): void {
  const touched = new Set<number>();
  if (person.eventCount === 0) for (const index of program.blank) touched.add(index);
  foldMessage(program, person, message, now, touched);
  evaluate(program, person, ascending(touched), now, cause, emit);
}

function ascending(indexes: ReadonlySet<number>): number[] {
  return [...indexes].sort((a, b) => a - b);
}

function foldMessage(
  program: Program,
  person: PersonState,
  message: EngineMessage,
  now: number,
  touched: Set<number>,
): void {
  const time = message.stamp[0];
  person.eventCount++;
  if (person.firstSeen === null || time < person.firstSeen) person.firstSeen = time;
  if (person.lastSeen === null || time > person.lastSeen) person.lastSeen = time;
  if (person.last === null || compareStamps(message.stamp, person.last) > 0) person.last = message.stamp;
  if (message.groupId !== null && !person.groups.includes(message.groupId)) {
    person.groups = [...person.groups, message.groupId].sort();
  }
  if (message.type === 'identify') {
    const traits = declaredTraits(message.body());
    for (const key of writeTraits(person.traits, traits, message.stamp))
      for (const index of program.touchedByTrait(key)) touched.add(index);
  }
  for (const leaf of program.match(message)) {
    if (!isBuilt(program, person, leaf.id)) continue;
    const state = addToLeaf(leaf, person.leaves[leaf.id], message, now);
    if (state === null) continue;
    person.leaves[leaf.id] = state;
    noteOpening(person, leaf, now);
    for (const index of program.touchedByLeaf(leaf.id)) touched.add(index);
  }
}

/** The traits an identify or group message declares. */
export function declaredTraits(body: JsonObject): JsonObject {
  return isObject(body.traits) ? body.traits : {};
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isBuilt(program: Program, person: PersonState, leaf: number): boolean {
  return person.built >= program.generation || !program.buildingLeaves.has(leaf);
}

function noteOpening(person: PersonState, leaf: Leaf, now: number): void {
  if (leaf.windows.length === 0) return;
  const at = nextOpening(person.leaves[leaf.id]?.b ?? [], leaf.windows, now);
  setDue(person, -leaf.id, at);
}

/** Re-evaluates these segments (ascending) at `now`, logs what changed, and notes their next dues. */
function evaluate(
  program: Program,
  person: PersonState,
  indexes: readonly number[],
  now: number,
  cause: CauseOf,
  emit: Emit,
): void {
  for (const index of indexes) {
    const segment = program.segments[index];
    if (!segment || (segment.building && person.built < program.generation)) continue;
    const { version } = segment;
    const is = segment.test(person, now);
    if (is !== person.members.has(version)) {
      if (is) person.members.add(version);
      else person.members.delete(version);
      emit({ segment: segment.key, version, entered: is, at: now, cause });
    }
    setDue(person, version, segment.due(person, now));
  }
  person.due = earliestDue(person);
}

function setDue(person: PersonState, key: number, at: number): void {
  if (at === Number.POSITIVE_INFINITY) delete person.dues[key];
  else person.dues[key] = at;
}

function earliestDue(person: PersonState): number | null {
  let earliest = Number.POSITIVE_INFINITY;
  for (const key in person.dues) earliest = Math.min(earliest, person.dues[key] as number);
  return earliest === Number.POSITIVE_INFINITY ? null : earliest;
}

/** A sealed block whose entries are needed before the person can be settled further. */
export interface Opening {
  leaf: Leaf;
  block: Sealed;
}

/** Blocks to open before `settleInstant(person.due)`; the caller reads their messages. */
export function openingsAt(program: Program, person: PersonState, instant: number): Opening[] {
  const openings: Opening[] = [];
  for (const key in person.dues) {
    const leaf =
      Number(key) < 0 && person.dues[key] === instant ? program.leaves.get(-Number(key)) : undefined;
    const state = leaf && person.leaves[leaf.id];
    if (!leaf || !state) continue;
    person.leaves[leaf.id] = restWaiting(leaf, state, instant);
    for (const block of blocksOpeningAt(person.leaves[leaf.id]?.b ?? [], leaf.windows, instant))
      openings.push({ leaf, block });
  }
  return openings;
}

/** Replaces a sealed block by what its messages say, exact where the edge is at `instant`. */
export function open(
  program: Program,
  person: PersonState,
  { leaf, block }: Opening,
  messages: readonly EngineMessage[],
  instant: number,
): void {
  const state = person.leaves[leaf.id] as LeafState;
  const entries: Entry[] = [];
  for (const message of messages) {
    if (!program.match(message).includes(leaf)) continue;
    // Entries whose `where` still changes with the clock wait elsewhere and come back without `a`.
    const alone = addToLeaf(
      { ...leaf, spec: { ...leaf.spec, reach: 'ever' }, aggregate: collecting(leaf) },
      undefined,
      message,
      instant,
    );
    if (alone?.a !== undefined) entries.push(alone.a as unknown as Entry);
  }
  const blocks = openBlock(leaf.aggregate, leaf.windows, state.b as Block[], block, entries, instant);
  person.leaves[leaf.id] = { ...state, b: blocks };
}

/** The leaf's own acceptance, but handing out the entry itself. */
function collecting(leaf: Leaf): Leaf['aggregate'] {
  // An Entry is plain JSON (a stamp and a value), so it may stand where a summary does.
  return { ...leaf.aggregate, of: (entry) => entry as unknown as ReturnType<Leaf['aggregate']['of']> };
}

/** Lets time pass to `instant` (the person's `due`): what falls due there, and what refers to it. */
export function settleInstant(program: Program, person: PersonState, instant: number, emit: Emit): void {
  const touched = new Set<number>();
  for (const key in person.dues) {
    if ((person.dues[key] as number) > instant) continue;
    const id = Number(key);
    delete person.dues[id];
    const leaf = id < 0 ? program.leaves.get(-id) : undefined;
    if (leaf) noteOpening(person, leaf, instant);
    const index = id > 0 ? program.indexOf(id) : undefined;
    if (index !== undefined) for (const next of program.touchedBySegment(index)) touched.add(next);
  }
  evaluate(program, person, ascending(touched), instant, { deadline: instant }, emit);
}

/** State and memberships from scratch: the person's messages in any order, at the clock. */
export function refold(
  program: Program,
  id: number,
  messages: Iterable<EngineMessage>,
  now: number,
): PersonState {
  const person = emptyPerson(id, program.generation);
  const ignored = new Set<number>();
  for (const message of messages) foldMessage(program, person, message, now, ignored);
  if (person.eventCount > 0) evaluateAll(program, person, now, { operation: 'refold' }, () => {});
  return person;
}

/** Evaluates every segment: for people built anew. */
export function evaluateAll(
  program: Program,
  person: PersonState,
  now: number,
  cause: CauseOf,
  emit: Emit,
): void {
  evaluate(
    program,
    person,
    program.segments.map((_, index) => index),
    now,
    cause,
    emit,
  );
}

/** Logs the difference between what a person was in and is in now. */
export function emitDifference(
  program: Program,
  before: ReadonlySet<number>,
  after: ReadonlySet<number>,
  at: number,
  cause: CauseOf,
  emit: Emit,
): void {
  for (const { version, key } of program.segments) {
    const was = before.has(version);
    if (was !== after.has(version)) emit({ segment: key, version, entered: !was, at, cause });
  }
}
