// The generator that tests draw from.
// Invariant: what a seed gives is the same for ever, so that a seed of an old failure still plays it.
import { expect, it } from 'vitest';
import { createRandom } from './random.ts';

it('gives the same numbers for a seed, and others for another', () => {
  const drawn = (seed: number): number[] => {
    const random = createRandom(seed);
    return [random.below(1_000), random.below(1_000), random.whole(-5, 5), random.seed()];
  };
  expect(drawn(3)).toEqual([720, 38, 0, 160_906_675]);
  expect(drawn(4)).not.toEqual(drawn(3));
});

it('throws even numbers', () => {
  const dice = createRandom(3);
  const thrown = Array.from({ length: 4_000 }, () => dice.below(4));
  for (const count of [0, 1, 2, 3].map((face) => thrown.filter((one) => one === face).length))
    expect(Math.abs(count - 1_000)).toBeLessThan(120);
});

it('draws a whole number between both ends, these included, and nothing from nothing', () => {
  const random = createRandom(7);
  const drawn = new Set(Array.from({ length: 500 }, () => random.whole(-2, 2)));
  expect([...drawn].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
  expect(() => random.pick([])).toThrow('nothing to pick from');
});
