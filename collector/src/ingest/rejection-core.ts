// What the core answers about refused messages, which are kept with their reasons.
// Invariant: nothing shown here tells of somebody who was erased.
import { ERASED } from '../storage/port.ts';
import type { JsonValue } from '../wire/message.ts';
import type { Core, RejectedView } from './core.ts';
import type { Inside } from './inside.ts';
import { decodeCursor, encodeCursor, iso } from './profile-reads.ts';

export type RejectionCore = Pick<Core, 'rejected' | 'rejectedRow' | 'removeRejected'>;

/** `droppedBefore`: how many the file had pushed out when it was opened. */
export function createRejectionCore({ store, lane }: Inside, droppedBefore: number): RejectionCore {
  return {
    async rejected({ limit, cursor }) {
      const isId = (value: unknown): value is number => Number.isSafeInteger(value);
      const before = cursor === null ? Number.MAX_SAFE_INTEGER : decodeCursor(cursor, isId);
      const rows = await store.query({ ask: 'refused', before, limit: limit + 1 });
      const last = rows[limit - 1];
      return {
        data: rows.slice(0, limit).map(viewRejected),
        next: rows.length > limit && last ? encodeCursor(last.id) : null,
        dropped: droppedBefore + lane.counts.rejectedDropped,
      };
    },
    async rejectedRow(id) {
      const row = await store.query({ ask: 'refused-one', id });
      return row && { ...row, messageId: shownId(row.messageId) };
    },
    removeRejected: (id) =>
      lane.task(async (working) => {
        const row = await store.query({ ask: 'refused-one', id });
        if (row) working.record({ removedRefused: [id] });
        return { result: row !== null, changed: row !== null };
      }),
  };
}

function viewRejected(row: Awaited<ReturnType<Core['rejectedRow']>> & object): RejectedView {
  const { id, receivedAt, code, reason, messageId, text } = row;
  const message = messageOf(text);
  return { id, receivedAt: iso(receivedAt), code, reason, messageId: shownId(messageId), message };
}

/** Of suppressed messages there is only a hash, which says nothing to anybody. */
function shownId(messageId: string | null): string | null {
  return messageId?.startsWith(ERASED) ? null : messageId;
}

/** A message as it was sent; its text where that is no JSON of its own. */
export function messageOf(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue; // JSON.parse gives nothing else
  } catch {
    return text;
  }
}
