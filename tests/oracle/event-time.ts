// The event time of a message by contract section 3, for the model.
// Invariant: a function of what was sent and when it was received, nothing else.

/** What a client may say about time; ISO 8601 text or epoch milliseconds. */
export interface GivenTimes {
  timestamp?: string | number | null;
  originalTimestamp?: string | number | null;
  /** The message's own, or else the batch's. */
  sentAt?: string | number | null;
}

/** Most that sending may take before a difference means a wrong clock, in milliseconds. */
const LATENCY_MS = 10_000;

const read = (value: string | number | null | undefined) =>
  value === undefined || value === null || value === '' ? undefined : new Date(value).getTime();

/** Corrected event time, epoch milliseconds. Given times must be readable; an unreadable `sentAt` is ignored. */
export function eventTime(given: GivenTimes, receivedAt: number): number {
  const sentAt = read(given.sentAt);
  const original = read(given.originalTimestamp);
  const timestamp = read(given.timestamp);
  const hasSentAt = sentAt !== undefined && !Number.isNaN(sentAt);
  const time = hasSentAt ? (original ?? timestamp) : (timestamp ?? original);
  if (time === undefined) return receivedAt;
  if (!hasSentAt) return time;
  const off = receivedAt - sentAt;
  const ahead = time > receivedAt && time <= sentAt;
  return Math.abs(off) > LATENCY_MS || ahead ? time + off : time;
}
