// Rankings reckoned by hand.
// Invariant: complete rankings share out all points.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mean } from './mean.ts';
import { ranking } from './ranking.ts';

const ITEMS = ['speed', 'price', 'support'];

describe('a ranking', () => {
  const found = ranking(
    [
      ['price', 'speed', 'support'],
      ['price', 'support', 'speed'],
      ['speed', 'price', 'support'],
      ['support'],
    ],
    ITEMS,
  );
  const of = (name: string) => found?.items.find(({ item }) => item === name);

  it('has points, mean rank and share of first places', () => {
    expect(found).toMatchObject({ n: 4, rejected: 0 });
    expect(found?.items.map(({ item, points }) => [item, points])).toEqual([
      ['price', 5],
      ['speed', 3],
      ['support', 3],
    ]);
    expect(of('price')?.rank).toMatchObject({ value: 4 / 3, n: 3 });
    expect(of('support')?.rank).toMatchObject({ value: 9 / 4, n: 4 });
    expect(of('price')?.first).toMatchObject({ value: 0.5, n: 4 });
    expect(of('price')?.borda?.value).toBe(5 / 8);
  });

  it("has Student's t intervals, cut to what a rank can be", () => {
    const plain = mean([1, 1, 2]);
    expect(of('price')?.rank?.interval).toEqual([1, plain?.interval?.[1]]);
    expect(of('support')?.borda?.interval?.[0]).toBe(0);
  });

  it('rejects what is no ranking', () => {
    const bad = [[], ['price', 'price'], ['price', 'weather']];
    expect(ranking([...bad, ['price']], ITEMS)).toMatchObject({ n: 1, rejected: 3 });
    expect(ranking(bad, ITEMS)).toBeNull();
    expect(ranking([], ITEMS)).toBeNull();
  });

  it('has nothing to order with one item', () => {
    expect(ranking([['a'], ['a']], ['a'])?.items[0]).toMatchObject({
      points: 0,
      borda: null,
      first: { value: 1 },
    });
  });

  it('shares out all points', () => {
    const order = fc.shuffledSubarray(['a', 'b', 'c', 'd'], { minLength: 4 });
    fc.assert(
      fc.property(fc.array(order, { minLength: 1, maxLength: 20 }), (orders) => {
        const points = ranking(orders, ['a', 'b', 'c', 'd'])?.items.map((item) => item.points) ?? [];
        expect(points.reduce((sum, point) => sum + point, 0)).toBe(orders.length * 6);
      }),
    );
  });
});
