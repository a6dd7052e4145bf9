// What a message changes about who is who: planned first, so that everyone it touches can be settled
// under the old identities, then applied.
// Invariant: planning changes nothing; applying makes exactly the planned changes.
import {
  addLink,
  holderOf,
  isSameTimeline,
  MAX_PROFILE_IDS,
  type Merge,
  type Move,
  movesBetween,
  type Pair,
  pairKey,
  pushedOut,
  type Range,
  type Resolution,
  resolveIdentities,
  runCutBy,
  type Timeline,
  tidy,
} from '../engine/identity.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import type { AliasRow, NodeRow } from '../storage/port.ts';
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

/** Who survives, and which pairs do not count. */
type Caps = Pick<Resolution, 'root' | 'refusedPairs'>;

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
  if (allowed && !plan.timelines.some(({ device }) => device === link.device.id)) {
    const before = await set.timeline(link.device.id);
    const after = await linked(set, before, link, clock);
    if (!isSameTimeline(before, after)) plan.timelines.push({ device: link.device.id, before, after });
  }
  return isEmpty(plan) ? null : plan;
}

/** Whether memory knows already that a link changes nothing; it may change nothing all the same. */
export function isKnownLink({ inMemory }: WorkingSet, link: Link): boolean {
  const { user, device, stamp } = link;
  const held = inMemory.pairs(user.id)?.get(device.id);
  if (!held || withLink(held, link) !== held) return false;
  const last = inMemory.timeline(device.id)?.at(-1);
  if (!last || last.user !== user.id || compareStamps(last.stamp, stamp) > 0) return false;
  // Somebody with more ids than may count has links that do not.
  const users = inMemory.circle(user.root);
  if (!users) return false;
  let ids = users.length;
  for (const one of users) ids += inMemory.pairs(one)?.size ?? MAX_PROFILE_IDS;
  return ids <= MAX_PROFILE_IDS;
}

function withLink(held: Pair | undefined, { user, device, stamp, trusted }: Link): Pair {
  const pair = held ?? { user: user.id, device: device.id, trusted: null, plain: null };
  const first = trusted ? pair.trusted : pair.plain;
  if (first !== null && compareStamps(first, stamp) <= 0) return pair;
  return trusted ? { ...pair, trusted: stamp } : { ...pair, plain: stamp };
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
  const circles = [...new Set([user.root, previous.root])];
  const before = await resolve(set, circles, [], null);
  const after = await resolve(set, circles, [merge], pair);
  await planResolution(set, plan, { before, after, fresh: pair }, clock);
  if (
    !after.refusedPairs.has(pairKey(user.id, device.id)) &&
    !plan.timelines.some((t) => t.device === device.id)
  ) {
    const before = await set.timeline(device.id);
    const next = await linked(set, before, link, clock);
    if (!isSameTimeline(before, next)) plan.timelines.push({ device: device.id, before, after: next });
  }
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
  const circles = [...new Set([from.root, into.root])];
  const merge: Merge = { from: from.id, into: into.id, stamp };
  const before = await resolve(set, circles, [], null);
  const after = await resolve(set, circles, [merge], null);
  await planResolution(set, plan, { before, after, fresh: null }, clock);
  return { plan, refused: after.refusedMerges.has(merge) };
}

/** Plans undoing every merge from the user so far. */
export async function planUnmerge(set: WorkingSet, user: NodeRow, clock: number): Promise<IdentityPlan> {
  const plan: IdentityPlan = { roots: [], pairs: [], timelines: [], alias: null };
  const circles = new Set([user.root]);
  // A merge that the caps kept out may find room now.
  for (const alias of await set.aliases(await set.circle(user.root)))
    for (const id of [alias.user, alias.previousUser ?? alias.user])
      circles.add((await set.nodeById(id))?.root ?? id);
  const before = await resolve(set, [...circles], [], null);
  set.voidMerges(user.id);
  const after = await resolve(set, [...circles], [], null);
  await planResolution(set, plan, { before, after, fresh: null }, clock);
  return plan;
}

/** Whether a profile may have more ids than the cap, so that the caps must be worked out. */
async function isCrowded(set: WorkingSet, root: number, more = 0): Promise<boolean> {
  const users = await set.circle(root);
  let ids = users.length + more;
  for (const user of users) ids += (await set.pairs(user)).size;
  return ids > MAX_PROFILE_IDS;
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
  const alone = await resolveAlone(set, root, pair);
  const before = alone?.before ?? (await resolve(set, [root], [], null));
  const after = alone?.after ?? (await resolve(set, [root], [], pair));
  await planResolution(set, plan, { before, after, fresh: pair }, clock);
  return !after.refusedPairs.has(pairKey(pair.user, pair.device));
}

/**
 * What the caps make of a user with whom nobody is merged, before and after a pair is added: of the refused pairs
 * those only that it changes or is. Null: somebody is merged.
 */
async function resolveAlone(
  set: WorkingSet,
  root: number,
  pair: Pair,
): Promise<{ before: Caps; after: Caps } | null> {
  if (!(await isAlone(set, root))) return null;
  const { user, device } = pair;
  const counting = await set.countingPairs(user);
  const wasRefused = (await set.pairs(user)).has(device) && !counting.has(device);
  const out = pushedOut(counting, pair);
  const caps = (refused: number | null): Caps => ({
    root: new Map([[user, root]]),
    refusedPairs: new Set(refused === null ? [] : [pairKey(user, refused)]),
  });
  return { before: caps(wasRefused ? device : null), after: caps(out) };
}

const isAlone = async (set: WorkingSet, root: number): Promise<boolean> =>
  (await set.circle(root)).length === 1;

/** Whether a pair of a profile that may be past the cap does not count. */
async function isPastCap(
  set: WorkingSet,
  root: number,
  { user, device }: Pick<Pair, 'user' | 'device'>,
): Promise<boolean> {
  if (await isAlone(set, root)) return !(await set.countingPairs(user)).has(device);
  return (await resolve(set, [root], [], null)).refusedPairs.has(pairKey(user, device));
}

async function resolve(
  set: WorkingSet,
  roots: readonly number[],
  extra: readonly Merge[],
  pair: Pair | null,
): Promise<Resolution> {
  const users = (await Promise.all(roots.map((root) => set.circle(root)))).flat();
  const pairs: Pair[] = [];
  for (const user of users)
    for (const held of (await set.pairs(user)).values())
      if (held.user !== pair?.user || held.device !== pair.device) pairs.push(held);
  if (pair) pairs.push(pair);
  return resolveIdentities(users, [...(await mergesOf(set, users)), ...extra], pairs);
}

/** The merges that name these users, as far as they are among known users. */
export async function mergesOf(set: WorkingSet, users: readonly number[]): Promise<Merge[]> {
  const known = new Set(users);
  const merges: Merge[] = [];
  for (const { user, previousUser, stamp, voided } of await set.aliases(users))
    if (previousUser !== null && !voided && known.has(user) && known.has(previousUser))
      merges.push({ from: previousUser, into: user, stamp });
  return merges;
}

async function planResolution(
  set: WorkingSet,
  plan: IdentityPlan,
  { before, after, fresh }: { before: Caps; after: Caps; fresh: Pair | null },
  clock: number,
): Promise<void> {
  for (const [user, root] of after.root) {
    const node = await set.nodeById(user);
    if (node && node.root !== root) plan.roots.push({ user, root });
  }
  const changed = new Set<number>();
  for (const key of new Set([...before.refusedPairs, ...after.refusedPairs])) {
    if (before.refusedPairs.has(key) === after.refusedPairs.has(key)) continue;
    changed.add(Number(key.split(':')[1]));
  }
  for (const device of changed) {
    const timeline = await set.timeline(device);
    const rebuilt = await rebuildTimeline(set, device, after, fresh, clock);
    if (!isSameTimeline(timeline, rebuilt)) plan.timelines.push({ device, before: timeline, after: rebuilt });
  }
}

/** A device's runs from all its links that are not refused. */
async function rebuildTimeline(
  set: WorkingSet,
  device: number,
  resolution: Caps,
  fresh: Pair | null,
  clock: number,
): Promise<Timeline> {
  const isFresh = (pair: Pair): boolean => fresh?.device === device && pair.user === fresh.user;
  const pairs = (await set.devicePairs(device)).filter((pair) => !isFresh(pair));
  if (fresh?.device === device) pairs.push(fresh);
  const runs: { stamp: Stamp; user: number }[] = [];
  for (const { user, trusted, plain } of pairs) {
    if (await isRefused(set, user, device, resolution)) continue;
    let stamp: Stamp | null = earlier(trusted, plain);
    while (stamp) {
      runs.push({ stamp, user });
      stamp = await set.nextLink({ user, device, after: stamp, before: null, until: clock });
    }
  }
  return tidy(runs);
}

async function isRefused(set: WorkingSet, user: number, device: number, resolution: Caps): Promise<boolean> {
  const key = pairKey(user, device);
  if (resolution.root.has(user)) return resolution.refusedPairs.has(key);
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

/** Whether the profile hit a cap, so that some of its links or merges do not count. */
export async function isCapped(set: WorkingSet, root: number): Promise<boolean> {
  const users = await set.circle(root);
  if ((await isCrowded(set, root)) && (await resolve(set, [root], [], null)).flagged.has(root)) return true;
  const aliases = await set.aliases(users);
  const merged = new Set<number>(users);
  return aliases.some(
    ({ user, previousUser, voided }) =>
      previousUser !== null && !voided && merged.has(user) !== merged.has(previousUser),
  );
}
