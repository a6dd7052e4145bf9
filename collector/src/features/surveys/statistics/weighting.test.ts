// Weights against R 4.6, and what must follow from them.
// Invariant: whole-number weights are checked against that many people, which no formula here knows.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mean } from './mean.ts';
import { proportion } from './proportion.ts';
import {
  designEffect,
  effectiveN,
  postStratify,
  rake,
  weightedMean,
  weightedProportion,
} from './weighting.ts';

/** 60 men of whom 30 say yes and 40 women of whom 10 do. */
function sample(weights: readonly number[]) {
  const person = (holds: boolean, stratum: number) => ({ holds, weight: weights[stratum] as number });
  return Array.from({ length: 100 }, (_, i) => (i < 60 ? person(i < 30, 0) : person(i < 70, 1)));
}

describe('post-stratification', () => {
  it('to halves: R has 0.375, effective n 96, design effect 1.04166666667', () => {
    const weights = postStratify([60, 40], [50, 50]) ?? [];
    expect(weights[0]).toBeCloseTo(5 / 6, 12);
    expect(weights[1]).toBeCloseTo(1.25, 12);
    const found = weightedProportion(sample(weights));
    expect(found?.value).toBeCloseTo(0.375, 12);
    expect(found?.effectiveN).toBeCloseTo(96, 9);
    expect(found?.designEffect).toBeCloseTo(1.04166666667, 11);
    expect(found?.n).toBe(100);
    const [low, high] = found?.interval ?? [];
    const plain = proportion(36, 96)?.interval ?? [];
    expect(low).toBeCloseTo(plain[0] ?? 0, 12);
    expect(high).toBeCloseTo(plain[1] ?? 0, 12);
    expect(weightedProportion(sample([1, 1]))).toMatchObject({
      value: 0.4,
      effectiveN: 100,
      designEffect: 1,
    });
  });

  it('is null when a stratum of the population has nobody; an empty one without share is no matter', () => {
    expect(postStratify([60, 0], [50, 50])).toBeNull();
    expect(postStratify([60, 0], [50, 0])).toEqual([1, 0]);
    expect(postStratify([60, 40], [50])).toBeNull();
    expect(postStratify([0, 0], [1, 1])).toBeNull();
    expect(postStratify([1, 1], [0, 0])).toBeNull();
  });
});

describe('raking', () => {
  const rows = { categories: [0, 0, 1, 1], targets: [60, 40] };
  const columns = { categories: [0, 1, 0, 1], targets: [55, 45] };

  it('of two by two agrees with R', () => {
    const found = rake([20, 30, 25, 25], [rows, columns]) ?? [];
    [30.6107225225, 29.3892774775, 24.3892774775, 15.6107225225].forEach((cell, i) => {
      expect(found[i]).toBeCloseTo(cell, 9);
    });
  });

  it('of people one by one gives their weights', () => {
    const people = [20, 30, 25, 25].flatMap((count, cell) => new Array<number>(count).fill(cell));
    const margin = ({ categories, targets }: typeof rows) => ({
      categories: people.map((cell) => categories[cell] as number),
      targets: targets.map((target) => target / 100),
    });
    const weights = rake(
      people.map(() => 1),
      [margin(rows), margin(columns)],
    );
    expect(weights?.[0]).toBeCloseTo(30.6107225225 / 20, 9);
    expect(weights?.at(-1)).toBeCloseTo(15.6107225225 / 25, 9);
  });

  it('meets every margin and keeps the odds ratio', () => {
    const cell = fc.integer({ min: 1, max: 500 });
    const share = fc.integer({ min: 5, max: 95 });
    fc.assert(
      fc.property(fc.tuple(cell, cell, cell, cell), share, share, (cells, row, column) => {
        const total = cells.reduce((sum, count) => sum + count, 0);
        const [a = 0, b = 0, c = 0, d = 0] =
          rake(cells, [
            { ...rows, targets: [row, 100 - row] },
            { ...columns, targets: [column, 100 - column] },
          ]) ?? [];
        expect((a + b) / total).toBeCloseTo(row / 100, 10);
        expect((a + c) / total).toBeCloseTo(column / 100, 10);
        expect(Math.log((a * d) / (b * c))).toBeCloseTo(
          Math.log((cells[0] * cells[3]) / (cells[1] * cells[2])),
          8,
        );
      }),
    );
  });

  it('is null when no scaling can do it', () => {
    expect(rake([0, 0, 25, 25], [rows, columns])).toBeNull(); // nobody in a row that should have 60 %
    expect(rake([20, 0, 0, 25], [rows, columns])).toBeNull(); // a diagonal cannot have different margins
    expect(rake([0, 0, 0, 0], [rows])).toBeNull();
    expect(rake([1, 2], [rows])).toBeNull();
    expect(rake([1, 1, 1, 1], [{ categories: [0, 0, 1, 2], targets: [1, 1] }])).toBeNull();
    expect(rake([], [])).toBeNull();
  });
});

describe('effective n', () => {
  it("is Kish's", () => {
    expect(effectiveN([1, 1, 1, 1])).toBe(4);
    expect(effectiveN([3, 1])).toBeCloseTo(16 / 10, 12);
    expect(designEffect([3, 1])).toBeCloseTo(20 / 16, 12);
    expect(effectiveN([5, 0, 0])).toBe(1);
  });

  it('is null without weight, or with a negative one', () => {
    for (const weights of [[], [0, 0], [1, -1], [1, Number.NaN]]) {
      expect(effectiveN(weights)).toBeNull();
      expect(designEffect(weights)).toBeNull();
      expect(weightedProportion(weights.map((weight) => ({ holds: true, weight })))).toBeNull();
      expect(weightedMean(weights.map((weight) => ({ value: 1, weight })))).toBeNull();
    }
  });

  it('survives weights that have no square', () => {
    expect(effectiveN([1e300, 1e300])).toBe(2);
    expect(effectiveN([1e-300, 1e-300])).toBe(2);
  });
});

describe('a weighted mean', () => {
  it('with equal weights is the mean, its interval included', () => {
    const values = [4, 5, 3, 5, 2, 2, 3, 1];
    const found = weightedMean(values.map((value) => ({ value, weight: 0.7 })));
    const plain = mean(values);
    expect(found?.value).toBeCloseTo(plain?.value ?? 0, 12);
    expect(found?.interval?.[0]).toBeCloseTo(plain?.interval?.[0] ?? 0, 10);
    expect(found?.interval?.[1]).toBeCloseTo(plain?.interval?.[1] ?? 0, 10);
  });

  it('has the value of that many people', () => {
    const answers = [
      { value: 1, weight: 3 },
      { value: 4, weight: 1 },
      { value: 5, weight: 2 },
    ];
    const found = weightedMean(answers);
    expect(found?.value).toBeCloseTo(17 / 6, 12);
    expect(found?.effectiveN).toBeCloseTo(36 / 14, 12);
    expect(found?.interval).not.toBeNull();
  });

  it('has no interval from one answer or from an effective n below 2', () => {
    expect(weightedMean([{ value: 3, weight: 2 }])).toMatchObject({ value: 3, interval: null, n: 1 });
    const heavy = [
      { value: 3, weight: 9 },
      { value: 5, weight: 1 },
    ];
    expect(weightedMean(heavy)?.interval).toBeNull();
  });
});
