// The comparison operators, as branches use them on answers.
// Invariant: means what the collector's operators mean (collector/src/engine/comparison.ts), value by value;
// never throws.

/** Longer digit strings are text, as in the collector. */
const MAX_NUMERIC_CHARS = 400;
const MAX_DATE_CHARS = 40;
const NUMERIC = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const DATE =
  /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)?)?$/;
const UNITS: Record<string, number> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };

function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.length > MAX_NUMERIC_CHARS || !NUMERIC.test(value)) return undefined;
  return Number.isFinite(+value) ? +value : undefined;
}

function toInstant(value: unknown): number | undefined {
  const found = typeof value === 'string' && value.length <= MAX_DATE_CHARS && DATE.exec(value);
  if (!found) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => +(part ?? 0)) as number[];
  const zone = (+(found[9] ?? 0) * 60 + +(found[10] ?? 0)) * (found[8] === '-' ? -1 : 1);
  const midnight = new Date(0);
  // Date.UTC would take the year 99 for 1999.
  midnight.setUTCFullYear(year as number, (month as number) - 1, day);
  // February 30th would be March 1st.
  if (midnight.getUTCMonth() + 1 !== month || midnight.getUTCDate() !== day) return undefined;
  if ((hour as number) > 23 || (minute as number) > 59 || (second as number) > 59) return undefined;
  if (+(found[9] ?? 0) > 23 || +(found[10] ?? 0) > 59) return undefined;
  const ms = +(found[7] ?? '').slice(0, 3).padEnd(3, '0');
  return (
    +midnight + (hour as number) * 36e5 + ((minute as number) - zone) * 6e4 + (second as number) * 1e3 + ms
  );
}

/** Numbers if either side is a number, instants if both are dates, else exact text. */
function equals(value: unknown, expected: unknown): boolean {
  if (typeof expected === 'boolean') return value === expected;
  if (typeof expected === 'number') return toNumber(value) === expected;
  if (typeof expected !== 'string') return false;
  if (typeof value === 'number') return toNumber(expected) === value;
  const instant = toInstant(expected);
  return value === expected || (instant !== undefined && toInstant(value) === instant);
}

const isAny = (value: unknown, expected: unknown): boolean =>
  (Array.isArray(expected) ? expected : [expected]).some((item) => equals(value, item));

/** The difference of two numbers or two instants; NaN, which no order holds for, of anything else. */
function difference(value: unknown, expected: unknown): number {
  const read = typeof value === 'number' || typeof expected === 'number' ? toNumber : toInstant;
  return (read(value) ?? Number.NaN) - (read(expected) ?? Number.NaN);
}

function isText(value: unknown, part: unknown, holds: (value: string, part: string) => boolean): boolean {
  return typeof value === 'string' && typeof part === 'string' && holds(value, part);
}

/** Whether now lies in a span that begins `from` after the value's instant: a duration such as `30d`. */
function isNear(value: unknown, expected: unknown, now: number, isPast: boolean): boolean {
  const [, count = '', unit = ''] = /^(\d+)([smhdw])$/.exec(`${expected}`) ?? [];
  const span = +count * (UNITS[unit] ?? Number.NaN);
  const at = toInstant(value) ?? Number.NaN;
  return isPast ? at <= now && now < at + span : at - span <= now && now < at;
}

/**
 * Whether `value op expected` holds.
 * @param given an answer; null and undefined are none
 * @param now epoch ms, for `within_last` and `within_next`
 */
export function compare(op: string, given: unknown, expected: unknown, now: number): boolean {
  const value = given ?? undefined;
  switch (op) {
    case 'eq':
      return equals(value, expected);
    case 'neq':
      return !equals(value, expected);
    case 'in':
      return isAny(value, expected);
    case 'not_in':
      return !isAny(value, expected);
    case 'gt':
      return difference(value, expected) > 0;
    case 'gte':
      return difference(value, expected) >= 0;
    case 'lt':
      return difference(value, expected) < 0;
    case 'lte':
      return difference(value, expected) <= 0;
    case 'contains':
      return isText(value, expected, (text, part) => text.includes(part));
    case 'not_contains':
      return !isText(value, expected, (text, part) => text.includes(part));
    case 'starts_with':
      return isText(value, expected, (text, part) => text.startsWith(part));
    case 'ends_with':
      return isText(value, expected, (text, part) => text.endsWith(part));
    case 'exists':
      return value !== undefined;
    case 'not_exists':
      return value === undefined;
    case 'includes':
      return Array.isArray(value) && value.some((item) => equals(item ?? undefined, expected));
    case 'before':
      return (toInstant(value) ?? Number.NaN) < (toInstant(expected) ?? Number.NaN);
    case 'after':
      return (toInstant(value) ?? Number.NaN) > (toInstant(expected) ?? Number.NaN);
    case 'within_last':
    case 'within_next':
      return isNear(value, expected, now, op === 'within_last');
  }
  return false;
}
