// A message as it is stored, made ready for the engine.
// Invariant: its body is parsed once at most, and not at all where nothing looks into it.
import type { EngineMessage } from '../engine/filter.ts';
import type { HistoryRow } from '../storage/port.ts';
import type { JsonObject } from '../wire/message.ts';

/** A stored message as the engine wants it; its body is parsed once, when asked for. */
export function engineMessage({
  text,
  stamp,
  type,
  event,
  groupId,
  expired,
}: Pick<HistoryRow, 'stamp' | 'type' | 'event' | 'groupId' | 'text' | 'expired'>): EngineMessage {
  let parsed: JsonObject | undefined;
  const body = (): JsonObject => {
    parsed ??= JSON.parse(text) as JsonObject; // stored by the lane from a checked object
    return parsed;
  };
  return { stamp, type, event, groupId, expired, text, body };
}
