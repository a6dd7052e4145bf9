// A message taking effect: identities first, then the people it touches.
// Invariant: everyone touched was settled to the clock under the old identities; afterwards each
// person's state equals a refold of their messages at the clock.

import {
  build,
  type Folded as FoldedLeaves,
  foldFor,
  type LeafStates,
  stillHolds,
} from '../engine/building.ts';
import type { EngineMessage } from '../engine/filter.ts';
import type { Leaf } from '../engine/leaf.ts';
import {
  emitDifference,
  evaluate,
  type Folded,
  finishRefold,
  foldMessage,
  type Occasion,
  type ShedTo,
} from '../engine/person.ts';
import { type CauseOf, emptyPerson, hasOutside, type PersonState } from '../engine/person-state.ts';
import type { ShedMatch } from '../engine/shed.ts';
import { compareStamps } from '../engine/stamp.ts';
import type { HistoryRow, NodeRow } from '../storage/port.ts';
import { breathe } from './breathe.ts';
import { type FoldedAnew, type Folds, stillHold } from './folds.ts';
import { seeNewest, surroundingGroups, viewGroups, writeGroup } from './groups.ts';
import {
  applyPlan,
  type IdentityPlan,
  isKnownLink,
  noteTouched,
  peopleTouched,
  planAlias,
  planLink,
  type Touched,
} from './identity-plan.ts';
import { filterFor, reachStart } from './leaf-history.ts';
import { countOutside, keepRowSmall } from './outside-values.ts';
import { ownerInMemory, ownerOf } from './owner.ts';
import { isSettled, settle, settledPerson } from './settle.ts';
import { dropShed, type Gathered, gatherIn, keepGathered, keepShed, refoldLeafOf } from './shed-matches.ts';
import { engineMessage } from './stored-message.ts';
import type { WorkingSet } from './working-set.ts';

/** Messages that are folded into a person one by one when they become theirs: some 5 ms of work. */
const MAX_GAINED = 500;

/** A message whose time has come, with its ids looked up. */
export interface Arrival {
  message: EngineMessage;
  seq: number;
  trusted: boolean;
  user: NodeRow | null;
  device: NodeRow | null;
  /** Alias only: the previous id as a device, and as a user if it may merge. */
  previous: { device: NodeRow; user: NodeRow | null } | null;
}

export interface Clocked {
  clock: number;
  cause: CauseOf;
  /** Where leaves to be folded anew are noted, for `foldLate`; without it they are folded at once. */
  late?: LateLeaves;
  /** People being folded for this message, or folded before; without it they are folded here. */
  folds?: Folds | undefined;
}

/** What messages of the same slice came too late for, and the last such message of each person. */
export interface LateLeaves {
  people: Map<number, { leaves: Map<Leaf, ShedMatch[]>; cause: CauseOf }>;
  /** Such messages so far. */
  messages: number;
}

export const nothingLate = (): LateLeaves => ({ people: new Map(), messages: 0 });

/** A plan and whom it touches. */
export interface Planned extends IdentityPlan {
  touched: Touched;
}

async function planned(set: WorkingSet, plan: IdentityPlan, clock: number): Promise<Planned> {
  return { ...plan, touched: await peopleTouched(set, plan, clock) };
}

/** Plans what a message changes about identities; `refused` when the merge of an alias is past a cap. */
export async function planArrival(
  set: WorkingSet,
  arrival: Arrival,
  clock: number,
): Promise<{ plans: Planned[]; refused: boolean }> {
  const { message, seq, trusted, user, previous } = arrival;
  if (!user || !previous) {
    const own = await planOwnLink(set, arrival, clock);
    return { plans: own ? [own] : [], refused: false };
  }
  const link = { user, device: previous.device, stamp: message.stamp, trusted };
  const { plan, refused } = await planAlias(set, { link, previous: previous.user, seq }, clock);
  return { plans: [await planned(set, plan, clock)], refused };
}

/** Plans what it changes that a message names a device beside its user. */
async function planOwnLink(
  set: WorkingSet,
  { message, trusted, user, device }: Arrival,
  clock: number,
): Promise<Planned | null> {
  if (!user || !device) return null;
  const plan = await planLink(set, { user, device, stamp: message.stamp, trusted }, clock);
  return plan && planned(set, plan, clock);
}

/**
 * Messages of all those whom a message with these plans has folded anew, about. What others gain is among them.
 * Changes nothing.
 */
export async function messagesToRefold(
  set: WorkingSet,
  arrival: Arrival,
  plans: readonly Planned[],
  clock: number,
): Promise<number> {
  const touched: Touched = new Map();
  // That of an alias is planned once more when its merge is made.
  const own = arrival.previous && (await planOwnLink(set, arrival, clock));
  for (const plan of [...plans, ...(own ? [own] : [])])
    for (const [id, gained] of plan.touched) noteTouched(touched, id, gained);
  let messages = 0;
  for (const [id, gained] of touched)
    if (gained === null) messages += (await set.person(id))?.eventCount ?? 0;
  return messages;
}

/**
 * Whose message it is, where that is known from memory, nothing is due for them and who is who stays as it is.
 * Null: it may still be so.
 */
export function readyFor(
  set: WorkingSet,
  { message, user, device, trusted }: Arrival,
  clock: number,
): PersonState | null {
  const sender = user ?? device;
  if (!sender || message.groupId !== null) return null;
  const { stamp } = message;
  if (user && device && !isKnownLink(set, { user, device, stamp, trusted })) return null;
  const id = ownerInMemory(set, sender, stamp);
  const person = id === undefined ? null : set.personInMemory(id);
  return person && isSettled(set, person, clock) ? person : null;
}

/**
 * Puts a message into effect. It is already among the messages `historyOf` sees.
 * `plans` are those of `planArrival`, made just before.
 */
export async function arrive(
  set: WorkingSet,
  arrival: Arrival,
  plans: readonly Planned[],
  at: Clocked,
): Promise<void> {
  const { message, user, device } = arrival;
  const touched: Touched = new Map();
  for (const plan of plans) await apply(set, plan, at.clock, touched);
  // An alias may have merged its user, so that only now its own link can be planned.
  const own = arrival.previous && (await planOwnLink(set, arrival, at.clock));
  if (own) await apply(set, own, at.clock, touched);
  const { gains, toRefold } = await gainsOf(set, touched, message, at.clock);
  const sender = user ?? device;
  if (!sender) throw new Error('a message without an identity reached the lane');
  const id = await ownerOf(set, sender, message.stamp);
  const held = await settledPerson(set, id, at.clock);
  if (message.groupId !== null) await writeGroup(set, message, at.clock);
  const { folds } = at;
  const isMade = folds?.isMade === true && (await stillHold(set, folds, toRefold));
  for (const one of toRefold) {
    if (folds && !folds.isMade) folds.people.set(one, await foldAnew(set, one, at.clock));
    else await refoldPerson(set, one, at, isMade ? folds.people.get(one) : undefined);
    // A page of their messages takes some milliseconds, and the next person begins with another.
    await breathe();
  }
  for (const [person, rows] of gains) await foldGained(set, person, rows, at);
  if (toRefold.has(id)) return;
  if (held) await foldIn(set, held, message, at);
  else await foldIn(set, await newPerson(set, id), message, at, 'new');
}

/**
 * Folds a message into a settled person. Undefined: it is done, which is the usual case; waiting for nothing would
 * cost more than the fold.
 */
export function foldIn(
  set: WorkingSet,
  person: PersonState,
  message: EngineMessage,
  at: Clocked,
  how?: 'new',
): Promise<void> | undefined {
  const isNamedAgain = set.takeName(person);
  const folded = foldMessage(set.program, person, message, at.clock);
  if (isNamedAgain) folded.touched.push(...set.program.atStart);
  if (folded.rest !== null || message.groupId !== null)
    return foldRest(set, person, message, folded, at, how);
  keepRowSmall(set, person, folded.changed);
  finish(set, person, folded.touched, at, how);
  return undefined;
}

/** Does what folding left to be done, and looks at the person's segments. */
async function foldRest(
  set: WorkingSet,
  person: PersonState,
  message: EngineMessage,
  folded: Folded,
  at: Clocked,
  how?: 'new',
): Promise<void> {
  await keepRest(set, person, message, folded, at);
  finish(set, person, folded.touched, at, how);
}

/** What folding left to be done. */
async function keepRest(
  set: WorkingSet,
  person: PersonState,
  { groupId }: EngineMessage,
  { changed, rest }: Folded,
  at: Clocked,
): Promise<void> {
  const { id } = person;
  const { late, shed, toCount } = rest ?? { late: [], shed: [], toCount: [] };
  if (toCount.length > 0) await countOutside(set, person, toCount);
  keepRowSmall(set, person, changed);
  if (shed.length > 0) await keepShed(set, person, shed, at.clock);
  if (groupId !== null) await seeNewest(set, person, groupId);
  if (late.length > 0 && at.late) {
    const leaves: Map<Leaf, ShedMatch[]> = at.late.people.get(id)?.leaves ?? new Map();
    for (const { leaf, match } of late) leaves.set(leaf, [...(leaves.get(leaf) ?? []), match]);
    at.late.people.set(id, { leaves, cause: at.cause });
    at.late.messages++;
  } else for (const { leaf, match } of late) await refoldLeafOf(set, person, leaf, at.clock, [match]);
}

function finish(
  set: WorkingSet,
  person: PersonState,
  touched: readonly number[],
  at: Clocked,
  how?: 'new',
): void {
  evaluate(set.program, person, touched, occasionOf(set, person.id, at));
  if (how === 'new') set.putPerson(person);
  else set.touch(person);
}

/** Folds what came late in a slice, once for all of its messages: late ones may be applied together. */
export async function foldLate(set: WorkingSet, late: LateLeaves, clock: number): Promise<void> {
  for (const [id, { leaves, cause }] of late.people) {
    const person = await settledPerson(set, id, clock);
    // Merged into somebody else meanwhile: that one was folded anew.
    if (!person) continue;
    for (const [leaf, matches] of leaves) await refoldLeafOf(set, person, leaf, clock, matches);
    const touched = [...leaves.keys()].flatMap((leaf) => set.program.touchedByLeaf(leaf.id));
    evaluate(set.program, person, touched, occasionOf(set, id, { clock, cause }));
    set.touch(person);
    // One may take tens of milliseconds.
    await breathe();
  }
}

async function newPerson(set: WorkingSet, id: number): Promise<PersonState> {
  const person = emptyPerson(id, set.program.generation, await set.nameOf(id));
  person.lists = await set.listsOf(id);
  return person;
}

export function occasionOf(set: WorkingSet, id: number, { clock, cause }: Clocked): Occasion {
  return { now: clock, cause, emit: set.emitter(id) };
}

/** Settles everyone the plan touches, makes it so, and notes whom it touched. */
async function apply(set: WorkingSet, plan: Planned, clock: number, touched: Touched): Promise<void> {
  for (const id of plan.touched.keys()) await settledPerson(set, id, clock);
  await applyPlan(set, plan);
  for (const [id, gained] of plan.touched) noteTouched(touched, id, gained);
}

/**
 * Who only gained messages, and few of them, with these: they are folded in as if they came late, however long the
 * history that they come to is. Everybody else is to be folded anew.
 */
async function gainsOf(
  set: WorkingSet,
  touched: Touched,
  { stamp }: EngineMessage,
  clock: number,
): Promise<{ gains: Map<PersonState, HistoryRow[]>; toRefold: Set<number> }> {
  const gains = new Map<PersonState, HistoryRow[]>();
  const toRefold = new Set<number>();
  for (const [id, ranges] of touched) {
    const person = ranges && (await set.person(id));
    const rows = person ? await set.historyIn(ranges, clock, MAX_GAINED + 1) : [];
    if (!person || rows.length > MAX_GAINED) toRefold.add(id);
    // The message that is being put through is folded in by itself.
    else
      gains.set(
        person,
        rows.filter((row) => compareStamps(row.stamp, stamp) !== 0),
      );
  }
  return { gains, toRefold };
}

/** Folds in what became a settled person's, in order, and then looks at their segments once. */
async function foldGained(
  set: WorkingSet,
  person: PersonState,
  rows: readonly HistoryRow[],
  at: Clocked,
): Promise<void> {
  const touched = set.takeName(person) ? [...set.program.atStart] : [];
  const late = nothingLate();
  for (const row of rows) {
    const message = engineMessage(row);
    const folded = foldMessage(set.program, person, message, at.clock);
    for (const index of folded.touched) touched.push(index);
    await keepRest(set, person, message, folded, { ...at, late });
  }
  for (const [leaf, matches] of late.people.get(person.id)?.leaves ?? [])
    await refoldLeafOf(set, person, leaf, at.clock, matches);
  finish(set, person, touched, at);
}

/** Carries out what an operation of the API changes about identities. */
export async function carryOut(set: WorkingSet, plan: IdentityPlan, at: Clocked): Promise<void> {
  const touched: Touched = new Map();
  await apply(set, await planned(set, plan, at.clock), at.clock, touched);
  for (const id of touched.keys()) await refoldPerson(set, id, at);
}

/** The person folded anew, and what that rests on. Changes nothing. */
async function foldAnew(set: WorkingSet, id: number, clock: number): Promise<FoldedAnew> {
  const gathered: Gathered = new Map();
  const person = await foldedPerson(set, id, clock, gathered);
  return { person, gathered, ranges: await set.rangesOf(id) };
}

/**
 * Folds a person anew from their messages, unless that was `made` before, and logs what differs; one without
 * messages goes.
 */
export async function refoldPerson(
  set: WorkingSet,
  id: number,
  at: Clocked,
  made?: FoldedAnew,
): Promise<void> {
  const before = await set.person(id);
  const gathered: Gathered = made?.gathered ?? new Map();
  const after = made ? made.person : await foldedPerson(set, id, at.clock, gathered);
  // What came late in this slice is in it, and may belong to somebody else now.
  at.late?.people.delete(id);
  if (!after) {
    if (!before) return;
    const gone = occasionOf(set, id, { clock: at.clock, cause: { operation: 'merged' } });
    emitDifference(set.program, before.members, new Set(), gone);
    set.dropPerson(id);
    return;
  }
  if (before && hasOutside(before)) set.clearOutside(id);
  keepRowSmall(set, after);
  keepGathered(set, after, gathered);
  set.putPerson(after);
  // Folded at an earlier clock: what time did since is in the difference.
  if (made) await settle(set, after, at.clock, () => {});
  emitDifference(set.program, before?.members ?? new Set(), after.members, occasionOf(set, id, at));
}

/**
 * The person as their messages say at the clock, or null without any; `gathered` is what their leaves let go of.
 * Changes nothing.
 */
export async function foldedPerson(
  set: WorkingSet,
  id: number,
  clock: number,
  gathered: Gathered,
): Promise<PersonState | null> {
  const node = await set.nodeById(id);
  if (!node || node.root !== id) return null;
  const person = emptyPerson(id, set.program.generation, await set.nameOf(id));
  const gather = gatherIn(gathered);
  set.takeName(person);
  for await (const rows of set.historyPages(id, clock))
    for (const row of rows)
      for (const shed of foldMessage(set.program, person, engineMessage(row), clock, true).rest?.shed ?? [])
        gather(shed);
  if (person.eventCount === 0) return null;
  person.lists = await set.listsOf(id);
  finishRefold(set.program, person, clock, await surroundingGroups(set, person.groups.keys()), gather);
  return person;
}

/** Leaf states that were folded beside the lane, from the person's row at that version. */
export interface FoldedBeside extends FoldedLeaves {
  version: number;
}

/**
 * Brings a person up to the definitions under construction: only what those need is read, or nothing where
 * `beside` still holds. Null when there is no such person or nothing to build.
 */
export async function buildPerson(
  set: WorkingSet,
  id: number,
  at: Clocked,
  beside?: FoldedBeside,
): Promise<PersonState | null> {
  const { program } = set;
  // Every message of theirs, and every change of who they are, writes their row anew.
  const isSame = beside !== undefined && set.storedVersion(id) === beside.version;
  const person = await settledPerson(set, id, at.clock);
  if (!person || person.built >= program.generation) return null;
  await dropShed(set, person, foldFor(program).leaves);
  const gathered: Gathered = new Map();
  const folded =
    isSame && stillHolds(program, beside, at.clock)
      ? beside
      : { clock: at.clock, states: await foldOnLane(set, id, at.clock, gatherIn(gathered)) };
  person.lists = await set.listsOf(id);
  await viewGroups(set, person);
  build(program, person, folded, occasionOf(set, id, at));
  keepRowSmall(set, person);
  keepGathered(set, person, gathered);
  set.touch(person);
  return person;
}

async function foldOnLane(set: WorkingSet, id: number, clock: number, shedTo: ShedTo): Promise<LeafStates> {
  const { leaves, add, rest } = foldFor(set.program);
  const states: LeafStates = {};
  if (leaves.length === 0) return states;
  const only = filterFor(leaves);
  const between = { from: reachStart(leaves, clock), to: null };
  for await (const rows of set.historyPages(id, clock, { between, ...(only ? { only } : {}) }))
    for (const row of rows) add(states, engineMessage(row), clock, shedTo);
  rest(states, clock, shedTo);
  return states;
}
