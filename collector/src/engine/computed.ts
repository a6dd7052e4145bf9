// Computed traits: a leaf's summary, finished into the value people read.
// Invariant: pure functions of the person's state and the clock.
import type { MeasuredDefinition } from '../wire/definitions.ts';
import type { JsonValue } from '../wire/message.ts';
import {
  type AggregateName,
  commonest,
  type Days,
  dayCount,
  EMPTY_SUM,
  type Extent,
  isSpilled,
  MAX_UNIQUE_LIST,
  orderKeys,
  type Pick,
  type SpilledValues,
  type Sum,
  type Summary,
  type Values,
} from './aggregates.ts';
import { type Decimal, fromDecimal, fromQuotient } from './decimal.ts';

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
  unique_list: 'list',
  active_days: 'days',
};

export function aggregateOf(type: MeasuredType): AggregateName {
  return AGGREGATE_OF[type];
}

/**
 * The trait's value; with nothing counted: counts and sum 0, unique_list [], else null. The casts below are right
 * because a summary is what the aggregate of its type made: see `aggregateOf`.
 */
export function finish(definition: MeasuredDefinition, summary: Summary | undefined): JsonValue {
  switch (definition.type) {
    case 'count':
      return summary ?? 0;
    case 'sum':
      return sumOf((summary ?? EMPTY_SUM) as Sum);
    case 'avg': {
      const sum = (summary ?? EMPTY_SUM) as Sum;
      return sum[0] === 0 ? null : averageOf(sum);
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
      return mostFrequent((summary ?? {}) as Values | SpilledValues, definition.minCount ?? 1);
    case 'unique_count':
      return valueCount((summary ?? {}) as Values | SpilledValues);
    case 'unique_list':
      return uniqueList((summary ?? {}) as Values | SpilledValues);
    case 'active_days':
      return dayCount((summary ?? {}) as Days);
  }
}

function sumOf([, ...decimal]: Sum): number {
  return fromDecimal(decimal as Decimal); // what is left of a Sum, which the compiler does not name
}

function averageOf([count, ...decimal]: Sum): number {
  return fromQuotient(decimal as Decimal, count); // likewise
}

function valueCount(values: Values | SpilledValues): number {
  return isSpilled(values) ? values.n : Object.keys(values).length;
}

function mostFrequent(values: Values | SpilledValues, minCount: number): JsonValue {
  const best = isSpilled(values) ? values.top : commonest(Object.entries(values));
  return best === null || best[1] < minCount ? null : (JSON.parse(best[0]) as JsonValue);
}

/** Of values that left the row, and are more than are listed, it is `listOf` that knows the first. */
function uniqueList(values: Values | SpilledValues): JsonValue {
  if (!isSpilled(values)) return listOf(Object.keys(values).sort(orderKeys));
  return values.keys ? listOf(values.keys) : { values: [], truncated: true };
}

/** The list of these values, in order: the first 1,000 and a mark where there are more. */
export function listOf(keys: readonly string[]): JsonValue {
  const list = keys.slice(0, MAX_UNIQUE_LIST).map((key) => JSON.parse(key) as JsonValue); // canonical JSON
  return keys.length > MAX_UNIQUE_LIST ? { values: list, truncated: true } : list;
}
