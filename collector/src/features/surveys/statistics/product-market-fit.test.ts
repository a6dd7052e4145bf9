// The 40 % question: figures from R 4.6; Slack's 731 users with 51 % are as published in 2015.
// Invariant: the verdict follows the interval, not the bare score.
import { describe, expect, it } from 'vitest';
import { productMarketFit } from './product-market-fit.ts';
import { compareProportions } from './proportion.ts';

describe('product-market fit', () => {
  it.each([
    [373, 731, 0.510259918, 0.4740627756, 0.5463497907, 'above'],
    [40, 100, 0.4, 0.3094012864, 0.4979974132, 'undecided'],
    [12, 30, 0.4, 0.2459062812, 0.5767963975, 'undecided'],
  ])('%i of %i', (very, n, score, lower, upper, verdict) => {
    const found = productMarketFit({ very, somewhat: 10, not: n - very - 10 });
    expect(found).toMatchObject({ verdict, threshold: 0.4, enough: true, n });
    expect(found?.value).toBeCloseTo(score, 9);
    expect(found?.interval?.[0]).toBeCloseTo(lower, 9);
    expect(found?.interval?.[1]).toBeCloseTo(upper, 9);
  });

  it('can be below, and a rise from 22 to 58 of 100 is real', () => {
    expect(productMarketFit({ very: 22, somewhat: 50, not: 28 })).toMatchObject({
      value: 0.22,
      verdict: 'below',
    });
    const rise = compareProportions({ count: 58, n: 100 }, { count: 22, n: 100 });
    expect(rise?.chiSquare).toBeCloseTo(27, 9);
    expect(rise?.p).toBeCloseTo(2.03455461e-7, 15);
  });

  it('leaves those who no longer use it out of the base', () => {
    const counts = { very: 20, somewhat: 20, not: 10 };
    expect(productMarketFit({ ...counts, noLongerUse: 500 })).toEqual(productMarketFit(counts));
  });

  it('gives no verdict from fewer than 30 answers, and nothing from none', () => {
    expect(productMarketFit({ very: 29, somewhat: 0, not: 0 })).toMatchObject({
      verdict: 'undecided',
      enough: false,
    });
    expect(productMarketFit({ very: 30, somewhat: 0, not: 0 })).toMatchObject({
      verdict: 'above',
      enough: true,
    });
    expect(productMarketFit({ very: 0, somewhat: 0, not: 0, noLongerUse: 9 })).toBeNull();
  });
});
