// What every storage backend must do with responses to surveys and decisions about asking.
// Invariant: speaks only the port's three verbs.
import { beforeEach, describe, expect, it } from 'vitest';
import { type Answers, NOTHING_ERASED } from '../port.ts';
import { type Bench, message, person } from './rows.ts';

export function describeSurveys(bench: Bench): void {
  describe('surveys', () => {
    describe('survey responses', () => {
      const response = (submission: string, status: 'shown' | 'partial' | 'completed', survey = 's') => ({
        response: { survey, submission, status },
      });
      const completed = (survey: string, since = Number.NEGATIVE_INFINITY) =>
        bench.store.query({ ask: 'completed-count', survey, since });
      beforeEach(() =>
        bench.store.commit({
          clock: 1,
          messages: [
            { ...message(1, { node: 1 }), ...response('a', 'shown') },
            { ...message(2, { node: 1, pending: true, time: 9_000 }), ...response('a', 'completed') },
            { ...message(3, { node: 1 }), ...response('b', 'completed') },
            { ...message(4, { node: 2 }), ...response('a', 'completed') },
            { ...message(5, { node: 2 }), ...response('a', 'completed') },
            { ...message(6, { node: 2 }), ...response('a', 'completed', 'other') },
            message(7, { type: 'survey', node: 2 }),
            message(8, { name: 'Survey Responded', node: 2 }),
          ],
        }),
      );

      it('says what a submission’s messages are, and how many submissions were completed', async () => {
        const key = (node: number, submission: string) => ({ survey: 's', node, submission });
        const { submissions } = await bench.store.read({
          submissions: [key(1, 'a'), key(2, 'a'), key(2, 'b')],
        });
        expect(submissions).toEqual([new Set(['shown', 'completed']), new Set(['completed']), new Set()]);
        expect([await completed('s'), await completed('other'), await completed('none')]).toEqual([3, 1, 0]);
      });

      it('counts only what was completed since then', async () => {
        // Those of the survey: 9,000 (waiting), 1,003, 1,004 and 1,005 of one submission.
        expect([await completed('s', 1_003), await completed('s', 1_004)]).toEqual([3, 2]);
        expect([await completed('s', 1_005), await completed('s', 1_006)]).toEqual([2, 1]);
        const since = (time: number, submission = 'a', node = 2) =>
          bench.store.query({ ask: 'is-completed', survey: 's', node, submission, since: time });
        expect([await since(1_005), await since(1_006), await since(0, 'b')]).toEqual([true, false, false]);
        expect([await since(9_000, 'a', 1), await since(1_003, 'b', 1)]).toEqual([true, true]);
      });

      it('lists a submission’s messages together, in pages, none of the future', async () => {
        const places: (string | number)[][] = [];
        let after: { node: number; submission: string; seq: number } | null = null;
        for (;;) {
          const rows: Answers['responses'] = await bench.store.query({
            ask: 'responses',
            survey: 's',
            after,
            until: 5_000,
            limit: 2,
          });
          for (const { node, submission, seq, status, row } of rows) {
            expect(row).toMatchObject({ seq, node, text: `{"n":${seq}}` });
            places.push([node, submission, seq, status]);
          }
          const last = rows[rows.length - 1];
          if (!last) break;
          after = { node: last.node, submission: last.submission, seq: last.seq };
        }
        expect(places).toEqual([
          [1, 'a', 1, 'shown'],
          [1, 'b', 3, 'completed'],
          [2, 'a', 4, 'completed'],
          [2, 'a', 5, 'completed'],
        ]);
      });

      it('finds the messages that may be responses, and replaces what is kept of some', async () => {
        const found = await bench.store.query({ ask: 'survey-messages', after: 0, limit: 10 });
        expect(found.map(({ seq }) => seq)).toEqual([7, 8]);
        expect(await bench.store.query({ ask: 'survey-messages', after: 7, limit: 1 })).toHaveLength(1);
        const rows = [{ seq: 5, survey: 's', node: 2, submission: 'c', status: 'partial' as const }];
        await bench.store.commit({ clock: 2, responses: { after: 3, to: 5, rows } });
        const kept = await bench.store.query({ ask: 'response-rows', after: 2, limit: 10 });
        expect(kept.map(({ seq, submission }) => `${seq} ${submission}`)).toEqual(['3 b', '5 c', '6 a']);
      });

      it('forgets those of erased messages', async () => {
        const erasure = { ...NOTHING_ERASED, messages: [3, 4] };
        await bench.store.commit({ clock: 2, erasure });
        expect(await completed('s')).toBe(2);
      });
    });

    it('keeps the last decision about a person, until the survey or the person goes', async () => {
      const decided = (survey: string, id: number, at: number) => ({
        survey,
        person: id,
        at,
        text: `${at}`,
      });
      const kept = async () =>
        (
          await bench.store.read({
            decisions: [
              { survey: 's', person: 1 },
              { survey: 's', person: 2 },
              { survey: 't', person: 2 },
            ],
          })
        ).decisions.map(({ survey, person: id, at, text }) => [survey, id, at, text].join(' '));
      await bench.store.commit({ clock: 1, persons: [person(1, 0), person(2, 0)] });
      await bench.store.commit({
        clock: 1,
        decisions: [decided('s', 1, 5), decided('s', 2, 6), decided('t', 2, 7)],
      });
      await bench.store.commit({ clock: 1, decisions: [decided('s', 1, 8)] });
      expect(await kept()).toEqual(['s 1 8 8', 's 2 6 6', 't 2 7 7']);
      await bench.store.commit({ clock: 1, deletedPersons: [{ id: 1, version: 1 }] });
      expect(await kept()).toEqual(['s 2 6 6', 't 2 7 7']);
      await bench.store.commit({ clock: 1, droppedSurveys: ['s'] });
      expect(await kept()).toEqual(['t 2 7 7']);
    });
  });
}
