// Distributions against values computed with 30 digits (mpmath 1.3: erfc, gammainc, betainc, and roots of them).
// Invariant: the tolerances here are relative.
import { describe, expect, it } from 'vitest';
import {
  betaQuantile,
  chiSquareUpperTail,
  fQuantile,
  normalCdf,
  normalQuantile,
  normalUpperQuantile,
  normalUpperTail,
  studentQuantile,
  studentUpperTail,
} from './distribution.ts';

const TOLERANCE = 1e-12;

function expectClose(found: number, wanted: number) {
  expect(Math.abs(found / wanted - 1), `${found} for ${wanted}`).toBeLessThan(TOLERANCE);
}

describe('the normal distribution', () => {
  it.each([
    [0.1, 0.460172162722971],
    [1, 0.15865525393145705],
    [1.96, 0.024997895148220435],
    [5, 2.866515718791939e-7],
    [8, 6.220960574271784e-16],
  ])('has the upper tail at %f', (x, tail) => {
    expectClose(normalUpperTail(x), tail);
    expectClose(normalCdf(-x), tail);
    expectClose(normalCdf(x), 1 - tail);
  });

  it('keeps its digits far out', () => {
    expect(normalUpperTail(20) / 2.7536241186062337e-89).toBeCloseTo(1, 11);
    expect(normalUpperTail(0)).toBe(0.5);
  });

  it.each([
    [1e-10, -6.361340902404057],
    [0.001, -3.0902323061678136],
    [0.3, -0.5244005127080408],
    [0.75, 0.6744897501960817],
    [0.9995, 3.290526731491895],
    [0.975, 1.959963984540054],
  ])('has the quantile of %f', (p, x) => expectClose(normalQuantile(p), x));

  it('has quantiles down to the smallest probabilities', () => {
    for (const p of [1e-300, 1e-100, 1e-20, 0.2, 0.4999999])
      expect(Math.abs(normalUpperTail(normalUpperQuantile(p)) / p - 1)).toBeLessThan(1e-11);
    expect(normalQuantile(0.5)).toBeCloseTo(0, 15);
  });
});

describe('chi-square', () => {
  it.each([
    [3.841458820694124, 1, 0.05000000000000006],
    [0.01, 2, 0.9950124791926823],
    [40 / 3, 2, 0.0012726338013398083],
    [27, 1, 2.034554614544432e-7],
    [100, 30, 1.8568023365102387e-9],
    [20500, 20000, 0.006517863488342559],
  ])('has the upper tail at %f with %i degrees of freedom', (x, df, tail) =>
    expectClose(chiSquareUpperTail(x, df), tail),
  );

  it('is 1 at 0 and 0 at infinity', () => {
    expect([chiSquareUpperTail(0, 3), chiSquareUpperTail(Number.POSITIVE_INFINITY, 3)]).toEqual([1, 0]);
  });
});

describe("Student's t", () => {
  it.each([
    [2, 3, 0.0696629842794216],
    [0.1, 7.3, 0.4615177485699148],
    [5, 10, 0.0002686668013782263],
    [20, 30, 3.3745418328856433e-19],
    [1, 500, 0.1588971036303042],
  ])('has the upper tail at %f with %f degrees of freedom', (t, df, tail) => {
    expectClose(studentUpperTail(t, df), tail);
    expectClose(studentUpperTail(-t, df), 1 - tail);
  });

  it.each([
    [0.975, 1, 12.706204736174705],
    [0.975, 2, 4.302652729749464],
    [0.995, 4, 4.604094871349993],
    [0.95, 7.3, 1.8829300179564317],
    [0.975, 30, 2.042272456301238],
    [0.975, 999, 1.96234146113345],
    [0.975, 4999, 1.960438646661525],
    [0.975, 5001, 1.9604384567894744],
    [0.975, 1_000_000, 1.959966356814107],
  ])('has the quantile of %f with %f degrees of freedom', (p, df, t) => {
    expectClose(studentQuantile(p, df), t);
    expectClose(studentQuantile(1 - p, df), -t);
  });

  it('has the closed forms of one and two degrees of freedom', () => {
    for (const p of [0.001, 0.2, 0.6, 0.9999]) {
      expectClose(studentQuantile(p, 1), Math.tan(Math.PI * (p - 0.5)));
      expectClose(studentQuantile(p, 2), (2 * p - 1) / Math.sqrt(2 * p * (1 - p)));
    }
    expect(studentQuantile(0.5, 3)).toBeCloseTo(0, 15);
  });
});

describe('beta and F', () => {
  it('have their quantiles', () => {
    expectClose(betaQuantile(0.025, 81, 183), 0.25273674558527115);
    expectClose(betaQuantile(0.975, 4, 12), 0.4808911338068531);
    expectClose(betaQuantile(0.5, 0.5, 0.5), 0.5);
    expectClose(fQuantile(0.025, 4, 12), 0.11427057932200908);
    expectClose(fQuantile(0.975, 4, 12), 4.121208618523442);
    expectClose(fQuantile(0.5, 30, 300), 0.9800483602816367);
  });
});

describe('outside the domain', () => {
  it.each([
    () => normalQuantile(0),
    () => normalQuantile(1),
    () => normalQuantile(Number.NaN),
    () => normalUpperTail(Number.NaN),
    () => chiSquareUpperTail(1, 0),
    () => chiSquareUpperTail(Number.NaN, 1),
    () => studentQuantile(0.9, -1),
    () => studentUpperTail(1, Number.POSITIVE_INFINITY),
    () => betaQuantile(0.5, 0, 1),
  ])('a RangeError is thrown: %s', (call) => expect(call).toThrow(RangeError));
});
