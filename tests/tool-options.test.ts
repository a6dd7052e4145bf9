// The options of our own command-line tools.
// Invariant: what is not understood is said with the option's name, never taken for something else.
import { expect, test } from 'vitest';
import { aboveZero, drawnSeed, flag, understand, wholeAboveZero } from './tool-options.ts';

const OPTIONS = {
  minutes: aboveZero(10),
  requests: aboveZero(undefined),
  rounds: wholeAboveZero(100),
  seed: drawnSeed,
  burst: flag,
};
const read = (...argv: string[]) => understand(argv, OPTIONS);

test('what is there is read, and what is not has its default', () => {
  expect(read('--minutes', '0.5', '--seed=-7', '--burst')).toEqual({
    values: { minutes: 0.5, requests: undefined, rounds: 100, seed: -7, burst: true },
  });
  expect(read()).toMatchObject({ values: { minutes: 10, burst: false } });
});

test('a seed that is not given is a new whole number each time', () => {
  const drawn = Array.from({ length: 5 }, () => {
    const understood = read();
    return typeof understood === 'object' && 'values' in understood ? understood.values.seed : Number.NaN;
  });
  expect(drawn.every(Number.isSafeInteger)).toBe(true);
  expect(new Set(drawn).size).toBeGreaterThan(1);
});

test.each([
  [['--minutes', '0'], '--minutes must be a number above 0.'],
  [['--minutes', 'long'], '--minutes must be a number above 0.'],
  [['--requests=-1'], '--requests must be a number above 0.'],
  [['--rounds', '1.5'], '--rounds must be a whole number above 0.'],
  [['--seed', '1.5'], '--seed must be a whole number.'],
  [['--speed', '1'], "Unknown option '--speed'"],
  [['--minutes'], "Option '--minutes <value>' argument missing"],
])('%j is refused', (argv, fault) => {
  expect(read(...argv)).toEqual({ fault: expect.stringContaining(fault) });
});

test('--help goes before what is wrong with a value', () => {
  expect(read('--minutes', '0', '--help')).toBe('help');
});
