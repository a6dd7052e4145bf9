// A leaf that sums up: one event selector, predicate and aggregate.
// Invariant: after `add`s in any order the summary over any of its windows is exact at the clock,
// as long as the blocks named by `opens` were opened in time.
import type { Where } from '../wire/definitions.ts';
import {
  type Aggregate,
  type AggregateName,
  aggregateNamed,
  commonest,
  createTotal,
  type Entry,
  MAX_UNIQUE_LIST,
  type Packed,
  type SpilledValues,
  type SpilledWindow,
  type Summary,
  timeOf,
  UNSUMMED,
  unpack,
  type Values,
} from './aggregates.ts';
import type { Block } from './blocks.ts';
import { compileWhere, type EngineMessage, type Predicate } from './filter.ts';
import { canonical, readPath } from './values.ts';
import { addToWindow, addWindow, departure, nextOpening, type Span } from './window.ts';

export interface AggregateSpec {
  kind: 'aggregate';
  event: string;
  where: Where | undefined;
  aggregate: AggregateName;
  property: string | undefined;
  /** Time zone of `days`. */
  zone?: string;
  /** `ever`, a fixed range (epoch ms, both ends inclusive), or a sliding window. */
  reach: 'ever' | 'sliding' | { from: number; to: number };
}

/** An entry whose `where` will still change with the clock: `on` now, toggling at each of `at`. */
export interface Waiting {
  p: Packed;
  on: boolean;
  at: number[];
}

/** What a person's row keeps for a leaf; absent means nothing matched so far. */
export interface AggregateState {
  /** Summary of everything (not for sliding leaves). */
  a?: Summary;
  /** Distinct values that left the row, in place of `a`. */
  d?: SpilledValues;
  /** Blocks by time (sliding leaves). */
  b?: Block[];
  /** Distinct values that left the row, of each of the leaf's windows; `b` says when they were, and no sums. */
  o?: SpilledWindow[];
  /** Entries still changing with the clock. */
  w?: Waiting[];
  /**
   * Where those are too many for the row, the next instant at which one that is not among them changes. Until then
   * these are counted or left out as they are now; the leaf is folded anew at it, from the messages.
   */
  x?: number;
}

export interface AggregateLeaf {
  readonly kind: 'aggregate';
  readonly id: number;
  readonly spec: AggregateSpec;
  readonly events: readonly string[];
  /** Sliding windows asked of this leaf, ms, ascending; empty unless sliding. */
  readonly windows: readonly number[];
  /** As of every leaf. */
  readonly since: number;
  readonly filter: Predicate | null;
  readonly aggregate: Aggregate;
  readonly steps: readonly string[] | null;
}

export function createAggregateLeaf(
  id: number,
  spec: AggregateSpec,
  windows: readonly number[],
  since = 0,
): AggregateLeaf {
  return {
    kind: 'aggregate',
    id,
    spec,
    events: [spec.event],
    windows,
    since,
    filter: compileWhere(spec.where),
    aggregate: aggregateNamed(spec.aggregate, spec.zone),
    steps: spec.property === undefined ? null : ['properties', ...spec.property.split('.')],
  };
}

/** A value to be counted where the distinct values of a leaf are kept outside of the row. */
export interface ToCount {
  key: string;
  /** Where the leaf's windows slide, when it was: it counts in those that reach so far. */
  time?: number;
}

/**
 * Distinct values a row holds. Past it they are kept one by one beside it, so that somebody with 100,000 of
 * them makes no message dearer. Lists stay as long as all of them are shown.
 */
const MAX_VALUES: Partial<Record<AggregateName, number>> = { values: 200, list: MAX_UNIQUE_LIST };

/** Takes distinct values out of the row if there are too many of them. */
export function spill(
  leaf: AggregateLeaf,
  { a, ...rest }: AggregateState,
): { state: AggregateState; values: Values } | null {
  const most = MAX_VALUES[leaf.spec.aggregate];
  if (most === undefined || a === undefined || leaf.spec.reach === 'sliding' || leaf.filter?.relative)
    return null;
  const values = a as Values;
  const n = Object.keys(values).length;
  const top = n > most ? commonest(Object.entries(values)) : null;
  return top && { state: { ...rest, d: { n, top } }, values };
}

/** The next instant at which the leaf must be looked at: a block opened, a value counted no more, or all of it folded anew. */
export function aggregateOpening(
  { windows }: AggregateLeaf,
  { b = [], o, x }: AggregateState,
  now: number,
): number {
  let next = Math.min(x ?? Number.POSITIVE_INFINITY, nextOpening(b, windows, now));
  if (o) for (const window of windows) next = Math.min(next, departure(b, window, now, 1));
  return next;
}

/** One more occurrence of a value that is kept outside of the row, where it was counted `before` times. */
export function countSpilled({ d, ...rest }: AggregateState, key: string, before: number): AggregateState {
  if (!d) throw new Error('values of a leaf that keeps them in the row');
  const top = commonest([d.top[0] === key ? [key, before + 1] : d.top, [key, before + 1]]) ?? d.top;
  return { ...rest, d: { n: d.n + (before === 0 ? 1 : 0), top } };
}

/**
 * Entries still changing with the clock that a row holds, some 15 KB. To fold the leaf anew for the others takes as
 * long as to read all that matches, once for so many changes of them.
 */
const MAX_WAITING = 256;

/**
 * Adds a message whose selector matched, to the state itself. Returns it, null if nothing changed, or the value to
 * count where those are kept outside of the row.
 */
export function addToAggregate(
  leaf: AggregateLeaf,
  state: AggregateState | undefined,
  message: EngineMessage,
  now: number,
): AggregateState | ToCount | null {
  const time = message.stamp[0];
  if (!reaches(leaf, time, now)) return null;
  const { filter } = leaf;
  if (filter && !filter.relative && !filter.test(message.body(), now)) return null;
  const value = leaf.aggregate.accept(leaf.steps ? readPath(message.body(), leaf.steps) : undefined);
  if (value === undefined) return null;
  if (state?.d) return { key: canonical(value) };
  const entry: Entry = { stamp: message.stamp, value };
  if (state?.o) {
    state.b = addToWindow(UNSUMMED, leaf.windows, state.b ?? [], entry, now);
    return { key: canonical(value), time };
  }
  if (!filter?.relative) return settleEntry(leaf, state ?? {}, entry, now);
  return addRelative(leaf, filter, state ?? {}, entry, message, now);
}

function reaches(leaf: AggregateLeaf, time: number, now: number): boolean {
  const { reach } = leaf.spec;
  if (reach === 'ever') return true;
  if (reach === 'sliding') return time > now - longest(leaf);
  return reach.from <= time && time <= reach.to;
}

function longest(leaf: AggregateLeaf): number {
  return leaf.windows[leaf.windows.length - 1] ?? 0;
}

/**
 * The entry counts for good (as far as `where` goes). Into `state` itself, which nobody else holds: it belongs to
 * this leaf of this person alone.
 */
function settleEntry(leaf: AggregateLeaf, state: AggregateState, entry: Entry, now: number): AggregateState {
  const { aggregate } = leaf;
  if (leaf.spec.reach === 'sliding')
    state.b = addToWindow(aggregate, leaf.windows, state.b ?? [], entry, now);
  else if (state.a === undefined) state.a = aggregate.of(entry);
  else if (aggregate.absorb) state.a = aggregate.absorb(state.a, entry);
  else state.a = aggregate.merge(state.a, aggregate.of(entry));
  return state;
}

function addRelative(
  leaf: AggregateLeaf,
  filter: Predicate,
  state: AggregateState,
  entry: Entry,
  message: EngineMessage,
  now: number,
): AggregateState | null {
  const body = message.body();
  const on = filter.test(body, now);
  const at: number[] = [];
  let last = on;
  for (let t = filter.flip(body, now); t < Number.POSITIVE_INFINITY; t = filter.flip(body, t)) {
    const next = filter.test(body, t);
    if (next !== last) at.push(t);
    last = next;
  }
  const rested = restWaiting(leaf, state, now);
  if (at.length > 0)
    return withoutFarthest(
      leaf,
      { ...rested, w: [...(rested.w ?? []), { p: leaf.aggregate.pack(entry), on, at }] },
      now,
    );
  return on ? settleEntry(leaf, rested, entry, now) : rested === state ? null : rested;
}

/** Takes the entry that changes last out of the row if there are too many: see `AggregateState.x`. */
function withoutFarthest(leaf: AggregateLeaf, state: AggregateState, now: number): AggregateState {
  const { w = [] } = state;
  if (w.length <= MAX_WAITING) return state;
  const changes = w.map(({ at }) => nextOf(at, now));
  const farthest = changes.indexOf(Math.max(...changes));
  const waiting = w[farthest] as Waiting; // one of them
  const x = Math.min(state.x ?? Number.POSITIVE_INFINITY, changes[farthest] as number);
  const rest = { ...state, x, w: w.filter((other) => other !== waiting) };
  const entry = unpack(waiting.p);
  return isOn(waiting, now) && reaches(leaf, entry.stamp[0], now)
    ? settleEntry(leaf, rest, entry, now)
    : rest;
}

const nextOf = (at: readonly number[], now: number): number =>
  at.find((toggle) => toggle > now) ?? Number.POSITIVE_INFINITY;

/** Moves waiting entries that will not change any more into the summary, or drops them. */
export function restWaiting(leaf: AggregateLeaf, state: AggregateState, now: number): AggregateState {
  if (!state.w?.some((waiting) => isOver(leaf, waiting, now))) return state;
  let rest: AggregateState = { ...state, w: state.w.filter((waiting) => !isOver(leaf, waiting, now)) };
  for (const waiting of state.w) {
    if (!isOver(leaf, waiting, now) || !isOn(waiting, now)) continue;
    const entry = unpack(waiting.p);
    if (reaches(leaf, entry.stamp[0], now)) rest = settleEntry(leaf, rest, entry, now);
  }
  return rest;
}

function isOver(leaf: AggregateLeaf, waiting: Waiting, now: number): boolean {
  return (waiting.at[waiting.at.length - 1] as number) <= now || !reaches(leaf, timeOf(waiting.p), now);
}

function isOn({ on, at }: Waiting, now: number): boolean {
  let state = on;
  for (const toggle of at) if (toggle <= now) state = !state;
  return state;
}

/** Says of entries, each only once, whether the row holds one like it that counts at the clock. */
export function waitingIn({ w = [] }: AggregateState, now: number): (waiting: Waiting) => boolean {
  const held = new Map<string, number>();
  const nameOf = ({ p }: Waiting): string => JSON.stringify(p);
  for (const waiting of w)
    if (isOn(waiting, now)) held.set(nameOf(waiting), (held.get(nameOf(waiting)) ?? 0) + 1);
  return (waiting) => {
    const left = held.get(nameOf(waiting)) ?? 0;
    held.set(nameOf(waiting), left - 1);
    return left > 0;
  };
}

/** The summary over `span` at the clock, or undefined if nothing counts. */
export function summaryOf(
  leaf: AggregateLeaf,
  state: AggregateState | undefined,
  span: Span,
  now: number,
): Summary | undefined {
  if (!state) return undefined;
  if (state.d) return state.d;
  if (state.o && span !== null) {
    const { top, ...window } = state.o[leaf.windows.indexOf(span)] ?? { n: 0, top: null };
    return top === null ? undefined : { ...window, top };
  }
  const total = createTotal(leaf.aggregate);
  if (span !== null) addWindow(leaf.aggregate, total, state.b ?? [], now - span);
  else if (state.a !== undefined) total.add(state.a);
  for (const waiting of state.w ?? []) {
    const time = timeOf(waiting.p);
    if (!isOn(waiting, now) || (span !== null && time <= now - span)) continue;
    total.add(leaf.aggregate.of(unpack(waiting.p)));
  }
  return total.sum();
}

/** The next instant after `now` at which a waiting entry toggles, in the row or not, or Infinity. */
export function nextToggle(state: AggregateState | undefined, now: number): number {
  let next = state?.x !== undefined && state.x > now ? state.x : Number.POSITIVE_INFINITY;
  for (const { at } of state?.w ?? [])
    for (const toggle of at) if (toggle > now && toggle < next) next = toggle;
  return next;
}

/** Distinct waiting entries inside a sliding span also leave it by time. */
export function waitingTimes(state: AggregateState | undefined, span: number, now: number): number[] {
  return (state?.w ?? []).map((waiting) => timeOf(waiting.p)).filter((time) => time > now - span);
}
