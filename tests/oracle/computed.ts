// Every type of computed trait over one person's messages (contract section 6).
// Invariant: a function of the messages in order, the definitions, the clock and the time zone.
import type { MeasuredDefinition, TraitDefinition } from '../../collector/src/wire/definitions.ts';
import type { JsonValue } from '../../collector/src/wire/message.ts';
import { at, numberOf, type Value } from './comparison.ts';
import { add, decimalOf, share, toNumber, ZERO } from './decimal.ts';
import { formula } from './formula.ts';
import type { ModelMessage } from './history.ts';
import { matching } from './selection.ts';

export function iso(time: number): string {
  return new Date(time).toISOString();
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** The value of the trait `key`; null for one that is not defined. `seenBy` are the messages that a trait sees. */
export function computedTrait(
  key: string,
  traits: Readonly<Record<string, TraitDefinition>>,
  seenBy: (key: string) => readonly ModelMessage[],
  now: number,
  timezone: string,
): JsonValue {
  const trait = traits[key];
  if (trait === undefined) return null;
  if (trait.type !== 'formula') return measured(trait, seenBy(key), now, timezone);
  return formula(trait.expression, (input) => {
    const value = computedTrait(input, traits, seenBy, now, timezone);
    return numberOf(value) ?? null;
  });
}

function measured(
  trait: MeasuredDefinition,
  messages: readonly ModelMessage[],
  now: number,
  timezone: string,
): JsonValue {
  const matches = matching(trait, messages, now);
  const seen = (message: ModelMessage | undefined) => (message ? iso(message.time) : null);
  switch (trait.type) {
    case 'count':
      return matches.length;
    case 'active_days':
      return new Set(matches.map((message) => dayOf(message.time, timezone))).size;
    case 'first_seen':
      return seen(matches[0]);
    case 'last_seen':
      return seen(matches.at(-1));
  }
  const values = matches
    .map((message) => at(message.body.properties, trait.property))
    .filter((value): value is Exclude<Value, undefined | null> => value !== undefined && value !== null);
  const numbers = values.map(numberOf).filter((value) => value !== undefined);
  const total = numbers.map(decimalOf).reduce(add, ZERO);
  // The number 1 and the text "1" are two values; both stand where the text 1 does, the text first.
  const distinct = new Map<string, { value: JsonValue; count: number }>();
  for (const value of values) {
    const json = JSON.stringify(value);
    distinct.set(json, { value, count: (distinct.get(json)?.count ?? 0) + 1 });
  }
  const textOf = (value: JsonValue) => (typeof value === 'string' ? value : JSON.stringify(value));
  const sorted = [...distinct]
    .sort(([a, { value: x }], [b, { value: y }]) => byBytes(textOf(x), textOf(y)) || byBytes(a, b))
    .map(([, entry]) => entry);
  switch (trait.type) {
    case 'sum':
      return toNumber(total);
    case 'avg':
      return numbers.length === 0 ? null : share(total, numbers.length);
    case 'min':
      return numbers.length === 0 ? null : Math.min(...numbers);
    case 'max':
      return numbers.length === 0 ? null : Math.max(...numbers);
    case 'first':
      return values[0] ?? null;
    case 'last':
      return values.at(-1) ?? null;
    case 'unique_count':
      return sorted.length;
    case 'unique_list': {
      const list = sorted.slice(0, 1_000).map((entry) => entry.value);
      return sorted.length > 1_000 ? { values: list, truncated: true } : list;
    }
    case 'most_frequent': {
      const most = Math.max(0, ...sorted.map((entry) => entry.count));
      const winner = sorted.find((entry) => entry.count === most);
      return winner && most >= (trait.minCount ?? 1) ? winner.value : null;
    }
  }
}

const calendars = new Map<string, Intl.DateTimeFormat>();

/** The calendar day of an instant, as people in that time zone name it. */
function dayOf(time: number, timezone: string): string {
  const known = calendars.get(timezone);
  const calendar =
    known ??
    new Intl.DateTimeFormat('en-CA', {
      timeZone: timezone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
    });
  if (!known) calendars.set(timezone, calendar);
  return calendar.format(time);
}
