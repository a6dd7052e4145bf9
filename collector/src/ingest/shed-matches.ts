// Matches that a person's row let go of, kept beside it, and leaves folded anew from them.
// Invariant: the row says how many there are. If there are not so many, they are worth nothing: the messages are
// read, and they are kept anew. So a file that lost some is slower, never wrong.
import { createLeafFold } from '../engine/building.ts';
import { type Leaf, type LeafState, reachOf, rowHolds } from '../engine/leaf.ts';
import { putLeaf, refoldFromShed, type ShedOf } from '../engine/person.ts';
import type { PersonState } from '../engine/person-state.ts';
import {
  compareBlocks,
  createBlock,
  insertMatch,
  type Shed,
  type ShedBlock,
  type ShedMatch,
  sortedBlock,
  splitBlock,
  stampIn,
} from '../engine/shed.ts';
import { compareStamps } from '../engine/stamp.ts';
import { foldHistory } from './leaf-history.ts';
import type { WorkingSet } from './working-set.ts';

/** Matches of a block at most: some 25 KB, written again when a late one comes into it. */
const MAX_BLOCK = 512;
/**
 * Those that ordinary messages push out of a row come some 8 to 24 at a time and are a block each at first. So many of
 * these are put together: to read a block of its own takes as long as to read 10 to 20 more matches of another.
 */
const BLOCKS_TOGETHER = 16;
/** Where a window slides, blocks that it left behind are looked for each time so many were added at least. */
const BLOCKS_BETWEEN = 64;
/** Where many are kept, each time they grew by half or so: looking reads all of them, 0.3 us a match. */
const MATCHES_FOR_ONE = 48;

interface Log {
  /** In order. */
  blocks: ShedBlock[];
  numbers: Map<ShedBlock, number>;
}

/** What leaves let go of while a person is folded anew, all of it. */
export type Gathered = Map<Leaf, ShedMatch[]>;

export const gatherIn =
  (gathered: Gathered) =>
  ({ leaf, matches }: ShedOf): void => {
    const known = gathered.get(leaf);
    if (!known) gathered.set(leaf, [...matches]);
    else for (const match of matches) known.push(match);
  };

/** Keeps what was gathered; what was kept for these leaves before is gone already. */
export function keepGathered(set: WorkingSet, person: PersonState, gathered: Gathered): void {
  for (const [leaf, matches] of gathered) {
    append(set, person, leaf, matches.slice(0, MAX_BLOCK));
    for (let at = MAX_BLOCK; at < matches.length; at += MAX_BLOCK)
      append(set, person, leaf, matches.slice(at, at + MAX_BLOCK));
  }
}

/** Keeps what an ordinary message pushed out of the row. */
export async function keepShed(
  set: WorkingSet,
  person: PersonState,
  shed: readonly ShedOf[],
  clock: number,
): Promise<void> {
  for (const { leaf, matches } of shed) {
    const isAdded = await appendSmall(set, person, leaf, matches);
    if (isAdded && reachOf(leaf, clock) !== null && isTimeToLook(stateOf(person, leaf)))
      await loadLog(set, person, leaf, clock);
  }
}

function isTimeToLook({ k: [next, count] = [0, 0] }: LeafState): boolean {
  return next % Math.max(BLOCKS_BETWEEN, 2 ** Math.floor(Math.log2(count / MATCHES_FOR_ONE))) === 0;
}

/** Adds what a row pushed out as a block, if it is anything. */
async function appendSmall(
  set: WorkingSet,
  person: PersonState,
  leaf: Leaf,
  matches: readonly ShedMatch[],
): Promise<boolean> {
  const added = append(set, person, leaf, matches);
  if (added) await putTogether(set, person, leaf, added.no);
  return added !== null;
}

/** After every so many blocks, up to number `last`: makes one of them as far as they are small. */
async function putTogether(set: WorkingSet, person: PersonState, leaf: Leaf, last: number): Promise<void> {
  if ((last + 1) % BLOCKS_TOGETHER !== 0) return;
  const blocks = [...(await set.shedBlocks(person.id, leaf.id, last + 1 - BLOCKS_TOGETHER))];
  const small: [number, ShedBlock][] = [];
  let count = 0;
  // The newest, up to the first that is not small: that may be older than those before it, as half of a full one.
  for (const [no, block] of blocks.sort(([a], [b]) => b - a)) {
    // Whoever reads all of them finds that it does not add up.
    if (!block) return;
    count += block.times.length;
    if (block.times.length >= MAX_BLOCK / 2 || count > MAX_BLOCK) break;
    small.push([no, block]);
  }
  const key = (no: number) => ({ person: person.id, leaf: leaf.id, no });
  const [newest, ...others] = small;
  if (!newest || others.length === 0) return;
  for (const [no] of others) set.setShed(key(no), null);
  set.setShed(key(newest[0]), sortedBlock(small.map(([, block]) => block)));
}

/** Adds a block; without matches the row says from now on that none are missing. */
function append(
  set: WorkingSet,
  person: PersonState,
  leaf: Leaf,
  matches: readonly ShedMatch[],
): { no: number; block: ShedBlock } | null {
  const state = stateOf(person, leaf);
  const [no, count] = state.k ?? [0, 0];
  state.k = [no, count];
  if (matches.length === 0) return null;
  const block = createBlock(matches);
  set.setShed({ person: person.id, leaf: leaf.id, no }, block);
  state.k = [no + 1, count + matches.length];
  return { no, block };
}

function stateOf(person: PersonState, leaf: Leaf): LeafState {
  const state = person.leaves.get(leaf.id);
  if (!state) throw new Error(`leaf ${leaf.id} lets go of matches that it does not have`);
  return state;
}

/** Throws away what is kept for some leaves of a person. */
export async function dropShed(set: WorkingSet, person: PersonState, leaves: readonly Leaf[]): Promise<void> {
  for (const { id: leaf } of leaves) {
    if (person.leaves.get(leaf)?.k === undefined) continue;
    for (const no of (await set.shedBlocks(person.id, leaf)).keys())
      set.setShed({ person: person.id, leaf, no }, null);
  }
}

/** Folds a leaf anew: with matches that came late, or (none) because of what its state says about time. */
export async function refoldLeafOf(
  set: WorkingSet,
  person: PersonState,
  leaf: Leaf,
  clock: number,
  late: readonly ShedMatch[] = [],
): Promise<void> {
  const log = await loadLog(set, person, leaf, clock);
  if (!log) {
    await refoldFromMessages(set, person, leaf, clock);
    return;
  }
  const state = person.leaves.get(leaf.id) ?? {};
  // Folded anew meanwhile, the row may hold it.
  for (const match of late) if (!rowHolds(leaf, state, match.stamp)) insert(set, person, leaf, log, match);
  const { k } = state;
  const shed: ShedOf[] = [];
  const keep: Shed = (matches) => shed.push({ leaf, matches });
  refoldFromShed(person, leaf, log.blocks, clock, keep);
  const after = person.leaves.get(leaf.id);
  if (after && k) after.k = k;
  for (const { matches } of shed) await appendSmall(set, person, leaf, matches);
}

async function refoldFromMessages(
  set: WorkingSet,
  person: PersonState,
  leaf: Leaf,
  clock: number,
): Promise<void> {
  for (const no of (await set.shedBlocks(person.id, leaf.id)).keys())
    set.setShed({ person: person.id, leaf: leaf.id, no }, null);
  const gathered: Gathered = new Map();
  const states = await foldHistory(set, person.id, createLeafFold([leaf]), clock, gatherIn(gathered));
  putLeaf(person, leaf, states[leaf.id], clock);
  keepGathered(set, person, gathered);
}

/** All that is kept for a leaf and may still matter; null unless it is as much as the row says. */
export async function loadLog(
  set: WorkingSet,
  person: PersonState,
  leaf: Leaf,
  clock: number,
): Promise<Log | null> {
  const state = person.leaves.get(leaf.id);
  if (!state?.k) return null;
  const numbers = new Map<ShedBlock, number>();
  let count = 0;
  for (const [no, block] of await set.shedBlocks(person.id, leaf.id)) {
    if (!block) return null;
    numbers.set(block, no);
    count += block.times.length;
  }
  if (count !== state.k[1]) return null;
  const reach = reachOf(leaf, clock);
  for (const [block, no] of numbers) {
    if (reach === null || (block.times[block.times.length - 1] as number) > reach) continue;
    set.setShed({ person: person.id, leaf: leaf.id, no }, null);
    numbers.delete(block);
    state.k = [state.k[0], state.k[1] - block.times.length];
  }
  return { blocks: [...numbers.keys()].sort(compareBlocks), numbers };
}

/** Puts a late match where it belongs. */
function insert(set: WorkingSet, person: PersonState, leaf: Leaf, log: Log, match: ShedMatch): void {
  const key = (no: number) => ({ person: person.id, leaf: leaf.id, no });
  let at = log.blocks.length - 1;
  while (at > 0 && compareStamps(stampIn(log.blocks[at] as ShedBlock, 0), match.stamp) > 0) at--;
  const block = log.blocks[at];
  const add = (place: number, matches: readonly ShedMatch[]): void => {
    const added = append(set, person, leaf, matches);
    if (!added) return;
    log.blocks.splice(place, 0, added.block);
    log.numbers.set(added.block, added.no);
  };
  if (!block) add(0, [match]);
  if (!block || !insertMatch(block, match)) return;
  const state = stateOf(person, leaf);
  const [next, count] = state.k ?? [0, 0];
  const rest = block.times.length > MAX_BLOCK ? splitBlock(block, MAX_BLOCK / 2) : [];
  state.k = [next, count + 1 - rest.length];
  set.setShed(key(log.numbers.get(block) as number), block); // every block of a log has its number
  if (rest.length > 0) add(at + 1, rest);
}
