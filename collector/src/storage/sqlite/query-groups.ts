// Answers about groups, their members and their messages.
// Invariant: each is one indexed scan bounded by its limit, except counts and one person's groups.
import type { Answering } from '../port.ts';
import { countAhead, type Statements } from './statements.ts';
import { storedMessages } from './stored-messages.ts';
import type { Terms } from './terms.ts';

export function groupAnswers(
  statements: Statements,
  terms: Terms,
): Answering<
  | 'groups'
  | 'messages-of-group'
  | 'group-members'
  | 'group-members-ahead'
  | 'groups-of'
  | 'group-members-count'
  | 'groups-waiting'
> {
  const { all, column, count } = statements;
  const messages = storedMessages(statements, terms);
  return {
    groups: ({ after, limit }) =>
      all('SELECT id, traits AS text, revision FROM grp WHERE id > ? ORDER BY id LIMIT +?', after, limit),
    'messages-of-group': ({ group, after, limit }) => messages('grp = ? AND seq > ?', [group, after], limit),
    'group-members': ({ group, after, limit }) =>
      column(
        'SELECT person FROM group_member WHERE grp = ? AND person > ? ORDER BY person LIMIT +?',
        group,
        after,
        limit,
      ),
    'group-members-ahead': ({ group, ...ahead }) =>
      countAhead(statements, ['group_member', 'grp = ?'], group, ahead),
    'groups-of': ({ person }) => column('SELECT grp FROM group_member WHERE person = ?', person),
    'group-members-count': () => count('SELECT count(*) AS n FROM group_member'),
    'groups-waiting': ({ limit }) =>
      column('SELECT DISTINCT grp FROM group_log ORDER BY grp LIMIT +?', limit),
  };
}
