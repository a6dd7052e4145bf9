// A message taking effect: identities first, then the people it touches.
// Invariant: everyone touched was settled to the clock under the old identities; afterwards each
// person's state equals a refold of their messages at the clock.

import type { EngineMessage } from '../engine/filter.ts';
import { ownerAt } from '../engine/identity.ts';
import {
  applyMessage,
  declaredTraits,
  emitDifference,
  open,
  openingsAt,
  refold,
  settleInstant,
} from '../engine/person.ts';
import { type CauseOf, emptyPerson, type PersonState } from '../engine/person-state.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import { writeTraits } from '../engine/trait-bag.ts';
import type { NodeRow } from '../storage/port.ts';
import { applyPlan, type IdentityPlan, peopleTouched, planAlias, planLink } from './identity-plan.ts';
import { engineMessage, type WorkingSet } from './working-set.ts';

/** A message whose time has come, with its ids looked up. */
export interface Arrival {
  message: EngineMessage;
  trusted: boolean;
  user: NodeRow | null;
  device: NodeRow | null;
  /** Alias only: the previous id as a device, and as a user if it may merge. */
  previous: { device: NodeRow; user: NodeRow | null } | null;
}

export interface Clocked {
  clock: number;
  cause: CauseOf;
}

/** Lets time pass for one person up to `until`. */
export async function settle(set: WorkingSet, person: PersonState, until: number): Promise<void> {
  while (person.due !== null && person.due <= until) {
    const instant = person.due;
    for (const opening of openingsAt(set.program, person, instant)) {
      const from: Stamp = [opening.block.f, '', 0];
      const to: Stamp = [opening.block.t + 1, '', 0];
      const rows = await set.historyOf(person.id, instant, { from, to });
      open(set.program, person, opening, rows.map(engineMessage), instant);
    }
    settleInstant(set.program, person, instant, set.emitter(person.id));
    if (person.due !== null && person.due <= instant)
      throw new Error(`person ${person.id} is stuck at ${instant}`);
    set.touch(person);
  }
}

export async function settledPerson(set: WorkingSet, id: number, until: number): Promise<PersonState | null> {
  const person = await set.person(id);
  if (person) await settle(set, person, until);
  return person;
}

/** Plans what the message changes about identities; `refused` when its merge is past a cap. */
export async function planArrival(
  set: WorkingSet,
  { message, trusted, user, previous }: Arrival,
  clock: number,
): Promise<{ plans: IdentityPlan[]; refused: boolean }> {
  const plans: IdentityPlan[] = [];
  const { stamp } = message;
  if (user && previous) {
    const { plan, refused } = await planAlias(
      set,
      { link: { user, device: previous.device, stamp, trusted }, previous: previous.user },
      clock,
    );
    if (refused) return { plans: [], refused: true };
    plans.push(plan);
  }
  return { plans, refused: false };
}

/**
 * Puts a message into effect. It is already among the messages `historyOf` sees.
 * `plans` are those of `planArrival`, made just before.
 */
export async function arrive(
  set: WorkingSet,
  arrival: Arrival,
  plans: readonly IdentityPlan[],
  { clock, cause }: Clocked,
): Promise<void> {
  const { message, user, device, trusted } = arrival;
  const refolded = new Set<number>();
  for (const plan of plans) await carryOut(set, plan, { clock, cause }, refolded);
  if (user && device) {
    const plan = await planLink(set, { user, device, stamp: message.stamp, trusted }, clock);
    if (plan) await carryOut(set, plan, { clock, cause }, refolded);
  }
  if (message.groupId !== null) await writeGroup(set, message);
  const id = await ownerOf(set, arrival);
  if (refolded.has(id)) return;
  const held = await settledPerson(set, id, clock);
  const person = held ?? emptyPerson(id, set.program.generation);
  applyMessage(set.program, person, message, { now: clock, cause, emit: set.emitter(id) });
  if (held) set.touch(person);
  else set.putPerson(person);
}

async function ownerOf(set: WorkingSet, { message, user, device }: Arrival): Promise<number> {
  if (user) return user.root;
  if (!device) throw new Error('a message without an identity reached the lane');
  const owner = ownerAt(await set.timeline(device.id), message.stamp);
  return owner === null ? device.id : ((await set.nodeById(owner))?.root ?? owner);
}

async function carryOut(
  set: WorkingSet,
  plan: IdentityPlan,
  at: Clocked,
  refolded: Set<number>,
): Promise<void> {
  const touched = await peopleTouched(set, plan, at.clock);
  for (const id of touched) await settledPerson(set, id, at.clock);
  await applyPlan(set, plan);
  for (const id of touched) {
    await refoldPerson(set, id, at);
    refolded.add(id);
  }
}

/** Folds a person anew from their messages and logs what differs; one without messages goes. */
export async function refoldPerson(set: WorkingSet, id: number, { clock, cause }: Clocked): Promise<void> {
  const before = await set.person(id);
  const node = await set.nodeById(id);
  const isSurvivor = node !== null && node.root === id;
  const rows = isSurvivor ? await set.historyOf(id, clock) : [];
  const emit = set.emitter(id);
  if (rows.length === 0) {
    if (!before) return;
    emitDifference(set.program, before.members, new Set(), clock, { operation: 'merged' }, emit);
    set.dropPerson(id);
    return;
  }
  const messages = rows.map(engineMessage).sort((a, b) => compareStamps(a.stamp, b.stamp));
  const after = refold(set.program, id, messages, clock);
  emitDifference(set.program, before?.members ?? new Set(), after.members, clock, cause, emit);
  set.putPerson(after);
}

async function writeGroup(set: WorkingSet, message: EngineMessage): Promise<void> {
  const id = message.groupId as string;
  const bag = await set.group(id);
  writeTraits(bag, declaredTraits(message.body()), message.stamp);
  set.touchGroup(id, bag);
}
