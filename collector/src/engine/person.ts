// One person's state and how messages and time change it. Pure: what it needs is passed in.
// Invariant: after any sequence of messages folded, leaves folded anew where asked for, and instants
// settled, the state equals a `refold` of the person's messages at the same clock.
import {
  type AggregateLeaf,
  addToAggregate,
  restWaiting,
  type ToCount,
  waitingIn,
} from './aggregate-leaf.ts';
import { type Entry, type Summary, UNSUMMED, unpack } from './aggregates.ts';
import type { Block, Sealed } from './blocks.ts';
import { dueOf, earliestDue, isBuilt, isGone, noteOpening, setDue } from './deadlines.ts';
import { declaredTraits, type EngineMessage, isAnonymous } from './filter.ts';
import { addToLeaf, type Leaf, type LeafState, refoldLeaf, refoldShed, restLeaf } from './leaf.ts';
import { type CauseOf, emptyPerson, type GroupTraits, type PersonState } from './person-state.ts';
import type { Program } from './program.ts';
import { keepNothing, type Shed, type ShedBlock, type ShedMatch } from './shed.ts';
import { compareStamps } from './stamp.ts';
import { writeTraits } from './trait-bag.ts';
import { blocksOpeningAt, openBlock } from './window.ts';

/** One change of a live segment. */
export interface Change {
  segment: string;
  version: number;
  entered: boolean;
  at: number;
  cause: CauseOf;
}

export type Emit = (change: Change) => void;

/** When and why segments are looked at. */
export interface Occasion {
  now: number;
  cause: CauseOf;
  emit: Emit;
}

/** Drops leaves and memberships of definitions that are gone. */
export function prunePerson(person: PersonState, program: Program): void {
  for (const version of person.members)
    if (program.indexOf(version) === undefined) person.members.delete(version);
  for (const id of person.leaves.keys()) if (!program.leaves.has(id)) person.leaves.delete(id);
  for (const id of person.dues.keys()) if (isGone(program, id)) person.dues.delete(id);
  if (person.lists.some((list) => !program.allLists.has(list)))
    person.lists = person.lists.filter((list) => program.allLists.has(list));
}

/** What folding a message in leaves to be done. */
export interface Folded {
  /** Indexes of the segments that it may change, in no order, some perhaps twice. */
  touched: number[];
  /** Leaves whose state in the row it changed. */
  changed: Leaf[];
  /** Null, as nearly always: nothing. */
  rest: Rest | null;
}

/** What is done beside the row, before segments are looked at. */
export interface Rest {
  /** Leaves it came too late for: to be folded anew with it (`refoldFromShed`, `refoldInto`) before segments are looked at. */
  late: { leaf: Leaf; match: ShedMatch }[];
  /** What leaves let go of, to be kept beside the row. */
  shed: ShedOf[];
  /** Values to count where a leaf keeps them outside of the row (`countValue`), before segments are looked at. */
  toCount: ({ leaf: AggregateLeaf } & ToCount)[];
}

/** Matches that a leaf let go of, in order. */
export interface ShedOf {
  leaf: Leaf;
  matches: readonly ShedMatch[];
}
/** Takes what leaves let go of. */
export type ShedTo = (shed: ShedOf) => void;

/** Folds one message in at the clock. Segments are not looked at yet: see `evaluate`. */
export function foldMessage(
  program: Program,
  person: PersonState,
  message: EngineMessage,
  now: number,
  refolding = false,
): Folded {
  const folded: Folded = { touched: [], changed: [], rest: null };
  const { touched } = folded;
  const time = message.stamp[0];
  if (person.eventCount === 0) person.anonymous = isAnonymous(message);
  else if (person.anonymous && !isAnonymous(message)) {
    person.anonymous = false;
    for (const index of program.segments.keys()) touched.push(index);
  }
  person.eventCount++;
  if (person.firstSeen === null || time < person.firstSeen) {
    person.firstSeen = time;
    touched.push(...program.atStart);
  }
  if (person.lastSeen === null || time > person.lastSeen) person.lastSeen = time;
  if (person.last === null || compareStamps(message.stamp, person.last) > 0) person.last = message.stamp;
  if (message.groupId !== null) {
    if (!person.groups.has(message.groupId)) person.groups.set(message.groupId, 0);
    touched.push(...program.touchedByGroups);
  }
  if (message.type === 'identify') {
    for (const key of writeTraits(person.traits, declaredTraits(message.body()), message.stamp))
      touched.push(...program.touchedByTrait(key));
  }
  for (const leaf of program.match(message)) {
    if (!isBuilt(program, person, leaf.id)) continue;
    const before = person.leaves.get(leaf.id);
    // Most leaves are aggregates, which let go of nothing: what hears of it is not made for them at each message.
    const state =
      leaf.kind === 'aggregate'
        ? addToAggregate(leaf, before, message, now)
        : addToLeaf(leaf, before, message, now, { refolding, shed: keptFrom(leaf, folded) });
    if (state === null) continue;
    if ('late' in state) restOf(folded).late.push({ leaf, match: state.late });
    else if ('key' in state) {
      // No other kind counts values.
      if (leaf.kind !== 'aggregate') continue;
      restOf(folded).toCount.push({ leaf, ...state });
      if (state.time !== undefined) noteOpening(person, leaf, now);
    } else {
      person.leaves.set(leaf.id, state);
      folded.changed.push(leaf);
      noteOpening(person, leaf, now);
    }
    for (const index of program.touchedByLeaf(leaf.id)) touched.push(index);
  }
  return folded;
}

function restOf(folded: Folded): Rest {
  folded.rest ??= { late: [], shed: [], toCount: [] };
  return folded.rest;
}

const keptFrom = (leaf: Leaf, folded: Folded): Shed => shedOf(leaf, (shed) => restOf(folded).shed.push(shed));

/** Folds one leaf anew from the person's messages within its reach, which must come in order. */
export function refoldInto(
  person: PersonState,
  leaf: Leaf,
  messages: Iterable<EngineMessage>,
  now: number,
  shed: Shed = keepNothing,
): void {
  putLeaf(person, leaf, refoldLeaf(leaf, messages, now, shed), now);
}

/** Puts a leaf that was folded anew in place; undefined where nothing matched. */
export function putLeaf(person: PersonState, leaf: Leaf, state: LeafState | undefined, now: number): void {
  if (state) person.leaves.set(leaf.id, state);
  else person.leaves.delete(leaf.id);
  noteOpening(person, leaf, now);
}

/** Folds one leaf anew from all that is kept beside the row, in order, and what the row holds. */
export function refoldFromShed(
  person: PersonState,
  leaf: Leaf,
  blocks: readonly ShedBlock[],
  now: number,
  shed: Shed,
): void {
  person.leaves.set(leaf.id, refoldShed(leaf, person.leaves.get(leaf.id) ?? {}, blocks, now, shed));
  noteOpening(person, leaf, now);
}

/** Looks at these segments again, logs what changed, and notes when time may change them next. */
export function evaluate(
  program: Program,
  person: PersonState,
  touched: readonly number[],
  { now, cause, emit }: Occasion,
): void {
  // Ascending: a segment comes after all it refers to.
  const ordered = touched.length > 1 ? [...touched].sort((a, b) => a - b) : touched;
  let last = -1;
  for (const index of ordered) {
    if (index === last) continue;
    last = index;
    const segment = program.segments[index];
    if (!segment || (segment.building && person.built < program.generation)) continue;
    const { version } = segment;
    const is = !person.anonymous && segment.test(person, now);
    if (is !== person.members.has(version)) {
      if (is) person.members.add(version);
      else person.members.delete(version);
      emit({ segment: segment.key, version, entered: is, at: now, cause });
    }
    setDue(person, version, dueOf(program, person, segment, now));
  }
  person.due = earliestDue(person);
}

/** What must be read before the person can be settled further: a sealed block, or (null) all of a leaf. */
export interface Opening {
  leaf: Leaf;
  block: Sealed | null;
}

/** What to open before `settleInstant(person.due)`; the caller reads the messages. */
export function openingsAt(program: Program, person: PersonState, instant: number): Opening[] {
  const openings: Opening[] = [];
  for (const [id, at] of person.dues) {
    const leaf = id < 0 && at === instant ? program.leaves.get(-id) : undefined;
    const state = leaf && person.leaves.get(leaf.id);
    if (!leaf || !state) continue;
    if (leaf.kind !== 'aggregate') {
      openings.push({ leaf, block: null });
      continue;
    }
    const rested = restWaiting(leaf, state, instant);
    person.leaves.set(leaf.id, rested);
    if (rested.x !== undefined && rested.x <= instant) openings.push({ leaf, block: null });
    else
      for (const block of blocksOpeningAt(rested.b ?? [], leaf.windows, instant, {
        known: rested.o !== undefined,
      }))
        openings.push({ leaf, block });
  }
  return openings;
}

/** Replaces what was summed up by what the messages (in order) say, exact where the edge is at `instant`. */
export function open(
  program: Program,
  person: PersonState,
  { leaf, block }: Opening,
  messages: readonly EngineMessage[],
  instant: number,
): void {
  const matching = messages.filter((message) => program.match(message).includes(leaf));
  if (leaf.kind !== 'aggregate' || !block) {
    refoldInto(person, leaf, matching, instant);
    return;
  }
  const state = person.leaves.get(leaf.id) ?? {};
  const entries: Entry[] = [];
  // The leaf's own acceptance, handing out the entry itself where a summary would stand.
  const collecting = {
    ...leaf,
    spec: { ...leaf.spec, reach: 'ever' as const },
    aggregate: {
      ...leaf.aggregate,
      of: ({ stamp, value }: Entry): Summary => ({ stamp: [...stamp], value }),
    },
  };
  const isWaiting = waitingIn(state, instant);
  for (const message of matching) {
    const alone = addToAggregate(collecting, undefined, message, instant);
    if (!alone || 'key' in alone) continue;
    if (alone.a !== undefined) entries.push(alone.a as unknown as Entry); // what `of` gave
    // Its `where` still changes with the clock: in the block only if it counts and the row does not hold it.
    const [waiting] = alone.w ?? [];
    if (waiting?.on && !isWaiting(waiting)) entries.push(unpack(waiting.p));
  }
  const summed = state.b as Block[]; // `block` is one of them
  const aggregate = state.o ? UNSUMMED : leaf.aggregate;
  const blocks = openBlock(aggregate, leaf.windows, summed, block, entries, instant);
  person.leaves.set(leaf.id, { ...state, b: blocks });
}

/** Lets time pass to `instant` (the person's `due`): what falls due there, and what refers to it. */
export function settleInstant(program: Program, person: PersonState, instant: number, emit: Emit): void {
  const touched: number[] = [];
  for (const [id, at] of [...person.dues]) {
    if (at > instant) continue;
    person.dues.delete(id);
    const leaf = id < 0 ? program.leaves.get(-id) : undefined;
    if (leaf) noteOpening(person, leaf, instant);
    const index = id > 0 ? program.indexOf(id) : undefined;
    if (index !== undefined) touched.push(...program.touchedBySegment(index));
  }
  evaluate(program, person, touched, { now: instant, cause: { deadline: instant }, emit });
}

/** What a person's state takes from elsewhere than their messages. */
export interface Surroundings {
  /** The userId, or a lone device's anonymousId. */
  ext: string;
  lists: readonly number[];
  /** The groups' traits now and the revision they are at. */
  groups: ReadonlyMap<string, { revision: number; traits: GroupTraits }>;
}

/** State and memberships from scratch: the person's messages in any order, at the clock. */
export function refold(
  program: Program,
  id: number,
  messages: readonly EngineMessage[],
  now: number,
  { ext, lists, groups }: Surroundings,
): PersonState {
  const person = emptyPerson(id, program.generation, ext);
  person.lists = lists;
  const ordered = [...messages].sort((a, b) => compareStamps(a.stamp, b.stamp));
  for (const message of ordered) foldMessage(program, person, message, now, true);
  finishRefold(program, person, now, groups);
  return person;
}

export const shedOf =
  (leaf: Leaf, shedTo: ShedTo): Shed =>
  (matches) =>
    shedTo({ leaf, matches });

/** After all messages were folded in order: the leaves come to rest and every segment is looked at. */
export function finishRefold(
  program: Program,
  person: PersonState,
  now: number,
  groups: Surroundings['groups'],
  shedTo: ShedTo = () => {},
): void {
  for (const id of [...person.leaves.keys()]) restLeafOf(program, person, id, now, shedTo);
  const view = new Map<string, GroupTraits>();
  for (const group of person.groups.keys()) {
    const found = groups.get(group);
    person.groups.set(group, found?.revision ?? 0);
    if (found) view.set(group, found.traits);
  }
  person.view = view;
  if (person.eventCount > 0)
    evaluateAll(program, person, { now, cause: { operation: 'refold' }, emit: () => {} });
}

function restLeafOf(program: Program, person: PersonState, id: number, now: number, shedTo: ShedTo): void {
  const leaf = program.leaves.get(id);
  const state = person.leaves.get(id);
  if (!leaf || !state) return;
  person.leaves.set(id, restLeaf(leaf, state, now, shedOf(leaf, shedTo)));
  noteOpening(person, leaf, now);
}

/** Looks at every segment: for people built anew. */
export function evaluateAll(program: Program, person: PersonState, occasion: Occasion): void {
  evaluate(
    program,
    person,
    program.segments.map((_, index) => index),
    occasion,
  );
}

/** Logs the difference between what a person was in and is in now. */
export function emitDifference(
  program: Program,
  before: ReadonlySet<number>,
  after: ReadonlySet<number>,
  { now, cause, emit }: Occasion,
): void {
  for (const { version, key } of program.segments) {
    const was = before.has(version);
    if (was !== after.has(version)) emit({ segment: key, version, entered: !was, at: now, cause });
  }
}
