// Time passing for one person: what is due for them, and changes of their groups.
// Invariant: a person is settled to an instant before anything that happens at it is folded in.
import type { Stretch } from '../engine/identity.ts';
import { type Emit, evaluate, open, openingsAt, settleInstant } from '../engine/person.ts';
import type { PersonState } from '../engine/person-state.ts';
import { breathe } from './breathe.ts';
import { nextGroupChange, takeGroupChange, viewGroups } from './groups.ts';
import { messagesIn } from './leaf-history.ts';
import { uncountOutside } from './outside-values.ts';
import { refoldLeafOf } from './shed-matches.ts';
import type { WorkingSet } from './working-set.ts';

/** Instants of one person after which others have a turn of the event loop: some milliseconds. */
const INSTANTS = 100;

/**
 * Lets time pass for one person up to `until`, and brings them up to changes of their groups. With `most` it may end
 * after so many instants, as of the last of them.
 */
export async function settle(
  set: WorkingSet,
  person: PersonState,
  until: number,
  { emit = set.emitter(person.id), most = Number.POSITIVE_INFINITY }: { emit?: Emit; most?: number } = {},
): Promise<void> {
  if (isSettled(set, person, until)) return;
  await viewGroups(set, person);
  for (let done = 0; done < most; ) {
    if (++done % INSTANTS === 0) await breathe();
    const change = await nextGroupChange(set, person);
    const due = person.due !== null && person.due <= until ? person.due : null;
    // At one instant time comes first.
    if (due !== null && (change === null || due <= change.at)) await settleDueAt(set, person, due, emit);
    else if (change !== null && change.at <= until) {
      takeGroupChange(person, change);
      const at = change.at;
      evaluate(set.program, person, set.program.touchedByGroups, {
        now: at,
        cause: { deadline: at },
        emit,
      });
    } else return;
    set.touch(person);
  }
}

async function settleDueAt(set: WorkingSet, person: PersonState, instant: number, emit: Emit): Promise<void> {
  for (const opening of openingsAt(set.program, person, instant)) {
    const { leaf, block } = opening;
    if (!block) {
      await refoldLeafOf(set, person, leaf, instant);
      continue;
    }
    const between: Stretch = { from: [block.f, '', 0], to: [block.t + 1, '', 0] };
    open(set.program, person, opening, await messagesIn(set, person.id, leaf, instant, between), instant);
  }
  await uncountOutside(set, person, instant);
  settleInstant(set.program, person, instant, emit);
  if (person.due !== null && person.due <= instant)
    throw new Error(`person ${person.id} is stuck at ${instant}`);
}

export async function settledPerson(set: WorkingSet, id: number, until: number): Promise<PersonState | null> {
  const held = set.personInMemory(id);
  const person = held === undefined ? await set.person(id) : held;
  if (person && !isSettled(set, person, until)) await settle(set, person, until);
  return person;
}

/** Settles a person for one slice's time, perhaps not to the end: they go on being due. */
export async function settleForNow(set: WorkingSet, id: number, until: number): Promise<void> {
  const person = await set.person(id);
  if (person) await settle(set, person, until, { most: INSTANTS });
}

/** Nothing is due for the person, and no group of theirs needs to be looked at. */
export function isSettled(set: WorkingSet, person: PersonState, until: number): boolean {
  if (person.due !== null && person.due <= until) return false;
  return !set.program.usesGroups || person.groups.size === 0;
}
