// Whether somebody may be asked now: every gate with what it rests on.
// Invariant: pure; a survey is offered only when every gate is known to hold.
import { compileWhere, type EngineMessage, selects } from '../../engine/filter.ts';
import type { GateView, SurveyStanding } from '../../ingest/core.ts';
import { whyShut } from '../../ingest/survey-closing.ts';
import type { JsonObject } from '../../wire/message.ts';
import { urlTest } from '../../wire/url-pattern.ts';

/** What the person is doing: the page they are on and what they just did. */
export interface Moment {
  /** The page's address, or null where none is known. */
  url: string | null;
  /** Their messages of the batch being answered; null when no batch is. */
  messages: readonly EngineMessage[] | null;
}

/** A gate that only a page can answer has no answer here. */
export interface AnsweredGate extends JsonObject {
  gate: string;
  holds: boolean | null;
}

export interface Decision {
  /** Every gate is known to hold. */
  eligible: boolean;
  /** Gates without an answer. */
  unknown: string[];
  gates: AnsweredGate[];
}

const NOWHERE: Moment = { url: null, messages: null };

/** `clock` in epoch ms. */
export function decide(
  { definition, gates, completed }: SurveyStanding,
  clock: number,
  moment: Moment = NOWHERE,
): Decision {
  const all: AnsweredGate[] = [openGate({ definition, completed }, clock), ...gates];
  const { url, event } = definition.target ?? {};
  if (url !== undefined) all.push(urlGate(url, moment));
  if (event !== undefined) all.push(eventGate(event, moment, clock));
  return decisionOf(all);
}

/** What some gates come to. */
export function decisionOf(gates: AnsweredGate[]): Decision {
  return {
    eligible: gates.every(({ holds }) => holds === true),
    unknown: gates.filter(({ holds }) => holds === null).map(({ gate }) => gate),
    gates,
  };
}

/** What is kept of a decision: which gates held, not what each rested on, so that it changes rarely. */
export function keptPart({ eligible, gates }: Decision): JsonObject {
  const held = Object.fromEntries(gates.map(({ gate, holds }) => [gate, holds]));
  return { eligible, gates: held };
}

function openGate({ definition, completed }: Omit<SurveyStanding, 'key' | 'gates'>, clock: number): GateView {
  const reason = whyShut(definition, completed, clock);
  const { startAt = null, endAt = null, limit = null } = definition;
  return { gate: 'open', holds: reason === null, startAt, endAt, limit, completed, reason };
}

function urlGate(pattern: string, { url }: Moment): AnsweredGate {
  return { gate: 'url', holds: url === null ? null : urlTest(pattern)(url), pattern, url };
}

function eventGate(
  { event, where }: NonNullable<NonNullable<SurveyStanding['definition']['target']>['event']>,
  { messages }: Moment,
  clock: number,
): AnsweredGate {
  const filter = compileWhere(where);
  const isMeant = (message: EngineMessage): boolean =>
    selects(event, message) && (filter === null || filter.test(message.body(), clock));
  return { gate: 'event', holds: messages === null ? null : messages.some(isMeant), event };
}
