// Groups: their traits, and bringing their members up to a change of them, person by person.
// Invariant: a person's `view` shows each group's traits at the revision in `groups`; whoever lags
// behind finds every change since then, with its instant, in the group's log.
import { declaredTraits, type EngineMessage } from '../engine/filter.ts';
import type { GroupTraits, PersonState } from '../engine/person-state.ts';
import { restoreBag, type TraitBag, traitOf, writeTraits } from '../engine/trait-bag.ts';
import { MAX_WAITING_CHANGES } from '../storage/port.ts';
import type { HeldGroup, Logged } from './held-group.ts';
import type { WorkingSet } from './working-set.ts';

const reader =
  (bag: TraitBag): GroupTraits =>
  (key) =>
    traitOf(bag, key);

/** The group's traits as they were at a revision. */
function traitsAt(group: HeldGroup, revision: number): GroupTraits {
  if (revision >= group.revision) return reader(group.bag);
  const known = group.log.findLast((entry) => entry.revision <= revision) ?? group.log[0];
  return reader(known?.bag ?? group.bag);
}

/** Puts the traits of a person's groups in view; only where some definition asks for them. */
export async function viewGroups(set: WorkingSet, person: PersonState): Promise<void> {
  if (!set.program.usesGroups || person.groups.size === 0) return;
  const view = new Map<string, GroupTraits>();
  for (const [id, revision] of person.groups) view.set(id, traitsAt(await set.group(id), revision));
  person.view = view;
}

export interface WaitingChange {
  group: HeldGroup;
  revision: number;
  at: number;
}

/** The earliest change of a group that this person was not brought up to. */
export async function nextGroupChange(set: WorkingSet, person: PersonState): Promise<WaitingChange | null> {
  if (!set.program.usesGroups) return null;
  let next: WaitingChange | null = null;
  for (const [id, revision] of person.groups) {
    const group = await set.group(id);
    if (revision >= group.revision) continue;
    const change = group.log.find((entry) => entry.revision > revision);
    // Nothing is written down while nobody asks for traits of groups: then the newest is all there is.
    const { at, revision: to } = change ?? { at: 0, revision: group.revision };
    if (next === null || at < next.at) next = { group, revision: to, at };
  }
  return next;
}

/** Brings the person up to one change; segments are to be looked at by the caller. */
export function takeGroupChange(person: PersonState, { group, revision }: WaitingChange): void {
  person.groups.set(group.id, revision);
  person.view = new Map([...person.view, [group.id, traitsAt(group, revision)]]);
}

/** The person who just changed the group, or joined it, is up to its newest traits. */
export async function seeNewest(set: WorkingSet, person: PersonState, id: string): Promise<void> {
  const group = await set.group(id);
  person.groups.set(id, group.revision);
  if (set.program.usesGroups) person.view = new Map([...person.view, [id, reader(group.bag)]]);
}

/** What a refold needs of the groups that the messages name. */
export async function surroundingGroups(
  set: WorkingSet,
  ids: Iterable<string>,
): Promise<Map<string, { revision: number; traits: GroupTraits }>> {
  const groups = new Map<string, { revision: number; traits: GroupTraits }>();
  for (const id of ids) {
    const group = await set.group(id);
    groups.set(id, { revision: group.revision, traits: reader(group.bag) });
  }
  return groups;
}

/** Writes the traits of a group message and, if they changed, notes it for the other members. */
export async function writeGroup(set: WorkingSet, message: EngineMessage, clock: number): Promise<void> {
  const id = message.groupId as string; // the caller looked
  const group = await set.group(id);
  const before = set.program.usesGroups ? JSON.stringify(group.bag) : '';
  const changed = writeTraits(group.bag, declaredTraits(message.body()), message.stamp);
  if (changed.length > 0 && group.isKnown) noteGroupChange(set, group, before, clock);
  group.isKnown = true;
  set.touchGroup(group);
}

/**
 * Notes that the group's traits are no longer what `before` (a bag's JSON) says; null where every member is settled
 * to the clock, so that nobody is to be told what they were.
 */
export function noteGroupChange(
  set: WorkingSet,
  group: HeldGroup,
  before: string | null,
  clock: number,
): void {
  if (!set.program.usesGroups) return;
  if (before !== null && group.log.length === 0)
    // A bag's JSON is a bag.
    log(set, group, { revision: group.revision, at: 0, bag: restoreBag(JSON.parse(before) as TraitBag) });
  group.revision++;
  const now = restoreBag(JSON.parse(JSON.stringify(group.bag)) as TraitBag); // likewise
  log(set, group, { revision: group.revision, at: clock, bag: now });
  if (group.log.length > MAX_WAITING_CHANGES) group.log.splice(1, 1);
  set.waiting.add(group.id);
}

function log(set: WorkingSet, group: HeldGroup, entry: Logged): void {
  group.log.push(entry);
  const change = { revision: entry.revision, at: entry.at, text: JSON.stringify(entry.bag) };
  set.record({ groupLog: [{ group: group.id, change }] });
}
