// What the caps make of links and merges: who is one, and which devices count for whom.
// Invariant: reads what the lane holds and changes nothing.
import { type Merge, type Pair, pushedOut, type Resolution, resolveIdentities } from '../engine/identity.ts';
import type { WorkingSet } from './working-set.ts';

/** What the caps make of it that something is linked or merged. */
export interface Outcome extends Pick<Resolution, 'root'> {
  /** Whether the links of a user with a device count. */
  counts(user: number, device: number): boolean;
  /** Devices with links known before that count no more, or now do. */
  changed: ReadonlySet<number>;
}

/** These profiles and all that merges past a cap would join to them: a change may make room for one. */
export async function reach(set: WorkingSet, roots: readonly number[]): Promise<number[]> {
  const reached = new Set(roots);
  for (const root of reached)
    for (const { user, previousUser, voided } of await set.aliases(await set.circle(root))) {
      if (previousUser === null || voided) continue;
      for (const id of [user, previousUser]) reached.add((await set.nodeById(id))?.root ?? id);
    }
  return [...reached];
}

/** Whether a profile may have more ids than the cap, so that the caps must be worked out. */
export async function isCrowded(set: WorkingSet, root: number, more = 0): Promise<boolean> {
  const users = await set.circle(root);
  let ids = users.length + more;
  for (const user of users) ids += (await set.pairs(user)).size;
  return ids > set.caps.ids;
}

/**
 * What the caps make of a pair of a user with whom nobody is merged, without a look at those that do not count.
 * Null: somebody is merged.
 */
export async function outcomeAlone(set: WorkingSet, root: number, pair: Pair): Promise<Outcome | null> {
  if (!(await isAlone(set, root))) return null;
  const { user, device } = pair;
  const counting = await set.countingPairs(user);
  const out = pushedOut(counting, pair, set.caps);
  const changed = new Set<number>();
  if (out !== null && out !== device) changed.add(out);
  if (out !== device && !counting.has(device) && (await set.pairs(user)).has(device)) changed.add(device);
  return {
    root: new Map([[user, root]]),
    counts: (_, one) => one !== out && (one === device || counting.has(one)),
    changed,
  };
}

export async function outcomeTogether(set: WorkingSet, root: number, pair: Pair): Promise<Outcome> {
  const circles = await reach(set, [root]);
  return outcomeOf(set, await resolve(set, circles), await resolve(set, circles, { pair }));
}

const isAlone = async (set: WorkingSet, root: number): Promise<boolean> =>
  (await set.circle(root)).length === 1;

/** Whether a pair of a profile that may be past the cap does not count. */
export async function isPastCap(
  set: WorkingSet,
  root: number,
  { user, device }: Pick<Pair, 'user' | 'device'>,
): Promise<boolean> {
  if (await isAlone(set, root)) return !(await set.countingPairs(user)).has(device);
  return !(await resolve(set, [root])).devicesOf(user).has(device);
}

/**
 * What the caps make of profiles, with a merge and a pair that are to be made. Of everybody's pairs only those matter
 * that may count.
 */
export async function resolve(
  set: WorkingSet,
  roots: readonly number[],
  { merge, pair }: { merge?: Merge; pair?: Pair } = {},
): Promise<Resolution> {
  const users = (await Promise.all(roots.map((root) => set.circle(root)))).flat();
  const pairs: Pair[] = [];
  for (const user of users)
    for (const held of (await set.countingPairs(user)).values())
      if (held.user !== pair?.user || held.device !== pair.device) pairs.push(held);
  if (pair) pairs.push(pair);
  const merges = [...(await mergesOf(set, users)), ...(merge ? [merge] : [])];
  return resolveIdentities(users, merges, pairs, set.caps);
}

const differenceOf = (a: ReadonlySet<number>, b: ReadonlySet<number>): number[] =>
  [...a].filter((one) => !b.has(one));

/** Compares what the caps make of the same profiles before and after. */
export async function outcomeOf(set: WorkingSet, before: Resolution, after: Resolution): Promise<Outcome> {
  const changed = new Set<number>();
  // Of the last user: whoever is merged has the same devices.
  let [was, is]: ReadonlySet<number>[] = [];
  let differ: number[] = [];
  for (const user of after.root.keys()) {
    const [old, now] = [before.devicesOf(user), after.devicesOf(user)];
    if (old !== was || now !== is) {
      differ = [...differenceOf(old, now), ...differenceOf(now, old)];
      [was, is] = [old, now];
    }
    if (differ.length === 0) continue;
    const pairs = await set.pairs(user);
    for (const device of differ) if (pairs.has(device)) changed.add(device);
  }
  return { root: after.root, counts: (user, device) => after.devicesOf(user).has(device), changed };
}

/** The merges that name these users, as far as they are among known users. */
async function mergesOf(set: WorkingSet, users: readonly number[]): Promise<Merge[]> {
  const known = new Set(users);
  const merges: Merge[] = [];
  for (const { user, previousUser, stamp, voided } of await set.aliases(users))
    if (previousUser !== null && !voided && known.has(user) && known.has(previousUser))
      merges.push({ from: previousUser, into: user, stamp });
  return merges;
}

/** Whether the profile hit a cap, so that some of its links or merges do not count. */
export async function isCapped(set: WorkingSet, root: number): Promise<boolean> {
  const users = await set.circle(root);
  if (await isCrowded(set, root)) {
    // Whoever has more than may count is past the cap whoever is merged with them.
    for (const user of users) if ((await set.pairs(user)).size >= set.caps.ids) return true;
    if ((await resolve(set, [root])).flagged.has(root)) return true;
  }
  const aliases = await set.aliases(users);
  const merged = new Set<number>(users);
  return aliases.some(
    ({ user, previousUser, voided }) =>
      previousUser !== null && !voided && merged.has(user) !== merged.has(previousUser),
  );
}
