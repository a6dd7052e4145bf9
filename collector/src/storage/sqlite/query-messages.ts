// Answers about stored messages, those of the future included, and refused ones.
// Invariant: each is one indexed scan bounded by its limit, except counts.
import type { RejectionCode } from '../../wire/message.ts';
import type { Answering, LedgerRow, RefusedRow } from '../port.ts';
import { DUE_MESSAGES, historyRow, kindOf, type MessageRow, typeCode } from './columns.ts';
import type { Statements } from './statements.ts';
import { storedMessages } from './stored-messages.ts';
import type { Terms } from './terms.ts';

/** Messages that expire at a time: as many as a commit takes at most. */
const MAX_EXPIRING = 200;

interface RefusedColumns {
  id: number;
  received_at: number;
  code: string;
  reason: string;
  message_id: string | null;
  kind: number;
  sent_at: string | null;
  body: string;
}

const refused = (row: RefusedColumns): RefusedRow => ({
  id: row.id,
  receivedAt: row.received_at,
  code: row.code as RejectionCode, // written by commit
  reason: row.reason,
  messageId: row.message_id,
  kind: kindOf(row.kind),
  sentAt: row.sent_at === null ? null : (JSON.parse(row.sent_at) as string | number), // likewise
  text: row.body,
});

export function messageAnswers(
  statements: Statements,
  terms: Terms,
): Answering<
  | 'due-messages'
  | 'pending'
  | 'pending-count'
  | 'message-count'
  | 'messages-of-type'
  | 'arrivals'
  | 'ledger'
  | 'expiring'
  | 'refused'
  | 'refused-one'
  | 'uses-of-events'
> {
  const { all, one, count } = statements;
  const messages = storedMessages(statements, terms);
  return {
    'uses-of-events'({ events, after, limit }) {
      const names = new Map<number | null, string>();
      for (const name of events) {
        const id = terms.find(name);
        if (id !== null) names.set(id, name);
      }
      const rows = all<{ seq: number; event: number | null }>(
        'SELECT seq, event FROM message WHERE seq > ? ORDER BY seq LIMIT +?',
        after,
        limit,
      );
      const uses = rows.flatMap(({ seq, event }) => {
        const name = names.get(event);
        return name === undefined ? [] : [{ seq, event: name }];
      });
      return { uses, last: rows.at(-1)?.seq ?? null };
    },
    'due-messages': ({ until, limit }) =>
      all<MessageRow>(DUE_MESSAGES, until, limit).map((row) => ({ row: historyRow(row, terms) })),
    pending: ({ after, limit }) => messages('seq > ? AND seq IN (SELECT seq FROM pending)', [after], limit),
    'pending-count': () => count('SELECT count(*) AS n FROM pending'),
    'message-count': ({ until }) => count('SELECT count(*) AS n FROM message WHERE time <= ?', until),
    'messages-of-type': ({ type, after, limit }) =>
      messages('seq > ? AND type = ?', [after, typeCode(type)], limit),
    arrivals: ({ after, limit }) => messages('seq > ?', [after], limit),
    ledger({ after, limit, from, to }) {
      const last = one<{ seq: number | null }>(
        'SELECT max(seq) AS seq FROM (SELECT seq FROM message WHERE seq > ? ORDER BY seq LIMIT +?)',
        after,
        limit,
      )?.seq;
      if (typeof last !== 'number') return { rows: [], next: null };
      const rows = all<LedgerRow>(
        `SELECT client, number, lost, time FROM (
           SELECT tm ->> '$.client' AS client, tm ->> '$.seq' AS number, coalesce(tm ->> '$.lost', 0) AS lost, time
           FROM (SELECT body -> '$.context.tm' AS tm, time, seq FROM message
                 WHERE seq > ? AND seq <= ? AND time >= ? AND time < ?) ORDER BY seq)
         WHERE typeof(client) = 'text' AND typeof(number) = 'integer' AND number > 0 AND typeof(lost) = 'integer'`,
        after,
        last,
        from,
        to,
      );
      return { rows, next: last };
    },
    expiring({ after, limit, horizons }) {
      const before = new Map(
        horizons.map(({ type, event, before: time }) => [
          `${typeCode(type)} ${event === null ? null : terms.find(event)}`,
          time,
        ]),
      );
      const looked = all<{ seq: number; type: number; event: number | null; time: number; expired: number }>(
        'SELECT seq, type, event, time, expired FROM message WHERE seq > ? ORDER BY seq LIMIT +?',
        after,
        limit,
      );
      const due = looked.filter(
        ({ type, event, time, expired }) => expired === 0 && time < (before.get(`${type} ${event}`) ?? 0),
      );
      const [first, beyond] = [due.slice(0, MAX_EXPIRING), due[MAX_EXPIRING]];
      const rows = first.flatMap(({ seq }) => messages('seq = ?', [seq], 1));
      const next = beyond ? beyond.seq - 1 : (looked.at(-1)?.seq ?? null);
      return { rows, next };
    },
    refused: ({ before, limit }) =>
      all<RefusedColumns>('SELECT * FROM refused WHERE id < ? ORDER BY id DESC LIMIT +?', before, limit).map(
        refused,
      ),
    'refused-one'({ id }) {
      const row = one<RefusedColumns>('SELECT * FROM refused WHERE id = ?', id);
      return row ? refused(row) : null;
    },
  };
}
