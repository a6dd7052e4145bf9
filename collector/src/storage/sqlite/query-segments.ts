// Answers about segments: who is in one, who came and went, who is on a static list.
// Invariant: each is one indexed scan bounded by its limit, except counts and one person's segments.
import type { CauseOf } from '../../engine/person-state.ts';
import { type Answering, isErased, type LoggedTransition } from '../port.ts';
import { countAhead, type Statements } from './statements.ts';
import type { Terms } from './terms.ts';

interface TransitionColumns {
  seq: number;
  segment: number;
  person: number;
  entered: number;
  at: number;
  cause: string;
  erased: number;
  public_id: string;
  kind: number;
  ext: string;
}

const TRANSITION = `SELECT t.seq, t.segment, t.person, t.entered, t.at, t.cause, t.erased, n.public_id, n.kind, n.ext
  FROM transition AS t JOIN node AS n ON n.id = t.person`;

export function segmentAnswers(
  { all, column, one, count }: Statements,
  terms: Terms,
): Answering<
  | 'members'
  | 'members-ahead'
  | 'memberships'
  | 'segment-transitions'
  | 'person-transitions'
  | 'transition-count'
  | 'listed-nodes'
> {
  const transition = (row: TransitionColumns): LoggedTransition => ({
    seq: row.seq,
    segment: terms.text(row.segment),
    person: row.person,
    publicId: row.public_id,
    userId: row.kind === 0 && row.erased === 0 && !isErased(row) ? row.ext : null,
    entered: row.entered === 1,
    at: row.at,
    cause: JSON.parse(row.cause) as CauseOf, // written by commit
  });

  return {
    members: ({ version, after, limit }) =>
      all(
        'SELECT person, since FROM membership WHERE version = ? AND person > ? ORDER BY person LIMIT +?',
        version,
        after,
        limit,
      ),
    'members-ahead': ({ version, ...ahead }) =>
      countAhead({ one }, ['membership', 'version = ?'], version, ahead),
    memberships: ({ person }) => all('SELECT version, since FROM membership WHERE person = ?', person),
    'segment-transitions'({ segment, after, limit }) {
      const id = terms.find(segment);
      if (id === null) return [];
      return all<TransitionColumns>(
        `${TRANSITION} WHERE t.segment = ? AND t.seq > ? ORDER BY t.seq LIMIT +?`,
        id,
        after,
        limit,
      ).map(transition);
    },
    'person-transitions': ({ people, before, limit }) =>
      all<TransitionColumns>(
        `${TRANSITION} WHERE t.person IN (SELECT value FROM json_each(?)) AND t.seq < ? AND t.erased = 0
         ORDER BY t.seq DESC LIMIT +?`,
        JSON.stringify(people),
        before,
        limit,
      ).map(transition),
    'transition-count': ({ person }) =>
      count('SELECT count(*) AS n FROM transition WHERE person = ? AND erased = 0', person),
    'listed-nodes': ({ list, after, limit }) =>
      column(
        'SELECT node FROM listed WHERE list = ? AND node > ? ORDER BY node LIMIT +?',
        list,
        after,
        limit,
      ),
  };
}
