// The store's `query`: lists and counts for reads, ticks and builds.
// Invariant: each is one indexed scan bounded by its limit, except counts.
import type { Database, Statement } from 'better-sqlite3';
import type { CauseOf } from '../../engine/person-state.ts';
import { type JsonValue, type RejectionCode, SURVEY_EVENT } from '../../wire/message.ts';
import {
  type Answers,
  isErased,
  type LedgerRow,
  type LoggedTransition,
  type OperationRow,
  type Query,
  type RefusedRow,
  type ResponseRow,
  type Store,
} from '../port.ts';
import {
  distinctKey,
  historyRow,
  kindCode,
  kindOf,
  MESSAGE_COLUMNS,
  type MessageRow,
  statusCode,
  statusOf,
  typeCode,
  typeOf,
} from './columns.ts';
import { NODE_COLUMNS, nodeRow } from './read.ts';
import type { Terms } from './terms.ts';

interface TransitionColumns {
  seq: number;
  segment: number;
  person: number;
  entered: number;
  at: number;
  cause: string;
  public_id: string;
  kind: number;
  ext: string;
}
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

interface ResponseColumns {
  seq: number;
  survey: string;
  node: number;
  submission: string;
  status: number;
}

interface OperationColumns {
  id: number;
  kind: number;
  user: number;
  into_user: number | null;
  at: number;
  seq: number;
}

type Bound = string | number | null | Record<string, string | number | null>;

/** The message's columns where it is joined to something. */
const OF_MESSAGE = MESSAGE_COLUMNS.split(', ')
  .map((name) => `m.${name}`)
  .join(', ');

type Handlers = { [A in Query['ask']]: (query: Extract<Query, { ask: A }>) => Answers[A] };

export function createQuery(db: Database, terms: Terms): Store['query'] {
  const prepared = new Map<string, Statement<unknown[]>>();
  function statement(sql: string): Statement<unknown[]> {
    const known = prepared.get(sql) ?? db.prepare<unknown[]>(sql);
    prepared.set(sql, known);
    return known;
  }
  // The row types below are the columns that each SQL text names.
  const all = <T>(sql: string, ...values: Bound[]): T[] => statement(sql).all(...values) as T[];
  const one = <T>(sql: string, ...values: Bound[]): T | undefined =>
    statement(sql).get(...values) as T | undefined;
  const count = (sql: string, ...values: number[]): number => one<{ n: number }>(sql, ...values)?.n ?? 0;

  const transition = (row: TransitionColumns): LoggedTransition => ({
    seq: row.seq,
    segment: terms.text(row.segment),
    person: row.person,
    publicId: row.public_id,
    userId: row.kind === 0 && !isErased(row) ? row.ext : null,
    entered: row.entered === 1,
    at: row.at,
    cause: JSON.parse(row.cause) as CauseOf, // written by commit
  });
  const refused = (row: RefusedColumns): RefusedRow => ({
    id: row.id,
    receivedAt: row.received_at,
    code: row.code as RejectionCode, // written by commit
    reason: row.reason,
    messageId: row.message_id,
    kind: kindOf(row.kind),
    sentAt: row.sent_at === null ? null : (JSON.parse(row.sent_at) as string | number),
    text: row.body,
  });
  const response = ({ seq, survey, node, submission, status }: ResponseColumns): ResponseRow => ({
    seq,
    survey,
    node,
    submission,
    status: statusOf(status),
  });
  const operation = ({ kind, into_user, ...row }: OperationColumns): OperationRow => ({
    ...row,
    kind: kind === 0 ? 'merge' : 'unmerge',
    into: into_user,
  });
  const TRANSITION = `SELECT t.seq, t.segment, t.person, t.entered, t.at, t.cause, n.public_id, n.kind, n.ext
    FROM transition AS t JOIN node AS n ON n.id = t.person`;

  const handlers: Handlers = {
    start() {
      const facts = new Map<string, JsonValue>();
      for (const { name, value } of all<{ name: string; value: string }>('SELECT name, value FROM fact'))
        facts.set(name, JSON.parse(value) as JsonValue);
      const clock = facts.get('clock');
      const dropped = facts.get('refusedDropped');
      const any = (table: 'gone' | 'suppressed'): boolean =>
        one(`SELECT 1 FROM ${table} LIMIT 1`) !== undefined;
      facts.delete('clock');
      facts.delete('refusedDropped');
      return {
        clock: typeof clock === 'number' ? clock : null,
        lastNode: count('SELECT coalesce(max(id), 0) AS n FROM node'),
        lastSeq: Math.max(
          count('SELECT coalesce(max(seq), 0) AS n FROM message'),
          // Numbers of erased messages are not given again: unmerges remember where they stood among them.
          Number(facts.get('lastSeq') ?? 0),
        ),
        lastOperation: count('SELECT coalesce(max(id), 0) AS n FROM operation'),
        anyGone: any('gone'),
        anySuppressed: any('suppressed'),
        facts,
        refusedDropped: typeof dropped === 'number' ? dropped : 0,
      };
    },
    'next-due'() {
      const person =
        one<{ at: number | null }>('SELECT min(due) AS at FROM person WHERE due IS NOT NULL')?.at ?? null;
      const message = one<{ at: number | null }>('SELECT min(time) AS at FROM pending')?.at ?? null;
      if (person === null || message === null) return person ?? message;
      return Math.min(person, message);
    },
    'due-people': ({ until, limit }) =>
      all<{ id: number }>('SELECT id FROM person WHERE due <= ? ORDER BY due, id LIMIT ?', until, limit).map(
        ({ id }) => id,
      ),
    'due-count': ({ until }) => count('SELECT count(*) AS n FROM person WHERE due <= ?', until),
    'due-messages': ({ until, limit }) =>
      all<MessageRow>(
        `SELECT ${OF_MESSAGE}
         FROM pending AS p JOIN message AS m ON m.seq = p.seq WHERE p.time <= ?
         ORDER BY p.time, m.message_id, m.kind LIMIT ?`,
        until,
        limit,
      ).map((row) => ({ row: historyRow(row, terms) })),
    pending: ({ after, limit }) =>
      all<MessageRow>(
        `SELECT ${MESSAGE_COLUMNS} FROM message WHERE seq > ? AND seq IN (SELECT seq FROM pending) ORDER BY seq LIMIT ?`,
        after,
        limit,
      ).map((row) => historyRow(row, terms)),
    people({ after, limit, version, prefix }) {
      if (prefix !== undefined) {
        return all<{ id: number }>(
          `SELECT DISTINCT p.id FROM (
             SELECT root AS id FROM node WHERE kind = 0 AND ext >= @from AND ext < @to
             UNION SELECT pair.user FROM node JOIN pair ON pair.device = node.id
               WHERE node.kind = 1 AND node.ext >= @from AND node.ext < @to
             UNION SELECT id FROM node WHERE kind = 1 AND ext >= @from AND ext < @to
             UNION SELECT id FROM person WHERE email >= @emailFrom AND email < @emailTo
           ) AS hit JOIN node AS n ON n.id = hit.id JOIN person AS p ON p.id = n.root
           WHERE p.id > @after AND (@version IS NULL
             OR EXISTS (SELECT 1 FROM membership WHERE version = @version AND person = p.id))
           ORDER BY p.id LIMIT @limit`,
          {
            from: prefix,
            to: `${prefix}\u{10ffff}`,
            emailFrom: prefix.toLowerCase(),
            emailTo: `${prefix.toLowerCase()}\u{10ffff}`,
            after,
            limit,
            version: version ?? null,
          },
        );
      }
      if (version !== undefined)
        return all(
          'SELECT person AS id FROM membership WHERE version = ? AND person > ? ORDER BY person LIMIT ?',
          version,
          after,
          limit,
        );
      return all('SELECT id FROM person WHERE id > ? ORDER BY id LIMIT ?', after, limit);
    },
    'people-count': ({ below }) =>
      below === undefined
        ? count('SELECT count(*) AS n FROM person')
        : count('SELECT count(*) AS n FROM person WHERE id <= ?', below),
    'people-unbuilt': ({ generation, after, limit }) =>
      all<{ id: number }>(
        'SELECT id FROM person WHERE id > ? AND built < ? ORDER BY id LIMIT ?',
        after,
        generation,
        limit,
      ).map(({ id }) => id),
    members: ({ version, after, limit }) =>
      all(
        'SELECT person, since FROM membership WHERE version = ? AND person > ? ORDER BY person LIMIT ?',
        version,
        after,
        limit,
      ),
    'member-count': ({ version }) => count('SELECT count(*) AS n FROM membership WHERE version = ?', version),
    memberships: ({ person }) => all('SELECT version, since FROM membership WHERE person = ?', person),
    'segment-transitions'({ segment, after, limit }) {
      const id = terms.find(segment);
      if (id === null) return [];
      return all<TransitionColumns>(
        `${TRANSITION} WHERE t.segment = ? AND t.seq > ? ORDER BY t.seq LIMIT ?`,
        id,
        after,
        limit,
      ).map(transition);
    },
    'person-transitions': ({ people, before, limit }) =>
      all<TransitionColumns>(
        `${TRANSITION} WHERE t.person IN (SELECT value FROM json_each(?)) AND t.seq < ? ORDER BY t.seq DESC LIMIT ?`,
        JSON.stringify(people),
        before,
        limit,
      ).map(transition),
    refused: ({ before, limit }) =>
      all<RefusedColumns>('SELECT * FROM refused WHERE id < ? ORDER BY id DESC LIMIT ?', before, limit).map(
        refused,
      ),
    'refused-one'({ id }) {
      const row = one<RefusedColumns>('SELECT * FROM refused WHERE id = ?', id);
      return row ? refused(row) : null;
    },
    links: ({ after, limit }) =>
      all<MessageRow>(
        `SELECT ${MESSAGE_COLUMNS} FROM message WHERE seq > ? AND (device IS NOT NULL OR type = ?) ORDER BY seq LIMIT ?`,
        after,
        typeCode('alias'),
        limit,
      ).map((row) => ({
        seq: row.seq,
        user: row.node,
        device: row.device,
        stamp: [row.time, row.message_id, row.kind === 0 ? 0 : 1],
        trusted: row.trusted === 1,
        previousId:
          typeOf(row.type) === 'alias'
            ? String((JSON.parse(row.body) as { previousId: string }).previousId)
            : null, // stored by the lane
      })),
    'messages-of-type': ({ type, after, limit }) =>
      all<MessageRow>(
        `SELECT ${MESSAGE_COLUMNS} FROM message WHERE seq > ? AND type = ? ORDER BY seq LIMIT ?`,
        after,
        typeCode(type),
        limit,
      ).map((row) => historyRow(row, terms)),
    arrivals: ({ after, limit }) =>
      all<MessageRow>(
        `SELECT ${MESSAGE_COLUMNS} FROM message WHERE seq > ? ORDER BY seq LIMIT ?`,
        after,
        limit,
      ).map((row) => historyRow(row, terms)),
    gone: ({ kind, after, limit }) =>
      all<{ hash: string }>(
        'SELECT hash FROM gone WHERE kind = ? AND hash > ? ORDER BY hash LIMIT ?',
        kindCode(kind),
        after,
        limit,
      ).map(({ hash }) => hash),
    suppressed: ({ after, limit }) =>
      all<{ hash: string }>(
        'SELECT hash FROM suppressed WHERE hash > ? ORDER BY hash LIMIT ?',
        after,
        limit,
      ).map(({ hash }) => hash),
    groups: ({ after, limit }) =>
      all('SELECT id, traits AS text, revision FROM grp WHERE id > ? ORDER BY id LIMIT ?', after, limit),
    'messages-of-group': ({ group, after, limit }) =>
      all<MessageRow>(
        `SELECT ${MESSAGE_COLUMNS} FROM message WHERE grp = ? AND seq > ? ORDER BY seq LIMIT ?`,
        group,
        after,
        limit,
      ).map((row) => historyRow(row, terms)),
    'group-members': ({ group, after, limit }) =>
      all<{ person: number }>(
        'SELECT person FROM group_member WHERE grp = ? AND person > ? ORDER BY person LIMIT ?',
        group,
        after,
        limit,
      ).map(({ person }) => person),
    'group-size': ({ group }) =>
      one<{ n: number }>('SELECT count(*) AS n FROM group_member WHERE grp = ?', group)?.n ?? 0,
    'groups-of': ({ person }) =>
      all<{ grp: string }>('SELECT grp FROM group_member WHERE person = ?', person).map(({ grp }) => grp),
    'group-members-count': () => count('SELECT count(*) AS n FROM group_member'),
    'groups-waiting': ({ limit }) =>
      all<{ grp: string }>('SELECT DISTINCT grp FROM group_log ORDER BY grp LIMIT ?', limit).map(
        ({ grp }) => grp,
      ),
    operations: () => all<OperationColumns>('SELECT * FROM operation ORDER BY id').map(operation),
    'operations-of': ({ user }) =>
      all<OperationColumns>('SELECT * FROM operation WHERE user = ? ORDER BY id', user).map(operation),
    'first-distinct': ({ person, leaf, limit }) =>
      all<{ text: string; is_text: number }>(
        `SELECT text, is_text FROM distinct_value WHERE person = ? AND leaf = ?
         ORDER BY text, is_text DESC LIMIT ?`,
        person,
        leaf,
        limit,
      ).map(({ text, is_text }) => distinctKey(text, is_text)),
    'transition-count': ({ person }) =>
      count('SELECT count(*) AS n FROM transition WHERE person = ?', person),
    'kept-links': () =>
      all<{ user: number; device: number; time: number; message_id: string; kind: number; trusted: number }>(
        'SELECT user, device, time, message_id, kind, trusted FROM alias WHERE seq = 0',
      ).map(({ user, device, time, message_id, kind, trusted }) => ({
        user,
        device,
        stamp: [time, message_id, kind === 0 ? 0 : 1],
        trusted: trusted === 1,
      })),
    'listed-nodes': ({ list, after, limit }) =>
      all<{ node: number }>(
        'SELECT node FROM listed WHERE list = ? AND node > ? ORDER BY node LIMIT ?',
        list,
        after,
        limit,
      ).map(({ node }) => node),
    'pending-count': () => count('SELECT count(*) AS n FROM pending'),
    'message-count': ({ until }) => count('SELECT count(*) AS n FROM message WHERE time <= ?', until),
    ledger({ after, limit, from, to }) {
      const last = one<{ seq: number | null }>(
        'SELECT max(seq) AS seq FROM (SELECT seq FROM message WHERE seq > ? ORDER BY seq LIMIT ?)',
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
    'completed-count': ({ survey }) =>
      one<{ n: number }>(
        'SELECT count(*) AS n FROM (SELECT DISTINCT node, submission FROM response WHERE survey = ? AND status = ?)',
        survey,
        statusCode('completed'),
      )?.n ?? 0,
    responses({ survey, after, until, limit }) {
      type Found = ResponseColumns & MessageRow & { filed: number; said: number };
      const select = (where: string): string =>
        `SELECT r.seq, r.survey, r.node AS filed, r.submission, r.status AS said, ${OF_MESSAGE}
         FROM response AS r JOIN message AS m ON m.seq = r.seq
         WHERE r.survey = ? AND ${where} AND m.time <= ?
         ORDER BY r.node, r.submission, r.seq LIMIT ?`;
      const { node, submission, seq } = after ?? { node: 0, submission: '', seq: 0 };
      // In two parts, each one stretch of the index: a submission may have any number of messages.
      const same = after
        ? all<Found>(
            select('r.node = ? AND r.submission = ? AND r.seq > ?'),
            ...[survey, node, submission, seq, until, limit],
          )
        : [];
      const others =
        same.length < limit
          ? all<Found>(
              select('(r.node, r.submission) > (?, ?)'),
              ...[survey, node, submission, until, limit - same.length],
            )
          : [];
      return [...same, ...others].map((found) => ({
        ...response({ ...found, node: found.filed, status: found.said }),
        row: historyRow(found, terms),
      }));
    },
    'survey-messages'({ after, limit }) {
      const event = terms.find(SURVEY_EVENT);
      return all<MessageRow>(
        `SELECT ${MESSAGE_COLUMNS} FROM message WHERE seq > ? AND (type = ? OR event = ?) ORDER BY seq LIMIT ?`,
        after,
        typeCode('survey'),
        event ?? -1,
        limit,
      ).map((row) => historyRow(row, terms));
    },
    'response-rows': ({ after, limit }) =>
      all<ResponseColumns>('SELECT * FROM response WHERE seq > ? ORDER BY seq LIMIT ?', after, limit).map(
        response,
      ),
    nodes: ({ after, limit }) =>
      all<Parameters<typeof nodeRow>[0]>(
        `SELECT ${NODE_COLUMNS} FROM node WHERE id > ? ORDER BY id LIMIT ?`,
        after,
        limit,
      ).map(nodeRow),
  };
  return async <Q extends Query>(query: Q): Promise<Answers[Q['ask']]> => {
    // Each handler is typed for its own question, and the index by `ask` picks that very one; the
    // compiler cannot follow the correlation.
    const handler = handlers[query.ask] as unknown as (asked: Q) => Answers[Q['ask']];
    return handler(query);
  };
}
