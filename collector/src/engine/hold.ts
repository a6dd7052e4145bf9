// `trait ... for`: since when a declared trait has compared so without a break.
// Invariant: what is kept says exactly when the comparison held, back to the longest time asked about
// or to a break, whichever is later.
import type { JsonObject, JsonValue } from '../wire/message.ts';
import { type Comparison, type Span, spanHolds } from './comparison.ts';
import { compareStamps, type Stamp } from './stamp.ts';
import { readPath, type Value } from './values.ts';

/**
 * A write of the trait: what its value means for the comparison. `source` 0 is the trait's exact key, 1
 * the key before its first dot; null at source 0 leaves the answer to source 1.
 */
type Write = [time: number, messageId: string, kind: 0 | 1, source: 0 | 1, span: Span | null];

export interface HoldState {
  w: Write[];
  /** Writes up to here were summed up: an older one asks for a refold. */
  n?: Stamp;
}

export interface CompiledHold {
  /** Exact key, then for a dotted trait the key before the dot. */
  readonly keys: readonly string[];
  readonly rest: readonly string[];
  readonly comparison: Comparison;
}

/** Writes kept before older ones are summed up. */
const MAX_WRITES = 48;
const NEVER = Number.POSITIVE_INFINITY;

export function compileHold(trait: string, comparison: Comparison): CompiledHold {
  const dot = trait.indexOf('.');
  if (dot < 1) return { keys: [trait], rest: [], comparison };
  return { keys: [trait, trait.slice(0, dot)], rest: trait.slice(dot + 1).split('.'), comparison };
}

/** Adds what one identify wrote. Null: it wrote none of the keys. */
export function addToHold(
  hold: CompiledHold,
  state: HoldState | undefined,
  traits: JsonObject,
  stamp: Stamp,
): HoldState | null | 'late' {
  const writes: Write[] = [];
  hold.keys.forEach((key, source) => {
    if (!Object.hasOwn(traits, key)) return;
    const span = spanOf(hold, source === 0 ? 0 : 1, traits[key] as JsonValue); // own key
    writes.push([stamp[0], stamp[1], stamp[2], source === 0 ? 0 : 1, span]);
  });
  if (writes.length === 0) return null;
  if (state?.n && compareStamps(stamp, state.n) <= 0) return 'late';
  const held = state?.w ?? [];
  let place = held.length;
  while (place > 0 && compareStamps(stampOf(held[place - 1] as Write), stamp) > 0) place--;
  return { ...state, w: [...held.slice(0, place), ...writes, ...held.slice(place)] };
}

const stampOf = ([time, messageId, kind]: Write): Stamp => [time, messageId, kind];

function spanOf({ keys, rest, comparison }: CompiledHold, source: 0 | 1, value: JsonValue): Span | null {
  if (source === 1) return comparison.span(readPath(value, rest));
  if (value === null && keys.length > 1) return null;
  return comparison.span((value ?? undefined) as Value);
}

/** Sums up what is older than anyone asks about, once there is much of it. */
export function restHold(hold: CompiledHold, state: HoldState, longest: number, now: number): HoldState {
  if (state.w.length <= MAX_WRITES) return state;
  const kept: Write[] = [];
  let newest = state.n;
  state.w.forEach((write, i) => {
    const next = state.w.find((other, j) => j > i && other[3] === write[3]);
    const summed = next && i < state.w.length - MAX_WRITES / 2 ? settled(hold, write, next[0]) : write;
    const before = kept.findLast((other) => other[3] === write[3]);
    const same = next && typeof summed[4] === 'number' && before?.[4] === summed[4];
    if (same || (next && next[0] <= now - longest)) {
      if (!newest || compareStamps(stampOf(write), newest) > 0) newest = stampOf(write);
    } else kept.push(summed);
  });
  return newest === undefined ? { w: kept } : { w: kept, n: newest };
}

/** A write whose value held all the time until the next one, or never then, says just that. */
function settled({ keys }: CompiledHold, write: Write, until: number): Write {
  const [time, messageId, kind, source, span] = write;
  if (keys.length > 1 || span === null || typeof span === 'number') return write;
  if (span[0] <= time && until <= span[1]) return [time, messageId, kind, source, 1];
  if (until <= span[0] || span[1] <= time) return [time, messageId, kind, source, 0];
  return write;
}

interface Piece {
  from: number;
  span: Span;
}

/** When which meaning was in force, oldest first: the value is missing before the first write. */
function piecesOf(hold: CompiledHold, state: HoldState | undefined, firstSeen: number): Piece[] {
  const missing = hold.comparison.span(undefined);
  const pieces: Piece[] = state?.n ? [] : [{ from: firstSeen, span: missing }];
  let exact: Span | null = hold.keys.length > 1 ? null : missing;
  let base: Span = missing;
  for (const [time, , , source, span] of state?.w ?? []) {
    if (source === 0) exact = span;
    else base = span ?? missing;
    const piece = { from: time, span: exact ?? base };
    // Several values at one instant collapse to the last.
    if (pieces[pieces.length - 1]?.from === time) pieces[pieces.length - 1] = piece;
    else pieces.push(piece);
  }
  return pieces;
}

/** Whether it has held for `span` ms at the clock, and the next instant at which that may change by time. */
export function holdAt(
  hold: CompiledHold,
  state: HoldState | undefined,
  firstSeen: number | null,
  span: number,
  now: number,
): { holds: boolean; due: number } {
  if (firstSeen === null) return { holds: false, due: NEVER };
  const pieces = piecesOf(hold, state, firstSeen);
  const current = pieces[pieces.length - 1];
  if (!current) return { holds: false, due: NEVER };
  if (!spanHolds(current.span, now)) {
    const begins = typeof current.span === 'number' ? NEVER : current.span[0];
    return { holds: false, due: begins > now ? begins : NEVER };
  }
  const ends = typeof current.span === 'number' ? NEVER : current.span[1];
  const since = runStart(pieces);
  const holds = now - since >= span;
  return { holds, due: holds ? ends : Math.min(ends, since + span) };
}

/** Since when the newest piece, which holds now, and those before it have held without a break. */
function runStart(pieces: readonly Piece[]): number {
  let since = NEVER;
  for (let i = pieces.length - 1; i >= 0; i--) {
    const { from, span } = pieces[i] as Piece;
    const begins = typeof span === 'number' ? from : Math.max(from, span[0]);
    if (since !== NEVER && !holdsUpTo(span, since)) return since;
    since = begins;
    if (begins > from) return since;
  }
  return since;
}

/** Whether a piece holds right up to the instant at which the next one takes over. */
function holdsUpTo(span: Span, until: number): boolean {
  return typeof span === 'number' ? span === 1 : span[0] < until && until <= span[1];
}
