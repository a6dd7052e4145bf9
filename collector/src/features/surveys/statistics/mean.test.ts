// Means against SciPy 1.17 (t.interval, std) and worked figures.
// Invariant: what varies has an interval, what does not has none.
import { describe, expect, it } from 'vitest';
import { mean, meanOfCounts, topBox } from './mean.ts';

describe('a mean', () => {
  it('has sd and t interval', () => {
    const found = mean([4, 5, 3, 5, 2, 2, 3, 1]);
    expect(found).toMatchObject({ value: 3.125, n: 8 });
    expect(found?.sd).toBeCloseTo(1.4577379737113252, 13);
    expect(found?.interval?.[0]).toBeCloseTo(1.9063005557232302, 12);
    expect(found?.interval?.[1]).toBeCloseTo(4.34369944427677, 12);
  });

  it('keeps its digits for large values close to each other', () => {
    expect(mean([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])?.sd).toBeCloseTo(Math.sqrt(30), 9);
  });

  it('has no interval from one answer, nor from equal ones, and is null of nothing', () => {
    expect(mean([7])).toEqual({ value: 7, interval: null, n: 1, sd: null });
    expect(mean([7, 7, 7])).toEqual({ value: 7, interval: null, n: 3, sd: 0 });
    expect(mean([])).toBeNull();
    expect(mean([Number.NaN, Number.POSITIVE_INFINITY])).toBeNull();
    expect(() => mean([], 0)).toThrow(RangeError);
  });
});

describe('a scale from its counts', () => {
  it('has the effort score, CES 1 to 7', () => {
    const found = meanOfCounts([2, 3, 5, 10, 20, 35, 25], 1);
    expect(found?.value).toBeCloseTo(5.48, 12);
    expect(found?.sd).toBeCloseTo(1.4247452368402531, 12);
    expect(found?.interval?.[0]).toBeCloseTo(5.197299634936957, 12);
    expect(found?.interval?.[1]).toBeCloseTo(5.7627003650630435, 12);
  });

  it('is the mean of the answers', () => {
    expect(meanOfCounts([0, 2, 1], 0)).toEqual(mean([1, 1, 2]));
    expect(meanOfCounts([0, 0], 1)).toBeNull();
    expect(meanOfCounts([1, -1], 1)).toBeNull();
  });

  it('has the share of satisfied, CSAT top two boxes', () => {
    const found = topBox([5, 10, 25, 38, 22]);
    expect(found).toMatchObject({ value: 0.6, n: 100 });
    expect(found?.interval?.[0]).toBeCloseTo(1 - 0.4979974132, 9); // R: 40 of 100, mirrored
    expect(topBox([5, 10, 25, 38, 22], 1)?.value).toBe(0.22);
    expect(topBox([5, 10], 0)?.value).toBe(0);
    expect(topBox([0, 0])).toBeNull();
  });
});
