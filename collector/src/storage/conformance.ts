// What every storage backend must do, as one suite that each backend's own small test runs.
// Invariant: speaks only the port's three verbs; nothing here knows which backend it tests.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeIdentities } from './conformance/identities.ts';
import { describeMessages } from './conformance/messages.ts';
import { describePeople } from './conformance/people.ts';
import { type Bench, message, node, person, refused } from './conformance/rows.ts';
import { describeSegments } from './conformance/segments.ts';
import { describeSurveys } from './conformance/surveys.ts';
import { checkFolders } from './folder-conformance.ts';
import type { Changes, Store } from './port.ts';

export interface Backend {
  open(): Promise<Store>;
  /** Whether what was committed is there after `close` and `open`. */
  durable: boolean;
  /** Whether it folds beside the lane. */
  folds: boolean;
  dispose(): Promise<void>;
}

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
    const bench: Bench = {
      get store() {
        return store;
      },
      commit,
    };

    describeMessages(bench);
    describeIdentities(bench);
    describePeople(bench);
    describeSegments(bench);
    describeSurveys(bench);

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
