// How long messages are kept, and which go when (contract section 7).
// Invariant: decided from a message's type, name and time, and the clock.
import { msOf } from './comparison.ts';
import type { ModelMessage } from './history.ts';

/** Events' names, `$page` and `$screen` to a duration. */
export type Retention = Readonly<Record<string, string>>;

/** Whether the message is older than its event is kept. */
export function isTooOld(message: ModelMessage, retention: Retention, now: number): boolean {
  const name = message.type === 'track' ? String(message.body.event) : `$${message.type}`;
  // An event of that name is no page.
  if (message.type === 'track' && name.startsWith('$')) return false;
  const kept = retention[name];
  return kept !== undefined && now - message.time > msOf(kept);
}
