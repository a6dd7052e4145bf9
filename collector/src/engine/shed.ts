// Matches that a person's row has let go of, kept beside it: what each meant for its leaf, in blocks.
// Invariant: for a leaf whose row says so (`LeafState.k`) the blocks and the row together hold every match that
// may still matter, so that a late one is folded without any message being read. What does not add up is gone.
import { compareStamps, type Stamp } from './stamp.ts';

/** What a match means for its leaf: plain JSON. */
export type Meaning = number | string | null | readonly Meaning[];

/** One match: its place, and what it means for its leaf (the kind of leaf says how that is written). */
export interface ShedMatch {
  stamp: Stamp;
  what: Meaning;
}

/** A match that came into what the row has let go of: the leaf must be folded anew with it. */
export interface Late {
  late: ShedMatch;
}

/** Takes the matches that a leaf lets go of, in order. */
export type Shed = (matches: readonly ShedMatch[]) => void;

/** Where nothing is kept of what is let go. */
export const keepNothing: Shed = () => {};

/** Some matches of one leaf, in order. Columns: a fold needs times and meanings only, and 100,000 of them. */
export interface ShedBlock {
  readonly times: number[];
  readonly whats: Meaning[];
  /** The rest of each place: `0` or `1` for the kind, then the message id. */
  readonly ids: string[];
}

/** As it is stored: the times as differences, since those are short. */
export interface StoredShed {
  body: string;
  ids: string;
}

export function createBlock(matches: readonly ShedMatch[]): ShedBlock {
  return {
    times: matches.map(({ stamp }) => stamp[0]),
    whats: matches.map(({ what }) => what),
    ids: matches.map(({ stamp }) => `${stamp[2]}${stamp[1]}`),
  };
}

export function encodeBlock({ times, whats, ids }: ShedBlock): StoredShed {
  const steps = times.map((time, i) => (i === 0 ? time : time - (times[i - 1] as number)));
  return { body: JSON.stringify([steps, whats]), ids: JSON.stringify(ids) };
}

/** @throws SyntaxError or TypeError for what `encodeBlock` did not write. */
export function decodeBlock({ body, ids: text }: StoredShed): ShedBlock {
  const [times, whats] = JSON.parse(body) as [number[], Meaning[]]; // what `encodeBlock` wrote, or it throws
  const ids = JSON.parse(text) as string[]; // likewise
  if (times.length === 0 || times.length !== whats.length || times.length !== ids.length)
    throw new TypeError('not a block of matches');
  for (let i = 1; i < times.length; i++) times[i] = (times[i - 1] as number) + (times[i] as number);
  return { times, whats, ids };
}

export function stampIn(block: ShedBlock, i: number): Stamp {
  const id = block.ids[i] as string;
  return [block.times[i] as number, id.slice(1), id.startsWith('1') ? 1 : 0];
}

/** The order of two blocks, by their first matches. */
export const compareBlocks = (a: ShedBlock, b: ShedBlock): number =>
  (a.times[0] as number) - (b.times[0] as number) || compareStamps(stampIn(a, 0), stampIn(b, 0));

/** Puts a match in its place. False: it is there already. */
export function insertMatch(block: ShedBlock, { stamp, what }: ShedMatch): boolean {
  const { times, whats } = block;
  let place = times.length;
  while (place > 0 && (times[place - 1] as number) > stamp[0]) place--;
  for (; place > 0 && times[place - 1] === stamp[0]; place--) {
    const order = compareStamps(stampIn(block, place - 1), stamp);
    if (order === 0) return false;
    if (order < 0) break;
  }
  times.splice(place, 0, stamp[0]);
  whats.splice(place, 0, what);
  block.ids.splice(place, 0, `${stamp[2]}${stamp[1]}`);
  return true;
}

/** Whether each block begins after the one before has ended. */
export const isInOrder = (blocks: readonly ShedBlock[]): boolean =>
  blocks.every((block, i) => {
    const before = blocks[i - 1];
    return !before || compareStamps(stampIn(before, before.times.length - 1), stampIn(block, 0)) <= 0;
  });

/** One block of several that overlap. */
export const sortedBlock = (blocks: readonly ShedBlock[]): ShedBlock =>
  createBlock(blocks.flatMap(matchesIn).sort((a, b) => compareStamps(a.stamp, b.stamp)));

/** Takes the matches from `from` on out of the block. */
export function splitBlock(block: ShedBlock, from: number): ShedMatch[] {
  const rest = matchesIn(block).slice(from);
  for (const column of [block.times, block.whats, block.ids]) column.length = from;
  return rest;
}

/** All matches of a block, one by one. */
export const matchesIn = (block: ShedBlock): ShedMatch[] =>
  block.whats.map((what, i) => ({ stamp: stampIn(block, i), what }));
