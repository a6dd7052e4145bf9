// When an event happened: the client's own time, corrected for a wrong clock of the client.
// Invariant: depends on the message, its sentAt and its first receivedAt alone, so a replay finds the same time.
import { FIRST_INSTANT, LAST_INSTANT, readTime } from './instant.ts';
import type { JsonObject, JsonValue } from './message.ts';

/** A difference up to this is latency, above it a wrong clock. */
export const MAX_LATENCY_MS = 10_000;

/** `sentAt` as sent, if it can be read: the message's own before the batch's. */
export function readableSentAt(
  own: JsonValue | undefined,
  batch: JsonValue | undefined,
): string | number | null {
  if (isTimeLike(own) && readTime(own) !== undefined) return own;
  if (isTimeLike(batch) && readTime(batch) !== undefined) return batch;
  return null;
}

function isTimeLike(value: JsonValue | undefined): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

/**
 * The corrected time in epoch milliseconds, or undefined when the given time cannot be read or lies
 * outside the years 1970 to 9999, before or after correction.
 */
export function eventTime(
  body: JsonObject,
  sentAt: string | number | null,
  receivedAt: number,
): number | undefined {
  const sent = sentAt === null ? undefined : readTime(sentAt);
  const given =
    sent === undefined
      ? (present(body.timestamp) ?? present(body.originalTimestamp))
      : (present(body.originalTimestamp) ?? present(body.timestamp));
  if (given === undefined) return receivedAt;
  const time = readTime(given);
  if (time === undefined || sent === undefined) return time;

  const drift = receivedAt - sent;
  const wrongClock = drift > MAX_LATENCY_MS || drift < -MAX_LATENCY_MS;
  // A clock slightly ahead: the event cannot have happened after it arrived.
  const slightlyAhead = time > receivedAt && time <= sent;
  if (!wrongClock && !slightlyAhead) return time;
  const corrected = time + drift;
  return corrected >= FIRST_INSTANT && corrected <= LAST_INSTANT ? corrected : undefined;
}

function present(value: JsonValue | undefined): JsonValue | undefined {
  return value === undefined || value === null || value === '' ? undefined : value;
}
