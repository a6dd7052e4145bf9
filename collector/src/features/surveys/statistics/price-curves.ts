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

/** Prices and weights above this are typing errors, and sums of them would lose their digits. */
export const MAX_PRICE = 1e12;

export type PriceQuestion = 'tooCheap' | 'cheap' | 'expensive' | 'tooExpensive';
export const PRICE_QUESTIONS: readonly PriceQuestion[] = ['tooCheap', 'cheap', 'expensive', 'tooExpensive'];

/** Every distinct stated price in order, and for each question the share of people whose price is at or below it. */
export interface PriceCurves extends Record<PriceQuestion, number[]> {
  prices: number[];
}

/** Curves of people who all have a weight above 0. */
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

/** Weighted distribution function, but 0 at its own lowest price; 1 from its own highest on. */
function cumulated(
  people: readonly StatedPrices[],
  question: PriceQuestion,
  places: ReadonlyMap<number, number>,
): number[] {
  const steps = new Array<number>(places.size).fill(0);
  let first = places.size;
  for (const person of people) {
    const place = places.get(person[question]) as number; // every stated price has its place
    steps[place] = (steps[place] as number) + (person.weight ?? 1);
    first = Math.min(first, place);
  }
  const sums: number[] = [];
  let sum = 0;
  for (const step of steps) {
    sum += step;
    sums.push(sum);
  }
  return sums.map((part, i) => (i <= first ? 0 : part / sum));
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
