// Messages folded into people who are settled, and what that leaves to be done.
// Invariant: afterwards a person is as their messages say at the clock, but for what is noted as late.
import type { EngineMessage } from '../engine/filter.ts';
import type { Leaf } from '../engine/leaf.ts';
import { evaluate, type Folded, foldMessage, type Occasion } from '../engine/person.ts';
import type { CauseOf, PersonState } from '../engine/person-state.ts';
import type { ShedMatch } from '../engine/shed.ts';
import { breathe, createPace } from './breathe.ts';
import type { Folds } from './folds.ts';
import { seeNewest } from './groups.ts';
import { countOutside, keepRowSmall } from './outside-values.ts';
import { settledPerson } from './settle.ts';
import { keepShed, refoldLeafOf } from './shed-matches.ts';
import type { WorkingSet } from './working-set.ts';

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

export function occasionOf(set: WorkingSet, id: number, { clock, cause }: Clocked): Occasion {
  return { now: clock, cause, emit: set.emitter(id) };
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
  keepRowSmall(set, person, at.clock, folded.changed);
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
  if (toCount.length > 0) await countOutside(set, person, toCount, at.clock);
  keepRowSmall(set, person, at.clock, changed);
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

/** Folds several messages, in order, into a settled person, and then looks at their segments once. */
export async function foldSeveral(
  set: WorkingSet,
  person: PersonState,
  messages: readonly EngineMessage[],
  at: Clocked,
): Promise<void> {
  const touched = new Set(set.takeName(person) ? set.program.atStart : []);
  const late = nothingLate();
  const pace = createPace();
  for (const message of messages) {
    const folded = foldMessage(set.program, person, message, at.clock);
    for (const index of folded.touched) touched.add(index);
    await keepRest(set, person, message, folded, { ...at, late });
    const pause = pace();
    if (pause) await pause;
  }
  // Only now: where the messages are read for it, all of these are among them.
  for (const [leaf, matches] of late.people.get(person.id)?.leaves ?? []) {
    await refoldLeafOf(set, person, leaf, at.clock, matches);
    await breathe();
  }
  finish(set, person, [...touched], at);
}
