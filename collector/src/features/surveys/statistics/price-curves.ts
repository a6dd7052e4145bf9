// The four curves of the price sensitivity meter, and where two of them cross.
// Invariant: every curve is 1 or 0 at its own lowest and highest stated price, so that two curves of opposite
// direction always have a crossing between them.

/** One person's four prices, in any one currency. */
export interface StatedPrices {
  tooCheap: number;
  cheap: number;
  expensive: number;
  tooExpensive: number;
  /** Absent is 1. */
  weight?: number;
}

export type PriceQuestion = 'tooCheap' | 'cheap' | 'expensive' | 'tooExpensive';
export const PRICE_QUESTIONS: readonly PriceQuestion[] = ['tooCheap', 'cheap', 'expensive', 'tooExpensive'];

/** Every distinct stated price in order, and for each question the share of people whose price is at or below it. */
export interface PriceCurves extends Record<PriceQuestion, number[]> {
  prices: number[];
}

/** Curves of people whose weights sum to more than 0. */
export function priceCurves(people: readonly StatedPrices[]): PriceCurves {
  const stated = people.flatMap((person) => PRICE_QUESTIONS.map((question) => person[question]));
  const prices = [...new Set(stated)].sort((a, b) => a - b);
  const places = new Map(prices.map((price, i) => [price, i]));
  const curve = (question: PriceQuestion) => cumulated(people, question, places);
  return {
    prices,
    tooCheap: curve('tooCheap'),
    cheap: curve('cheap'),
    expensive: curve('expensive'),
    tooExpensive: curve('tooExpensive'),
  };
}

/** Weighted distribution function; 0 at and below its own lowest price, 1 from its own highest on. */
function cumulated(
  people: readonly StatedPrices[],
  question: PriceQuestion,
  places: ReadonlyMap<number, number>,
): number[] {
  const steps = new Array<number>(places.size).fill(0);
  let [first, last] = [places.size, 0];
  for (const person of people) {
    const weight = person.weight ?? 1;
    if (weight === 0) continue;
    const place = places.get(person[question]) as number; // every stated price has its place
    steps[place] = (steps[place] as number) + weight;
    first = Math.min(first, place);
    last = Math.max(last, place);
  }
  const sums: number[] = [];
  let sum = 0;
  for (const step of steps) {
    sum += step;
    sums.push(sum);
  }
  return sums.map((part, i) => (i <= first ? 0 : i >= last ? 1 : part / sum));
}

/**
 * Where a function given at ordered places passes from below 0 to above, or touches 0: by linear
 * interpolation, both ends of every stretch at 0 included. In order; empty when it never does.
 */
export function crossings(places: readonly number[], values: readonly number[]): number[] {
  const found: number[] = [];
  for (let i = 0; i < places.length; i++) {
    const [x, y] = [places[i] as number, values[i] as number];
    const before = values[i - 1];
    if (y === 0 && (before !== 0 || values[i + 1] !== 0)) found.push(x);
    else if (before !== undefined && before * y < 0) {
      const from = places[i - 1] as number;
      found.push(from + (x - from) * (before / (before - y)));
    }
  }
  return found;
}
