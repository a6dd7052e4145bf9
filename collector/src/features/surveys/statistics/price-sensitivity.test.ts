// The price sensitivity meter against figures computed in R 4.6 (pricesensitivitymeter), and what must follow.
// Invariant: the sets are small enough to draw the four curves by hand.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crossings, type StatedPrices } from './price-curves.ts';
import { type PricedIntent, priceDemand } from './price-demand.ts';
import { type PriceOptions, priceSensitivity } from './price-sensitivity.ts';

function people(tooCheap: number[], cheap: number[], expensive: number[], tooExpensive: number[]) {
  return tooCheap.map(
    (price, i): StatedPrices => ({
      tooCheap: price,
      cheap: cheap[i] as number,
      expensive: expensive[i] as number,
      tooExpensive: tooExpensive[i] as number,
    }),
  );
}

const A = people(
  [2, 3, 3, 4, 4, 5, 5, 6, 6, 7],
  [5, 6, 6, 7, 8, 8, 9, 9, 10, 11],
  [8, 9, 10, 10, 11, 12, 12, 13, 14, 15],
  [10, 12, 12, 13, 14, 15, 16, 17, 18, 20],
);
const INTRANSITIVE = people([9, 5], [7, 5], [12, 9], [15, 11]);
const D = people([2, 4, 6, 8, 10], [6, 8, 10, 12, 16], [9, 13, 14, 18, 20], [11, 15, 19, 21, 25]);

function points(prices: readonly StatedPrices[], options?: PriceOptions) {
  const found = priceSensitivity(prices, options);
  return [found?.pmc, found?.pme, found?.idp, found?.opp].map((point) => point?.value ?? Number.NaN);
}

function expectPoints(found: number[], wanted: number[]) {
  for (const [i, price] of wanted.entries()) expect(found[i]).toBeCloseTo(price, 9);
}

describe('the four points', () => {
  it.each([
    ['A', A, {}, [5.6, 12, 9, 7]],
    ['A, narrower range', A, { range: 'narrower' }, [7, 10.5, 9, 7]],
    ['A and two intransitive people, validated', [...A, ...INTRANSITIVE], {}, [5.6, 12, 9, 7]],
    ['the same, not validated', [...A, ...INTRANSITIVE], { validate: false }, [17 / 3, 11.8, 8.8, 9]],
    ['D, first of several crossings', D, {}, [22 / 3, 15, 12, 10]],
    ['D, last', D, { crossing: 'max' }, [22 / 3, 16, 12, 11]],
    ['D, their mean', D, { crossing: 'mean' }, [22 / 3, 15.5, 12, 10.5]],
  ] as const)('%s', (_, prices, options, wanted) => expectPoints(points(prices, options), [...wanted]));

  it('counts who is left out', () => {
    expect(priceSensitivity([...A, ...INTRANSITIVE])).toMatchObject({ n: 10, invalid: 2 });
    expect(priceSensitivity([...A, ...INTRANSITIVE], { validate: false })).toMatchObject({
      n: 12,
      invalid: 2,
    });
    expect(priceSensitivity(INTRANSITIVE)).toBeNull();
    expect(priceSensitivity([])).toBeNull();
  });
});

describe('weights', () => {
  it('of whole numbers are the same as that many people', () => {
    const weighted = A.map((prices, i) => ({ ...prices, weight: 1 + (i % 3) }));
    const repeated = weighted.flatMap(({ weight, ...prices }) =>
      new Array<StatedPrices>(weight).fill(prices),
    );
    expectPoints(points(weighted), points(repeated));
    expect(points(weighted)).not.toEqual(points(A));
  });

  it('make the steps of the curves', () => {
    const two = people([1, 2], [3, 4], [5, 6], [7, 8]).map((p, i) => ({ ...p, weight: [1, 3][i] as number }));
    const { curves } = priceSensitivity(two) ?? {};
    expect(curves?.prices).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(curves?.tooCheap).toEqual([0, 1, 1, 1, 1, 1, 1, 1]); // its own lowest price counts as nobody
    const four = [...two, ...people([1.5, 1.6], [3.5, 3.6], [5.5, 5.6], [7.5, 7.6])];
    expect(priceSensitivity(four)?.curves.tooCheap).toEqual([0, 2 / 6, 3 / 6, ...new Array(13).fill(1)]);
  });

  it('that are equal change nothing; a person of weight 0 is not there', () => {
    expectPoints(points(A.map((prices) => ({ ...prices, weight: 0.3 }))), points(A));
    const ghost = { tooCheap: 1, cheap: 7.5, expensive: 8.5, tooExpensive: 50, weight: 0 };
    expect(points([...A, ghost])).toEqual(points(A));
    expect(priceSensitivity(A.map((prices) => ({ ...prices, weight: 0 })))).toBeNull();
  });
});

describe('crossings', () => {
  it('are where the sign changes, both ends of a stretch at 0 among them', () => {
    expect(crossings([1, 2, 3], [-1, 1, 2])).toEqual([1.5]);
    expect(crossings([1, 2, 3, 4], [-1, 0, 0, 1])).toEqual([2, 3]);
    expect(crossings([1, 2, 3, 4, 5], [-1, 0, 0, 0, 1])).toEqual([2, 4]);
    expect(crossings([1, 2, 3], [-1, 0, 1])).toEqual([2]);
    expect(crossings([1, 2, 3, 4], [-1, 1, -1, 3])).toEqual([1.5, 2.5, 3.25]);
    expect(crossings([1, 2], [1, 2])).toEqual([]);
    expect(crossings([], [])).toEqual([]);
  });
});

describe('the interval of a point', () => {
  it('lies where a sign test no longer decides, reckoned by hand', () => {
    // Set A at 95 %: z²/n = 0.3841. Indifference price: expensive A, cheap 1 - C. At 7: A 0, B .6: .36 < .3841 * .6
    // is false; at 8: A 0 (own lowest), B .4: .16 <= .1537 is false; at 9: A .2, B .2. So the lower end lies
    // between 8 and 9, on the line from -.4 + z√(.4/10) to 0 + z√(.4/10).
    const z = 1.959963984540054;
    const reach = z * Math.sqrt(0.04);
    const found = priceSensitivity(A)?.idp;
    expect(found?.value).toBe(9);
    expect(found?.interval?.[0]).toBeCloseTo(8 + (0.4 - reach) / 0.4, 9);
    // At 10: A .4, B .1, gap .3 < z√.05 = .438; at 11: A .5, B 0, gap .5 > z√.05.
    const high = z * Math.sqrt(0.05);
    expect(found?.interval?.[1]).toBeCloseTo(10 + (high - 0.3) / 0.2, 9);
  });

  it('needs four people', () => {
    expect(priceSensitivity(A.slice(0, 3))?.idp).toMatchObject({ interval: null, n: 3 });
    expect(priceSensitivity(D.slice(0, 4))?.idp?.interval).not.toBeNull();
  });

  it('holds the true point about as often as it says', () => {
    const random = seeded(20261122);
    // Shares are straight lines 50 wide, so each true point is midway between the two medians.
    const truth = { pmc: 45, pme: 65, idp: 55, opp: 55 };
    const held = { pmc: 0, pme: 0, idp: 0, opp: 0 };
    const rounds = 400;
    for (let i = 0; i < rounds; i++) {
      const found = priceSensitivity(Array.from({ length: 80 }, () => drawn(random)));
      for (const key of ['pmc', 'pme', 'idp', 'opp'] as const) {
        const [low, high] = found?.[key]?.interval ?? [0, 0];
        if (low <= truth[key] && truth[key] <= high) held[key]++;
      }
    }
    for (const count of Object.values(held)) {
      expect(count / rounds).toBeGreaterThan(0.925);
      expect(count / rounds).toBeLessThan(0.975);
    }
  });
});

/** Prices with medians 40, 50, 60 and 70, each even over 50. */
function drawn(random: () => number): StatedPrices {
  const shift = 50 * (random() - 0.5);
  return { tooCheap: 40 + shift, cheap: 50 + shift, expensive: 60 + shift, tooExpensive: 70 + shift };
}

/** Mulberry32: tests must not differ from run to run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('Newton, Miller and Smith', () => {
  const intents = [
    [5, 3],
    [4, 2],
    [4, 2],
    [3, 1],
    [2, 1],
  ] as const;
  const priced: PricedIntent[] = D.map((prices, i) => ({
    ...prices,
    intentAtCheap: intents[i]?.[0] as number,
    intentAtExpensive: intents[i]?.[1] as number,
  }));

  it('finds the price of most reach and of most revenue', () => {
    const found = priceDemand(priced);
    expect(found).toMatchObject({ n: 5, reach: { price: 8 }, revenue: { price: 10 } });
    expect(found?.reach.share).toBeCloseTo(0.236666666667, 11);
    expect(found?.revenue.perPerson).toBeCloseTo(2.28, 11);
  });

  it('leaves out whom it cannot read', () => {
    const broken = [
      { ...(priced[0] as PricedIntent), intentAtCheap: 6 },
      { ...(priced[0] as PricedIntent), intentAtExpensive: 0 },
      { ...(priced[0] as PricedIntent), cheap: 1 },
    ];
    expect(priceDemand([...priced, ...broken])).toEqual(priceDemand(priced));
    expect(priceDemand(broken)).toBeNull();
    expect(priceDemand(priced.map((person) => ({ ...person, weight: 0 })))).toBeNull();
  });

  it('takes weights', () => {
    const weighted = priced.map((person, i) => ({ ...person, weight: i === 0 ? 3 : 1 }));
    const repeated = [...priced, priced[0], priced[0]] as PricedIntent[];
    const [a, b] = [priceDemand(weighted), priceDemand(repeated)];
    expect(a?.reach.price).toBe(b?.reach.price);
    expect(a?.reach.share).toBeCloseTo(b?.reach.share ?? 0, 12);
    expect(a?.revenue.perPerson).toBeCloseTo(b?.revenue.perPerson ?? 0, 12);
  });

  it('does not depend on the order of people', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(priced, { minLength: 5 }), (order) => {
        expect(priceDemand(order)?.reach.price).toBe(8);
        expect(priceDemand(order)?.revenue.price).toBe(10);
      }),
    );
  });
});
