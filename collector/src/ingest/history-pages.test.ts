// Histories of many stretches: what comes, in which order, and how much is asked of the store for it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covers, type Range } from '../engine/identity.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import type { HistoryRange, HistoryRow, ReadKeys, ReadResult } from '../storage/port.ts';
import { newestOf, pagesOf } from './history-pages.ts';

const row = (node: number, time: number, messageId = `m${time}`): HistoryRow => ({
  seq: 0,
  node,
  device: null,
  stamp: [time, messageId, 0],
  type: 'track',
  event: 'E',
  receivedAt: 0,
  trusted: false,
  groupId: null,
  expired: 0,
  text: '{}',
});

/** A store of these messages that counts what is asked of it. */
function storeOf(rows: readonly HistoryRow[]) {
  const counts = { stretches: 0, rows: 0 };
  function answer({ node, from, to, until, limit = rows.length, order }: HistoryRange): HistoryRow[] {
    const inside = rows
      .filter((one) => one.node === node && one.stamp[0] <= until && covers({ from, to }, one.stamp))
      .sort((a, b) => compareStamps(a.stamp, b.stamp));
    const found = order === 'descending' ? inside.reverse() : inside;
    counts.stretches++;
    counts.rows += Math.min(limit, found.length);
    return found.slice(0, limit);
  }
  // Nothing else is asked for here.
  const read = async (keys: ReadKeys) => ({ history: (keys.history ?? []).map(answer) }) as ReadResult;
  return { read, counts };
}

const at = (time: number): Stamp => [time, '', 0];
const until = Number.MAX_SAFE_INTEGER;

async function all(
  read: ReturnType<typeof storeOf>['read'],
  ranges: readonly Range[],
): Promise<HistoryRow[]> {
  const found: HistoryRow[] = [];
  for await (const { rows } of pagesOf(read, ranges, { until })) found.push(...rows);
  return found;
}

/** Device 2 goes to and fro between two users, `each` instants at a time; these are one user's stretches. */
const shared = (times: number, each: number): Range[] => [
  { node: 1, stretch: { from: null, to: null } },
  ...Array.from({ length: times }, (_, i) => ({
    node: 2,
    stretch: { from: at(2 * i * each), to: at((2 * i + 1) * each) },
  })),
];

describe('a history of many stretches', () => {
  it('is read with as many requests as it has pages where the stretches lie close', async () => {
    const rows = Array.from({ length: 8_000 }, (_, i) => row(1 + (i % 2), i));
    const { read, counts } = storeOf(rows);
    expect((await all(read, shared(2_000, 2))).length).toBe(4_000 + 2_000);
    expect(counts.stretches).toBeLessThan(100);
    // What lies between the stretches too, and nothing twice.
    expect(counts.rows).toBeLessThanOrEqual(8_000);
  });

  it('reads little of what lies between stretches that lie far apart', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => row(2, i));
    const { read, counts } = storeOf(rows);
    const ranges = shared(100, 100).map(({ node, stretch: { from, to } }) => ({
      node,
      stretch: { from, to: from && to ? at(from[0] + 1) : to },
    }));
    expect((await all(read, ranges)).length).toBe(100);
    expect(counts.stretches).toBeLessThan(110);
    expect(counts.rows).toBeLessThan(1_000);
  });

  it('is as long and in the same order however it lies', () => {
    const place = fc.tuple(fc.nat(400), fc.constantFrom('a', 'b'));
    return fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 3 }), place), {
          maxLength: 900,
          minLength: 1,
          selector: ([node, [time, id]]) => `${node} ${time} ${id}`,
        }),
        fc.array(fc.uniqueArray(fc.nat(400), { maxLength: 60 }), { minLength: 3, maxLength: 3 }),
        async (placed, edges) => {
          const rows = placed.map(([node, [time, id]]) => row(node, time, id));
          const ranges = edges.flatMap((times, i) => {
            const ends = [...times].sort((a, b) => a - b).map((time): Stamp => [time, 'b', 0]);
            // Every other of the pieces that the edges cut time into.
            const cuts = [null, ...ends, null];
            return cuts.flatMap((from, n): Range[] => {
              const to = cuts[n + 1];
              return n % 2 === 0 && to !== undefined ? [{ node: i + 1, stretch: { from, to } }] : [];
            });
          });
          const wanted = rows
            .filter(({ node, stamp }) =>
              ranges.some((range) => range.node === node && covers(range.stretch, stamp)),
            )
            .sort((a, b) => compareStamps(a.stamp, b.stamp));
          const found = await all(storeOf(rows).read, ranges);
          expect(found.map(({ stamp }) => stamp)).toEqual(wanted.map(({ stamp }) => stamp));
          const newest = await newestOf(storeOf(rows).read, ranges, { until, limit: 7 });
          expect(new Set(newest).size).toBe(newest.length);
          expect(newest.filter((one) => !wanted.includes(one))).toEqual([]);
          expect(
            newest
              .map(({ stamp }) => stamp)
              .sort(compareStamps)
              .slice(-7),
          ).toEqual(wanted.map(({ stamp }) => stamp).slice(-7));
        },
      ),
    );
  });

  it('shows its newest without looking at the others', async () => {
    const { read, counts } = storeOf(Array.from({ length: 8_000 }, (_, i) => row(2, i)));
    expect((await newestOf(read, shared(2_000, 2), { until, limit: 10 })).length).toBe(10);
    expect(counts).toEqual({ stretches: 6, rows: 10 });
  });

  it('of very many ids shows its newest with few messages of each', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => row(1 + (i % 1_000), i));
    const { read, counts } = storeOf(rows);
    const ranges = Array.from({ length: 1_000 }, (_, i) => ({
      node: i + 1,
      stretch: { from: null, to: null },
    }));
    const newest = await newestOf(read, ranges, { until, limit: 50 });
    expect(newest.filter(({ stamp }) => stamp[0] >= 19_950).length).toBe(50);
    expect(counts.stretches).toBe(1_000);
    expect(counts.rows).toBeLessThan(2_000);
  });
});
