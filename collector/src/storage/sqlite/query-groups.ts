// Answers about groups, their members and their messages.
// Invariant: each is one indexed scan bounded by its limit, except counts and one person's groups.
import type { Answering } from '../port.ts';
import { historyRow, MESSAGE_COLUMNS, type MessageRow } from './columns.ts';
import type { Statements } from './statements.ts';
import type { Terms } from './terms.ts';

export function groupAnswers(
  { all, count }: Statements,
  terms: Terms,
): Answering<
  | 'groups'
  | 'messages-of-group'
  | 'group-members'
  | 'group-size'
  | 'groups-of'
  | 'group-members-count'
  | 'groups-waiting'
> {
  return {
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
    'group-size': ({ group }) => count('SELECT count(*) AS n FROM group_member WHERE grp = ?', group),
    'groups-of': ({ person }) =>
      all<{ grp: string }>('SELECT grp FROM group_member WHERE person = ?', person).map(({ grp }) => grp),
    'group-members-count': () => count('SELECT count(*) AS n FROM group_member'),
    'groups-waiting': ({ limit }) =>
      all<{ grp: string }>('SELECT DISTINCT grp FROM group_log ORDER BY grp LIMIT ?', limit).map(
        ({ grp }) => grp,
      ),
  };
}
