// What a leaf keeps of the messages that match it: small summaries that add and merge in any order.
// Invariant: add and merge are commutative and associative, so arrival order makes no difference.
import type { JsonValue } from '../wire/message.ts';
import { dayIn } from './days.ts';
import { addDecimals, type Decimal, toDecimal, ZERO } from './decimal.ts';
import { compareStamps, compareUtf8, type Stamp } from './stamp.ts';
import { canonical, toNumber, type Value } from './values.ts';

export type AggregateName =
  | 'count'
  | 'sum'
  | 'extent'
  | 'seen'
  | 'first'
  | 'last'
  | 'values'
  | 'list'
  | 'days';

/** One matching message, as far as an aggregate needs it. */
export type Entry = {
  readonly stamp: Stamp;
  readonly value: JsonValue;
};

/** Summaries are plain JSON, stored as they are in a person's row. */
export type Summary = JsonValue;

export interface Aggregate<S extends Summary = Summary> {
  /** The value this aggregate takes from a message, or undefined if the message does not count. */
  accept(value: Value): JsonValue | undefined;
  of(entry: Entry): S;
  merge(a: S, b: S): S;
  /** Adds one entry, changing `summary` itself where copying it for every message would cost. */
  absorb?(summary: S, entry: Entry): S;
  /** As `merge`, but into `summary` itself, where copying it for every part would cost. */
  pour?(summary: S, part: S): void;
  /** How one entry is kept while it must stay exact: only what `of` needs. */
  pack(entry: Entry): Packed;
}

/** Sums parts up and changes none of them; a summary of many values is copied at most once on the way. */
export interface Total {
  add(part: Summary): void;
  /** Undefined while nothing was added. */
  sum(): Summary | undefined;
}

export function createTotal(aggregate: Aggregate): Total {
  let total: Summary | undefined;
  /** What `merge` has made is nobody else's. */
  let own = false;
  return {
    add(part) {
      if (total === undefined) total = part;
      else if (own && aggregate.pour) aggregate.pour(total, part);
      else {
        total = aggregate.merge(total, part);
        own = true;
      }
    },
    sum: () => total,
  };
}

/** `time`, `[time, value]` or `[time, value, messageId, kind]`. */
export type Packed = number | [number, JsonValue] | [number, JsonValue, string, number];

export function timeOf(packed: Packed): number {
  return typeof packed === 'number' ? packed : packed[0];
}

export function unpack(packed: Packed): Entry {
  if (typeof packed === 'number') return { stamp: [packed, '', 0], value: null };
  const [time, value, messageId = '', kind = 0] = packed;
  return { stamp: [time, messageId, kind === 1 ? 1 : 0], value };
}

const always = (): JsonValue => null;
const numeric = (value: Value): JsonValue | undefined => toNumber(value);
const present = (value: Value): JsonValue | undefined => value;
const timeOnly = ({ stamp }: Entry): Packed => stamp[0];
const withValue = ({ stamp, value }: Entry): Packed => [stamp[0], value];
const withStamp = ({ stamp, value }: Entry): Packed => [stamp[0], value, stamp[1], stamp[2]];

const count: Aggregate<number> = {
  accept: always,
  of: () => 1,
  merge: (a, b) => a + b,
  pack: timeOnly,
};

export type Sum = [n: number, mantissa: number | string, scale: number];

function addSums(total: Sum, [n, mantissa, scale]: Sum): void {
  addTo(total, n, [mantissa, scale]);
}

function addTo(total: Sum, n: number, value: Decimal): void {
  const sum = addDecimals([total[1], total[2]], value);
  total[0] += n;
  total[1] = sum[0];
  total[2] = sum[1];
}

const sum: Aggregate<Sum> = {
  accept: numeric,
  of: ({ value }) => [1, ...toDecimal(value as number)], // `accept` gave a number
  // What is left of a Sum is a Decimal, which the compiler does not name.
  merge: ([n, ...x], [m, ...y]) => [n + m, ...addDecimals(x as Decimal, y as Decimal)],
  pour: addSums,
  absorb(summary, { value }) {
    addTo(summary, 1, toDecimal(value as number)); // `accept` gave a number
    return summary;
  },
  pack: withValue,
};

export const EMPTY_SUM: Sum = [0, ...ZERO];

export type Extent = [min: number, max: number];

const extent: Aggregate<Extent> = {
  accept: numeric,
  of: ({ value }) => [value as number, value as number], // `accept` gave a number
  merge: (a, b) => [Math.min(a[0], b[0]), Math.max(a[1], b[1])],
  pack: withValue,
};

const seen: Aggregate<Extent> = {
  accept: always,
  of: ({ stamp }) => [stamp[0], stamp[0]],
  merge: (a, b) => [Math.min(a[0], b[0]), Math.max(a[1], b[1])],
  pack: timeOnly,
};

export type Pick = [time: number, value: JsonValue, messageId: string, kind: number];

function pick(wins: (difference: number) => boolean): Aggregate<Pick> {
  const stamp = ([time, , messageId, kind]: Pick): Stamp => [time, messageId, kind === 1 ? 1 : 0];
  return {
    accept: present,
    of: (entry) => withStamp(entry) as Pick, // `withStamp` packs all four
    merge: (a, b) => (wins(compareStamps(stamp(a), stamp(b))) ? a : b),
    pack: withStamp,
  };
}

/** Occurrences by the value's canonical JSON text. */
export type Values = Record<string, number>;

function addCounts(counts: Values, more: Values): void {
  for (const key of Object.keys(more)) counts[key] = (counts[key] ?? 0) + (more[key] as number);
}

const values: Aggregate<Values> = {
  accept: present,
  of: ({ value }) => ({ [canonical(value)]: 1 }),
  merge(a, b) {
    const merged = { ...a };
    addCounts(merged, b);
    return merged;
  },
  pour: addCounts,
  absorb(summary, { value }) {
    const key = canonical(value);
    summary[key] = (summary[key] ?? 0) + 1;
    return summary;
  },
  pack: withValue,
};

/** A unique list longer than this is cut, and says so; the count stays exact. */
export const MAX_UNIQUE_LIST = 1_000;

/** Distinct values that left a person's row: how many there are, and the commonest with its occurrences. */
export type SpilledValues = {
  n: number;
  top: [key: string, count: number];
  /** All of them, in order, where they are at hand. */
  keys?: string[];
};

/** The same of one sliding window; null while nothing is in it. Of a list that is short the values, in order. */
export type SpilledWindow = { n: number; top: SpilledValues['top'] | null; keys?: string[] };

/** For windows whose values are counted elsewhere: entries as `values` keeps them, and sums that say nothing. */
export const UNSUMMED: Aggregate = {
  accept: present,
  of: () => 0,
  merge: () => 0,
  pack: withValue,
};

export function isSpilled(summary: Values | SpilledValues): summary is SpilledValues {
  return Array.isArray(summary.top);
}

/** A string's own text, other values' JSON: what values are ordered by. */
export function textOfKey(key: string): string {
  return key.startsWith('"') ? (JSON.parse(key) as string) : key; // a text's JSON
}

/** By text, then by JSON, so that the number 1 and the text "1" have an order too. */
export function orderKeys(a: string, b: string): number {
  return compareUtf8(textOfKey(a), textOfKey(b)) || compareUtf8(a, b);
}

/** The commonest of these values; of equally common ones the smallest. */
export function commonest(entries: Iterable<[key: string, count: number]>): [string, number] | null {
  let best: [string, number] | null = null;
  for (const entry of entries) {
    const more = best === null ? 1 : entry[1] - best[1];
    if (more > 0 || (more === 0 && best && orderKeys(entry[0], best[0]) < 0)) best = entry;
  }
  return best;
}

/** Days with an entry, as bits: `day >> 5` to a mask of 32 days. A century of visits is 10 KB at most. */
export type Days = Record<string, number>;

function days(dayOf: (time: number) => number): Aggregate<Days> {
  const absorb = (summary: Days, { stamp }: Entry): Days => {
    const day = dayOf(stamp[0]);
    const key = String(day >> 5);
    summary[key] = (summary[key] ?? 0) | (1 << (day & 31));
    return summary;
  };
  const pour = (summary: Days, part: Days): void => {
    for (const key of Object.keys(part)) summary[key] = (summary[key] ?? 0) | (part[key] as number);
  };
  return {
    accept: always,
    of: (entry) => absorb({}, entry),
    merge(a, b) {
      const merged = { ...a };
      pour(merged, b);
      return merged;
    },
    pour,
    absorb,
    pack: timeOnly,
  };
}

/** How many days a summary holds. */
export function dayCount(summary: Days): number {
  let n = 0;
  for (const mask of Object.values(summary)) for (let rest = mask; rest !== 0; rest &= rest - 1) n++;
  return n;
}

/** The aggregate of that name; `zone` (IANA) says where a day begins and ends, for `days`. */
export function aggregateNamed(name: AggregateName, zone = 'UTC'): Aggregate {
  return name === 'days' ? widened(days(dayIn(zone))) : AGGREGATES[name];
}

const AGGREGATES: Record<Exclude<AggregateName, 'days'>, Aggregate> = {
  count: widened(count),
  sum: widened(sum),
  extent: widened(extent),
  seen: widened(seen),
  first: widened(pick((difference) => difference < 0)),
  last: widened(pick((difference) => difference > 0)),
  values: widened(values),
  // The same, kept longer in the row: see MAX_VALUES in aggregate-leaf.ts.
  list: widened(values),
};

/** Each implementation is typed by its own summary. */
function widened<S extends JsonValue>(aggregate: Aggregate<S>): Aggregate {
  return aggregate as unknown as Aggregate; // sound: a leaf feeds a summary only to the aggregate that made it
}
