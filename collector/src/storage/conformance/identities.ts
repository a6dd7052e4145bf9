// What every storage backend must do with who is who.
// Invariant: speaks only the port's three verbs.
import { describe, expect, it } from 'vitest';
import type { Stamp } from '../../engine/stamp.ts';
import { type Bench, message, node } from './rows.ts';

export function describeIdentities(bench: Bench): void {
  const { commit } = bench;
  describe('identities', () => {
    it('finds nodes by name, number and public id, and people by their survivor', async () => {
      await commit({ nodes: [node(1, 'user', 'ada'), node(2, 'device', 'ada'), node(3, 'user', 'bob')] });
      const read = await bench.store.read({
        nodes: [{ kind: 'device', ext: 'ada' }],
        nodeIds: [3],
        publicIds: ['p_1', 'p_none'],
      });
      expect(read.nodes.map(({ id }) => id).sort()).toEqual([1, 2, 3]);
      await commit({ roots: [{ node: 3, root: 1 }] });
      const circle = await bench.store.read({ circles: [1] });
      expect(circle.nodes.map(({ id, root }) => [id, root]).sort()).toEqual([
        [1, 1],
        [3, 1],
      ]);
    });

    it('replaces a device’s timeline and pairs', async () => {
      const first: Stamp = [1, 'a', 0];
      const second: Stamp = [2, 'b', 1];
      const ada = { user: 1, device: 5, name: 'd' };
      const bob = { user: 2, device: 5, name: 'd' };
      await commit({
        nodes: [node(1, 'user', 'ada'), node(2, 'user', 'bob'), node(5, 'device', 'd')],
        timelines: [{ device: 5, runs: [{ stamp: first, user: 1 }] }],
        pairs: [{ ...ada, trusted: null, plain: first }],
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
          { ...ada, trusted: second, plain: first },
          { ...bob, trusted: second, plain: null },
        ],
      });
      const read = await bench.store.read({ timelines: [5, 6], pairs: [1], devicePairs: [5] });
      expect(read.timelines.get(5)).toHaveLength(2);
      expect(read.timelines.get(6)).toEqual([]);
      expect(read.pairs.filter(({ user }) => user === 1)[0]).toEqual({
        ...ada,
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
      const ask = { user: 1, device: 5, before: null, until: 99, limit: 1 };
      const read = await bench.store.read({
        links: [
          { ...ask, after: [10, 'm1', 0] },
          { ...ask, after: [10, 'm1', 0], limit: 9 },
          { ...ask, after: [25, 'x', 1] },
          { ...ask, after: [30, 'm3', 0] },
          { ...ask, after: [10, 'm1', 0], before: [25, 'x', 1] },
          { ...ask, after: [25, 'x', 1], until: 29 },
        ],
        merges: [4],
      });
      const [x, m3] = [
        [25, 'x', 1],
        [30, 'm3', 0],
      ];
      expect(read.links).toEqual([[x], [x, m3], [m3], [], [], []]);
      expect(read.merges).toEqual([
        { user: 1, device: 5, previousUser: 4, stamp: [25, 'x', 1], trusted: true, seq: 9, voided: false },
      ]);
    });
  });
}
