// Distinct values of sliding windows that left a person's row: how many are in each window, and the commonest.
// Invariant: what comes into a window is counted when it comes, what leaves it at that very instant, so that at
// every clock the counts beside the row are those of the messages in the window.
import type { AggregateLeaf, AggregateState } from './aggregate-leaf.ts';
import {
  commonest,
  MAX_UNIQUE_LIST,
  orderKeys,
  type SpilledWindow,
  timeOf,
  UNSUMMED,
  unpack,
  type Values,
} from './aggregates.ts';
import { sealedWeight, unsummed } from './blocks.ts';
import { sealPassed } from './sealing.ts';
import { canonical } from './values.ts';
import { windowSummary } from './window.ts';

/** A value that a window leaves behind. */
export interface Departure {
  key: string;
  /** Which of the leaf's windows. */
  window: number;
}

/**
 * Values in sealed blocks that a row holds, some 25 KB: each block counts its own. Past it the windows' values are
 * counted outside, which costs a look-up for each window a message comes into, and again when it leaves it.
 */
const MAX_SEALED_VALUES = 1_000;

/** Of a list so many are shown, and are in the row of each window as long as there are not more. */
const MAX_LISTED = MAX_UNIQUE_LIST;

/** Takes the values of a leaf's windows out of the row if there are too many: what each of them holds at the clock. */
export function spillWindows(
  leaf: AggregateLeaf,
  state: AggregateState,
  now: number,
): { state: AggregateState; values: Values[] } | null {
  const { b, o } = state;
  if (leaf.spec.reach !== 'sliding' || leaf.filter?.relative || b === undefined || o) return null;
  if (sealedWeight(b, MAX_SEALED_VALUES) <= MAX_SEALED_VALUES) return null;
  const values = leaf.windows.map(
    (window) => (windowSummary(leaf.aggregate, b, window, now) ?? {}) as Values, // `values` sums up in those
  );
  const spilled = values.map((of) =>
    withKeys(leaf, { n: Object.keys(of).length, top: commonest(Object.entries(of)) }, () =>
      Object.keys(of).sort(orderKeys),
    ),
  );
  return { state: { ...state, b: unsummed(b), o: spilled }, values };
}

/** With its values themselves, in order, where it is a list of not too many. */
const withKeys = ({ spec }: AggregateLeaf, window: SpilledWindow, keys: () => string[]): SpilledWindow =>
  spec.aggregate === 'list' && window.n <= MAX_LISTED ? { ...window, keys: keys() } : window;

/** One occurrence more (or, -1, less) of a value in a window whose values are outside, where there were `before`. */
export function countInWindow(
  { o: windows = [], b, ...rest }: AggregateState,
  { key, window }: Departure,
  before: number,
  by: 1 | -1,
): AggregateState {
  const o = [...windows];
  const { n, top, keys } = o[window] ?? { n: 0, top: null };
  const count = before + by;
  const [comes, goes] = [before === 0, count === 0];
  const counted: SpilledWindow = {
    n: n + Number(comes) - Number(goes),
    top: by === 1 ? commonest(top && top[0] !== key ? [top, [key, count]] : [[key, count]]) : top,
  };
  const among = keys && (comes ? inserted(keys, key) : goes ? keys.filter((other) => other !== key) : keys);
  o[window] = among && among.length <= MAX_LISTED ? { ...counted, keys: among } : counted;
  // With nothing in any of them the row begins anew.
  return b && o.some((of) => of.n > 0) ? { ...rest, b, o } : rest;
}

function inserted(keys: readonly string[], key: string): string[] {
  let [from, to] = [0, keys.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (orderKeys(keys[middle] as string, key) > 0) to = middle;
    else from = middle + 1;
  }
  return [...keys.slice(0, from), key, ...keys.slice(from)];
}

/** Puts the row in order once what leaves at the instant is counted out. */
export const afterDepartures = (
  leaf: AggregateLeaf,
  state: AggregateState,
  instant: number,
): AggregateState =>
  state.b && state.o ? { ...state, b: sealPassed(UNSUMMED, leaf.windows, state.b, instant) } : state;

/** What must be looked up once a value has left a window: it was the commonest, or the list is short again. */
export interface Asked {
  top: boolean;
  keys: boolean;
}

export const isAsked = (leaf: AggregateLeaf, { n, top, keys }: SpilledWindow, left: string): Asked => ({
  // A list asks for no commonest.
  top: leaf.spec.aggregate === 'values' && top?.[0] === left,
  keys: leaf.spec.aggregate === 'list' && n <= MAX_LISTED && keys === undefined,
});

/** Values that windows leave behind at the instant. */
export function departingAt(
  { windows }: AggregateLeaf,
  { b = [], o }: AggregateState,
  instant: number,
): Departure[] {
  if (!o) return [];
  const times = new Map(windows.map((window, i) => [instant - window, i]));
  return b.flatMap((block) =>
    'n' in block
      ? []
      : block.e.flatMap((packed) => {
          const window = times.get(timeOf(packed));
          return window === undefined ? [] : [{ key: canonical(unpack(packed).value), window }];
        }),
  );
}
