// Computed traits: a leaf's summary, finished into the value people read.
// Invariant: pure functions of the person's state and the clock.
import type { MeasuredDefinition } from '../wire/definitions.ts';
import type { JsonValue } from '../wire/message.ts';
import {
  type AggregateName,
  type Days,
  dayCount,
  EMPTY_SUM,
  type Extent,
  type Pick,
  type Sum,
  type Summary,
  type Values,
} from './aggregates.ts';
import { type Decimal, fromDecimal } from './decimal.ts';
import { compareUtf8 } from './stamp.ts';

/** A unique list longer than this is cut, and says so; the count stays exact. */
export const MAX_UNIQUE_LIST = 1_000;

type MeasuredType = MeasuredDefinition['type'];

const AGGREGATE_OF: Record<MeasuredType, AggregateName> = {
  count: 'count',
  sum: 'sum',
  avg: 'sum',
  min: 'extent',
  max: 'extent',
  first: 'first',
  last: 'last',
  first_seen: 'seen',
  last_seen: 'seen',
  most_frequent: 'values',
  unique_count: 'values',
  unique_list: 'values',
  active_days: 'days',
};

export function aggregateOf(type: MeasuredType): AggregateName {
  return AGGREGATE_OF[type];
}

/** The trait's value; with nothing counted: counts and sum 0, unique_list [], else null. */
export function finish(definition: MeasuredDefinition, summary: Summary | undefined): JsonValue {
  switch (definition.type) {
    case 'count':
      return summary ?? 0;
    case 'sum':
      return sumOf((summary ?? EMPTY_SUM) as Sum);
    case 'avg': {
      const sum = (summary ?? EMPTY_SUM) as Sum;
      return sum[0] === 0 ? null : sumOf(sum) / sum[0];
    }
    case 'min':
      return summary === undefined ? null : (summary as Extent)[0];
    case 'max':
      return summary === undefined ? null : (summary as Extent)[1];
    case 'first':
    case 'last':
      return summary === undefined ? null : (summary as Pick)[1];
    case 'first_seen':
      return summary === undefined ? null : new Date((summary as Extent)[0]).toISOString();
    case 'last_seen':
      return summary === undefined ? null : new Date((summary as Extent)[1]).toISOString();
    case 'most_frequent':
      return mostFrequent((summary ?? {}) as Values, definition.minCount ?? 1);
    case 'unique_count':
      return Object.keys((summary ?? {}) as Values).length;
    case 'unique_list':
      return uniqueList((summary ?? {}) as Values);
    case 'active_days':
      return dayCount((summary ?? {}) as Days);
  }
}

function sumOf([, ...decimal]: Sum): number {
  return fromDecimal(decimal as Decimal);
}

/** Values order by their text: a string's own, other values' JSON. */
function textOf(key: string): string {
  return key.startsWith('"') ? (JSON.parse(key) as string) : key;
}

function mostFrequent(values: Values, minCount: number): JsonValue {
  let best: string | undefined;
  let most = 0;
  for (const [key, n] of Object.entries(values)) {
    if (n < minCount || n < most) continue;
    if (n > most || best === undefined || orderKeys(key, best) < 0) best = key;
    most = n;
  }
  return best === undefined ? null : (JSON.parse(best) as JsonValue);
}

function uniqueList(values: Values): JsonValue {
  const keys = Object.keys(values).sort(orderKeys);
  const list = keys.slice(0, MAX_UNIQUE_LIST).map((key) => JSON.parse(key) as JsonValue);
  return keys.length > MAX_UNIQUE_LIST ? { values: list, truncated: true } : list;
}

/** By text, then by JSON, so that the number 1 and the text "1" have an order too. */
function orderKeys(a: string, b: string): number {
  return compareUtf8(textOf(a), textOf(b)) || compareUtf8(a, b);
}
