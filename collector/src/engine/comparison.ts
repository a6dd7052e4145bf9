// The comparison operators, compiled: one test of a value, and when time alone will change it.
// Invariant: a test never throws; only `within_last` and `within_next` depend on the clock.
import { durationMs, type Op } from '../wire/definitions.ts';
import type { JsonValue } from '../wire/message.ts';
import { readPath, toInstant, toNumber, type Value } from './values.ts';

/** A compiled `op value`. */
export interface Comparison {
  test(value: Value, now: number): boolean;
  /** The next instant after `now` at which `test` changes by time alone, or Infinity. */
  flip(value: Value, now: number): number;
  /** True if the answer depends on the clock. */
  relative: boolean;
  /** When `test` holds for this value, whatever the clock. */
  span(value: Value): Span;
}

/** Always (1), never (0), or from an instant until before another, epoch ms. Plain JSON. */
export type Span = 0 | 1 | readonly [from: number, until: number];

export function spanHolds(span: Span, now: number): boolean {
  return typeof span === 'number' ? span === 1 : span[0] <= now && now < span[1];
}

/** The next instant after `now` at which the span's answer changes, or Infinity. */
export function spanFlip(span: Span, now: number): number {
  if (typeof span === 'number') return Number.POSITIVE_INFINITY;
  if (now < span[0]) return span[0];
  return now < span[1] ? span[1] : Number.POSITIVE_INFINITY;
}

const never = (): number => Number.POSITIVE_INFINITY;

export function compileComparison(op: Op, expected: JsonValue | undefined): Comparison {
  if (op === 'within_last' || op === 'within_next') return compileRelative(op, durationMs(String(expected)));
  const test = compileTest(op, (expected ?? undefined) as Value);
  return { test, flip: never, relative: false, span: (value) => (test(value) ? 1 : 0) };
}

type Test = (value: Value) => boolean;

function compileTest(op: Exclude<Op, 'within_last' | 'within_next'>, expected: Value): Test {
  switch (op) {
    case 'eq':
      return equals(expected);
    case 'neq':
      return not(equals(expected));
    case 'in':
      return anyOf(expected);
    case 'not_in':
      return not(anyOf(expected));
    case 'gt':
      return ordered(expected, (d) => d > 0);
    case 'gte':
      return ordered(expected, (d) => d >= 0);
    case 'lt':
      return ordered(expected, (d) => d < 0);
    case 'lte':
      return ordered(expected, (d) => d <= 0);
    case 'contains':
      return text(expected, (value, part) => value.includes(part));
    case 'not_contains':
      return not(text(expected, (value, part) => value.includes(part)));
    case 'starts_with':
      return text(expected, (value, part) => value.startsWith(part));
    case 'ends_with':
      return text(expected, (value, part) => value.endsWith(part));
    case 'exists':
      return (value) => value !== undefined;
    case 'not_exists':
      return (value) => value === undefined;
    case 'includes': {
      const equal = equals(expected);
      return (value) => Array.isArray(value) && value.some((item) => equal(item ?? undefined));
    }
    case 'before':
      return dated(expected, (value, limit) => value < limit);
    case 'after':
      return dated(expected, (value, limit) => value > limit);
  }
}

const not =
  (test: Test): Test =>
  (value) =>
    !test(value);

/** Numbers if either side is a JSON number, instants if both are dates, else exact text. */
function equals(expected: Value): Test {
  if (typeof expected === 'boolean') return (value) => value === expected;
  const number = toNumber(expected);
  if (typeof expected === 'number') return (value) => toNumber(value) === expected;
  if (typeof expected !== 'string') return () => false;
  const instant = toInstant(expected);
  return (value) => {
    if (typeof value === 'number') return number === value;
    if (typeof value !== 'string') return false;
    return value === expected || (instant !== undefined && toInstant(value) === instant);
  };
}

function anyOf(expected: Value): Test {
  const tests = (Array.isArray(expected) ? expected : [expected]).map((item) => equals(item ?? undefined));
  return (value) => tests.some((test) => test(value));
}

function ordered(expected: Value, holds: (difference: number) => boolean): Test {
  const number = toNumber(expected);
  const instant = toInstant(expected);
  return (value) => {
    if (typeof expected === 'number' || typeof value === 'number') {
      const actual = toNumber(value);
      return actual !== undefined && number !== undefined && holds(actual - number);
    }
    const at = instant === undefined ? undefined : toInstant(value);
    return at !== undefined && holds(at - (instant as number));
  };
}

function text(expected: Value, holds: (value: string, part: string) => boolean): Test {
  return (value) => typeof value === 'string' && typeof expected === 'string' && holds(value, expected);
}

function dated(expected: Value, holds: (value: number, limit: number) => boolean): Test {
  const limit = toInstant(expected);
  return (value) => {
    const at = limit === undefined ? undefined : toInstant(value);
    return at !== undefined && holds(at, limit as number);
  };
}

/** `within_last d`: now - d < v <= now, so v to v + d. `within_next d`: now < v <= now + d. */
function compileRelative(op: 'within_last' | 'within_next', d: number): Comparison {
  const span = (value: Value): Span => {
    const v = toInstant(value);
    if (v === undefined) return 0;
    return op === 'within_last' ? [v, v + d] : [v - d, v];
  };
  return {
    relative: true,
    span,
    test: (value, now) => spanHolds(span(value), now),
    flip: (value, now) => spanFlip(span(value), now),
  };
}

/** Reads a declared trait: the exact key first, then its part before the first dot, walked. */
export function readTrait(get: (key: string) => JsonValue | undefined, key: string): Value {
  const exact = get(key);
  if (exact !== undefined && exact !== null) return exact;
  const dot = key.indexOf('.');
  if (dot < 1) return undefined;
  return readPath(get(key.slice(0, dot)), key.slice(dot + 1).split('.'));
}
