// Which messages count for a leaf: the event selector and the `where` predicate, compiled.
// Invariant: a filter's answer depends on the message and, if `relative`, on the clock; nothing else.
import type { Where } from '../wire/definitions.ts';
import { type JsonObject, type MessageType, SURVEY_EVENT } from '../wire/message.ts';
import { type Comparison, compileComparison } from './comparison.ts';
import type { Stamp } from './stamp.ts';
import { readPath } from './values.ts';

/** A message as the engine folds it. `body` is parsed at most once, when first needed. */
export interface EngineMessage {
  readonly stamp: Stamp;
  readonly type: MessageType;
  /** A track event's name; null for the other types. */
  readonly event: string | null;
  readonly groupId: string | null;
  /** Of a message kept no longer: the number of its expiry, from 1. Only leaves made before that see it. */
  readonly expired?: number;
  /** Of a message kept no longer: what leaves that see it look at. */
  body(): JsonObject;
  /** Its JSON, where that is at hand: what cannot be in it need not be parsed for. */
  readonly text?: string;
}

/** The traits an identify or group message declares. */
export function declaredTraits({ traits }: JsonObject): JsonObject {
  return typeof traits === 'object' && traits !== null && !Array.isArray(traits) ? traits : {};
}

/** Whether it was sent with anonymous consent, which the SDKs say beside their numbering. */
export const isAnonymous = (message: EngineMessage): boolean =>
  mayHold(message, 'anonymous') && readPath(message.body(), ['context', 'tm', 'consent']) === 'anonymous';

/** A text in JSON stands there as it is, unless some letter of it is escaped. */
const mayHold = ({ text }: EngineMessage, word: string): boolean =>
  text === undefined || text.includes(`"${word}"`) || text.includes('\\u');

/** A compiled `where`. */
export interface Predicate {
  test(body: JsonObject, now: number): boolean;
  /** The next instant after `now` at which `test` may change by time alone, or Infinity. */
  flip(body: JsonObject, now: number): number;
  relative: boolean;
}

export function compileWhere(where: Where | undefined): Predicate | null {
  return where === undefined ? null : compile(where);
}

function compile(where: Where): Predicate {
  if ('path' in where) return atPath(where.path, compileComparison(where.op, where.value));
  if ('not' in where) {
    const inner = compile(where.not);
    return { ...inner, test: (body, now) => !inner.test(body, now) };
  }
  const parts = ('all' in where ? where.all : where.any).map(compile);
  const all = 'all' in where;
  return {
    relative: parts.some((part) => part.relative),
    test: (body, now) =>
      all ? parts.every((part) => part.test(body, now)) : parts.some((part) => part.test(body, now)),
    flip: (body, now) => Math.min(Number.POSITIVE_INFINITY, ...parts.map((part) => part.flip(body, now))),
  };
}

function atPath(path: string, comparison: Comparison): Predicate {
  const steps = path.split('.');
  return {
    relative: comparison.relative,
    test: (body, now) => comparison.test(readPath(body, steps), now),
    flip: (body, now) => comparison.flip(readPath(body, steps), now),
  };
}

/** The names under which a message is looked up in the index, `*` and prefixes apart. */
export function selectorsOf(message: EngineMessage): string[] {
  switch (message.type) {
    case 'alias':
      return [];
    case 'track': {
      const event = message.event ?? '';
      const names = event.startsWith('$') ? [] : [event];
      if (isSurveyResponse(message)) names.push('$survey');
      return names;
    }
    default:
      return [`$${message.type}`];
  }
}

/** Whether an event selector, as definitions write them, picks this message. */
export function selects(selector: string, message: EngineMessage): boolean {
  if (selector === '*') return message.type !== 'alias';
  if (selector.endsWith('*')) return message.event?.startsWith(selector.slice(0, -1)) ?? false;
  return selectorsOf(message).includes(selector);
}

/** Segment's own survey event counts as a survey answer too, when it names its survey. */
function isSurveyResponse(message: EngineMessage): boolean {
  if (message.event !== SURVEY_EVENT) return false;
  const id = readPath(message.body(), ['properties', 'surveyId']);
  return typeof id === 'string' || typeof id === 'number';
}
