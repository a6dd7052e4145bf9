// The store's `query`: lists and counts for reads, ticks and builds, answered area by area.
// Invariant: each question has one answer, found by its name.
import type { Database } from 'better-sqlite3';
import type { JsonValue } from '../../wire/message.ts';
import type { Answering, Questions, Store } from '../port.ts';
import { groupAnswers } from './query-groups.ts';
import { identityAnswers } from './query-identities.ts';
import { messageAnswers } from './query-messages.ts';
import { peopleAnswers } from './query-people.ts';
import { segmentAnswers } from './query-segments.ts';
import { surveyAnswers } from './query-surveys.ts';
import { createStatements, type Statements } from './statements.ts';
import type { Terms } from './terms.ts';

export function createQuery(db: Database, terms: Terms): Store['query'] {
  const statements = createStatements(db);
  const handlers: Answering<keyof Questions> = {
    ...startAnswer(statements),
    ...peopleAnswers(statements),
    ...messageAnswers(statements, terms),
    ...identityAnswers(statements),
    ...groupAnswers(statements, terms),
    ...segmentAnswers(statements, terms),
    ...surveyAnswers(statements, terms),
  };
  return async (query) => handlers[query.ask](query);
}

function startAnswer({ all, one, count }: Statements): Answering<'start'> {
  return {
    start() {
      const facts = new Map<string, JsonValue>();
      for (const { name, value } of all<{ name: string; value: string }>('SELECT name, value FROM fact'))
        facts.set(name, JSON.parse(value) as JsonValue); // JSON.parse gives nothing else
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
  };
}
