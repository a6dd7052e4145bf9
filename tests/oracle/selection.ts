// Which messages a definition speaks of: event names, filters and windows (contract section 6).
// Invariant: decides about one message at one clock; the message is known to be in effect.
import type { Where, Within } from '../../collector/src/wire/definitions.ts';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import { at, compares, instantOf, msOf } from './comparison.ts';
import type { ModelMessage } from './history.ts';

export interface Selection {
  event: string;
  where?: Where | undefined;
  within?: Within | undefined;
}

/** The track event by which a plain Segment client answers a survey. */
export const SURVEY_EVENT = 'Survey Responded';

const TYPE_NAMES = ['$page', '$screen', '$identify', '$group', '$survey'];

export function selects(event: string, message: ModelMessage): boolean {
  const track = message.type === 'track' ? String(message.body.event) : undefined;
  if (event === '*') return message.type !== 'alias';
  if (event === '$survey' && track === SURVEY_EVENT) return true;
  if (TYPE_NAMES.includes(event)) return message.type === event.slice(1);
  if (track === undefined) return false;
  return event.endsWith('*') ? track.startsWith(event.slice(0, -1)) : track === event;
}

export function satisfies(where: Where | undefined, body: JsonObject, now: number): boolean {
  if (where === undefined) return true;
  if ('all' in where) return where.all.every((part) => satisfies(part, body, now));
  if ('any' in where) return where.any.some((part) => satisfies(part, body, now));
  if ('not' in where) return !satisfies(where.not, body, now);
  return compares(at(body, where.path), where.op, where.value, now);
}

export function inWindow(within: Within | undefined, time: number, now: number): boolean {
  if (within === undefined) return true;
  if (typeof within === 'string') return now - msOf(within) < time && time <= now;
  const from = instantOf(within.from) ?? Number.NaN;
  const to = instantOf(within.to) ?? Number.NaN;
  return from <= time && time <= to;
}

/** Those of a person's messages that count, in the order they came in. */
export function matching(
  { event, where, within }: Selection,
  messages: readonly ModelMessage[],
  now: number,
): ModelMessage[] {
  return messages.filter(
    (message) =>
      selects(event, message) && inWindow(within, message.time, now) && satisfies(where, message.body, now),
  );
}
