// Instants as messages and definitions write them: ISO 8601 text, read to epoch milliseconds.
// Invariant: never throws; a text that names no real instant (February 30th, 25:00) is undefined.

const LONGEST_INSTANT_CHARS = 40;
const DIGIT_0 = 48;
const DAY_MS = 86_400_000;

/** 1970-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: the times a message may have. */
export const FIRST_INSTANT = 0;
export const LAST_INSTANT = 253_402_300_799_999;

/**
 * `YYYY-MM-DD`, optionally `Thh:mm[:ss[.f...]]` and `Z` or an offset (`+hh`, `+hhmm`, `+hh:mm`); no
 * zone means UTC. Digits past the millisecond are cut off. RFC 3339's lower case and blank for `T` count too.
 * Read by hand: it is on every message's road, and this is several times faster than a pattern or `Date.parse`.
 */
export function readInstant(text: string): number | undefined {
  const length = text.length;
  if (length < 10 || length > LONGEST_INSTANT_CHARS) return undefined;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (text[4] !== '-' || text[7] !== '-') return undefined;
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return undefined;
  const midnight = daysSinceEpoch(year, month, day) * DAY_MS;
  if (length === 10) return midnight;
  const separator = text[10];
  if (separator !== 'T' && separator !== 't' && separator !== ' ') return undefined;
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  if (text[13] !== ':' || !(hour <= 23 && minute <= 59)) return undefined;

  let at = 16;
  let ms = 0;
  if (text[at] === ':') {
    const second = twoDigits(text, 17);
    if (!(second <= 59)) return undefined;
    ms = second * 1_000;
    at = 19;
    if (text[at] === '.' || text[at] === ',') {
      const first = ++at;
      let weight = 100;
      for (let digit = digitAt(text, at); digit >= 0; digit = digitAt(text, ++at)) {
        ms += digit * weight;
        weight = weight > 1 ? weight / 10 : 0;
      }
      if (at === first) return undefined;
    }
  }
  const offsetMinutes = readOffset(text, at);
  return offsetMinutes === undefined
    ? undefined
    : midnight + (hour * 60 + minute - offsetMinutes) * 60_000 + ms;
}

/**
 * A date as definitions and the values they compare write it: as `readInstant`, but with a `T` and nothing
 * else before the time of day. Whoever accepts a date to compare with must read it by this.
 */
export function readDate(text: string): number | undefined {
  return text.length > 10 && text[10] !== 'T' ? undefined : readInstant(text);
}

function readOffset(text: string, at: number): number | undefined {
  if (at === text.length) return 0;
  const sign = text[at];
  if (sign === 'Z' || sign === 'z') return at + 1 === text.length ? 0 : undefined;
  if (sign !== '+' && sign !== '-') return undefined;
  const hours = twoDigits(text, at + 1);
  const rest = text.length - at - 3;
  const minutes = rest === 0 ? 0 : twoDigits(text, at + (text[at + 3] === ':' ? 4 : 3));
  if (rest !== 0 && rest !== (text[at + 3] === ':' ? 3 : 2)) return undefined;
  if (!(hours <= 23 && minutes <= 59)) return undefined;
  return (hours * 60 + minutes) * (sign === '-' ? -1 : 1);
}

/** NaN when either is no digit, so that every comparison with it fails. */
function twoDigits(text: string, at: number): number {
  const tens = digitAt(text, at);
  const ones = digitAt(text, at + 1);
  return tens < 0 || ones < 0 ? Number.NaN : tens * 10 + ones;
}

function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - DIGIT_0;
  return digit >= 0 && digit <= 9 ? digit : -1;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 in the Gregorian calendar; years counted from March so that leap days come last. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** A JSON value as an event time: ISO text or epoch milliseconds, years 1970 to 9999. */
export function readTime(value: unknown): number | undefined {
  const ms =
    typeof value === 'string'
      ? readInstant(value)
      : typeof value === 'number'
        ? Math.floor(value)
        : undefined;
  return ms !== undefined && ms >= FIRST_INSTANT && ms <= LAST_INSTANT ? ms : undefined;
}
