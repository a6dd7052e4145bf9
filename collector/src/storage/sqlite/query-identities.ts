// Answers about who is who: nodes, what links them, what the API did to them, and what is left of the erased.
// Invariant: each is one indexed scan; what may be long is bounded by its limit.
import type { Answering, OperationRow } from '../port.ts';
import { kindCode, MESSAGE_COLUMNS, type MessageRow, typeCode, typeOf } from './columns.ts';
import { NODE_COLUMNS, nodeRow } from './read.ts';
import type { Statements } from './statements.ts';

interface OperationColumns {
  id: number;
  kind: number;
  user: number;
  into_user: number | null;
  at: number;
  seq: number;
}

const operation = ({ kind, into_user, ...row }: OperationColumns): OperationRow => ({
  ...row,
  kind: kind === 0 ? 'merge' : 'unmerge',
  into: into_user,
});

export function identityAnswers({
  all,
  column,
}: Statements): Answering<
  'nodes' | 'links' | 'operations' | 'operations-of' | 'kept-links' | 'gone' | 'suppressed'
> {
  return {
    nodes: ({ after, limit }) =>
      all<Parameters<typeof nodeRow>[0]>(
        `SELECT ${NODE_COLUMNS} FROM node WHERE id > ? ORDER BY id LIMIT +?`,
        after,
        limit,
      ).map(nodeRow),
    links: ({ after, limit }) =>
      all<MessageRow>(
        `SELECT ${MESSAGE_COLUMNS} FROM message WHERE seq > ? AND (device IS NOT NULL OR type = ?) ORDER BY seq LIMIT +?`,
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
            ? String((JSON.parse(row.body) as { previousId: string }).previousId) // stored by the lane
            : null,
      })),
    operations: () => all<OperationColumns>('SELECT * FROM operation ORDER BY id').map(operation),
    'operations-of': ({ user }) =>
      all<OperationColumns>('SELECT * FROM operation WHERE user = ? ORDER BY id', user).map(operation),
    'kept-links': () =>
      all<{ user: number; device: number; time: number; message_id: string; kind: number; trusted: number }>(
        'SELECT user, device, time, message_id, kind, trusted FROM alias WHERE seq = 0',
      ).map(({ user, device, time, message_id, kind, trusted }) => ({
        user,
        device,
        stamp: [time, message_id, kind === 0 ? 0 : 1],
        trusted: trusted === 1,
      })),
    gone: ({ kind, after, limit }) =>
      column(
        'SELECT hash FROM gone WHERE kind = ? AND hash > ? ORDER BY hash LIMIT +?',
        kindCode(kind),
        after,
        limit,
      ),
    suppressed: ({ after, limit }) =>
      column('SELECT hash FROM suppressed WHERE hash > ? ORDER BY hash LIMIT +?', after, limit),
  };
}
