// Speeders and straight-liners against R 4.6 (median, mad, mean, sd).
// Invariant: one forgotten tab must not hide the person who did not read.
import { describe, expect, it } from 'vitest';
import { medianOf, speed, straightLines } from './speed.ts';

const SECONDS = [60, 62, 58, 65, 70, 55, 61, 59, 20, 300];

describe('speed', () => {
  const found = speed(SECONDS);

  it('has the figures that R has', () => {
    expect(found).toMatchObject({ n: 10, median: 60.5, mad: 3.5, mean: 81 });
    expect(found?.sd).toBeCloseTo(78.1380544649, 9);
    expect(found?.halfMedian.threshold).toBe(30.25);
    expect(found?.robust?.threshold).toBeCloseTo(60.5 - 2.5 * 5.1891, 10);
  });

  it('flags the one who took 20 s by both rules, where two standard deviations would flag only 300 s', () => {
    expect(found?.halfMedian.speeders).toEqual([8]);
    expect(found?.robust?.speeders).toEqual([8]);
    expect(81 - 2 * (found?.sd ?? 0)).toBeLessThan(0);
    expect(SECONDS.filter((time) => Math.abs(time - 81) > 2 * (found?.sd ?? 0))).toEqual([300]);
  });

  it("has the share of speeders with Wilson's interval", () => {
    expect(found?.halfMedian.share).toMatchObject({ value: 0.1, n: 10 });
  });

  it('keeps places when times are unreadable, and has no robust rule where most took the same time', () => {
    expect(speed([Number.NaN, -1, ...SECONDS])?.halfMedian.speeders).toEqual([10]);
    expect(speed([60, 60, 60, 10])).toMatchObject({ mad: 0, robust: null, halfMedian: { speeders: [3] } });
    expect(speed([])).toBeNull();
    expect(speed([5])).toMatchObject({ median: 5, sd: null, robust: null });
  });

  it('has medians', () => {
    expect([medianOf([3, 1, 2]), medianOf([4, 1, 2, 3]), medianOf([]), medianOf([10, 9, 100])]).toEqual([
      2,
      2.5,
      null,
      10,
    ]);
  });
});

describe('straight lines', () => {
  it('are grids of four answers or more that are all the same', () => {
    const found = straightLines([
      [3, 3, 3, 3],
      [3, 3, 3, 2],
      [3, 3, 3],
      ['no', null, 'no', 'no', 'no'],
      [null, null, null, null, null],
    ]);
    expect(found).toMatchObject({ n: 3, straightLiners: [0, 3] });
    expect(found?.share?.value).toBeCloseTo(2 / 3, 12);
    expect(straightLines([[1, 1]])).toBeNull();
  });
});

describe('medianOf', () => {
  it('is finite between values whose sum or difference is not', () => {
    const most = Number.MAX_VALUE;
    expect([medianOf([most, most]), medianOf([-most, most]), medianOf([0, most])]).toEqual([
      most,
      0,
      most / 2,
    ]);
  });
});
