// What every storage backend must do with segments: who is in one, and the log of who came and went.
// Invariant: speaks only the port's three verbs.
import { describe, expect, it } from 'vitest';
import { type Counted, NOTHING_ERASED } from '../port.ts';
import { type Bench, node } from './rows.ts';

const CAUSE = { operation: 'any' };

export function describeSegments(bench: Bench): void {
  const { commit } = bench;
  /** Counted one by one. */
  async function membersOf(version: number): Promise<number> {
    let count = 0;
    for (let after: number | null = 0; after !== null; ) {
      const { n, next }: Counted = await bench.store.query({ ask: 'members-ahead', version, after, look: 1 });
      count += n;
      after = next;
    }
    const { n, next } = await bench.store.query({ ask: 'members-ahead', version, after: 0, look: 1_000 });
    expect([n, next]).toEqual([count, null]);
    return count;
  }

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
      expect(await bench.store.query({ ask: 'members', version: 7, after: 0, limit: 10 })).toEqual([
        { person: 2, since: 6 },
      ]);
      expect(await membersOf(7)).toBe(1);
      const log = await bench.store.query({ ask: 'segment-transitions', segment: 'a', after: 0, limit: 10 });
      expect(log.map(({ person: id, entered, userId }) => [id, entered, userId])).toEqual([
        [1, true, 'ada'],
        [2, true, null],
        [1, false, 'ada'],
      ]);
      const [first, second] = log;
      expect(first && second && first.seq < second.seq).toBe(true);
      const rest = await bench.store.query({
        ask: 'segment-transitions',
        segment: 'a',
        after: first?.seq ?? 0,
        limit: 1,
      });
      expect(rest).toEqual([second]);
      expect(
        await bench.store.query({ ask: 'segment-transitions', segment: 'none', after: 0, limit: 1 }),
      ).toEqual([]);
      const mine = await bench.store.query({
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

    it('lets go of the log of people who are erased, but for what the same commit logs, which is nobody’s', async () => {
      await commit({ nodes: [node(1, 'user', 'ada'), node(2, 'user', 'bob')] });
      const all = { ask: 'segment-transitions', segment: 'a', after: 0, limit: 10 } as const;
      const log = async () => (await bench.store.query(all)).map(({ at, userId }) => [at, userId]);
      const of = (person: number, at: number) => ({
        segment: 'a',
        person,
        entered: at % 2 === 1,
        at,
        cause: CAUSE,
      });
      const erasing = async (at: number) => {
        const erasure = { ...NOTHING_ERASED, transitionsOf: [1] };
        await commit({ erasure, transitions: [of(1, at), of(2, at)] });
      };
      await commit({ transitions: [of(1, 1), of(2, 1)] });
      await erasing(2);
      await commit({ transitions: [of(1, 3)] });
      const left = [
        [1, 'bob'],
        [2, null],
        [2, 'bob'],
      ];
      expect(await log()).toEqual([...left, [3, 'ada']]);
      const before = Number.MAX_SAFE_INTEGER;
      const own = await bench.store.query({ ask: 'person-transitions', people: [1], before, limit: 9 });
      expect(own.map(({ at }) => at)).toEqual([3]);
      expect(await bench.store.query({ ask: 'transition-count', person: 1 })).toBe(1);
      await erasing(4);
      expect(await log()).toEqual([...left, [4, null], [4, 'bob']]);
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
      expect(await bench.store.query({ ask: 'members', version: 2, after: 0, limit: 9 })).toEqual([
        { person: 1, since: 10 },
        { person: 3, since: 99 },
      ]);
      expect(await membersOf(1)).toBe(0);
      expect(await membersOf(3)).toBe(0);
      const log = await bench.store.query({ ask: 'segment-transitions', segment: 'a', after: 0, limit: 9 });
      expect(log.map(({ person: id, entered, at, cause }) => [id, entered, at, cause])).toEqual([
        [2, false, 99, { definition: 'a' }],
        [3, true, 99, { definition: 'a' }],
      ]);
      await commit({ swaps: { list: [{ key: 'a', from: 2, to: null }], at: 100 } });
      expect(await membersOf(2)).toBe(0);
      expect(
        await bench.store.query({ ask: 'segment-transitions', segment: 'a', after: 0, limit: 9 }),
      ).toHaveLength(4);
    });
  });
}
