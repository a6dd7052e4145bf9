// Which messages are of which survey submission, worked out anew and held against what is kept.
// Invariant: reads nothing of the kept rows but to compare them.
import { responseOf } from '../engine/response.ts';
import type { ResponseRow } from '../storage/port.ts';
import type { JsonValue } from '../wire/message.ts';
import { compare, type Difference } from './difference.ts';
import { engineMessage } from './stored-message.ts';
import type { WorkingSet } from './working-set.ts';

/** Messages read at a time. */
const PAGE = 500;

/** What the next messages that may be of a survey say; `next` is the last one's number, null at the end. */
export async function responsesOf(
  set: WorkingSet,
  after: number,
): Promise<{ rows: ResponseRow[]; next: number | null }> {
  const messages = await set.store.query({ ask: 'survey-messages', after, limit: PAGE });
  const rows = messages.flatMap((row): ResponseRow[] => {
    const response = responseOf(engineMessage(row));
    if (!response) return [];
    const { survey, submission, status } = response;
    return [{ seq: row.seq, survey, node: row.node, submission, status }];
  });
  return { rows, next: messages.length < PAGE ? null : (messages[messages.length - 1]?.seq ?? null) };
}

/** Compares both in order of arrival, some at a time. */
export async function verifyResponses(set: WorkingSet): Promise<Difference[]> {
  const differences: Difference[] = [];
  const kept = new Map<number, ResponseRow>();
  let keptTo = 0;
  for (let after: number | null = 0; after !== null; ) {
    const { rows, next }: Awaited<ReturnType<typeof responsesOf>> = await responsesOf(set, after);
    const to = next ?? Number.MAX_SAFE_INTEGER;
    while (keptTo < to) {
      const page = await set.store.query({ ask: 'response-rows', after: keptTo, limit: PAGE });
      for (const row of page) kept.set(row.seq, row);
      keptTo = page.length < PAGE ? Number.MAX_SAFE_INTEGER : (page[page.length - 1]?.seq ?? keptTo);
    }
    for (const row of rows) {
      compareRow(differences, row.seq, kept.get(row.seq), row);
      kept.delete(row.seq);
    }
    // Kept for messages that say nothing of a survey, or are not there.
    for (const [seq, row] of kept) {
      if (seq > to) continue;
      compareRow(differences, seq, row, undefined);
      kept.delete(seq);
    }
    after = next;
  }
  return differences;
}

function compareRow(
  differences: Difference[],
  seq: number,
  stored: ResponseRow | undefined,
  recomputed: ResponseRow | undefined,
): void {
  const shown = (row: ResponseRow | undefined): JsonValue => (row ? { ...row } : null);
  compare(differences, `message #${seq}`, 'survey response', shown(stored), shown(recomputed));
}
