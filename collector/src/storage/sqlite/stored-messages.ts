// Pages of stored messages, as an answer hands them out.
// Invariant: in the order they were stored, and never more than the limit.
import type { HistoryRow } from '../port.ts';
import { historyRow, MESSAGE_COLUMNS, type MessageRow } from './columns.ts';
import type { Bound, Statements } from './statements.ts';
import type { Terms } from './terms.ts';

/** @returns a function that finds those where a condition with its values holds */
export function storedMessages(
  { all }: Pick<Statements, 'all'>,
  terms: Terms,
): (where: string, values: readonly Bound[], limit: number) => HistoryRow[] {
  return (where, values, limit) =>
    all<MessageRow>(
      `SELECT ${MESSAGE_COLUMNS} FROM message WHERE ${where} ORDER BY seq LIMIT +?`,
      ...values,
      limit,
    ).map((row) => historyRow(row, terms));
}
