// A message taking effect: identities first, then the people it touches.
// Invariant: everyone touched was settled to the clock under the old identities; afterwards each
// person's state equals a refold of their messages at the clock.

import type { EngineMessage } from '../engine/filter.ts';
import { emptyPerson, type PersonState } from '../engine/person-state.ts';
import type { HistoryRow, NodeRow } from '../storage/port.ts';
import { breathe } from './breathe.ts';
import { type Clocked, foldIn, foldSeveral } from './fold-person.ts';
import { stillHold } from './folds.ts';
import { writeGroup } from './groups.ts';
import { byStamp } from './history-pages.ts';
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
import { ownerInMemory, ownerOf } from './owner.ts';
import { foldAnew, refoldPerson } from './refold-person.ts';
import { isSettled, settledPerson } from './settle.ts';
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
  let [messages, others] = [0, 0];
  for (const [id, gained] of touched) {
    const count = (await set.person(id))?.eventCount ?? 0;
    if (gained === null) messages += count;
    else others += count;
  }
  // Whoever gains so many is folded anew like those who lose them.
  return messages > MAX_GAINED ? messages + others : messages;
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
 * Lets time pass for whomever a message touches with these plans, under the old identities. Before it is among the
 * messages `historyOf` sees: what is read again because time has come must not hold it yet.
 */
export async function settleTouched(
  set: WorkingSet,
  { message, user, device }: Arrival,
  plans: readonly Planned[],
  clock: number,
): Promise<void> {
  for (const { touched } of plans) for (const id of touched.keys()) await settledPerson(set, id, clock);
  const sender = user ?? device;
  if (sender) await settledPerson(set, await ownerOf(set, sender, message.stamp), clock);
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
  const { gains, toRefold } = await gainsOf(set, touched, at.clock);
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
  for (const [person, rows] of gains) {
    const gained = rows.map(engineMessage);
    // With the message itself where it is theirs, so that both are one change to whoever hears of it.
    if (person.id === id) gained.push(message);
    await foldSeveral(set, person, gained.sort(byStamp), at);
  }
  if (toRefold.has(id) || (held && gains.has(held))) return;
  if (held) await foldIn(set, held, message, at);
  else await foldIn(set, await newPerson(set, id), message, at, 'new');
}

/** Settles everyone the plan touches, makes it so, and notes whom it touched. */
async function apply(set: WorkingSet, plan: Planned, clock: number, touched: Touched): Promise<void> {
  for (const id of plan.touched.keys()) await settledPerson(set, id, clock);
  await applyPlan(set, plan);
  for (const [id, gained] of plan.touched) noteTouched(touched, id, gained);
}

/**
 * Who only gained messages, and few of them, with these: they are folded in as if they came late, however long the
 * history that they come to is. Everybody else is to be folded anew. The message that is being put through is not
 * among them, since one that links is filed under its user.
 */
async function gainsOf(
  set: WorkingSet,
  touched: Touched,
  clock: number,
): Promise<{ gains: Map<PersonState, HistoryRow[]>; toRefold: Set<number> }> {
  const gains = new Map<PersonState, HistoryRow[]>();
  const toRefold = new Set<number>();
  for (const [id, ranges] of touched) {
    const person = ranges && (await set.person(id));
    const rows = person ? await set.historyIn(ranges, clock, MAX_GAINED + 1) : [];
    if (person && rows.length <= MAX_GAINED) gains.set(person, rows);
    else toRefold.add(id);
  }
  return { gains, toRefold };
}

/** Carries out what an operation of the API changes about identities. */
export async function carryOut(set: WorkingSet, plan: IdentityPlan, at: Clocked): Promise<void> {
  const touched: Touched = new Map();
  await apply(set, await planned(set, plan, at.clock), at.clock, touched);
  for (const id of touched.keys()) await refoldPerson(set, id, at);
}

async function newPerson(set: WorkingSet, id: number): Promise<PersonState> {
  const person = emptyPerson(id, set.program.generation, await set.nameOf(id));
  person.lists = await set.listsOf(id);
  return person;
}
