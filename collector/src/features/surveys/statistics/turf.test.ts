// Reach of item sets against figures computed in R 4.6, and against a count that knows no bits.
// Invariant: ties go by frequency.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Turf, turf } from './turf.ts';

const PEOPLE = ['1100', '1000', '1010', '0100', '0001', '0100', '0010', '1100', '0001', '0000'].map((row) =>
  [...row].map((has) => has === '1'),
);
const named = (found: Turf | null) =>
  Object.fromEntries(
    found?.choices.map(({ items, reached }) => [items.map((item) => 'ABCD'[item]).join(''), reached]) ?? [],
  );

describe('ten people and four items', () => {
  it('has every pair and triple', () => {
    expect(named(turf(PEOPLE, 2))).toEqual({ AB: 6, AC: 5, AD: 6, BC: 6, BD: 6, CD: 4 });
    expect(named(turf(PEOPLE, 3))).toEqual({ ABC: 7, ABD: 8, ACD: 7, BCD: 8 });
  });

  it('breaks the tie of ABD and BCD by frequency', () => {
    const found = turf(PEOPLE, 3);
    expect(found?.choices.slice(0, 2).map(({ items, frequency }) => [items, frequency])).toEqual([
      [[0, 1, 3], 10],
      [[1, 2, 3], 8],
    ]);
    // Also where their places say otherwise.
    const turned = turf(
      PEOPLE.map((row) => row.toReversed()),
      3,
    );
    expect(turned?.choices.slice(0, 2).map(({ items }) => items)).toEqual([
      [0, 2, 3],
      [0, 1, 2],
    ]);
    expect(found).toMatchObject({ n: 10, method: 'exhaustive' });
    expect(found?.choices[0]?.reach).toMatchObject({ value: 0.8, n: 10 });
  });

  it('is null without people, or without that many items', () => {
    expect([turf([], 1), turf(PEOPLE, 0), turf(PEOPLE, 5), turf(PEOPLE, 1.5), turf([[]], 1)]).toEqual(
      new Array(5).fill(null),
    );
  });
});

describe('many people and items', () => {
  const people = fc.array(fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), {
    minLength: 1,
    maxLength: 90,
  });

  it('counts as one would by hand', () => {
    fc.assert(
      fc.property(people, fc.integer({ min: 1, max: 5 }), (rows, size) => {
        const found = turf(rows, size);
        for (const { items, reached, frequency } of found?.choices ?? []) {
          expect(items).toHaveLength(size);
          expect(reached).toBe(rows.filter((row) => items.some((item) => row[item])).length);
          expect(frequency).toBe(rows.flatMap((row) => items.filter((item) => row[item])).length);
        }
        const reaches = found?.choices.map(({ reached }) => reached) ?? [];
        expect(reaches).toEqual(reaches.toSorted((a, b) => b - a));
      }),
    );
  });

  it('are done greedily when there are too many sets, and said to be', () => {
    // Item j is had by j % 20 + 1 people and nobody has two, so the best six are the six commonest.
    const items = 60;
    const rows = Array.from({ length: 60 * 20 }, (_, i) =>
      Array.from({ length: items }, (_, j) => i % items === j && Math.floor(i / items) < (j % 20) + 1),
    );
    const found = turf(rows, 6);
    expect(found?.method).toBe('greedy');
    expect(found?.choices[0]).toMatchObject({ items: [18, 19, 38, 39, 58, 59], reached: 3 * 19 + 3 * 20 });
  });
});
