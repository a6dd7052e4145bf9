// SQL texts, each prepared once, and the rows they give.
// Invariant: a row has the columns that its SQL text names; whoever writes the text names their type. A limit is
// written `LIMIT +?`: SQLite looks at the value of a bare parameter there to plan with it, and so plans the statement
// anew each time it runs, which takes longer than most of them.
import type { Database, Statement } from 'better-sqlite3';

export type Bound = string | number | null | Record<string, string | number | null>;

export interface Statements {
  all<T>(sql: string, ...values: Bound[]): T[];
  /** The first column of each row. */
  column<T extends string | number>(sql: string, ...values: Bound[]): T[];
  one<T>(sql: string, ...values: Bound[]): T | undefined;
  /** The column `n` of the only row. */
  count(sql: string, ...values: Bound[]): number;
}

/** How many of the next `look` people there are in a table that is in order by them, of the rows that `where` picks. */
export function countAhead(
  { one }: Pick<Statements, 'one'>,
  [table, where]: readonly [table: string, where: string],
  value: string | number,
  { after, look }: { after: number; look: number },
): { n: number; next: number | null } {
  const counted = one<{ n: number; last: number | null }>(
    `SELECT count(*) AS n, max(person) AS last FROM (
       SELECT person FROM ${table} WHERE ${where} AND person > ? ORDER BY person LIMIT +?)`,
    ...[value, after, look],
  );
  return { n: counted?.n ?? 0, next: counted?.n === look ? counted.last : null };
}

export function createStatements(db: Database): Statements {
  const remembered = (prepare: (sql: string) => Statement<unknown[]>): typeof prepare => {
    const prepared = new Map<string, Statement<unknown[]>>();
    return (sql) => {
      const known = prepared.get(sql) ?? prepare(sql);
      prepared.set(sql, known);
      return known;
    };
  };
  const statement = remembered((sql) => db.prepare<unknown[]>(sql));
  const plucking = remembered((sql) => db.prepare<unknown[]>(sql).pluck());
  // What SQLite gives has the columns of the text: their type is named where the text stands.
  const all = <T>(sql: string, ...values: Bound[]): T[] => statement(sql).all(...values) as T[];
  const one = <T>(sql: string, ...values: Bound[]): T | undefined =>
    statement(sql).get(...values) as T | undefined; // likewise
  const column = <T>(sql: string, ...values: Bound[]): T[] => plucking(sql).all(...values) as T[]; // likewise
  return { all, column, one, count: (sql, ...values) => one<{ n: number }>(sql, ...values)?.n ?? 0 };
}
