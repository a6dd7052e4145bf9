// Price sensitivity: four prices of each person, cheapest first.
// Invariant: an answer is four amounts in strict order; the others are invalid.
import { toNumber } from '../../../engine/values.ts';
import type { JsonObject } from '../../../wire/message.ts';
import { isObject } from '../../../wire/shape.ts';
import { PRICE_POINTS, type PricePoint } from '../../../wire/survey.ts';
import { priceSensitivity } from '../statistics/index.ts';
import { estimate, type Kind } from './kind.ts';

type Prices = Record<PricePoint, number>;

/** Points of the curves that are shown: what a chart can draw. */
const MAX_POINTS = 200;
/** Larger amounts are typing errors. */
const MAX_PRICE = 1e12;

export const priceKind: Kind<Prices> = {
  read(raw) {
    if (!isObject(raw)) return null;
    const [tooCheap, cheap, expensive, tooExpensive] = PRICE_POINTS.map((point) => amountOf(raw[point]));
    const given = { tooCheap, cheap, expensive, tooExpensive } as Prices; // held against NaN below
    const inOrder =
      given.tooCheap < given.cheap && given.cheap < given.expensive && given.expensive < given.tooExpensive;
    return inOrder && given.tooCheap >= 0 && given.tooExpensive <= MAX_PRICE ? given : null;
  },
  figures(answers) {
    const found = priceSensitivity(answers);
    return {
      pmc: estimate(found?.pmc ?? null),
      pme: estimate(found?.pme ?? null),
      idp: estimate(found?.idp ?? null),
      opp: estimate(found?.opp ?? null),
      curves: found ? thinned(found.curves) : null,
    };
  },
  measures: () => [],
  categories: () => [],
};

/** NaN, which is in no order, when it is no amount. */
const amountOf = (raw: unknown): number =>
  (typeof raw === 'number' || typeof raw === 'string' ? toNumber(raw) : undefined) ?? Number.NaN;

/** An even choice of the prices, the last one included. */
function thinned(curves: Record<PricePoint | 'prices', number[]>): JsonObject {
  const last = curves.prices.length - 1;
  const stride = Math.ceil((last + 1) / MAX_POINTS);
  const pick = (list: readonly number[]) => list.filter((_, i) => i % stride === 0 || i === last);
  return {
    price: pick(curves.prices),
    ...Object.fromEntries(PRICE_POINTS.map((point) => [point, pick(curves[point])])),
  };
}
