// The Newton-Miller-Smith extension: at which price most people would buy, and which one earns most.
// Invariant: nobody buys at their own too cheap or too expensive price, or beyond.
import type { StatedPrices } from './price-curves.ts';

/** Prices of one person, and how sure they are to buy at the cheap and at the expensive one: 1 to 5, 5 surest. */
export interface PricedIntent extends StatedPrices {
  intentAtCheap: number;
  intentAtExpensive: number;
}

export interface PriceDemand {
  n: number;
  /** The price that most would buy at, and the share that would; 0 to 1. */
  reach: { price: number; share: number };
  /** The price that earns most, and what it earns a person asked. */
  revenue: { price: number; perPerson: number };
}

/** Probability of buying by intent 1 to 5, the calibration of R's `pricesensitivitymeter`. */
const PROBABILITIES: readonly number[] = [0, 0.1, 0.3, 0.5, 0.7];

/** Prices past this are no prices; see the price sensitivity meter. */
const MAX_PRICE = 1e12;

/**
 * Each person's probability runs linearly from 0 at too cheap over those at cheap and at expensive to 0 at too
 * expensive; its mean over people at every stated price is the reach (D. Newton, J. Miller, P. Smith, A
 * market acceptance extension to traditional price sensitivity measurement, 1993). At a tie the lower price
 * counts. People without prices in order or a valid intent are left out; null when none is left, or all weigh 0.
 */
export function priceDemand(people: readonly PricedIntent[]): PriceDemand | null {
  const valid = people.filter(isValid);
  const total = valid.reduce((sum, { weight = 1 }) => sum + weight, 0);
  if (!(total > 0)) return null;
  let reach = { price: 0, share: Number.NEGATIVE_INFINITY };
  let revenue = { price: 0, perPerson: Number.NEGATIVE_INFINITY };
  for (const [price, sum] of sumsOf(valid)) {
    const share = Math.min(1, Math.max(0, sum / total));
    // Sums in another order differ in their last digit, which must not choose between equal prices.
    if (share > reach.share + ROUNDING) reach = { price, share };
    if (price * share > revenue.perPerson * (1 + ROUNDING)) revenue = { price, perPerson: price * share };
  }
  return { n: valid.length, reach, revenue };
}

const ROUNDING = 1e-12;

function isValid(person: PricedIntent): boolean {
  const { tooCheap, cheap, expensive, tooExpensive, weight = 1 } = person;
  const ordered = 0 <= tooCheap && tooCheap < cheap && cheap < expensive && expensive < tooExpensive;
  const known = [person.intentAtCheap, person.intentAtExpensive].every(
    (i) => PROBABILITIES[i - 1] !== undefined,
  );
  return ordered && tooExpensive <= MAX_PRICE && known && weight >= 0 && weight <= MAX_PRICE;
}

/** More candidate prices than this tell nothing more, and the work is people times prices. */
const MAX_CANDIDATES = 500;

/** Sum of probabilities at every stated price, in order of price; of very many prices, an even choice of them. */
function sumsOf(people: readonly PricedIntent[]): [price: number, sum: number][] {
  const stated = new Set(people.flatMap((p) => [p.tooCheap, p.cheap, p.expensive, p.tooExpensive]));
  const sorted = [...stated].sort((a, b) => a - b);
  const stride = Math.ceil(sorted.length / MAX_CANDIDATES);
  const prices = sorted.filter((_, i) => i % stride === 0);
  return prices.map((price) => [
    price,
    people.reduce((sum, person) => sum + (person.weight ?? 1) * probabilityAt(person, price), 0),
  ]);
}

function probabilityAt(person: PricedIntent, price: number): number {
  const { tooCheap, cheap, expensive, tooExpensive } = person;
  const atCheap = PROBABILITIES[person.intentAtCheap - 1] as number; // isValid asked
  const atExpensive = PROBABILITIES[person.intentAtExpensive - 1] as number;
  if (price <= tooCheap || price >= tooExpensive) return 0;
  if (price <= cheap) return (atCheap * (price - tooCheap)) / (cheap - tooCheap);
  if (price >= expensive) return (atExpensive * (tooExpensive - price)) / (tooExpensive - expensive);
  return atCheap + ((atExpensive - atCheap) * (price - cheap)) / (expensive - cheap);
}
