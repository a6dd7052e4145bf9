// Sliding windows: a person's recent entries of one leaf, exact where an edge may cut them, summed
// up elsewhere. Invariant: no window's edge (now - window) lies inside a sealed block, provided each
// block was opened at the instant `nextOpening` named; so every summary is exact at the clock. Whoever must know what
// leaves a window looks at each `departure` as well.
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
import { type Block, firstTime, isSealed, lastTime, type Sealed } from './blocks.ts';
import { MAX_EXACT_ENTRIES, tidy } from './sealing.ts';
import { compareStamps } from './stamp.ts';

/** A sliding window in ms, or null for leaves that are no windows. */
export type Span = number | null;

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
