// Sequences: some chain of events in order, each soon enough after the one before, perhaps followed
// by an absence. Messages are folded in order; one that comes too late asks for a refold of its leaf.
// Invariant: `b`, `p` and `f` stand for all matches up to the tail; chains that end later never begin
// earlier, so the newest chain end of each step decides for all.
import type { SequenceCondition } from '../wire/definitions.ts';
import { durationMs } from '../wire/duration.ts';
import { compileWhere, type EngineMessage, type Predicate, selects } from './filter.ts';
import { compareStamps, type Stamp } from './stamp.ts';

export interface SequenceSpec {
  kind: 'sequence';
  sequence: SequenceCondition['sequence'];
  /** As for other leaves: `ever`, a fixed range (epoch ms, both ends inclusive), or a sliding window. */
  reach: 'ever' | 'sliding' | { from: number; to: number };
}

/** A match not folded away yet: its steps as bits, toggled at instants where its `where` changes. */
type Match = [
  time: number,
  messageId: string,
  kind: 0 | 1,
  steps: number,
  toggles?: [at: number, bits: number][],
];

/** The newest chain that ends with a step: when it ended and when its first step was. */
type ChainEnd = [time: number, start: number] | 0;

export interface SequenceState {
  /** Newest chain end of each present step, before the tail. */
  b?: ChainEnd[];
  /** Chains complete but for their absent step: when they will be, and when they began. */
  p?: [at: number, start: number][];
  /** More such than `p` holds: read again when the last of `p` is due. */
  m?: 1;
  /** Latest beginning of a chain that is complete. */
  f?: number;
  /** Newest stamp folded into the above; with `c`, also the clock they were folded at. */
  n?: Stamp;
  c?: number;
  /** Recent matches in order. */
  t: Match[];
}

export interface CompiledSequence {
  readonly events: readonly string[];
  readonly steps: readonly { event: string; filter: Predicate | null }[];
  /** Index of the absent step, or -1. */
  readonly absent: number;
  /** How soon each step must follow the one before, ms; Infinity unless given. */
  readonly gaps: readonly number[];
  readonly reach: SequenceSpec['reach'];
  readonly relative: boolean;
}

/** Matches kept as they are, so that messages slightly out of order need no second reading. */
const MAX_TAIL = 48;
const KEPT_TAIL = 24;
/** Chains waiting for their absent step, kept at most. */
const MAX_WAITING = 48;
const NEVER = Number.POSITIVE_INFINITY;

export function compileSequence({ sequence, reach }: SequenceSpec): CompiledSequence {
  const steps = sequence.map((step) => {
    const { event, where } = 'absent' in step ? step.absent : step;
    return { event, filter: compileWhere(where) };
  });
  return {
    steps,
    events: [...new Set(steps.map(({ event }) => event))],
    absent: sequence.findIndex((step) => 'absent' in step),
    gaps: sequence.map(({ within }) => (within === undefined ? NEVER : durationMs(within))),
    reach,
    relative: steps.some(({ filter }) => filter?.relative === true),
  };
}

const presentSteps = ({ steps, absent }: CompiledSequence): number =>
  absent < 0 ? steps.length : steps.length - 1;

/** When a match is added: the clock, the window (ms; ignored unless sliding), and whether all messages come in order. */
export interface Adding {
  now: number;
  window: number;
  refolding: boolean;
}

/** Adds a match. Null: nothing changes. `late`: the leaf must be folded anew from its messages. */
export function addToSequence(
  sequence: CompiledSequence,
  state: SequenceState | undefined,
  message: EngineMessage,
  { now, window, refolding }: Adding,
): SequenceState | null | 'late' {
  if (state && isOver(sequence, state)) return null;
  const match = matchOf(sequence, message, window, now);
  if (match === null) return null;
  if (state && isLate(state, message.stamp)) return 'late';
  const tail = state?.t ?? [];
  let place = tail.length;
  while (place > 0 && compareStamps(stampOf(tail[place - 1] as Match), message.stamp) > 0) place--;
  const next: SequenceState = { ...state, t: [...tail.slice(0, place), match, ...tail.slice(place)] };
  if (next.t.length <= MAX_TAIL) return next;
  const folded = foldTail(sequence, next, KEPT_TAIL, window, now);
  if (refolding || (folded.p?.length ?? 0) <= MAX_WAITING) return folded;
  // More wait than a row should hold: folding anew lets go of those whose time is past.
  return 'late';
}

const stampOf = ([time, messageId, kind]: Match): Stamp => [time, messageId, kind];

function isLate({ n, c }: SequenceState, stamp: Stamp): boolean {
  return (n !== undefined && compareStamps(stamp, n) <= 0) || (c !== undefined && stamp[0] < c);
}

/** Complete for ever: without a window and an absence more messages cannot undo it. */
function isOver({ reach, absent, relative }: CompiledSequence, { f }: SequenceState): boolean {
  return f !== undefined && reach !== 'sliding' && absent < 0 && !relative;
}

function matchOf(
  sequence: CompiledSequence,
  message: EngineMessage,
  window: number,
  now: number,
): Match | null {
  const [time, messageId, kind] = message.stamp;
  const { reach, absent, steps } = sequence;
  if (reach === 'sliding' && time <= now - window) return null;
  const outside = typeof reach === 'object' && (time < reach.from || time > reach.to);
  let bits = 0;
  const toggles: [number, number][] = [];
  steps.forEach(({ event, filter }, i) => {
    if ((outside && i !== absent) || !selects(event, message)) return;
    if (!filter) {
      bits |= 1 << i;
      return;
    }
    const body = message.body();
    let on = filter.test(body, now);
    if (on) bits |= 1 << i;
    if (!filter.relative) return;
    for (let t = filter.flip(body, now); t < NEVER; t = filter.flip(body, t)) {
      if (filter.test(body, t) === on) continue;
      on = !on;
      toggles.push([t, 1 << i]);
    }
  });
  if (toggles.length > 0) return [time, messageId, kind, bits, toggles.sort((a, b) => a[0] - b[0])];
  return bits === 0 ? null : [time, messageId, kind, bits];
}

function bitsAt([, , , bits, toggles]: Match, now: number): number {
  let result = bits;
  for (const [at, flipped] of toggles ?? []) if (at <= now) result ^= flipped;
  return result;
}

const isSettled = ([, , , , toggles]: Match, now: number): boolean =>
  toggles === undefined || (toggles[toggles.length - 1] as [number, number])[0] <= now;

interface Fold {
  ends: ChainEnd[];
  waiting: [at: number, start: number][];
  more: boolean;
  complete: number | undefined;
}

function begin(sequence: CompiledSequence, { b, p, m, f }: SequenceState): Fold {
  return {
    ends: b ? [...b] : new Array<ChainEnd>(presentSteps(sequence)).fill(0),
    waiting: p ? [...p] : [],
    more: m === 1,
    complete: f,
  };
}

const later = (a: number | undefined, b: number): number => (a === undefined ? b : Math.max(a, b));

/** Lets one match, the newest so far, take effect. */
function step(sequence: CompiledSequence, fold: Fold, time: number, bits: number): void {
  const { absent, gaps } = sequence;
  if (absent >= 0) {
    settleWaiting(fold, time);
    if (bits & (1 << absent)) {
      fold.waiting = [];
      fold.more = false;
    }
  }
  const last = fold.ends.length - 1;
  for (let i = last; i >= 0; i--) {
    if (!(bits & (1 << i))) continue;
    const before = i === 0 ? ([time, time] as const) : fold.ends[i - 1];
    if (!before || (i > 0 && time >= before[0] + (gaps[i] as number))) continue;
    fold.ends[i] = [time, before[1]];
    if (i === last) finish(sequence, fold, time, before[1]);
  }
}

function finish({ absent, gaps, reach }: CompiledSequence, fold: Fold, time: number, start: number): void {
  if (absent < 0) {
    fold.complete = later(fold.complete, start);
    return;
  }
  // An absence undoes all that wait at once: without a window the first of them speaks for the rest.
  if (fold.more || (reach !== 'sliding' && fold.waiting.length > 0)) return;
  fold.waiting.push([time + (gaps[absent] as number), start]);
}

/** Chains whose absent step can no longer come are complete. */
function settleWaiting(fold: Fold, now: number): void {
  let done = 0;
  while (done < fold.waiting.length && (fold.waiting[done] as [number, number])[0] <= now) done++;
  for (const [, start] of fold.waiting.slice(0, done)) fold.complete = later(fold.complete, start);
  if (done > 0) fold.waiting = fold.waiting.slice(done);
}

/** Folds all of the tail but its `kept` newest away, as far as nothing in it changes with the clock. */
function foldTail(
  sequence: CompiledSequence,
  state: SequenceState,
  kept: number,
  window: number,
  now: number,
): SequenceState {
  const horizon = sequence.reach === 'sliding' ? now - window : -1;
  let end = 0;
  const mayGo = (match: Match): boolean => match[0] <= horizon || isSettled(match, now);
  while (end < state.t.length - kept && mayGo(state.t[end] as Match)) end++;
  if (end === 0) return state;
  const fold = begin(sequence, state);
  for (const match of state.t.slice(0, end))
    if (match[0] > horizon) step(sequence, fold, match[0], bitsAt(match, now));
  return encode(fold, stampOf(state.t[end - 1] as Match), state.c, state.t.slice(end));
}

function encode(
  fold: Fold,
  newest: Stamp | undefined,
  clock: number | undefined,
  tail: Match[],
): SequenceState {
  return {
    ...(fold.ends.some((end) => end !== 0) ? { b: fold.ends } : {}),
    ...(fold.waiting.length > 0 ? { p: fold.waiting } : {}),
    ...(fold.more ? { m: 1 as const } : {}),
    ...(fold.complete === undefined ? {} : { f: fold.complete }),
    ...(newest === undefined ? {} : { n: newest }),
    ...(clock === undefined ? {} : { c: clock }),
    t: tail,
  };
}

/** After a refold: no more chains wait than a row should hold; the rest is read again when it is due. */
export function restSequence(
  sequence: CompiledSequence,
  state: SequenceState,
  window: number,
  now: number,
): SequenceState {
  if ((state.p?.length ?? 0) <= MAX_WAITING) return state;
  const folded = foldTail(sequence, state, 0, window, now);
  const fold = begin(sequence, folded);
  settleWaiting(fold, now);
  fold.more = fold.waiting.length > MAX_WAITING;
  fold.waiting = fold.waiting.slice(0, MAX_WAITING);
  return encode(fold, folded.n, now, folded.t);
}

/** When chains that the state could not hold may be due: the leaf must be folded anew by then. */
export function sequenceOpening({ m, p }: SequenceState): number {
  return m === 1 && p ? (p[p.length - 1] as [number, number])[0] : NEVER;
}

/** Whether the sequence holds at the clock, and the next instant at which that may change by time. */
export function sequenceAt(
  sequence: CompiledSequence,
  state: SequenceState | undefined,
  window: number,
  now: number,
): { holds: boolean; due: number } {
  if (!state) return { holds: false, due: NEVER };
  if (isOver(sequence, state)) return { holds: true, due: NEVER };
  const sliding = sequence.reach === 'sliding';
  const horizon = sliding ? now - window : -1;
  const fold = begin(sequence, state);
  let due = NEVER;
  for (const match of state.t) {
    for (const [at] of match[4] ?? []) if (at > now && at < due) due = at;
    if (match[0] > horizon) step(sequence, fold, match[0], bitsAt(match, now));
  }
  settleWaiting(fold, now);
  const start = fold.complete;
  const holds = start !== undefined && start > horizon;
  if (holds && sliding) due = Math.min(due, start + window);
  const [next] = fold.waiting;
  if (!holds && next) due = Math.min(due, next[0]);
  return { holds, due };
}
