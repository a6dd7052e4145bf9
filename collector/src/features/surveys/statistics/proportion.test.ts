// Shares against R 4.6: prop.test(correct = FALSE), prop.test() and binom.test().
// Invariant: R printed ten digits.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareProportions, correctedProportion, exactProportion, proportion } from './proportion.ts';

const DIGITS = 9;

function expectInterval(found: readonly number[] | null | undefined, wanted: readonly [number, number]) {
  expect(found).toHaveLength(2);
  expect(found?.[0]).toBeCloseTo(wanted[0], DIGITS);
  expect(found?.[1]).toBeCloseTo(wanted[1], DIGITS);
}

type Ends = [number, number];
/** Count, n, Wilson, with continuity correction, Clopper-Pearson. The first four are Newcombe's examples (1998). */
const R: [number, number, Ends, Ends | null, Ends][] = [
  [81, 263, [0.2552885199, 0.366209577], [0.2535086823, 0.368176201], [0.2527367456, 0.3676219226]],
  [15, 148, [0.0623863995, 0.1604872417], [0.0597782084, 0.1644497794], [0.0578440101, 0.1616504903]],
  [0, 20, [0, 0.1611251581], [0, 0.200453345], [0, 0.168433471]],
  [1, 29, [0.0061132143, 0.1717552188], [0.0018026402, 0.196281751], [0.0008726469, 0.1776442955]],
  [23, 60, [0.2708827237, 0.5098240418], [0.2635284123, 0.5180988856], [0.260707058, 0.5178850486]],
  [0, 1, [0, 0.7934506856], null, [0, 0.975]],
  [1, 1, [0.2065493144, 1], null, [0.025, 1]],
  [5, 10, [0.2365930905, 0.7634069095], [0.2365930905, 0.7634069095], [0.1870860284, 0.8129139716]],
  [10, 10, [0.7224672001, 1], [0.6554627817, 1], [0.6915028922, 1]],
  [40, 100, [0.3094012864, 0.4979974132], [0.3047800711, 0.5029964394], [0.3032947687, 0.5027908496]],
];

describe('a share', () => {
  it.each(R)('%i of %i agrees with R', (count, n, wilson, corrected, exact) => {
    const found = proportion(count, n);
    expect(found).toMatchObject({ value: count / n, n });
    expectInterval(found?.interval, wilson);
    if (corrected) expectInterval(correctedProportion(count, n)?.interval, corrected);
    expectInterval(exactProportion(count, n)?.interval, exact);
  });

  it('agrees with the published four digits of Newcombe (Statistics in Medicine 17, 1998)', () => {
    const published = [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const;
    for (const [count, n, lower, upper] of published) {
      const [low, high] = proportion(count, n)?.interval ?? [];
      expect(low).toBeCloseTo(lower, 4);
      expect(high).toBeCloseTo(upper, 4);
    }
  });

  it('takes other levels', () => {
    expectInterval(proportion(40, 100, 0.9)?.interval, [0.3230780506, 0.4821904936]);
    expectInterval(proportion(40, 100, 0.99)?.interval, [0.2838632555, 0.5285808821]);
    expect(() => proportion(40, 100, 1)).toThrow(RangeError);
    expect(() => proportion(0, 0, 95)).toThrow(RangeError);
  });

  it('is null where there is none', () => {
    for (const [count, n] of [
      [0, 0],
      [2, 1],
      [-1, 3],
      [Number.NaN, 3],
      [1, Number.POSITIVE_INFINITY],
    ] as const)
      for (const figure of [proportion, correctedProportion, exactProportion])
        expect(figure(count, n)).toBeNull();
  });

  it('has no exact interval of fractions', () => {
    expect(exactProportion(1.5, 3)).toBeNull();
    expect(proportion(1.5, 3)?.value).toBe(0.5);
  });

  it("has Wilson's interval where the score test says so", () => {
    // Independent of the closed form: at either end the share is z standard errors of that end away.
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, part) => {
          const count = Math.round(n * part);
          const { value, interval } = proportion(count, n) ?? {};
          for (const end of interval ?? []) {
            if (end === 0 || end === 1) continue;
            const z = ((value ?? 0) - end) / Math.sqrt((end * (1 - end)) / n);
            expect(Math.abs(z)).toBeCloseTo(1.959963984540054, 6);
          }
        },
      ),
    );
  });
});

describe('the difference of two shares', () => {
  it('agrees with R: 58 of 100 against 22 of 100', () => {
    const found = compareProportions({ count: 58, n: 100 }, { count: 22, n: 100 });
    expect(found?.value).toBeCloseTo(0.36, 14);
    expect(found?.chiSquare).toBeCloseTo(27, 9);
    expect(found?.df).toBe(1);
    expect((found?.p ?? 0) / 2.03455461e-7).toBeCloseTo(1, 8);
    expectInterval(found?.interval, [0.233707731735, 0.486292268265]);
  });

  it("agrees with Newcombe's own example, 56 of 70 against 48 of 80 (method 10)", () => {
    const [low, high] = compareProportions({ count: 56, n: 70 }, { count: 48, n: 80 })?.newcombe ?? [];
    expect(low).toBeCloseTo(0.0524, 4);
    expect(high).toBeCloseTo(0.3339, 4);
  });

  it('has no "plus or minus 0" between 0 of 10 and 10 of 10, but an interval that holds', () => {
    const found = compareProportions({ count: 10, n: 10 }, { count: 0, n: 10 });
    expect(found?.interval).toBeNull();
    expect(found?.newcombe?.[0]).toBeGreaterThan(0.5);
    expect(found?.newcombe?.[1]).toBe(1);
  });

  it('has no test where nothing varies, and is null without answers', () => {
    expect(compareProportions({ count: 0, n: 5 }, { count: 0, n: 9 })).toMatchObject({
      chiSquare: null,
      p: null,
    });
    expect(compareProportions({ count: 0, n: 0 }, { count: 1, n: 9 })).toBeNull();
  });
});
