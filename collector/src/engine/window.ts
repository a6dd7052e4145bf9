// Sliding windows: a person's recent entries of one leaf, exact where an edge may cut them, summed
// up elsewhere. Invariant: no window's edge (now - window) lies inside a sealed block, provided each
// block was opened at the instant `nextOpening` named; so every summary is exact at the clock.
import {
  type Aggregate,
  createTotal,
  type Entry,
  type Packed,
  type Summary,
  type Total,
  timeOf,
  unpack,
} from './aggregates.ts';
import type { JsonBytes } from './json-bytes.ts';
import { compareStamps } from './stamp.ts';

/** Exact entries in time order, or a sealed summary of the `n` entries from `f` to `t` (inclusive). */
export type Block = { e: Packed[] } | Sealed;
export interface Sealed {
  f: number;
  t: number;
  n: number;
  a: Summary;
}

/** How a block is stored: bare times as the first one and the steps from each to the next, half as long. */
export type StoredBlock = Block | { d: number[] };

/** Writes `StoredBlock[]`. */
export const writeBlocks = (to: JsonBytes, blocks: readonly Block[]): void => to.list(blocks, writeBlock);

function writeBlock(to: JsonBytes, block: Block): void {
  if (isSealed(block) || typeof block.e[0] !== 'number') to.value(block);
  else writeTimes(to, block.e as number[]); // all entries of a leaf are of one shape
}

function writeTimes(to: JsonBytes, times: readonly number[]): void {
  to.raw('{"d":');
  let between = '[';
  let before = 0;
  for (const time of times) {
    to.raw(between);
    between = ',';
    to.number(time - before);
    before = time;
  }
  to.raw(']}');
}

export function restoreBlocks(stored: readonly StoredBlock[]): Block[] {
  return stored.map((block) => {
    if (!('d' in block)) return block;
    let time = 0;
    return {
      e: block.d.map((step) => {
        time += step;
        return time;
      }),
    };
  });
}

/** Blocks whose sealed ones were weighed: appending to the newest, which is not, leaves these the same. */
const weighed = new WeakMap<readonly Block[], number>();

/** Values that sealed blocks hold, all of theirs together; where they are more than `most`, some number above that. */
export function sealedWeight(blocks: readonly Block[], most: number): number {
  const known = weighed.get(blocks);
  if (known !== undefined) return known;
  // Never more than there are entries, which is quicker to know.
  let entries = 0;
  for (const block of blocks) if (isSealed(block)) entries += block.n;
  let weight = 0;
  if (entries <= most) weight = entries;
  else
    for (const block of blocks)
      if (isSealed(block) && weight <= most) weight += Object.keys(block.a as Record<string, number>).length; // of `values`
  weighed.set(blocks, weight);
  return weight;
}

/** The same blocks without what they sum up to. */
export const unsummed = (blocks: readonly Block[]): Block[] =>
  blocks.map((block) => (isSealed(block) ? { ...block, a: 0 } : block));

/** A sliding window in ms, or null for leaves that are no windows. */
export type Span = number | null;

/** The newest entries that stay exact, about 2 KB of a person's row; past it the oldest of them are sealed. */
const MAX_EXACT_ENTRIES = 128;
/** Entries of a sealed block, and of those that stay exact in front of an edge that moves through them. */
const SEALED_ENTRIES = 64;
/** More sealed blocks than this are merged pairwise, so that a row stays small. */
const MAX_SEALED_BLOCKS = 64;

const isSealed = (block: Block): block is Sealed => 'n' in block;
const firstTime = (block: Block): number => (isSealed(block) ? block.f : timeOf(block.e[0] as Packed));
const lastTime = (block: Block): number =>
  isSealed(block) ? block.t : timeOf(block.e[block.e.length - 1] as Packed);

/** Adds an entry; `blocks` belong to the caller alone and may be changed themselves. */
export function addToWindow(
  aggregate: Aggregate,
  windows: readonly number[],
  blocks: Block[],
  entry: Entry,
  now: number,
): Block[] {
  const horizon = now - (windows[windows.length - 1] as number);
  if (append(aggregate, blocks, entry, horizon)) return blocks;
  const kept = blocks.filter((block) => lastTime(block) > horizon);
  const time = entry.stamp[0];
  const edges = windows.map((window) => now - window);
  const index = placeOf(kept, time);
  const home = kept[index];
  // What is newer than all of them begins a block of its own.
  const isNewest = index === kept.length - 1 && home !== undefined && time > lastTime(home);
  if (home && isSealed(home) && !isNewest && mayHold(home, time, edges))
    kept[index] = widen(aggregate, home, entry);
  else if (home && !isSealed(home)) kept[index] = { e: insert(aggregate, home.e, entry) };
  else kept.splice(home ? index + 1 : 0, 0, { e: [aggregate.pack(entry)] });
  return tidy(aggregate, kept, edges);
}

/** The common case, the newest entry so far, without a copy. False: nothing was done. */
function append(aggregate: Aggregate, blocks: Block[], entry: Entry, horizon: number): boolean {
  const last = blocks[blocks.length - 1];
  if (!last || isSealed(last) || last.e.length >= MAX_EXACT_ENTRIES) return false;
  if (lastTime(blocks[0] as Block) <= horizon) return false;
  if (isAfter(last.e[last.e.length - 1] as Packed, entry)) return false;
  last.e.push(aggregate.pack(entry));
  return true;
}

/** The last block that starts at or before `time`; else the first one if it can take it; else -1. */
function placeOf(blocks: readonly Block[], time: number): number {
  for (let i = blocks.length - 1; i >= 0; i--) if (firstTime(blocks[i] as Block) <= time) return i;
  const first = blocks[0];
  return first && !isSealed(first) ? 0 : -1;
}

function mayHold(block: Sealed, time: number, edges: readonly number[]): boolean {
  return time <= block.t || !edges.some((edge) => block.f <= edge && edge < time);
}

function widen(aggregate: Aggregate, block: Sealed, entry: Entry): Sealed {
  const t = Math.max(block.t, entry.stamp[0]);
  return { f: block.f, t, n: block.n + 1, a: aggregate.merge(block.a, aggregate.of(entry)) };
}

function insert(aggregate: Aggregate, entries: readonly Packed[], entry: Entry): Packed[] {
  const packed = aggregate.pack(entry);
  let at = entries.length;
  while (at > 0 && isAfter(entries[at - 1] as Packed, entry)) at--;
  return [...entries.slice(0, at), packed, ...entries.slice(at)];
}

function isAfter(packed: Packed, entry: Entry): boolean {
  const time = timeOf(packed);
  return (
    time > entry.stamp[0] || (time === entry.stamp[0] && compareStamps(unpack(packed).stamp, entry.stamp) > 0)
  );
}

/**
 * Seals all that need not be exact: not the newest entries, nor those around an edge, which it leaves one by one. A
 * short window passes by what a long one still holds, so that a block is opened and sealed again once for each of them.
 */
function tidy(
  aggregate: Aggregate,
  blocks: readonly Block[],
  edges: readonly number[],
  leaving = true,
): Block[] {
  const tidied: Block[] = [];
  for (let at = 0; at < blocks.length; ) {
    const first = blocks[at] as Block;
    const from = at++;
    if (isSealed(first)) {
      tidied.push(first);
      continue;
    }
    while (at < blocks.length && !isSealed(blocks[at] as Block)) at++;
    const entries = blocks.slice(from, at).flatMap((block) => (isSealed(block) ? [] : block.e));
    const [before, after] = [blocks[from - 1], blocks[at]];
    const around: Around = {
      edges,
      leaving,
      before: before ? lastTime(before) : null,
      after: after ? firstTime(after) : null,
    };
    for (const block of sealedRun(aggregate, entries, around)) tidied.push(block);
  }
  return compact(aggregate, tidied, edges);
}

/** Where exact entries lie: times of what comes before and after them; null: nothing does. */
interface Around {
  edges: readonly number[];
  /** What lies on an edge stays by itself, to be seen as it leaves the window. */
  leaving: boolean;
  before: number | null;
  after: number | null;
}

function sealedRun(aggregate: Aggregate, entries: readonly Packed[], around: Around): Block[] {
  const { edges, leaving, before, after } = around;
  const isEdgeIn = (from: number, to: number): boolean => edges.some((edge) => from <= edge && edge < to);
  /** What leaves a window at this very instant lies on its edge, and by itself. */
  const isCut = (from: number, to: number): boolean =>
    isEdgeIn(from, to) || (leaving && edges.some((edge) => from < edge && edge === to));
  const blocks: Block[] = [];
  for (let start = 0; start < entries.length; ) {
    let end = start + 1;
    while (end < entries.length && !isCut(timeAt(entries, end - 1), timeAt(entries, end))) end++;
    const piece = entries.slice(start, end);
    const isBehindEdge = start > 0 || (before !== null && isEdgeIn(before, timeAt(entries, start)));
    const kept =
      leaving && edges.includes(timeAt(entries, start)) ? piece.length : isBehindEdge ? pastFirst(piece) : 0;
    const isNewest = end === entries.length && after === null;
    const isBeforeEdge =
      end < entries.length || (after !== null && isEdgeIn(timeAt(entries, end - 1), after));
    const most = isNewest ? MAX_EXACT_ENTRIES : isBeforeEdge ? SEALED_ENTRIES - 1 : 0;
    if (kept > 0) blocks.push({ e: piece.slice(0, kept) });
    let done = kept;
    while (piece.length - done > most) {
      const next = pastEqual(piece, done + SEALED_ENTRIES);
      blocks.push(seal(aggregate, piece.slice(done, next)));
      done = next;
    }
    if (done < piece.length) blocks.push({ e: piece.slice(done) });
    start = end;
  }
  return blocks;
}

/**
 * How many of the entries in front of an edge stay exact. Very many of one time are a block of their own instead: no
 * edge comes to lie among them.
 */
function pastFirst(entries: readonly Packed[]): number {
  const end = pastEqual(entries, SEALED_ENTRIES);
  if (end <= 2 * SEALED_ENTRIES) return end;
  let start = SEALED_ENTRIES;
  while (start > 0 && timeAt(entries, start) === timeAt(entries, start - 1)) start--;
  return start;
}

/** The first place from `at` on between two different times: entries of one time stay together. */
function pastEqual(entries: readonly Packed[], at: number): number {
  let end = Math.min(at, entries.length);
  while (end > 0 && end < entries.length && timeAt(entries, end) === timeAt(entries, end - 1)) end++;
  return end;
}

const timeAt = (entries: readonly Packed[], index: number): number => timeOf(entries[index] as Packed);

function seal(aggregate: Aggregate, entries: readonly Packed[]): Sealed {
  const total = createTotal(aggregate);
  for (const packed of entries) total.add(aggregate.of(unpack(packed)));
  const a = total.sum() as Summary; // nobody seals nothing
  return { f: timeAt(entries, 0), t: timeAt(entries, entries.length - 1), n: entries.length, a };
}

function compact(aggregate: Aggregate, blocks: Block[], edges: readonly number[]): Block[] {
  let sealed = blocks.filter(isSealed).length;
  while (sealed > MAX_SEALED_BLOCKS) {
    const index = smallestPair(blocks, edges);
    if (index < 0) break;
    const [x, y] = [blocks[index] as Sealed, blocks[index + 1] as Sealed];
    blocks.splice(index, 2, { f: x.f, t: y.t, n: x.n + y.n, a: aggregate.merge(x.a, y.a) });
    sealed--;
  }
  return blocks;
}

function smallestPair(blocks: readonly Block[], edges: readonly number[]): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i + 1 < blocks.length; i++) {
    const x = blocks[i] as Block;
    const y = blocks[i + 1] as Block;
    if (!isSealed(x) || !isSealed(y) || x.n + y.n >= least) continue;
    // Nor one that an edge has just come to: it may be about to be opened.
    if (edges.some((edge) => x.f <= edge && edge <= y.t)) continue;
    best = i;
    least = x.n + y.n;
  }
  return best;
}

/** The summary of entries in (now - window, now], or undefined if there are none. */
export function windowSummary(
  aggregate: Aggregate,
  blocks: readonly Block[],
  window: Span,
  now: number,
): Summary | undefined {
  const total = createTotal(aggregate);
  addWindow(aggregate, total, blocks, now - (window ?? Number.POSITIVE_INFINITY));
  return total.sum();
}

/** Adds to `total` what came after `edge`. */
export function addWindow(aggregate: Aggregate, total: Total, blocks: readonly Block[], edge: number): void {
  for (let i = blocks.length - 1; i >= 0; i--) {
    const block = blocks[i] as Block;
    if (isSealed(block)) {
      if (block.f <= edge) return;
      total.add(block.a);
      continue;
    }
    for (let j = block.e.length - 1; j >= 0; j--) {
      const packed = block.e[j] as Packed;
      if (timeOf(packed) <= edge) return;
      total.add(aggregate.of(unpack(packed)));
    }
  }
}

/** Seals what has left a window at `now` and still is in a longer one. */
export const sealPassed = (
  aggregate: Aggregate,
  windows: readonly number[],
  blocks: readonly Block[],
  now: number,
): Block[] =>
  tidy(
    aggregate,
    blocks,
    windows.map((window) => now - window),
    false,
  );

/** How many entries lie in the window: what `windowSummary` of a count gives, without the merging. */
export function windowCount(blocks: readonly Block[], window: number, now: number): number {
  const edge = now - window;
  let n = 0;
  for (let i = blocks.length - 1; i >= 0; i--) {
    const block = blocks[i] as Block;
    if (firstTime(block) > edge) {
      n += isSealed(block) ? block.n : block.e.length;
      continue;
    }
    if (!isSealed(block)) for (const packed of block.e) if (timeOf(packed) > edge) n++;
    break;
  }
  return n;
}

/**
 * The instant at which the `k`-th oldest entry of the window (1 = the oldest) leaves it. Inside a
 * sealed block it is the block's first departure: early, never late.
 */
export function departure(blocks: readonly Block[], window: number, now: number, k: number): number {
  const edge = now - window;
  let left = k;
  for (const block of blocks) {
    if (lastTime(block) <= edge) continue;
    if (isSealed(block)) {
      if (left <= block.n) return block.f + window;
      left -= block.n;
      continue;
    }
    for (const packed of block.e) {
      if (timeOf(packed) > edge && --left === 0) return timeOf(packed) + window;
    }
  }
  return Number.POSITIVE_INFINITY;
}

/** The next instant at which an edge enters a sealed block, which must be open by then. */
export function nextOpening(blocks: readonly Block[], windows: readonly number[], now: number): number {
  let next = Number.POSITIVE_INFINITY;
  for (const block of blocks) {
    if (!isSealed(block) || block.f === block.t) continue;
    for (const window of windows) {
      const at = block.f + window;
      if (at > now && at < next) next = at;
    }
  }
  return next;
}

/**
 * The sealed blocks that an edge enters at `instant`; those of one time it only passes by, unless it must be known
 * what is in them.
 */
export function blocksOpeningAt(
  blocks: readonly Block[],
  windows: readonly number[],
  instant: number,
  { known }: { known: boolean },
): Sealed[] {
  return blocks.filter(
    (block): block is Sealed =>
      isSealed(block) &&
      (known || block.f !== block.t) &&
      windows.some((window) => block.f + window === instant),
  );
}

/** Puts the entries that `sealed` stood for in its place, exact around the edge, sealed again elsewhere. */
export function openBlock(
  aggregate: Aggregate,
  windows: readonly number[],
  blocks: readonly Block[],
  sealed: Sealed,
  entries: readonly Entry[],
  now: number,
): Block[] {
  const packed = [...entries].sort((a, b) => compareStamps(a.stamp, b.stamp)).map(aggregate.pack);
  const edges = windows.map((window) => now - window);
  const opened: Block[] = packed.length > 0 ? [{ e: packed }] : [];
  const at = blocks.indexOf(sealed);
  if (at < 0) throw new Error(`no block from ${sealed.f} to ${sealed.t} to be opened at ${now}`);
  return tidy(aggregate, [...blocks.slice(0, at), ...opened, ...blocks.slice(at + 1)], edges);
}
