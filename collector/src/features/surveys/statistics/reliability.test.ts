// Cronbach's alpha against R 4.6, its interval against SciPy 1.17's F quantiles.
// Invariant: people with a missing answer change nothing.
import { describe, expect, it } from 'vitest';
import { cronbachAlpha } from './reliability.ts';

const ROWS = [
  [4, 5, 3, 5],
  [2, 2, 3, 1],
  [5, 4, 5, 5],
  [3, 3, 2, 3],
  [1, 2, 1, 2],
];

describe("Cronbach's alpha", () => {
  it('agrees with R', () => {
    const found = cronbachAlpha(ROWS);
    expect(found).toMatchObject({ n: 5, items: 4 });
    expect(found?.value).toBeCloseTo(0.929547844374, 11);
    expect(found?.interval?.[0]).toBeCloseTo(0.7096519690405739, 10);
    expect(found?.interval?.[1]).toBeCloseTo(0.9919493913621327, 10);
  });

  it('leaves incomplete rows out', () => {
    expect(cronbachAlpha([...ROWS, [1, null, 2, 3], [1, 2], [Number.NaN, 1, 2, 3]])).toEqual(
      cronbachAlpha(ROWS),
    );
  });

  it('can be below 0, and is 1 of items that say the same', () => {
    expect(
      cronbachAlpha([
        [1, 5],
        [5, 2],
        [3, 3],
      ])?.value,
    ).toBeLessThan(0);
    expect(
      cronbachAlpha([
        [1, 1],
        [2, 2],
        [3, 3],
      ]),
    ).toEqual({ value: 1, interval: null, n: 3, items: 2 });
  });

  it('is null of one person, one item, or sums that do not vary', () => {
    for (const rows of [
      [],
      [[]],
      [[1, 2]],
      [[1], [2]],
      [
        [1, 2],
        [1, 2],
      ],
      [
        [1, 2],
        [2, 1],
      ],
    ])
      expect(cronbachAlpha(rows)).toBeNull();
  });
});
