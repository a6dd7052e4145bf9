// Which entries of a window stay exact and which are sealed, so that a row stays small however many there are.
// Invariant: no edge lies inside a sealed block, and none is sealed that an edge is about to come to.
import { type Aggregate, createTotal, type Packed, type Summary, timeOf, unpack } from './aggregates.ts';
import { type Block, firstTime, isSealed, lastTime, type Sealed } from './blocks.ts';

/** The newest entries that stay exact, about 2 KB of a person's row; past it the oldest of them are sealed. */
export const MAX_EXACT_ENTRIES = 128;
/** Entries of a sealed block, and of those that stay exact in front of an edge that moves through them. */
const SEALED_ENTRIES = 64;
/** More sealed blocks than this are merged pairwise, so that a row stays small. */
const MAX_SEALED_BLOCKS = 64;

/**
 * Seals all that need not be exact: not the newest entries, nor those around an edge, which it leaves one by one. A
 * short window passes by what a long one still holds, so that a block is opened and sealed again once for each of them.
 */
export function tidy(
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

const timeAt = (entries: readonly Packed[], index: number): number => timeOf(entries[index] as Packed);
