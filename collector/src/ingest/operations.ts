// What the API does to people: merges and unmerges users, fills static lists.
// Invariant: each is written down as an operation or a list entry, from which the same state follows anew.
import { evaluate } from '../engine/person.ts';
import type { Stamp } from '../engine/stamp.ts';
import { isErased, type NodeRow } from '../storage/port.ts';
import { carryOut } from './arrival.ts';
import type { ListResult, MergeResult } from './core.ts';
import { occasionOf } from './fold-person.ts';
import { type IdentityPlan, planMerge, planUnmerge } from './identity-plan.ts';
import { profileOf } from './profile-reads.ts';
import { settledPerson } from './settle.ts';
import type { WorkingSet } from './working-set.ts';

const MERGED = { operation: 'merge' };
const UNMERGED = { operation: 'unmerge' };
const LISTED = { operation: 'list' };

/** A user somebody is known by: their survivor has sent something. */
async function knownUser(set: WorkingSet, userId: string, clock: number): Promise<NodeRow | null> {
  const node = await set.node('user', userId);
  if (!node || isErased(node)) return null;
  return (await settledPerson(set, node.root, clock)) ? node : null;
}

export async function mergeUsers(
  set: WorkingSet,
  { from, into }: { from: string; into: string },
  clock: number,
): Promise<MergeResult> {
  const source = await knownUser(set, from, clock);
  if (!source) return { done: false, why: 'unknown', userId: from };
  const target = await knownUser(set, into, clock);
  if (!target) return { done: false, why: 'unknown', userId: into };
  // They are one already: a merge kept beside would hold them together once the first is undone.
  if (source.root === target.root) return survivorOf(set, source);
  const id = set.nextOperation();
  const stamp = mergeStamp(clock, id);
  const { plan, refused } = await planMerge(set, { from: source, into: target, stamp, seq: -id }, clock);
  if (refused) return { done: false, why: 'past_cap' };
  const operation = { id, kind: 'merge' as const, user: source.id, into: target.id, at: clock };
  set.record({ operations: [{ ...operation, seq: set.lastSeq() }] });
  await carryOut(set, plan, { clock, cause: MERGED });
  return survivorOf(set, source);
}

/**
 * A merge's place in the order: half a millisecond after the clock's instant, so that it comes after all
 * messages of that instant and before all later ones.
 */
export const mergeStamp = (clock: number, operation: number): Stamp => [
  clock + 0.5,
  `merge ${String(operation).padStart(12, '0')}`,
  1,
];

export async function unmergeUser(set: WorkingSet, userId: string, clock: number): Promise<MergeResult> {
  const user = await knownUser(set, userId, clock);
  if (!user) return { done: false, why: 'unknown', userId };
  const operation = {
    id: set.nextOperation(),
    kind: 'unmerge' as const,
    user: user.id,
    into: null,
    at: clock,
  };
  set.record({ operations: [{ ...operation, seq: set.lastSeq() }] });
  const merges = await set.aliases([user.id]);
  const undone = merges.filter(({ previousUser, voided }) => previousUser === user.id && !voided).length;
  const plan: IdentityPlan = await planUnmerge(set, user, clock);
  await carryOut(set, plan, { clock, cause: UNMERGED });
  return { ...(await survivorOf(set, user)), undone };
}

async function survivorOf(set: WorkingSet, node: NodeRow): Promise<Extract<MergeResult, { done: true }>> {
  const root = (await set.nodeById(node.root)) ?? node;
  return { done: true, userId: root.ext, profileId: root.publicId };
}

/**
 * Puts an id on a static list or takes it off; the membership belongs to that very id. A profile's own id, which is
 * what a list shows, takes off whichever ids of the person are on it.
 */
export async function setListed(
  set: WorkingSet,
  list: number,
  ref: string,
  on: boolean,
  clock: number,
): Promise<ListResult> {
  const node = await nodeNamed(set, ref);
  const person = node && (await settledPerson(set, await profileOf(set, node), clock));
  if (!node || !person) return 'unknown_profile';
  const isVeryId = on || isAddress(ref);
  for (const id of isVeryId ? [node.id] : await set.listedBy(person.id, list)) set.setListed(list, id, on);
  const lists = await set.listsOf(person.id);
  if (lists.join() === person.lists.join()) return 'done';
  person.lists = lists;
  const at = { clock, cause: LISTED };
  evaluate(set.program, person, set.program.touchedByList(list), occasionOf(set, person.id, at));
  set.touch(person);
  return 'done';
}

const isAddress = (ref: string): boolean => ref.startsWith('user:') || ref.startsWith('anon:');

async function nodeNamed(set: WorkingSet, ref: string): Promise<NodeRow | null> {
  if (ref.startsWith('user:')) return set.node('user', ref.slice(5));
  if (ref.startsWith('anon:')) return set.node('device', ref.slice(5));
  return set.nodeByPublicId(ref);
}
