// The contract's comparison rules, written down once more and as plainly as they read there.
// Invariant: shares no code with the collector; never throws, whatever the values are.
import type { Op, Operand } from '../../collector/src/wire/definitions.ts';
import type { JsonValue } from '../../collector/src/wire/message.ts';

export type Value = JsonValue | undefined;

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `"30d"` in milliseconds. */
export function msOf(duration: string): number {
  const unit = UNIT_MS[duration.slice(-1)];
  if (unit === undefined) throw new Error(`no duration: ${duration}`);
  return Number(duration.slice(0, -1)) * unit;
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** The instant an ISO text means (no zone is UTC), or undefined when it is none. */
export function instantOf(value: Value): number | undefined {
  if (typeof value !== 'string') return undefined;
  const match = ISO.exec(value);
  if (!match) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00', ms = '000', zone = 'Z'] = match;
  const date = `${year}-${month}-${day}`;
  const utc = Date.parse(`${date}T${hour}:${minute}:${second}.${ms}Z`);
  if (Number.isNaN(utc) || new Date(Date.parse(`${date}T00:00:00Z`)).toISOString().slice(0, 10) !== date) {
    return undefined;
  }
  if (zone === 'Z') return utc;
  const away = Number(zone.slice(1, 3)) * 3_600_000 + Number(zone.slice(4, 6)) * 60_000;
  return zone.startsWith('+') ? utc - away : utc + away;
}

/** The number a JSON number or a numeric text stands for. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || !/^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Both sides on one axis, when there is one: numbers if either side is a JSON number, else two dates. */
function onOneAxis(a: Value, b: Value): [number, number] | undefined {
  const numeric = typeof a === 'number' || typeof b === 'number';
  const left = numeric ? numberOf(a) : instantOf(a);
  const right = numeric ? numberOf(b) : instantOf(b);
  return left === undefined || right === undefined ? undefined : [left, right];
}

function equal(a: Value, b: Value): boolean {
  const axis = onOneAxis(a, b);
  if (axis) return axis[0] === axis[1];
  if (typeof a === 'string' && typeof b === 'string') return a === b;
  if (typeof a === 'boolean' && typeof b === 'boolean') return a === b;
  return false;
}

/** Whether `actual op operand` holds at the clock `now` (epoch milliseconds). */
export function compares(actual: Value, op: Op, operand: Operand | undefined, now: number): boolean {
  const missing = actual === undefined || actual === null;
  const list = Array.isArray(operand) ? operand : [];
  const one = Array.isArray(operand) ? undefined : operand;
  switch (op) {
    case 'exists':
      return !missing;
    case 'not_exists':
      return missing;
    case 'neq':
      return missing || !equal(actual, one);
    case 'not_in':
      return missing || !list.some((item) => equal(actual, item));
    case 'not_contains':
      return !(typeof actual === 'string' && typeof one === 'string' && actual.includes(one));
  }
  if (missing) return false;
  const text = typeof actual === 'string' && typeof one === 'string' ? ([actual, one] as const) : undefined;
  const axis = onOneAxis(actual, one);
  const instant = instantOf(actual);
  switch (op) {
    case 'eq':
      return equal(actual, one);
    case 'in':
      return list.some((item) => equal(actual, item));
    case 'gt':
      return axis !== undefined && axis[0] > axis[1];
    case 'gte':
      return axis !== undefined && axis[0] >= axis[1];
    case 'lt':
      return axis !== undefined && axis[0] < axis[1];
    case 'lte':
      return axis !== undefined && axis[0] <= axis[1];
    case 'contains':
      return text?.[0].includes(text[1]) ?? false;
    case 'starts_with':
      return text?.[0].startsWith(text[1]) ?? false;
    case 'ends_with':
      return text?.[0].endsWith(text[1]) ?? false;
    case 'includes':
      return Array.isArray(actual) && actual.some((item) => equal(item, one));
    case 'before':
    case 'after': {
      const edge = instantOf(one);
      if (instant === undefined || edge === undefined) return false;
      return op === 'before' ? instant < edge : instant > edge;
    }
    case 'within_last':
    case 'within_next': {
      if (instant === undefined || typeof one !== 'string') return false;
      const span = msOf(one);
      return op === 'within_last'
        ? now - span < instant && instant <= now
        : now < instant && instant <= now + span;
    }
  }
}

/** Walks a path by dots; digits index arrays; only own fields count. */
export function at(root: Value, path: string): Value {
  let value = root;
  for (const step of path.split('.')) {
    if (Array.isArray(value)) value = /^\d+$/.test(step) ? value[Number(step)] : undefined;
    else if (typeof value === 'object' && value !== null)
      value = Object.hasOwn(value, step) ? value[step] : undefined;
    else return undefined;
  }
  return value;
}
