// `trait ... for`: since when a declared trait has compared so without a break.
// Invariant: what is kept says exactly since when the comparison has held, at the newest writes and from
// then on; however often a trait flips, a row keeps no more than `MAX_WRITES` of them.
import type { JsonObject, JsonValue } from '../wire/message.ts';
import { type Comparison, type Span, spanHolds } from './comparison.ts';
import { type Late, type Shed, type ShedBlock, type ShedMatch, stampIn } from './shed.ts';
import { compareStamps, type Stamp } from './stamp.ts';
import { readPath, type Value } from './values.ts';

/**
 * A write of the trait: what its value means for the comparison. `source` 0 is the trait's exact key, 1
 * the key before its first dot; null at source 0 leaves the answer to source 1.
 */
type Write = [time: number, messageId: string, kind: 0 | 1, source: 0 | 1, span: Span | null];

/** What one message wrote, as it is kept beside the row: a span alone where there is one key only. */
type What = Span | Sources;
type Sources = [source: 0 | 1, span: Span | null][];

export interface HoldState {
  w: Write[];
  /** Writes up to here were summed up, and are kept beside the row: an older one asks for a refold. */
  n?: Stamp;
}

export interface CompiledHold {
  /** Exact key, then for a dotted trait the key before the dot. */
  readonly keys: readonly string[];
  readonly rest: readonly string[];
  readonly comparison: Comparison;
}

/** Writes of a row before the older of them are summed up, and how many stay as they are. */
const MAX_WRITES = 48;
const KEPT_WRITES = 24;
const NEVER = Number.POSITIVE_INFINITY;
/** Stands for the person's first message, which may turn out to be older than it seemed. */
const THE_FIRST = 0;

export function compileHold(trait: string, comparison: Comparison): CompiledHold {
  const dot = trait.indexOf('.');
  if (dot < 1) return { keys: [trait], rest: [], comparison };
  return { keys: [trait, trait.slice(0, dot)], rest: trait.slice(dot + 1).split('.'), comparison };
}

/**
 * Adds what one identify wrote. Null: it wrote none of the keys. `late`: what it came into was summed up,
 * so the leaf must be folded anew. A refold, which brings its messages in order, adds to `state` itself.
 */
export function addToHold(
  hold: CompiledHold,
  state: HoldState | undefined,
  traits: JsonObject,
  stamp: Stamp,
  refolding = false,
): HoldState | Late | null {
  const sources: Sources = [];
  hold.keys.forEach((key, i) => {
    if (!Object.hasOwn(traits, key)) return;
    const source = i === 0 ? 0 : 1;
    sources.push([source, spanOf(hold, source, traits[key] as JsonValue)]); // own key
  });
  if (sources.length === 0) return null;
  if (state?.n && compareStamps(stamp, state.n) <= 0) return { late: { stamp, what: whatOf(hold, sources) } };
  const writes = sources.map(([source, span]): Write => [...stamp, source, span]);
  if (refolding && state) {
    state.w.push(...writes); // in order, and nobody else's
    return state;
  }
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

/**
 * Once there are many writes, all but the newest are summed up: to the values in force at the newest of
 * them and, if it has held right up to there, one write that says since when. What was before a break
 * matters to nobody, however long they ask, unless a late write mends it: the writes themselves are let go of
 * to `shed`.
 */
export function restHold(hold: CompiledHold, state: HoldState, shed: Shed): HoldState {
  if (state.w.length <= MAX_WRITES) return state;
  let cut = state.w.length - KEPT_WRITES;
  // What one message wrote stays together.
  while (cut > 0 && compareStamps(stampAt(state, cut - 1), stampAt(state, cut)) === 0) cut--;
  const old: HoldState = { ...state, w: state.w.slice(0, cut) };
  shed(writesOf(hold, old));
  const n = stampAt(state, cut - 1);
  return { w: [...sumUp(hold, old, n), ...state.w.slice(cut)], n };
}

const stampAt = ({ w }: HoldState, i: number): Stamp => stampOf(w[i] as Write);

/** The writes that are not sums of older ones, a message at a time, as they are kept beside the row. */
export function writesOf(hold: CompiledHold, { w, n }: HoldState): ShedMatch[] {
  const messages: { stamp: Stamp; sources: Sources }[] = [];
  for (const write of w) {
    const stamp = stampOf(write);
    if (n && compareStamps(stamp, n) <= 0) continue;
    const last = messages[messages.length - 1];
    if (last && compareStamps(last.stamp, stamp) === 0) last.sources.push([write[3], write[4]]);
    else messages.push({ stamp, sources: [[write[3], write[4]]] });
  }
  return messages.map(({ stamp, sources }) => ({ stamp, what: whatOf(hold, sources) }));
}

function whatOf({ keys }: CompiledHold, sources: Sources): What {
  const [only] = sources;
  // With one key a value always means something.
  return keys.length === 1 && only ? (only[1] as Span) : sources;
}

/** The writes of a block, in order; nobody asks for their ids. */
function writesIn({ keys }: CompiledHold, { times, whats }: ShedBlock): Write[] {
  if (keys.length === 1) return times.map((time, i): Write => [time, '', 0, 0, whats[i] as Span]); // written by whatOf
  return times.flatMap((time, i) =>
    (whats[i] as Sources).map(([source, span]): Write => [time, '', 0, source, span]),
  );
}

function sumUp(hold: CompiledHold, old: HoldState, n: Stamp): Write[] {
  const since = heldUpTo(piecesOf(hold, old, THE_FIRST), n[0]);
  // A dotted trait's is written to the key before the dot: its exact key would hide later writes of that.
  const summed: Write[] = since === NEVER ? [] : [[since, '', 0, hold.keys.length > 1 ? 1 : 0, 1]];
  hold.keys.forEach((_, source) => {
    const value = old.w.findLast((write) => write[3] === source);
    if (value) summed.push([...n, value[3], value[4]]);
    else if (source === 1) summed.push([...n, 1, hold.comparison.span(undefined)]);
  });
  return summed;
}

/** Sums up anew what the row let go of; its newest writes are as they were. */
export function refoldHold(
  hold: CompiledHold,
  state: HoldState,
  blocks: readonly ShedBlock[],
  shed: Shed,
): HoldState {
  let summed: HoldState = { w: [] };
  for (const block of blocks) {
    const w = [...summed.w, ...writesIn(hold, block)];
    const n = stampIn(block, block.times.length - 1);
    summed = { w: sumUp(hold, { ...summed, w }, n), n };
  }
  const newest = state.w.filter((write) => !state.n || compareStamps(stampOf(write), state.n) > 0);
  return restHold(hold, { ...summed, w: [...summed.w, ...newest] }, shed);
}

/** Since when the pieces before `time` have held right up to it; Infinity if they have not. */
function heldUpTo(pieces: readonly Piece[], time: number): number {
  const before = pieces.filter(({ from }) => from < time);
  const last = before[before.length - 1];
  return last && holdsUpTo(last.span, time) ? runStart(before) : NEVER;
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
    const piece = { from: Math.max(time, firstSeen), span: exact ?? base };
    // Several values at one instant collapse to the last.
    if (pieces[pieces.length - 1]?.from === piece.from) pieces[pieces.length - 1] = piece;
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
