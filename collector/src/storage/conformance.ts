// What every storage backend must do, as one suite that each backend's own small test runs.
// Invariant: speaks only the port's three verbs; nothing here knows which backend it tests.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Stamp } from '../engine/stamp.ts';
import type { AcceptedMessage, RefusedMessage } from '../wire/accepted.ts';
import { checkFolders } from './folder-conformance.ts';
import type { Answers, Changes, NewMessage, NodeRow, PersonWrite, Store } from './port.ts';

export interface Backend {
  open(): Promise<Store>;
  /** Whether what was committed is there after `close` and `open`. */
  durable: boolean;
  /** Whether it folds beside the lane. */
  folds: boolean;
  dispose(): Promise<void>;
}

const node = (id: number, kind: NodeRow['kind'], ext: string): NodeRow => ({
  id,
  kind,
  ext,
  publicId: `p_${id}`,
  root: id,
});

function message(
  seq: number,
  more: Partial<AcceptedMessage> & { node?: number; device?: number | null; pending?: boolean } = {},
): NewMessage {
  const { node: filed = 1, device = null, pending = false, ...fields } = more;
  const accepted: AcceptedMessage = {
    type: 'track',
    messageId: `m${seq}`,
    kind: 'web',
    trusted: false,
    userId: 'ada',
    anonymousId: null,
    previousId: null,
    groupId: null,
    surveyId: null,
    name: 'Order Completed',
    time: 1_000 + seq,
    receivedAt: 2_000,
    sentAt: null,
    body: {},
    text: `{"n":${seq}}`,
    ...fields,
  };
  return { message: accepted, seq, node: filed, device, pending };
}

const person = (id: number, version: number, more: Partial<PersonWrite> = {}): PersonWrite => ({
  id,
  version,
  due: null,
  built: 1,
  text: `{"id":${id}}`,
  email: null,
  ...more,
});

const refused = (messageId: string | null, more: Partial<RefusedMessage> = {}): RefusedMessage => ({
  code: 'invalid_field',
  reason: 'because',
  messageId,
  kind: 'web',
  receivedAt: 1,
  sentAt: null,
  text: '{}',
  ...more,
});

/** Runs the suite. `make` gives a new, empty backend. */
export function describeStore(name: string, make: () => Promise<Backend>): void {
  describe(`store: ${name}`, () => {
    let backend: Backend;
    let store: Store;
    beforeEach(async () => {
      backend = await make();
      store = await backend.open();
    });
    afterEach(async () => {
      await store.close();
      await backend.dispose();
    });

    const commit = async (changes: Partial<Changes>): Promise<void> => {
      expect(await store.commit({ clock: 1, ...changes })).toMatchObject({ ok: true });
    };

    describe('messages', () => {
      it('gives a node’s messages in order: time, then id by UTF-8 bytes, then web before server', async () => {
        const at = { time: 5_000 };
        await commit({
          messages: [
            message(1, { ...at, messageId: '\u{1f600}' }),
            message(2, { ...at, messageId: '\uffee' }),
            message(3, { ...at, messageId: 'a', kind: 'server' }),
            message(4, { ...at, messageId: 'a' }),
            message(5, { time: 4_999, messageId: 'z' }),
            message(6, { ...at, messageId: 'other', node: 2 }),
          ],
        });
        const range = { node: 1, from: null, to: null, until: 9_999 };
        const order = [5, 4, 3, 2, 1];
        const read = await store.read({
          history: [range, { ...range, order: 'descending' }, { ...range, limit: 2 }],
        });
        expect(read.history.map((rows) => rows.map(({ seq }) => seq))).toEqual([
          order,
          [...order].reverse(),
          order.slice(0, 2),
        ]);
      });

      it('keeps every field of a message', async () => {
        await commit({
          messages: [message(7, { device: 3, trusted: true, kind: 'server', text: '{"a":"\u00e9"}' })],
        });
        const { history } = await store.read({ history: [{ node: 1, from: null, to: null, until: 9_999 }] });
        expect(history[0]).toEqual([
          {
            seq: 7,
            node: 1,
            device: 3,
            stamp: [1_007, 'm7', 1],
            type: 'track',
            event: 'Order Completed',
            groupId: null,
            receivedAt: 2_000,
            trusted: true,
            text: '{"a":"\u00e9"}',
          },
        ]);
      });

      it('bounds a range by whole stamps, the end not included, and by the clock', async () => {
        await commit({
          messages: ['a', 'b', 'c', 'd'].map((id, i) => message(i + 1, { time: 5_000, messageId: id })),
        });
        const from: Stamp = [5_000, 'b', 0];
        const to: Stamp = [5_000, 'd', 0];
        const read = await store.read({
          history: [
            { node: 1, from, to, until: 5_000 },
            { node: 1, from: null, to: null, until: 4_999 },
          ],
        });
        expect(read.history.map((rows) => rows.map(({ stamp }) => stamp[1]))).toEqual([['b', 'c'], []]);
      });

      it('knows the ids it has seen, web apart from server', async () => {
        await commit({ messages: [message(1), message(2, { kind: 'server' })] });
        const { seen } = await store.read({
          seen: [
            { messageId: 'm1', kind: 'web' },
            { messageId: 'm1', kind: 'server' },
            { messageId: 'm2', kind: 'server' },
          ],
        });
        expect([...seen].sort()).toEqual(['server:m2', 'web:m1']);
      });

      it('holds back messages of the future until told that they arrived', async () => {
        await commit({
          messages: [
            message(1, { time: 9_000, pending: true }),
            message(2, { time: 8_000, pending: true }),
            message(3),
          ],
        });
        const due = async (until: number) =>
          (await store.query({ ask: 'due-messages', until, limit: 10 })).map(({ row }) => row.seq);
        expect(await due(8_500)).toEqual([2]);
        expect(await due(9_000)).toEqual([2, 1]);
        expect(await store.query({ ask: 'next-due' })).toBe(8_000);
        await commit({ arrived: [2] });
        expect(await due(9_000)).toEqual([1]);
        expect(await store.query({ ask: 'message-count', until: 8_000 })).toBe(2);
      });

      it('tells the numbers that SDKs gave their messages, in slices of those looked at', async () => {
        const numbered = (seq: number, tm: unknown): NewMessage =>
          message(seq, { text: JSON.stringify({ context: { tm } }) });
        await commit({
          messages: [
            numbered(1, { client: 'a', seq: 1 }),
            message(2),
            numbered(3, { client: 'a', seq: 2, lost: 4 }),
            numbered(4, { client: 7, seq: 'x' }),
            numbered(5, { client: 'b', seq: 1 }),
          ],
        });
        const ask = (after: number, to = 9_000) =>
          store.query({ ask: 'ledger', after, limit: 3, from: 0, to });
        expect(await ask(0)).toEqual({
          rows: [
            { client: 'a', number: 1, lost: 0, time: 1_001 },
            { client: 'a', number: 2, lost: 4, time: 1_003 },
          ],
          next: 3,
        });
        expect(await ask(3)).toEqual({ rows: [{ client: 'b', number: 1, lost: 0, time: 1_005 }], next: 5 });
        expect(await ask(3, 1_005)).toEqual({ rows: [], next: 5 });
        expect(await ask(5)).toEqual({ rows: [], next: null });
      });
    });

    describe('identities', () => {
      it('finds nodes by name, number and public id, and people by their survivor', async () => {
        await commit({ nodes: [node(1, 'user', 'ada'), node(2, 'device', 'ada'), node(3, 'user', 'bob')] });
        const read = await store.read({
          nodes: [{ kind: 'device', ext: 'ada' }],
          nodeIds: [3],
          publicIds: ['p_1', 'p_none'],
        });
        expect(read.nodes.map(({ id }) => id).sort()).toEqual([1, 2, 3]);
        await commit({ roots: [{ node: 3, root: 1 }] });
        const circle = await store.read({ circles: [1] });
        expect(circle.nodes.map(({ id, root }) => [id, root]).sort()).toEqual([
          [1, 1],
          [3, 1],
        ]);
      });

      it('replaces a device’s timeline and pairs', async () => {
        const first: Stamp = [1, 'a', 0];
        const second: Stamp = [2, 'b', 1];
        await commit({
          timelines: [{ device: 5, runs: [{ stamp: first, user: 1 }] }],
          pairs: [{ user: 1, device: 5, trusted: null, plain: first }],
        });
        await commit({
          timelines: [
            {
              device: 5,
              runs: [
                { stamp: first, user: 1 },
                { stamp: second, user: 2 },
              ],
            },
          ],
          pairs: [
            { user: 1, device: 5, trusted: second, plain: first },
            { user: 2, device: 5, trusted: second, plain: null },
          ],
        });
        const read = await store.read({ timelines: [5, 6], pairs: [1], devicePairs: [5] });
        expect(read.timelines.get(5)).toHaveLength(2);
        expect(read.timelines.get(6)).toEqual([]);
        expect(read.pairs.filter(({ user }) => user === 1)[0]).toEqual({
          user: 1,
          device: 5,
          trusted: second,
          plain: first,
        });
        expect(new Set(read.pairs.map(({ user }) => user))).toEqual(new Set([1, 2]));
      });

      it('finds the next link of a user and a device, from messages and aliases', async () => {
        await commit({
          messages: [
            message(1, { device: 5, time: 10 }),
            message(2, { device: 6, time: 20 }),
            message(3, { device: 5, time: 30 }),
          ],
          aliases: [
            {
              user: 1,
              device: 5,
              previousUser: 4,
              stamp: [25, 'x', 1],
              trusted: true,
              seq: 9,
              voided: false,
            },
          ],
        });
        const ask = { user: 1, device: 5, before: null, until: 99 };
        const read = await store.read({
          nextLink: [
            { ...ask, after: [10, 'm1', 0] },
            { ...ask, after: [25, 'x', 1] },
            { ...ask, after: [30, 'm3', 0] },
            { ...ask, after: [10, 'm1', 0], before: [25, 'x', 1] },
            { ...ask, after: [25, 'x', 1], until: 29 },
          ],
          merges: [4],
        });
        expect(read.nextLink).toEqual([[25, 'x', 1], [30, 'm3', 0], null, null, null]);
        expect(read.merges).toEqual([
          { user: 1, device: 5, previousUser: 4, stamp: [25, 'x', 1], trusted: true, seq: 9, voided: false },
        ]);
      });
    });

    describe('people', () => {
      it('raises a person’s version with each write, and refuses one that read an older one', async () => {
        await commit({ persons: [person(1, 0, { due: 50 })] });
        await commit({ persons: [person(1, 1, { text: 'second', due: 60 })] });
        const stale = await store.commit({
          clock: 1,
          persons: [person(1, 1, { text: 'stale' })],
          messages: [message(1)],
          facts: [{ name: 'half', value: true }],
        });
        expect(stale).toEqual({ ok: false, stale: true });
        const { persons, seen } = await store.read({
          persons: [1, 2],
          seen: [{ messageId: 'm1', kind: 'web' }],
        });
        expect(persons).toEqual([{ id: 1, version: 2, due: 60, built: 1, text: 'second' }]);
        // Nothing of a refused commit is there.
        expect(seen.size).toBe(0);
        expect((await store.query({ ask: 'start' })).facts.has('half')).toBe(false);
      });

      it('refuses a new person that exists, and a deletion that read an older version', async () => {
        await commit({ persons: [person(1, 0)] });
        expect(await store.commit({ clock: 1, persons: [person(1, 0)] })).toMatchObject({ ok: false });
        expect(await store.commit({ clock: 1, deletedPersons: [{ id: 1, version: 7 }] })).toMatchObject({
          ok: false,
        });
        await commit({ deletedPersons: [{ id: 1, version: 1 }] });
        expect((await store.read({ persons: [1] })).persons).toEqual([]);
      });

      it('stores nothing when a commit fails half way', async () => {
        await commit({ messages: [message(1)] });
        const twice = {
          clock: 1,
          nodes: [node(9, 'user', 'zoe')],
          messages: [message(2), message(3, { messageId: 'm1' })],
        };
        await expect(store.commit(twice)).rejects.toThrow();
        expect((await store.read({ nodes: [{ kind: 'user', ext: 'zoe' }] })).nodes).toEqual([]);
        await commit({ messages: [message(2, { name: 'A new name' })] });
      });

      it('finds who is due, earliest first', async () => {
        await commit({
          persons: [
            person(1, 0, { due: 30 }),
            person(2, 0, { due: 10 }),
            person(3, 0),
            person(4, 0, { due: 20 }),
          ],
        });
        expect(await store.query({ ask: 'due-people', until: 20, limit: 10 })).toEqual([2, 4]);
        expect(await store.query({ ask: 'due-people', until: 99, limit: 2 })).toEqual([2, 4]);
        expect(await store.query({ ask: 'next-due' })).toBe(10);
      });

      it('lists people in pages, by the beginning of an id and by email', async () => {
        await commit({
          nodes: [
            node(1, 'user', 'ada'),
            node(2, 'user', 'adam'),
            node(3, 'device', 'adx'),
            node(4, 'user', 'bob'),
          ],
          persons: [1, 2, 3, 4].map((id) => person(id, 0, { email: id === 4 ? 'adele@x.example' : null })),
        });
        const ids = async (query: { after?: number; limit?: number; prefix?: string }) =>
          (await store.query({ ask: 'people', after: 0, limit: 10, ...query })).map(({ id }) => id);
        expect(await ids({})).toEqual([1, 2, 3, 4]);
        expect(await ids({ after: 2, limit: 1 })).toEqual([3]);
        expect(await ids({ prefix: 'ad' })).toEqual([1, 2, 3, 4]);
        expect(await ids({ prefix: 'ada' })).toEqual([1, 2]);
        expect(await ids({ prefix: 'ADELE@' })).toEqual([4]);
        expect(await ids({ prefix: '%' })).toEqual([]);
        expect(await store.query({ ask: 'people-count' })).toBe(4);
      });

      it('finds people not built yet', async () => {
        await commit({ persons: [person(1, 0), person(2, 0, { built: 2 }), person(3, 0)] });
        expect(await store.query({ ask: 'people-unbuilt', generation: 2, after: 0, limit: 10 })).toEqual([
          1, 3,
        ]);
        expect(await store.query({ ask: 'people-unbuilt', generation: 2, after: 1, limit: 10 })).toEqual([3]);
      });
    });

    describe('segments', () => {
      it('keeps memberships by version, and the log in order of commit', async () => {
        await commit({
          nodes: [node(1, 'user', 'ada'), node(2, 'device', 'd')],
          memberships: [
            { version: 7, person: 1, since: 5 },
            { version: 7, person: 2, since: 6 },
          ],
          transitions: [
            { segment: 'a', person: 1, entered: true, at: 5, cause: { messageId: 'm' } },
            { segment: 'b', person: 1, entered: true, at: 5, cause: { deadline: 5 } },
            { segment: 'a', person: 2, entered: true, at: 6, cause: { messageId: 'm' } },
          ],
        });
        await commit({
          memberships: [{ version: 7, person: 1, since: null }],
          transitions: [{ segment: 'a', person: 1, entered: false, at: 8, cause: { operation: 'merged' } }],
        });
        expect(await store.query({ ask: 'members', version: 7, after: 0, limit: 10 })).toEqual([
          { person: 2, since: 6 },
        ]);
        expect(await store.query({ ask: 'member-count', version: 7 })).toBe(1);
        const log = await store.query({ ask: 'segment-transitions', segment: 'a', after: 0, limit: 10 });
        expect(log.map(({ person: id, entered, userId }) => [id, entered, userId])).toEqual([
          [1, true, 'ada'],
          [2, true, null],
          [1, false, 'ada'],
        ]);
        const [first, second] = log;
        expect(first && second && first.seq < second.seq).toBe(true);
        const rest = await store.query({
          ask: 'segment-transitions',
          segment: 'a',
          after: first?.seq ?? 0,
          limit: 1,
        });
        expect(rest).toEqual([second]);
        expect(
          await store.query({ ask: 'segment-transitions', segment: 'none', after: 0, limit: 1 }),
        ).toEqual([]);
        const mine = await store.query({
          ask: 'person-transitions',
          people: [1],
          before: Number.MAX_SAFE_INTEGER,
          limit: 2,
        });
        expect(mine.map(({ segment, at }) => [segment, at])).toEqual([
          ['a', 8],
          ['b', 5],
        ]);
      });

      it('switches versions in one commit: who stays keeps `since`, who changes is logged', async () => {
        await commit({
          nodes: [node(1, 'user', 'stays'), node(2, 'user', 'leaves'), node(3, 'user', 'enters')],
          memberships: [
            { version: 1, person: 1, since: 10 },
            { version: 1, person: 2, since: 10 },
            { version: 2, person: 1, since: 50 },
            { version: 2, person: 3, since: 50 },
            { version: 3, person: 1, since: 50 },
          ],
        });
        await commit({ swaps: { list: [{ key: 'a', from: 1, to: 2 }], at: 99 }, droppedVersions: [3] });
        expect(await store.query({ ask: 'members', version: 2, after: 0, limit: 9 })).toEqual([
          { person: 1, since: 10 },
          { person: 3, since: 99 },
        ]);
        expect(await store.query({ ask: 'member-count', version: 1 })).toBe(0);
        expect(await store.query({ ask: 'member-count', version: 3 })).toBe(0);
        const log = await store.query({ ask: 'segment-transitions', segment: 'a', after: 0, limit: 9 });
        expect(log.map(({ person: id, entered, at, cause }) => [id, entered, at, cause])).toEqual([
          [2, false, 99, { definition: 'a' }],
          [3, true, 99, { definition: 'a' }],
        ]);
        await commit({ swaps: { list: [{ key: 'a', from: 2, to: null }], at: 100 } });
        expect(await store.query({ ask: 'member-count', version: 2 })).toBe(0);
        expect(
          await store.query({ ask: 'segment-transitions', segment: 'a', after: 0, limit: 9 }),
        ).toHaveLength(4);
      });
    });

    describe('the rest', () => {
      it('keeps a refused message once an id, and forgets it when told', async () => {
        await commit({
          refused: [refused('r1'), refused(null), refused(null), refused('r1', { kind: 'server' })],
        });
        await commit({ refused: [refused('r1', { reason: 'again', receivedAt: 2, sentAt: 5 })] });
        const rows = await store.query({ ask: 'refused', before: Number.MAX_SAFE_INTEGER, limit: 10 });
        expect(rows).toHaveLength(4);
        const again = rows.find(({ messageId, kind }) => messageId === 'r1' && kind === 'web');
        expect(again).toMatchObject({ reason: 'again', receivedAt: 2, sentAt: 5 });
        await commit({ removedRefused: [again?.id ?? 0] });
        expect(await store.query({ ask: 'refused-one', id: again?.id ?? 0 })).toBeNull();
        expect(await store.query({ ask: 'refused', before: rows[0]?.id ?? 0, limit: 1 })).toEqual([rows[1]]);
      });

      describe('survey responses', () => {
        const response = (submission: string, status: 'shown' | 'partial' | 'completed', survey = 's') => ({
          response: { survey, submission, status },
        });
        const completed = (survey: string) => store.query({ ask: 'completed-count', survey });
        beforeEach(() =>
          store.commit({
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
          const { submissions } = await store.read({ submissions: [key(1, 'a'), key(2, 'a'), key(2, 'b')] });
          expect(submissions).toEqual([new Set(['shown', 'completed']), new Set(['completed']), new Set()]);
          expect([await completed('s'), await completed('other'), await completed('none')]).toEqual([
            3, 1, 0,
          ]);
        });

        it('lists a submission’s messages together, in pages, none of the future', async () => {
          const places: (string | number)[][] = [];
          let after: { node: number; submission: string; seq: number } | null = null;
          for (;;) {
            const rows: Answers['responses'] = await store.query({
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
          const found = await store.query({ ask: 'survey-messages', after: 0, limit: 10 });
          expect(found.map(({ seq }) => seq)).toEqual([7, 8]);
          expect(await store.query({ ask: 'survey-messages', after: 7, limit: 1 })).toHaveLength(1);
          const rows = [{ seq: 5, survey: 's', node: 2, submission: 'c', status: 'partial' as const }];
          await store.commit({ clock: 2, responses: { after: 3, to: 5, rows } });
          const kept = await store.query({ ask: 'response-rows', after: 2, limit: 10 });
          expect(kept.map(({ seq, submission }) => `${seq} ${submission}`)).toEqual(['3 b', '5 c', '6 a']);
        });

        it('forgets those of erased messages', async () => {
          const erasure = {
            messages: [3, 4],
            gone: [],
            nodes: [],
            droppedPairs: [],
            droppedTimelines: [],
            droppedAliases: [],
            droppedOperations: [],
            transitionsOf: [],
            unlisted: [],
            suppressed: [],
          };
          await store.commit({ clock: 2, erasure });
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
            await store.read({
              decisions: [
                { survey: 's', person: 1 },
                { survey: 's', person: 2 },
                { survey: 't', person: 2 },
              ],
            })
          ).decisions.map(({ survey, person: id, at, text }) => [survey, id, at, text].join(' '));
        await store.commit({ clock: 1, persons: [person(1, 0), person(2, 0)] });
        await store.commit({
          clock: 1,
          decisions: [decided('s', 1, 5), decided('s', 2, 6), decided('t', 2, 7)],
        });
        await store.commit({ clock: 1, decisions: [decided('s', 1, 8)] });
        expect(await kept()).toEqual(['s 1 8 8', 's 2 6 6', 't 2 7 7']);
        await store.commit({ clock: 1, deletedPersons: [{ id: 1, version: 1 }] });
        expect(await kept()).toEqual(['s 2 6 6', 't 2 7 7']);
        await store.commit({ clock: 1, droppedSurveys: ['s'] });
        expect(await kept()).toEqual(['t 2 7 7']);
      });

      it('keeps groups, facts and the clock', async () => {
        await commit({
          clock: 77,
          groups: [{ id: 'g', text: 'one', revision: 1 }],
          facts: [{ name: 'f', value: { a: [1] } }],
        });
        await commit({ clock: 78, groups: [{ id: 'g', text: 'two', revision: 2 }] });
        expect((await store.read({ groups: ['g', 'none'] })).groups).toEqual(
          new Map([['g', { id: 'g', text: 'two', revision: 2, log: [] }]]),
        );
        const start = await store.query({ ask: 'start' });
        expect(start.clock).toBe(78);
        expect(start.facts.get('f')).toEqual({ a: [1] });
      });

      it('keeps blocks of matches by person, leaf and number until they, the leaf or the person go', async () => {
        const block = (n: number) => ({ body: `[[${n}],[1]]`, ids: `["0m${n}"]` });
        const put = (person: number, leaf: number, no: number, n = no) => ({
          person,
          leaf,
          no,
          block: block(n),
        });
        const shed = async (...keys: [person: number, leaf: number][]) =>
          (await store.read({ shed: keys.map(([person, leaf]) => ({ person, leaf })) })).shed;
        await commit({ shed: [put(1, 7, 1), put(1, 7, 0), put(1, 8, 0), put(2, 7, 0)] });
        expect(await shed([1, 7], [2, 8], [1, 8])).toEqual([
          [
            { no: 0, ...block(0) },
            { no: 1, ...block(1) },
          ],
          [],
          [{ no: 0, ...block(0) }],
        ]);
        await commit({ shed: [put(1, 7, 1, 5), { person: 1, leaf: 7, no: 0, block: null }] });
        expect(await shed([1, 7])).toEqual([[{ no: 1, ...block(5) }]]);
        await commit({ clearedOutside: [1], shed: [put(1, 7, 3)] });
        expect(await shed([1, 7], [1, 8], [2, 7])).toEqual([
          [{ no: 3, ...block(3) }],
          [],
          [{ no: 0, ...block(0) }],
        ]);
        await commit({ droppedLeaves: [7] });
        expect(await shed([1, 7], [2, 7])).toEqual([[], []]);
      });

      it('takes a lazy commit like any other', async () => {
        await commit({ lazy: true, persons: [person(1, 0)] });
        expect(await store.commit({ clock: 1, lazy: true, persons: [person(1, 0)] })).toMatchObject({
          ok: false,
        });
        await commit({ persons: [person(1, 1, { text: 'second' })] });
        expect((await store.read({ persons: [1] })).persons).toMatchObject([{ version: 2, text: 'second' }]);
      });

      it('folds beside the lane if it says so', async () => {
        expect(store.openFolders !== undefined).toBe(backend.folds);
        if (backend.folds) await checkFolders(store);
      });

      it('is the same after it was closed and opened', async () => {
        if (!backend.durable) return;
        await commit({
          clock: 5,
          nodes: [node(1, 'user', 'ada')],
          messages: [message(1)],
          persons: [person(1, 0)],
        });
        await store.close();
        store = await backend.open();
        const start = await store.query({ ask: 'start' });
        expect(start).toMatchObject({ clock: 5, lastNode: 1, lastSeq: 1 });
        expect((await store.read({ persons: [1] })).persons).toHaveLength(1);
        await expect(
          store.commit({ clock: 6, messages: [message(2, { messageId: 'm1' })] }),
        ).rejects.toThrow();
      });
    });
  });
}
