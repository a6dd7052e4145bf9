// How a message of a script is sent, and what becomes of it: accepted, repeated or refused (contract section 3).
// Invariant: decided from what was accepted before and who is suppressed, in the order of the batch.
import type { JsonObject } from '../../collector/src/wire/message.ts';
import type { IngestResult } from '../collector.ts';
import { iso } from './computed.ts';
import { eventTime } from './event-time.ts';
import { idOf, type ModelMessage, type Shadow } from './history.ts';
import { meetsShadow, refusedIds, type Suppressed } from './operations.ts';
import { isTooOld, type Retention } from './retention.ts';
import type { ScriptMessage, Send } from './script.ts';

export interface Plan {
  batch: JsonObject[];
  /** Those that the collector must take, in the order of the batch. */
  accepted: ModelMessage[];
  /** Of the answer's three numbers; `dropped` look accepted, `either` may count as dropped, refused or repeated. */
  expected: { accepted: number; duplicates: number; rejected: number; dropped: number; either: number };
}

/** What sending depends on. */
export interface Ground {
  now: number;
  /** Message ids used up so far, `kind id`; extended by the plan. */
  seen: Set<string>;
  suppressed: Suppressed;
  shadows: readonly Shadow[];
  retention: Retention;
}

/** What sending must do. What the contract leaves open is not sent. */
export function planOf(step: Send, { now, seen, suppressed, shadows, retention }: Ground): Plan {
  const plan: Plan = {
    batch: [],
    accepted: [],
    expected: { accepted: 0, duplicates: 0, rejected: 0, dropped: 0, either: 0 },
  };
  const { expected } = plan;
  for (const message of step.messages) {
    const taken = asAccepted(message, step, now);
    const refused = refusedIds(taken, suppressed);
    const known = seen.has(`${step.key} ${message.messageId}`);
    const isNobody = idOf(message.userId) === undefined && idOf(message.anonymousId) === undefined;
    // Of an erased message the id is not kept, so that at its very instant there is no order.
    if (meetsShadow(taken, shadows)) continue;
    const isRefused = refused.sender || refused.previousDevice || refused.previousUser;
    if (isRefused && !isNobody) {
      // A web alias links the device of that name; whether a refused user of that name matters is not said.
      const onlyUser = !refused.sender && !refused.previousDevice;
      if (onlyUser && step.key === 'web') continue;
      // Whether a dropped message uses up its id is not said either: it gets one that nothing else has.
      const messageId = known ? message.messageId : `${message.messageId}~${seen.size}.${plan.batch.length}`;
      seen.add(`${step.key} ${messageId}`);
      plan.batch.push(asSent({ ...message, messageId }, now));
      if (known) expected.either++;
      // What would be refused of anybody is refused of them too.
      else if (step.key === 'web' && !isTooOld(taken, retention, now)) expected.dropped++;
      else expected.rejected++;
      continue;
    }
    plan.batch.push(asSent(message, now));
    if (isNobody) expected.rejected++;
    else if (known) expected.duplicates++;
    else if (isTooOld(taken, retention, now)) expected.rejected++;
    else {
      seen.add(`${step.key} ${message.messageId}`);
      plan.accepted.push(taken);
      expected.accepted++;
    }
  }
  return plan;
}

/** What is wrong with the answer to a first sending. */
export function faultsOfAnswer({ expected }: Plan, answer: IngestResult): string[] {
  const least = [expected.accepted + expected.dropped, expected.duplicates, expected.rejected];
  const told = [answer.accepted, answer.duplicates, answer.rejected.length];
  const extra = told.map((number, i) => number - (least[i] ?? 0));
  const total = extra.reduce((sum, number) => sum + number, 0);
  if (extra.every((number) => number >= 0) && total === expected.either) return [];
  return [
    `the answer says ${told.join(', ')} accepted, duplicates, rejected; expected ${least.join(', ')}` +
      `${expected.either ? ` and ${expected.either} more of any` : ''}: ${JSON.stringify(answer)}`,
  ];
}

/** The message as JSON, its times made absolute. */
export function asSent(message: ScriptMessage, now: number): JsonObject {
  const { atMs, sentAtMs, ...rest } = message;
  return {
    ...rest,
    timestamp: iso(now + atMs),
    ...(sentAtMs === undefined ? {} : { sentAt: iso(now + sentAtMs) }),
  };
}

function asAccepted(message: ScriptMessage, step: Send, now: number): ModelMessage {
  const { type, messageId, userId, anonymousId, previousId, groupId } = message;
  const sentAt = message.sentAtMs ?? step.batchSentAtMs;
  const given = { timestamp: now + message.atMs, ...(sentAt === undefined ? {} : { sentAt: now + sentAt }) };
  return {
    type,
    messageId,
    kind: step.key,
    trusted: step.key === 'server',
    userId: userId ?? null,
    anonymousId: anonymousId ?? null,
    previousId: previousId ?? null,
    groupId: groupId ?? null,
    time: eventTime(given, now),
    body: asSent(message, now),
  };
}
