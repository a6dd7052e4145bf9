// What a message changes about who is who: planned first, so that everyone it touches can be settled
// under the old identities, then applied.
// Invariant: planning changes nothing; applying makes exactly the planned changes.
import {
  addLink,
  holderOf,
  isSameTimeline,
  type Merge,
  type Move,
  movesBetween,
  type Pair,
  type Range,
  type Run,
  runCutBy,
  type Timeline,
  tidy,
} from '../engine/identity.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import type { AliasRow, NodeRow } from '../storage/port.ts';
import { createPace } from './breathe.ts';
import { createHeap } from './heap.ts';
import { LINKS_PAGE } from './held-history.ts';
import {
  isCrowded,
  isPastCap,
  type Outcome,
  outcomeAlone,
  outcomeOf,
  outcomeTogether,
  reach,
  resolve,
} from './identity-caps.ts';
import type { WorkingSet } from './working-set.ts';

/** A link of a device to a user, as one message made it. */
export interface Link {
  user: NodeRow;
  device: NodeRow;
  stamp: Stamp;
  trusted: boolean;
}

export interface IdentityPlan {
  /** Users whose survivor changes. */
  roots: { user: number; root: number }[];
  pairs: Pair[];
  timelines: { device: number; before: Timeline; after: Timeline }[];
  alias: AliasRow | null;
}

const isEmpty = (plan: IdentityPlan): boolean =>
  plan.roots.length + plan.pairs.length + plan.timelines.length === 0 && plan.alias === null;

/** Plans one link, or null when it changes nothing: the usual case. */
export async function planLink(set: WorkingSet, link: Link, clock: number): Promise<IdentityPlan | null> {
  const held = (await set.pairs(link.user.id)).get(link.device.id);
  const pair = withLink(held, link);
  const plan: IdentityPlan = { roots: [], pairs: pair === held ? [] : [pair], timelines: [], alias: null };
  let allowed = true;
  if (pair !== held) allowed = await planCaps(set, plan, link.user.root, pair, clock);
  else if (await isCrowded(set, link.user.root)) allowed = !(await isPastCap(set, link.user.root, pair));
  if (allowed) await planRun(set, plan, link, clock);
  return isEmpty(plan) ? null : plan;
}

/** Whether memory knows already that a link changes nothing; it may change nothing all the same. */
export function isKnownLink({ inMemory, caps }: WorkingSet, link: Link): boolean {
  const { user, device, stamp } = link;
  const held = inMemory.pairs(user.id)?.get(device.id);
  if (!held || withLink(held, link) !== held) return false;
  const last = inMemory.timeline(device.id)?.at(-1);
  if (!last || last.user !== user.id || compareStamps(last.stamp, stamp) > 0) return false;
  // Somebody with more ids than may count has links that do not.
  const users = inMemory.circle(user.root);
  if (!users) return false;
  let ids = users.length;
  for (const one of users) ids += inMemory.pairs(one)?.size ?? caps.ids;
  return ids <= caps.ids;
}

function withLink(held: Pair | undefined, { user, device, stamp, trusted }: Link): Pair {
  const pair = held ?? { user: user.id, device: device.id, name: device.ext, trusted: null, plain: null };
  const first = trusted ? pair.trusted : pair.plain;
  if (first !== null && compareStamps(first, stamp) <= 0) return pair;
  return trusted ? { ...pair, trusted: stamp } : { ...pair, plain: stamp };
}

/** Plans the run that a link which counts begins, on top of what is planned for its device. */
async function planRun(set: WorkingSet, plan: IdentityPlan, link: Link, clock: number): Promise<void> {
  const device = link.device.id;
  const rebuilt = plan.timelines.find((one) => one.device === device);
  const before = rebuilt?.after ?? (await set.timeline(device));
  const after = await linked(set, before, link, clock);
  if (isSameTimeline(before, after)) return;
  if (rebuilt) rebuilt.after = after;
  else plan.timelines.push({ device, before, after });
}

async function linked(set: WorkingSet, before: Timeline, link: Link, clock: number): Promise<Timeline> {
  const last = before[before.length - 1];
  if (last && last.user === link.user.id && compareStamps(last.stamp, link.stamp) <= 0) return before;
  const cut = runCutBy(before, link.stamp, link.user.id);
  const relinked =
    cut &&
    (await set.nextLink({
      user: cut.user,
      device: link.device.id,
      after: link.stamp,
      before: cut.next,
      until: clock,
    }));
  return addLink(before, link.stamp, link.user.id, relinked);
}

/** Plans an alias: its link always, its merge when it may merge. `refused` when past a cap. */
export async function planAlias(
  set: WorkingSet,
  { link, previous, seq }: { link: Link; previous: NodeRow | null; seq: number },
  clock: number,
): Promise<{ plan: IdentityPlan; refused: boolean }> {
  const { user, device, stamp, trusted } = link;
  const voided = previous !== null && (await set.wasUnmerged(previous.id, seq));
  const alias: AliasRow = {
    user: user.id,
    device: device.id,
    previousUser: previous?.id ?? null,
    stamp,
    trusted,
    seq,
    voided,
  };
  if (previous === null || voided) {
    const plan = (await planLink(set, link, clock)) ?? { roots: [], pairs: [], timelines: [], alias: null };
    return { plan: { ...plan, alias }, refused: false };
  }
  const merge: Merge = { from: previous.id, into: user.id, stamp };
  const held = (await set.pairs(user.id)).get(device.id);
  const pair = withLink(held, link);
  const plan: IdentityPlan = { roots: [], pairs: pair === held ? [] : [pair], timelines: [], alias };
  const circles = await reach(set, [user.root, previous.root]);
  const before = await resolve(set, circles);
  const after = await resolve(set, circles, { merge, pair });
  const outcome = await outcomeOf(set, before, after);
  await planOutcome(set, plan, outcome, pair, clock);
  if (outcome.counts(user.id, device.id)) await planRun(set, plan, link, clock);
  return { plan, refused: after.refusedMerges.has(merge) };
}

/** Plans a merge made by the API. `refused` when past a cap. */
export async function planMerge(
  set: WorkingSet,
  { from, into, stamp, seq }: { from: NodeRow; into: NodeRow; stamp: Stamp; seq: number },
  clock: number,
): Promise<{ plan: IdentityPlan; refused: boolean }> {
  const alias = { user: into.id, device: 0, previousUser: from.id, stamp, trusted: true, seq, voided: false };
  const plan: IdentityPlan = { roots: [], pairs: [], timelines: [], alias };
  const circles = await reach(set, [from.root, into.root]);
  const merge: Merge = { from: from.id, into: into.id, stamp };
  const before = await resolve(set, circles);
  const after = await resolve(set, circles, { merge });
  await planOutcome(set, plan, await outcomeOf(set, before, after), null, clock);
  return { plan, refused: after.refusedMerges.has(merge) };
}

/** Plans undoing every merge from the user so far. */
export async function planUnmerge(set: WorkingSet, user: NodeRow, clock: number): Promise<IdentityPlan> {
  const plan: IdentityPlan = { roots: [], pairs: [], timelines: [], alias: null };
  const circles = await reach(set, [user.root]);
  const before = await resolve(set, circles);
  set.voidMerges(user.id);
  const after = await resolve(set, circles);
  await planOutcome(set, plan, await outcomeOf(set, before, after), null, clock);
  return plan;
}

/** Plans, once a profile's ids are fewer, what they left no room for before. */
export type PlanRoom = (clock: number) => Promise<IdentityPlan>;

/**
 * What a profile's ids, once they are fewer, leave room for in others: to be asked before. Null: nobody is kept from
 * being merged with it.
 */
export async function planRoom(set: WorkingSet, root: number): Promise<PlanRoom | null> {
  const circles = await reach(set, [root]);
  if (circles.length === 1) return null;
  const before = await resolve(set, circles);
  return async (clock) => {
    const plan: IdentityPlan = { roots: [], pairs: [], timelines: [], alias: null };
    // Those who were merged with it need not be any more.
    const now = new Set<number>();
    for (const user of before.root.keys()) now.add((await set.nodeById(user))?.root ?? user);
    const after = await resolve(set, [...now]);
    await planOutcome(set, plan, await outcomeOf(set, before, after), null, clock);
    return plan;
  };
}

/** Adds what the caps change to the plan when a pair is added; answers whether it is allowed itself. */
async function planCaps(
  set: WorkingSet,
  plan: IdentityPlan,
  root: number,
  pair: Pair,
  clock: number,
): Promise<boolean> {
  if (!(await isCrowded(set, root, 1))) return true;
  const outcome = (await outcomeAlone(set, root, pair)) ?? (await outcomeTogether(set, root, pair));
  await planOutcome(set, plan, outcome, pair, clock);
  return outcome.counts(pair.user, pair.device);
}

/** Plans what the caps make of it when a pair is made, or one that was made before. */
async function planOutcome(
  set: WorkingSet,
  plan: IdentityPlan,
  outcome: Outcome,
  fresh: Pair | null,
  clock: number,
): Promise<void> {
  for (const [user, root] of outcome.root) {
    const node = await set.nodeById(user);
    if (node && node.root !== root) plan.roots.push({ user, root });
  }
  for (const device of outcome.changed) {
    const timeline = await set.timeline(device);
    const rebuilt = await rebuildTimeline(set, device, outcome, fresh, clock);
    if (!isSameTimeline(timeline, rebuilt)) plan.timelines.push({ device, before: timeline, after: rebuilt });
  }
}

/** A device's runs from all its links that are not refused. */
async function rebuildTimeline(
  set: WorkingSet,
  device: number,
  outcome: Outcome,
  fresh: Pair | null,
  clock: number,
): Promise<Timeline> {
  const isFresh = (pair: Pair): boolean => fresh?.device === device && pair.user === fresh.user;
  const pairs = (await set.devicePairs(device)).filter((pair) => !isFresh(pair));
  if (fresh?.device === device) pairs.push(fresh);
  const pace = createPace();
  /** Of each user the next link and those read behind it, in order. */
  const next = createHeap<Linked>((a, b) => compareStamps(firstOf(a), firstOf(b)));
  for (const { user, trusted, plain } of pairs) {
    if (await isRefused(set, user, device, outcome)) continue;
    const first = earlier(trusted, plain);
    if (first) next.push({ user, links: [first] });
    await pace();
  }
  const runs: Run[] = [];
  for (let own = next.pop(); own; own = next.pop()) {
    runs.push({ stamp: firstOf(own), user: own.user });
    const other = next.first();
    if (!other) break;
    // Their links up to somebody else's begin no run.
    const after = firstOf(other);
    const left = own.links.findIndex((stamp) => compareStamps(stamp, after) > 0);
    own.links.splice(0, left < 0 ? own.links.length : left);
    if (own.links.length === 0)
      own.links = await set.links({ user: own.user, device, after, before: null, until: clock }, LINKS_PAGE);
    if (own.links.length > 0) next.push(own);
    await pace();
  }
  return tidy(runs);
}

/** Links of one user to a device, in order. */
interface Linked {
  user: number;
  links: Stamp[];
}

const firstOf = ({ links }: Linked): Stamp => links[0] as Stamp; // there is one

async function isRefused(set: WorkingSet, user: number, device: number, outcome: Outcome): Promise<boolean> {
  if (outcome.root.has(user)) return !outcome.counts(user, device);
  const node = await set.nodeById(user);
  if (!node || !(await isCrowded(set, node.root))) return false;
  return isPastCap(set, node.root, { user, device });
}

function earlier(a: Stamp | null, b: Stamp | null): Stamp | null {
  if (a === null || b === null) return a ?? b;
  return compareStamps(a, b) <= 0 ? a : b;
}

/**
 * Profiles, by survivor or lone device, to where that is filed which becomes theirs; null where something is taken
 * away, or more than their messages changes.
 */
export type Touched = Map<number, Range[] | null>;

/** Notes one more profile. */
export function noteTouched(touched: Touched, id: number, gained: readonly Range[] | null): void {
  const known = touched.get(id);
  touched.set(id, gained === null || known === null ? null : [...(known ?? []), ...gained]);
}

/** Profiles that the plan adds something to or takes something from. */
export async function peopleTouched(set: WorkingSet, plan: IdentityPlan, clock: number): Promise<Touched> {
  const touched: Touched = new Map();
  const rootAfter = new Map(plan.roots.map(({ user, root }) => [user, root]));
  for (const { user, root } of plan.roots) {
    noteTouched(touched, (await set.nodeById(user))?.root ?? user, null);
    noteTouched(touched, root, null);
  }
  const owner = async (user: number | null, device: number): Promise<number[]> => {
    if (user === null) return [device];
    const now = (await set.nodeById(user))?.root ?? user;
    return [now, rootAfter.get(user) ?? now];
  };
  for (const { device, before, after } of plan.timelines) {
    if (holderOf(before) !== holderOf(after) && (await set.isListed(device))) {
      for (const id of await owner(holderOf(before), device)) noteTouched(touched, id, null);
      for (const id of await owner(holderOf(after), device)) noteTouched(touched, id, null);
    }
    for (const move of movesBetween(before, after)) {
      const stretch = stretchOf(move);
      if (!(await set.hasOwnMessages(device, stretch, clock))) continue;
      for (const id of await owner(move.before, device)) noteTouched(touched, id, null);
      const gained = move.after === null ? null : [{ node: device, stretch }];
      for (const id of new Set(await owner(move.after, device))) noteTouched(touched, id, gained);
    }
  }
  return touched;
}

const stretchOf = ({ from, to }: Move) => ({ from, to });

export async function applyPlan(set: WorkingSet, plan: IdentityPlan): Promise<void> {
  for (const pair of plan.pairs) await set.setPair(pair);
  for (const { device, after } of plan.timelines) set.setTimeline(device, after);
  for (const { user, root } of plan.roots) {
    const node = await set.nodeById(user);
    if (node) await set.setRoot(node, root);
  }
  if (plan.alias) set.addAlias(plan.alias);
}
