// What is known of everybody a survey is for, as bands: how much they did, when last, and since when.
// Invariant: every person is in exactly one band of each variable.
import type { Activity } from '../../../engine/person-state.ts';

const DAY_MS = 86_400_000;

export interface Variable {
  name: 'activity' | 'recency' | 'tenure';
  bands: readonly string[];
  bandOf(activity: Activity, at: number): number;
}

/** `edges` ascending; a value below the first is in the first band. */
function variable(
  name: Variable['name'],
  bands: readonly string[],
  edges: readonly number[],
  measure: (activity: Activity, at: number) => number,
): Variable {
  const bandOf = (activity: Activity, at: number): number => {
    const value = measure(activity, at);
    const above = edges.findIndex((edge) => value < edge);
    return above < 0 ? edges.length : above;
  };
  return { name, bands, bandOf };
}

const daysSince = (time: number | null, at: number): number =>
  time === null ? Number.POSITIVE_INFINITY : (at - time) / DAY_MS;

/** Messages ever sent, survey messages included. */
export const ACTIVITY = variable(
  'activity',
  ['1-4 events', '5-19 events', '20-99 events', '100 events and more'],
  [5, 20, 100],
  ({ eventCount }) => eventCount,
);

/** Days since the last message. */
export const RECENCY = variable(
  'recency',
  ['within a day', '1-7 days ago', '7-30 days ago', '30-90 days ago', 'longer ago'],
  [1, 7, 30, 90],
  ({ lastSeen }, at) => daysSince(lastSeen, at),
);

/** Days since the first message. */
export const TENURE = variable(
  'tenure',
  ['for less than 7 days', 'for 7-30 days', 'for 30-90 days', 'for 90-365 days', 'for a year and more'],
  [7, 30, 90, 365],
  ({ firstSeen }, at) => daysSince(firstSeen, at),
);

export const VARIABLES: readonly Variable[] = [ACTIVITY, RECENCY, TENURE];

/** Those that weights even out. Not recency: whoever answered was seen then, so that it says when the survey was. */
export const WEIGHTED_BY: readonly [Variable, Variable] = [ACTIVITY, TENURE];

/** People counted by two variables: rows of the first, columns of the second. */
export interface Cell {
  /** Bands that are together in it. */
  parts: [row: number, column: number][];
  frame: number;
  responders: number;
}

/** Fewer responders than this stand for nobody but themselves: their stratum is put together with the nearest. */
export const MIN_RESPONDERS = 5;

/**
 * Strata put together until each that has people of the frame has `MIN_RESPONDERS` (or there is one): the smallest first, with the
 * nearest, by steps of either band; of equally near ones with the one of fewest responders, then the first.
 */
export function collapse(cells: readonly Cell[], least = MIN_RESPONDERS): Cell[] {
  const strata = cells
    .filter(({ frame, responders }) => frame + responders > 0)
    .map((cell) => ({ ...cell, parts: [...cell.parts] }));
  for (;;) {
    const thin = strata.filter(({ responders, frame }) => responders < least || frame === 0);
    const first = thin.reduce<Cell | undefined>(
      (a, b) => (a && a.responders <= b.responders ? a : b),
      undefined,
    );
    if (!first || strata.length === 1) return strata;
    const others = strata.filter((cell) => cell !== first);
    const near = others.reduce((a, b) => (isNearer(b, a, first) ? b : a));
    near.parts.push(...first.parts);
    near.frame += first.frame;
    near.responders += first.responders;
    strata.splice(strata.indexOf(first), 1);
  }
}

function isNearer(a: Cell, b: Cell, to: Cell): boolean {
  const gap = distance(a, to) - distance(b, to);
  return gap < 0 || (gap === 0 && a.responders < b.responders);
}

function distance(a: Cell, b: Cell): number {
  const steps = a.parts.flatMap(([row, column]) =>
    b.parts.map(([otherRow, otherColumn]) => Math.abs(row - otherRow) + Math.abs(column - otherColumn)),
  );
  return Math.min(...steps);
}
