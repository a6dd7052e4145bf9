// Answers about people's rows: who is due, who is there, who is still to be built.
// Invariant: each is one indexed scan bounded by its limit, except counts, and searches, which are bounded by how many
// ids or people they look at.
import type { Answering } from '../port.ts';
import { distinctKey, leafColumn, NEXT_DUE } from './columns.ts';
import type { Statements } from './statements.ts';

/** Of somebody by number. Looked up in an index: in the row it comes after a state of any length. */
const isListed = (id: string): string =>
  `EXISTS (SELECT 1 FROM person AS l INDEXED BY person_listed WHERE l.id = ${id} AND l.anonymous = 0)`;

/** Whether an id of person `p`, a device's that was ever theirs included, or their email begins so. */
const BEGINS_SO = `(
  EXISTS (SELECT 1 FROM node WHERE id = p.id AND ext >= @from AND ext < @to)
  OR EXISTS (SELECT 1 FROM person WHERE id = p.id AND email >= @emailFrom AND email < @emailTo)
  OR EXISTS (SELECT 1 FROM node WHERE root = p.id AND root <> id AND ext >= @from AND ext < @to)
  OR EXISTS (
    SELECT 1 FROM (SELECT p.id AS id UNION ALL SELECT id FROM node WHERE root = p.id AND root <> id) AS u
    JOIN pair ON pair.user = u.id JOIN node AS d ON d.id = pair.device
    JOIN timeline AS t ON t.device = d.id, json_each(t.runs) AS run
    WHERE d.ext >= @from AND d.ext < @to AND run.value ->> 1 = u.id))`;

/** What lies between a beginning and the first text behind all that begin so. */
const bounds = (prefix: string) => ({
  from: prefix,
  to: `${prefix}\u{10ffff}`,
  emailFrom: prefix.toLowerCase(),
  emailTo: `${prefix.toLowerCase()}\u{10ffff}`,
});

/** Those kept of the people behind @after, in order. */
function peopleAhead({ version, listed }: { version?: number; listed?: boolean }): string {
  if (version !== undefined)
    return `SELECT person AS id FROM membership WHERE version = @version AND person > @after
      ${listed ? `AND ${isListed('membership.person')}` : ''} ORDER BY person`;
  return listed
    ? 'SELECT id FROM person INDEXED BY person_listed WHERE anonymous = 0 AND id > @after ORDER BY id'
    : 'SELECT id FROM person WHERE id > @after ORDER BY id';
}
const bound = ({ version }: { version?: number }) => (version === undefined ? {} : { version });

interface DistinctColumns {
  text: string;
  is_text: number;
  n: number;
}

const counted = ({ text, is_text, n }: DistinctColumns): [key: string, count: number] => [
  distinctKey(text, is_text),
  n,
];

export function peopleAnswers({
  all,
  column,
  one,
  count,
}: Statements): Answering<
  | 'next-due'
  | 'due-people'
  | 'due-count'
  | 'people'
  | 'people-by-beginning'
  | 'people-matching'
  | 'people-count'
  | 'last-person'
  | 'people-unbuilt'
  | 'first-distinct'
  | 'commonest-distinct'
> {
  return {
    'next-due'() {
      const person =
        one<{ at: number | null }>('SELECT min(due) AS at FROM person WHERE due IS NOT NULL')?.at ?? null;
      const message = one<{ at: number }>(NEXT_DUE)?.at ?? null;
      if (person === null || message === null) return person ?? message;
      return Math.min(person, message);
    },
    'due-people': ({ until, limit }) =>
      column('SELECT id FROM person WHERE due <= ? ORDER BY due, id LIMIT +?', until, limit),
    'due-count': ({ until }) => count('SELECT count(*) AS n FROM person WHERE due <= ?', until),
    people: ({ after, limit, ...kept }) =>
      all(`${peopleAhead(kept)} LIMIT +@limit`, { ...bound(kept), after, limit }),
    'people-by-beginning'({ prefix, after, limit, most, ...kept }) {
      const begins = bounds(prefix);
      const found = count(
        `SELECT count(*) AS n FROM (SELECT 1 FROM node WHERE ext >= @from AND ext < @to
           UNION ALL SELECT 1 FROM person WHERE email >= @emailFrom AND email < @emailTo LIMIT +@most)`,
        { ...begins, most: most + 1 },
      );
      if (found > most) return null;
      return column(
        `SELECT DISTINCT p.id FROM (
           SELECT root AS id FROM node WHERE kind = 0 AND ext >= @from AND ext < @to
           UNION SELECT run.value ->> 1 FROM node JOIN timeline ON timeline.device = node.id,
             json_each(timeline.runs) AS run WHERE node.kind = 1 AND node.ext >= @from AND node.ext < @to
           UNION SELECT id FROM node WHERE kind = 1 AND ext >= @from AND ext < @to
           UNION SELECT id FROM person WHERE email >= @emailFrom AND email < @emailTo
         ) AS hit JOIN node AS n ON n.id = hit.id JOIN person AS p ON p.id = n.root
         WHERE p.id > @after AND (NOT @listed OR ${isListed('p.id')}) AND (@version IS NULL
           OR EXISTS (SELECT 1 FROM membership WHERE version = @version AND person = p.id))
         ORDER BY p.id LIMIT +@limit`,
        {
          ...begins,
          after,
          limit,
          version: kept.version ?? null,
          listed: kept.listed ? 1 : 0,
        },
      );
    },
    'people-matching'({ prefix, after, look, ...kept }) {
      const looked = all<{ id: number; matches: number }>(
        `SELECT p.id, ${BEGINS_SO} AS matches FROM (${peopleAhead(kept)} LIMIT +@look) AS p ORDER BY p.id`,
        { ...bounds(prefix), ...bound(kept), after, look },
      );
      return {
        ids: looked.filter(({ matches }) => matches === 1).map(({ id }) => id),
        next: looked.length === look ? (looked.at(-1)?.id ?? null) : null,
      };
    },
    'people-count': ({ below }) =>
      below === undefined
        ? count('SELECT count(*) AS n FROM person')
        : count('SELECT count(*) AS n FROM person WHERE id <= ?', below),
    'last-person': () => count('SELECT coalesce(max(id), 0) AS n FROM person'),
    'people-unbuilt'({ generation, after, look }) {
      const seen = one<{ last: number | null; n: number }>(
        'SELECT max(id) AS last, count(*) AS n FROM (SELECT id FROM person WHERE id > ? ORDER BY id LIMIT +?)',
        after,
        look,
      );
      const last = seen?.last ?? after;
      const ids = column<number>(
        'SELECT id FROM person WHERE id > ? AND id <= ? AND built < ? ORDER BY id',
        after,
        last,
        generation,
      );
      return { ids, next: seen?.n === look ? last : null };
    },
    'first-distinct': ({ limit, ...of }) =>
      all<DistinctColumns>(
        `SELECT text, is_text, n FROM distinct_value WHERE person = ? AND leaf = ?
         ORDER BY text, is_text DESC LIMIT +?`,
        of.person,
        leafColumn(of),
        limit,
      ).map(counted),
    // `leaf < 0` is what the index is for.
    'commonest-distinct': ({ from, limit, ...of }) =>
      all<DistinctColumns>(
        `SELECT text, is_text, n FROM distinct_value WHERE person = ? AND leaf = ? AND leaf < 0
         ORDER BY n DESC, text, is_text DESC LIMIT +? OFFSET +?`,
        of.person,
        leafColumn(of),
        limit,
        from,
      ).map(counted),
  };
}
