// Sequences: some chain of events in order, each soon enough after the one before, perhaps followed
// by an absence. Messages are folded in order; one that comes too late asks for a refold of its leaf.
// Invariant: `b`, `p` and `f` stand for all matches up to the tail, which are kept beside the row.
//
// A late match is put in its place among those and they are folded once more: 100,000 take some milliseconds, since
// they are numbers and no message is read. Stopping where a block's end is reached as before would save some of that,
// but not where each beginning moves all ends after it; and a block summed up as a function of what came before is
// another fold to get wrong. One fold, the same that ordinary messages take, is enough.
import type { SequenceCondition } from '../wire/definitions.ts';
import { durationMs } from '../wire/duration.ts';
import {
  type ChainEnd,
  type ChainFold,
  type Chains,
  settleWaiting,
  step,
  type Waiting,
} from './chain-fold.ts';
import { compileWhere, type EngineMessage, type Predicate, selects } from './filter.ts';
import { type Late, type Meaning, type Shed, type ShedBlock, type ShedMatch, stampIn } from './shed.ts';
import { compareStamps, type Stamp } from './stamp.ts';

export interface SequenceSpec {
  kind: 'sequence';
  sequence: SequenceCondition['sequence'];
  /** As for other leaves. */
  reach: Chains['reach'];
}

/** A match not folded away yet: its steps as bits, toggled at instants where its `where` changes. */
type Match = [time: number, messageId: string, kind: 0 | 1, steps: number, toggles?: Toggles];
type Toggles = [at: number, bits: number][];
/** The same without its place, as it is kept beside the row. */
type What = number | [bits: number, toggles: Toggles];

export interface SequenceState {
  /** Newest chain end of each present step, before the tail. */
  b?: ChainEnd[];
  /** Chains complete but for their absent step: when they will be, and when they began. */
  p?: Waiting[];
  /** More such than `p` holds: folded again when the last of `p` is due. */
  m?: 1;
  /** Latest beginning of a chain that is complete. */
  f?: number;
  /** Newest stamp folded into the above; with `c`, also the clock they were folded at. */
  n?: Stamp;
  c?: number;
  /** The next instant at which a match folded into the above means something else. */
  o?: number;
  /** Recent matches in order. */
  t: Match[];
}

export interface CompiledSequence extends Chains {
  readonly events: readonly string[];
  readonly steps: readonly { event: string; filter: Predicate | null }[];
  readonly relative: boolean;
}

/** Matches kept as they are, so that messages slightly out of order need no second reading. */
const MAX_TAIL = 48;
const KEPT_TAIL = 24;
/** Matches that may still mean something else are kept as well, up to here. */
const MAX_UNSETTLED = 96;
/** Chains waiting for their absent step, kept as they are. */
const MAX_WAITING = 48;
/** Where very many wait, one in so many is kept: each time the kept ones are over, all matches are folded again. */
const WAITING_SHARE = 64;
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

/** The clock, the window (ms; ignored unless sliding), and who keeps what the row lets go of. */
export interface Folding {
  now: number;
  window: number;
  shed: Shed;
}

/** Adds a match. Null: nothing changes. `refolding`: all of the person's messages come, in order. */
export function addToSequence(
  sequence: CompiledSequence,
  state: SequenceState | undefined,
  message: EngineMessage,
  folding: Folding,
  refolding: boolean,
): SequenceState | Late | null {
  if (state && isOver(sequence, state)) return null;
  const match = matchOf(sequence, message, folding.window, folding.now);
  if (match === null) return null;
  if (state && isLate(state, message.stamp)) return { late: { stamp: message.stamp, what: whatOf(match) } };
  const tail = state?.t ?? [];
  let place = tail.length;
  while (place > 0 && compareStamps(stampOf(tail[place - 1] as Match), message.stamp) > 0) place--;
  const next: SequenceState = { ...state, t: [...tail.slice(0, place), match, ...tail.slice(place)] };
  if (next.t.length <= MAX_TAIL) return next;
  const folded = foldTail(sequence, next, KEPT_TAIL, folding);
  return refolding ? folded : restSequence(sequence, folded, folding);
}

const stampOf = ([time, messageId, kind]: Match): Stamp => [time, messageId, kind];
const whatOf = ([, , , bits, toggles]: Match): What => (toggles ? [bits, toggles] : bits);

/** Whether a recent match stands there. */
export const tailHolds = ({ t }: SequenceState, stamp: Stamp): boolean =>
  t.some((match) => compareStamps(stampOf(match), stamp) === 0);

/** The recent matches, as they would be kept beside the row. */
export const tailOf = ({ t }: SequenceState): ShedMatch[] =>
  t.map((match) => ({ stamp: stampOf(match), what: whatOf(match) }));

/** What a kept match means from the clock on. */
export function settledWhat(what: Meaning, now: number): Meaning {
  if (typeof what === 'number') return what;
  const [bits, toggles] = what as [number, Toggles]; // written by whatOf
  const ahead = toggles.filter(([at]) => at > now);
  return ahead.length > 0 ? [bitsAt(bits, toggles, now), ahead] : bitsAt(bits, toggles, now);
}

function isLate({ n, c }: SequenceState, stamp: Stamp): boolean {
  return (n !== undefined && compareStamps(stamp, n) <= 0) || (c !== undefined && stamp[0] < c);
}

/** Complete for ever: without a window and an absence more messages cannot undo it. */
export function isOver({ reach, absent, relative }: CompiledSequence, { f }: SequenceState): boolean {
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

function bitsAt(bits: number, toggles: Toggles | undefined, now: number): number {
  let result = bits;
  for (const [at, flipped] of toggles ?? []) if (at <= now) result ^= flipped;
  return result;
}

const nextFlip = (toggles: Toggles | undefined, now: number): number =>
  toggles?.find(([at]) => at > now)?.[0] ?? NEVER;

const isSettled = ([, , , , toggles]: Match, now: number): boolean =>
  toggles === undefined || (toggles[toggles.length - 1] as [number, number])[0] <= now;

function begin(sequence: CompiledSequence, { b, p, m, f }: Omit<SequenceState, 't'>): ChainFold {
  return {
    ends: b ? b.map((end): ChainEnd => end && [...end]) : new Array<ChainEnd>(presentSteps(sequence)).fill(0),
    waiting: p ? [...p] : [],
    head: 0,
    more: m === 1,
    complete: f,
  };
}

/** Folds all of the tail but its `kept` newest away, as far as nothing in it changes with the clock; `any`: all the same. */
function foldTail(
  sequence: CompiledSequence,
  state: SequenceState,
  kept: number,
  { window, now, shed }: Folding,
  any = false,
): SequenceState {
  const horizon = sequence.reach === 'sliding' ? now - window : -1;
  let end = 0;
  const mayGo = (match: Match): boolean =>
    any || match[0] <= horizon || isSettled(match, now) || state.t.length - end > MAX_UNSETTLED;
  while (end < state.t.length - kept && mayGo(state.t[end] as Match)) end++;
  if (end === 0) return state;
  const fold = begin(sequence, state);
  const gone: ShedMatch[] = [];
  let toggles = state.o ?? NEVER;
  for (const match of state.t.slice(0, end)) {
    if (match[0] <= horizon) continue;
    const [time, , , bits, flips] = match;
    step(sequence, fold, time, bitsAt(bits, flips, now));
    toggles = Math.min(toggles, nextFlip(flips, now));
    gone.push({ stamp: stampOf(match), what: whatOf(match) });
  }
  shed(gone);
  const o = toggles === NEVER ? undefined : toggles;
  return encode(fold, { n: stampOf(state.t[end - 1] as Match), c: state.c, o, t: state.t.slice(end) });
}

function encode(
  fold: ChainFold,
  { n, c, o, t }: { n?: Stamp | undefined; c?: number | undefined; o?: number | undefined; t: Match[] },
): SequenceState {
  const waiting = fold.head > 0 ? fold.waiting.slice(fold.head) : fold.waiting;
  return {
    ...(fold.ends.some((end) => end !== 0) ? { b: fold.ends } : {}),
    ...(waiting.length > 0 ? { p: waiting } : {}),
    ...(fold.more ? { m: 1 as const } : {}),
    ...(fold.complete === undefined ? {} : { f: fold.complete }),
    ...(n === undefined ? {} : { n }),
    ...(c === undefined ? {} : { c }),
    ...(o === undefined ? {} : { o }),
    t,
  };
}

/**
 * No more chains wait than a row should hold: all is folded away, those whose time is past let go of, and the rest
 * folded again when it is due.
 */
export function restSequence(
  sequence: CompiledSequence,
  state: SequenceState,
  folding: Folding,
): SequenceState {
  if (state.m === 1 || (state.p?.length ?? 0) <= MAX_WAITING) return state;
  const folded = foldTail(sequence, state, 0, folding, true);
  const fold = begin(sequence, folded);
  settleWaiting(fold, folding.now);
  const waiting = fold.waiting.slice(fold.head);
  fold.head = 0;
  const kept = Math.max(MAX_WAITING, Math.ceil(waiting.length / WAITING_SHARE));
  fold.more = waiting.length > kept;
  fold.waiting = waiting.slice(0, kept);
  return encode(fold, { ...folded, c: folding.now });
}

/** Folds anew what the row let go of; its recent matches are as they were. */
export function refoldSequence(
  sequence: CompiledSequence,
  state: SequenceState,
  blocks: readonly ShedBlock[],
  folding: Folding,
): SequenceState {
  const { window, now } = folding;
  const horizon = sequence.reach === 'sliding' ? now - window : -1;
  const fold = begin(sequence, {});
  let toggles = NEVER;
  for (const { times, whats } of blocks) {
    for (let i = 0; i < times.length; i++) {
      const time = times[i] as number;
      if (time <= horizon) continue;
      const what = whats[i] as What; // written by whatOf
      if (typeof what === 'number') step(sequence, fold, time, what);
      else {
        step(sequence, fold, time, bitsAt(what[0], what[1], now));
        toggles = Math.min(toggles, nextFlip(what[1], now));
      }
    }
  }
  const last = blocks[blocks.length - 1];
  const newest = last && stampIn(last, last.times.length - 1);
  const n = newest && (!state.n || compareStamps(newest, state.n) > 0) ? newest : state.n;
  const o = toggles === NEVER ? undefined : toggles;
  return restSequence(sequence, encode(fold, { n, o, c: undefined, t: state.t }), folding);
}

/** When what was folded away may count otherwise: it must be folded anew by then. */
export function sequenceOpening({ m, p, o = NEVER }: SequenceState): number {
  return m === 1 && p ? Math.min(o, (p[p.length - 1] as Waiting)[0]) : o;
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
  if (state.o !== undefined && state.o > now) due = state.o;
  for (const [time, , , bits, toggles] of state.t) {
    due = Math.min(due, nextFlip(toggles, now));
    if (time > horizon) step(sequence, fold, time, bitsAt(bits, toggles, now));
  }
  settleWaiting(fold, now);
  const start = fold.complete;
  const holds = start !== undefined && start > horizon;
  if (holds && sliding) due = Math.min(due, start + window);
  const next = fold.waiting[fold.head];
  if (!holds && next) due = Math.min(due, next[0]);
  return { holds, due };
}
